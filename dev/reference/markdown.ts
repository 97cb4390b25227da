/** A table with a header; cells must hold no line break. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('\n', ' ').replaceAll('|', '\\|').trim()
}

/** Text as code, whatever backticks it holds. */
export function code(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``
}

/** A generated page: its title, the sentence that says so, and its parts with a blank line between them. */
export function page(title: string, ...parts: readonly string[]): string {
  return `# ${title}\n\nGenerated from the code by \`node dev/docs.ts\`; \`npm run check\` tells when it is out of step.\n\n${parts.join('\n\n')}\n`
}
