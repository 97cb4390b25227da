import type { Argument, Command, Option } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { optionsOf } from './parse.ts'

/** The overview that `orc --help` prints. */
export function helpForAll(commands: readonly Command[]): string {
  return [
    'orc: sites, apps and definitions of Orchestrator',
    '',
    'Use: orc COMMAND [words and options]',
    '',
    'Commands:',
    ...columns(commands.map((command) => [command.name, command.summary])),
    '',
    'Every command takes --json (standard output is then exactly one JSON value) and --help.',
    'ORC_SITES names the folder of sites (default: sites/ here), ORC_SITE the site to work on, ORC_APPS further folders of apps,',
    'separated by colons. ORC_DEBUG=1 shows where an error came from.',
    '',
    'Exit codes:',
    ...columns(exitCodes.map(([code, meaning]) => [String(code), meaning])),
  ].join('\n')
}

/** What `orc COMMAND --help` prints. */
export function helpFor(command: Command): string {
  const options = Object.entries(optionsOf(command))
  const lines = [`${command.summary}.`, '', `Use: ${usageOf(command)}`]
  if (command.arguments.length > 0) lines.push('', 'Words:', ...columns(command.arguments.map(({ name, summary }) => [name, summary])))
  lines.push('', 'Options:', ...columns(options.map(([name, option]) => [optionText(name, option), option.summary])))
  lines.push('', 'Example:', `  ${command.example}`)
  return lines.join('\n')
}

/** The command line in general form, such as `orc drop-site HOST [--force]`. */
export function usageOf(command: Command): string {
  const words = command.arguments.map(argumentText)
  const options = Object.entries(optionsOf(command))
    .filter(([name]) => name !== 'help')
    .map(([name, option]) => `[${optionText(name, option)}]`)
  return ['orc', command.name, ...words, ...options].join(' ')
}

function argumentText({ name, optional, many }: Argument): string {
  const text = many ? `${name} …` : name
  return optional ? `[${text}]` : text
}

function optionText(name: string, { value, many }: Option): string {
  return `--${name}${value ? ` ${value}` : ''}${many ? ' …' : ''}`
}

/** Two columns, the second wrapped under itself by nobody: terminals do that. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
