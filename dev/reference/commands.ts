import { allCommands } from '#server/cli/all-commands.ts'
import type { Command } from '#server/cli/command.ts'
import { exitCodes } from '#server/cli/exit-codes.ts'
import { usageOf } from '#server/cli/help.ts'
import { commonOptions, siteOption } from '#server/cli/parse.ts'
import { code, page, table } from './markdown.ts'

/** Every command of `orc`, from its declaration. */
export function commandPage(): string {
  const overview = allCommands.map(({ name, summary }) => [`[${code(`orc ${name}`)}](#orc-${name.replaceAll(' ', '-')})`, summary])
  return page(
    'The command line',
    introduction,
    table(['command', 'what it does'], overview),
    ...allCommands.map(section),
    `## Exit codes\n\n${table(
      ['code', 'meaning'],
      exitCodes.map(([number, meaning]) => [String(number), meaning]),
    )}`,
  )
}

const introduction = `Run it as \`npx orc COMMAND\` in the checkout; it starts itself again on the pinned Node where another one is installed. Every command takes
\`--json\` (${commonOptions.json?.summary}; standard output is then exactly that, also for a failure: \`{"error": {"code", "message", …}}\`) and
\`--help\`. Commands that work on one site take \`--site HOST\` (${siteOption.summary}).

\`ORC_SITES\` names the folder of sites (default: \`sites/\` in the working directory), \`ORC_APPS\` further folders of apps, separated by colons.
What a command changes, a running server sees with its next request.`

function section(command: Command): string {
  const { name, summary, example, arguments: words, options } = command
  const parts = [`## orc ${name}`, `${summary}.`, `\`\`\`sh\n${usageOf(command)}\n\`\`\``]
  const rows = [
    ...words.map((word) => [code(word.name), word.summary]),
    ...Object.entries(options).map(([option, { value, summary: text }]) => [code(`--${option}${value ? ` ${value}` : ''}`), text]),
  ]
  if (rows.length > 0) parts.push(table(['word or option', 'meaning'], rows))
  parts.push(`Example: ${code(example)}`)
  return parts.join('\n\n')
}
