import { parseArgs } from 'node:util'
import type { Command, Option } from './command.ts'
import { BadUsage, UnknownCommand, UnknownOption } from './errors.ts'
import { nearest } from './nearest.ts'

/** What a command line asks for. */
export interface Parsed {
  /** Undefined: help for all. */
  readonly command: Command | undefined
  readonly words: Readonly<Record<string, readonly string[]>>
  readonly options: Readonly<Record<string, readonly string[]>>
  readonly switches: ReadonlySet<string>
}

/** Options of every command. `--site` is for those that work on one. */
export const commonOptions: Readonly<Record<string, Option>> = {
  json: { summary: 'print one JSON value instead of text' },
  help: { summary: 'explain the command' },
}

export const siteOption: Option = { value: 'HOST', summary: 'the site; default: the only one, or default_site of common_site_config.json' }

/** Every option that a command takes, the common ones included. */
export function optionsOf(command: Command): Readonly<Record<string, Option>> {
  return { ...command.options, ...(command.onSite ? { site: siteOption } : {}), ...commonOptions }
}

/**
 * Reads a command line. The common options may also stand before the command.
 * @throws UnknownCommand, UnknownOption, BadUsage
 */
export function parseCommandLine(line: readonly string[], commands: readonly Command[]): Parsed {
  const { before, rest } = splitAtCommand(line)
  const command = findCommand(rest, commands)
  if (!command) {
    const { switches } = readWords('orc', before, { ...commonOptions, site: siteOption, version: { summary: '' } })
    const name = rest
      .filter((word) => !word.startsWith('-'))
      .slice(0, 2)
      .join(' ')
    if (rest.length > 0) throw new UnknownCommand({ command: name || (rest[0] ?? ''), suggestion: suggestCommand(rest, commands) })
    return {
      command: switches.has('version') ? commands.find(({ name }) => name === 'version') : undefined,
      words: {},
      options: {},
      switches,
    }
  }
  const after = rest.slice(command.name.split(' ').length)
  const read = readWords(
    command.name,
    [...before, ...after],
    optionsOf(command),
    command.arguments.some(({ many }) => many) ? Infinity : command.arguments.length,
  )
  return { command, ...read, words: read.switches.has('help') ? {} : assign(command, read.positionals) }
}

function splitAtCommand(line: readonly string[]): { before: string[]; rest: string[] } {
  let at = 0
  while (at < line.length && line[at]?.startsWith('-')) at += line[at] === '--site' ? 2 : 1
  return { before: line.slice(0, at), rest: line.slice(at) }
}

function findCommand(rest: readonly string[], commands: readonly Command[]): Command | undefined {
  const two = rest.slice(0, 2).join(' ')
  return commands.find(({ name }) => name === two) ?? commands.find(({ name }) => name === rest[0])
}

function suggestCommand(rest: readonly string[], commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name)
  const family = names.find((name) => name.startsWith(`${rest[0]} `))
  return nearest(rest.slice(0, 2).join(' '), names) || nearest(rest[0] ?? '', names) || (family ?? '')
}

interface Read {
  readonly positionals: readonly string[]
  readonly options: Record<string, string[]>
  readonly switches: Set<string>
}

/** @param room  words that may stand alone; what follows an option that takes many belongs to it once they are used up */
function readWords(command: string, args: readonly string[], known: Readonly<Record<string, Option>>, room = 0): Read {
  const types = Object.fromEntries(
    Object.entries(known).map(([name, option]) => [name, { type: option.value ? ('string' as const) : ('boolean' as const) }]),
  )
  const { tokens } = parseArgs({ args: [...args], options: types, strict: false, allowPositionals: true, tokens: true })
  const read = { positionals: [] as string[], options: {} as Record<string, string[]>, switches: new Set<string>() }
  let collecting: string | undefined
  let positionals = 0
  const free = tokens.filter((token) => token.kind === 'positional').length
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional') {
      if (collecting && free > room && positionals >= 0) {
        read.options[collecting]?.push(token.value)
        continue
      }
      positionals++
      read.positionals.push(token.value)
      continue
    }
    const option = Object.hasOwn(known, token.name) ? known[token.name] : undefined
    if (!option) throw new UnknownOption({ command, option: token.rawName, suggestion: suggestOption(token.name, known) })
    collecting = option.many ? token.name : undefined
    if (!option.value) {
      if (token.value !== undefined) throw new BadUsage({ reason: `${token.rawName} takes no value.` })
      read.switches.add(token.name)
      continue
    }
    const isMissing = token.value === undefined || (!token.inlineValue && token.value.startsWith('--'))
    if (isMissing) throw new BadUsage({ reason: `${token.rawName} needs a value: ${option.value}.` })
    if (!option.many && read.options[token.name]) throw new BadUsage({ reason: `${token.rawName} was given twice.` })
    read.options[token.name] = [...(read.options[token.name] ?? []), token.value as string]
  }
  return read
}

function suggestOption(name: string, known: Readonly<Record<string, Option>>): string {
  const found = nearest(name, Object.keys(known))
  return found ? `--${found}` : ''
}

function assign(command: Command, positionals: readonly string[]): Record<string, string[]> {
  const words: Record<string, string[]> = {}
  let at = 0
  for (const argument of command.arguments) {
    const taken = argument.many ? positionals.slice(at) : positionals.slice(at, at + 1)
    if (taken.length === 0 && !argument.optional)
      throw new BadUsage({ reason: `${command.name} needs ${argument.name}: ${argument.summary}.` })
    if (taken.length > 0) words[argument.name] = [...taken]
    at += taken.length
  }
  if (at < positionals.length) throw new BadUsage({ reason: `${command.name} has no use for "${positionals[at]}".` })
  return words
}
