import type { Call, Command, Outcome, Terminal } from './command.ts'
import { openRuntime, type Runtime } from '#kernel/sites/runtime.ts'
import { allCommands } from './all-commands.ts'
import { chooseSite } from './choose-site.ts'
import { errorValue, exitCodeOf } from './exit-codes.ts'
import { helpFor, helpForAll } from './help.ts'
import { type Parsed, parseCommandLine } from './parse.ts'

/** Runs one command line and prints what comes of it. @returns the exit code */
export async function run(line: readonly string[], terminal: Terminal): Promise<number> {
  // Asked before anything is parsed: a line that cannot be parsed is answered in JSON too.
  const json = line.slice(0, line.indexOf('--') < 0 ? undefined : line.indexOf('--')).includes('--json')
  try {
    const outcome = await perform(parseCommandLine(line, allCommands), json, terminal)
    if (outcome) terminal.print(json ? JSON.stringify(outcome.value) : outcome.text)
    return outcome?.exitCode ?? 0
  } catch (error) {
    if (json) terminal.print(JSON.stringify(errorValue(error)))
    else terminal.note(messageOf(error, terminal))
    return exitCodeOf(error)
  }
}

async function perform(parsed: Parsed, json: boolean, terminal: Terminal): Promise<Outcome | undefined> {
  const { command, switches } = parsed
  if (!command) return { value: allCommands.map(describe), text: helpForAll(allCommands) }
  if (switches.has('help')) return { value: describe(command), text: helpFor(command) }
  let opened: Promise<Runtime> | undefined
  const call: Call = {
    ...parsed,
    json,
    terminal,
    runtime: () => (opened ??= openRuntime(terminal.env.ORC_SITES ? { sitesFolder: terminal.env.ORC_SITES } : {})),
    site: async () => {
      const runtime = await call.runtime()
      return runtime.site(await chooseSite(runtime, parsed.options.site?.[0] ?? terminal.env.ORC_SITE))
    },
  }
  try {
    return await command.run(call)
  } finally {
    await (await opened?.catch(() => undefined))?.close()
  }
}

function describe({ name, summary, arguments: words, options, onSite, example }: Command): object {
  return { name, summary, arguments: words, options, takes_site: onSite === true, example }
}

function messageOf(error: unknown, terminal: Terminal): string {
  if (!(error instanceof Error)) return String(error)
  // What nobody foresaw is shown whole: the reader of a command line may be the one to mend it.
  if (exitCodeOf(error) === 1 && !('code' in error && 'status' in error)) return error.stack ?? error.message
  return terminal.env.ORC_DEBUG ? (error.stack ?? error.message) : error.message
}
