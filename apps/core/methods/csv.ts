/**
 * Rows of objects as CSV (RFC 4180) with a header of the first row's keys. Texts that a spreadsheet would take for a formula get a
 * leading apostrophe; numbers stay numbers.
 */
export function csvText(rows: readonly Record<string, unknown>[], delimiter = ','): string {
  const separator = [',', ';', '\t', '|'].includes(delimiter) ? delimiter : ','
  const keys = Object.keys(rows[0] ?? {})
  const lines = [keys, ...rows.map((row) => keys.map((key) => row[key]))]
  return `\ufeff${lines.map((line) => line.map((value) => cell(value, separator)).join(separator)).join('\r\n')}\r\n`
}

function cell(value: unknown, separator: string): string {
  if (value === null || value === undefined) return ''
  const isText = typeof value === 'string'
  let text = isText ? value : typeof value === 'object' ? JSON.stringify(value) : String(value)
  if (isText && /^[=+\-@\t\r]/.test(text)) text = `'${text}`
  return text.includes('"') || text.includes(separator) || /[\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
