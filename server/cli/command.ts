import type { Runtime } from '#kernel/sites/runtime.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'

/** A word after the command's name. */
export interface Argument {
  readonly name: string
  readonly summary: string
  readonly optional?: boolean
  /** Takes all the words that follow; only the last argument may. */
  readonly many?: boolean
}

export interface Option {
  readonly summary: string
  /** What stands for the value in the help, such as `HOST`; absent: a switch. */
  readonly value?: string
  /** May be given several times; several words may follow one, and a value may hold several, with commas between them. */
  readonly many?: boolean
}

/** What a command printed: `value` under `--json`, `text` for people. */
export interface Outcome {
  readonly value: unknown
  readonly text: string
  /** Default 0. */
  readonly exitCode?: number
}

/** One command of `orc`, as data: the parser, the help and the reference in docs/ all read it. */
export interface Command {
  /** One word, or two such as `doctype check`. */
  readonly name: string
  readonly summary: string
  readonly arguments: readonly Argument[]
  readonly options: Readonly<Record<string, Option>>
  /** Works on one site: takes `--site`. */
  readonly onSite?: boolean
  /** A whole command line that works as it stands, given the site it names. */
  readonly example: string
  /** Resolves when the command is done; undefined when it has printed everything itself. */
  readonly run: (call: Call) => Promise<Outcome | undefined>
}

/** What a command gets to work with. */
export interface Call {
  /** Values of the arguments, by name; of one that takes many, all of them. */
  readonly words: Readonly<Record<string, readonly string[]>>
  readonly options: Readonly<Record<string, readonly string[]>>
  readonly switches: ReadonlySet<string>
  readonly json: boolean
  readonly terminal: Terminal
  /** The sites and apps of this machine; opened when first asked for, closed when the command ends. */
  runtime(): Promise<Runtime>
  /** The site the command is about. @throws SiteNotChosen, SiteNotFound */
  site(): Promise<OpenSite>
}

/** Where a command reads and writes; tests pass their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Prints for the caller: standard output. */
  print(text: string): void
  /** Prints beside the result: progress, warnings; standard error. */
  note(text: string): void
  /** Everything on standard input, as text. */
  readInput(): Promise<string>
}

/** The one value of an argument or option; undefined where it was not given. */
export function one(values: Readonly<Record<string, readonly string[]>>, name: string): string | undefined {
  return values[name]?.at(-1)
}

/** The value of an argument that the parser has already insisted on. */
export function word(call: Call, name: string): string {
  return call.words[name]?.[0] ?? ''
}

/** The values of an option that may be given several times, commas split. */
export function list(call: Call, name: string): string[] {
  return (call.options[name] ?? []).flatMap((value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )
}
