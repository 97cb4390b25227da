import { setTimeout as pause } from 'node:timers/promises'
import { type Library, plainLibrary } from '#client/rules/sandbox/bridge.ts'
import type { JsonValue } from '#client/rules/sandbox/sandbox.ts'
import { histogram } from '#kernel/metrics/metrics.ts'
import { ScriptFailed, ScriptOutOfMemory, ScriptRefused, ScriptTimedOut } from './errors.ts'
import { RunFailure, runInThread } from './thread-pool.ts'

/** A function that scripts call and must await. */
export type HostFunction = (...values: JsonValue[]) => unknown

export interface SandboxRun {
  /** Values that the script finds under their names; a name may be a path such as `frappe.session`. */
  globals?: Readonly<Record<string, unknown>>
  /** Functions likewise. Each gives the script a promise; what it throws the script may catch, or lets through as it is. */
  functions?: Readonly<Record<string, HostFunction>>
  /** Milliseconds of computing, waiting for functions not counted; default 200. */
  timeoutMs?: number
  /** Milliseconds in all; default 30,000. */
  wallMs?: number
  /** Default 16 MB. */
  memoryBytes?: number
  /** What errors call it; default `script`. */
  name?: string
  /** What to find beside globals and functions. */
  libraries?: readonly Library[]
  /** Hears what the script says without waiting for an answer. */
  tell?: (name: string, values: JsonValue[]) => void
}

const limits = { cpuMs: 200, memoryBytes: 16 * 1024 * 1024, calls: 10_000, text: 4_000_000 }
const wallMs = 30_000
/** Milliseconds that a run which has failed waits for the host functions it set going. */
const settleMs = 1_000

const seconds = histogram(
  { name: 'px_script_seconds', help: 'How long scripts ran, waiting included.', labels: ['outcome'] },
  [0.001, 0.005, 0.02, 0.1, 0.2, 0.5, 1, 5, 30],
)

/**
 * Runs JavaScript that somebody wrote on the site, away from everything: in QuickJS, in a thread of its own, in a world that exists for
 * this run alone and holds only what is given here. The process goes on meanwhile.
 * @param source  the body of an async function; its `return` value is the result
 * @throws ScriptFailed, ScriptRefused, ScriptTimedOut, ScriptOutOfMemory, ScriptsBusy, and what a function threw where the script let it through
 */
export async function runSandboxed(source: string, options: SandboxRun = {}): Promise<JsonValue> {
  const { globals = {}, functions = {}, name = 'script' } = options
  const own = new Map(Object.entries(functions))
  const started = performance.now()
  const asked = new Set<Promise<unknown>>()
  let outcome = 'ok'
  try {
    const text = await runInThread({
      source,
      values: JSON.stringify({ globals, functions: [...own.keys()] }),
      libraries: [plainLibrary, ...(options.libraries ?? [])].map(String),
      limits: { ...limits, cpuMs: options.timeoutMs ?? limits.cpuMs, memoryBytes: options.memoryBytes ?? limits.memoryBytes },
      wallMs: options.wallMs ?? wallMs,
      call: (called, values) => {
        const answer = ask(own.get(called), called, values)
        asked.add(answer)
        const forget = () => void asked.delete(answer)
        answer.then(forget, forget)
        return answer
      },
      tell: (told, values) => options.tell?.(told, JSON.parse(values) as JsonValue[]),
    })
    return JSON.parse(text) as JsonValue
  } catch (error) {
    outcome = error instanceof RunFailure ? error.kind : 'host'
    // What the script set going works in the caller's transaction: it must be over before the caller goes on or rolls back.
    if (asked.size > 0) await Promise.race([Promise.allSettled(asked), pause(settleMs, undefined, { ref: false })])
    throw error instanceof RunFailure ? failureOf(error, name) : error
  } finally {
    seconds.observe({ outcome }, (performance.now() - started) / 1000)
  }
}

async function ask(host: HostFunction | undefined, called: string, values: string): Promise<string> {
  if (!host) throw new TypeError(`${called} is not a function here`)
  return JSON.stringify((await host(...(JSON.parse(values) as JsonValue[]))) ?? null)
}

/** Whether a script can be read at all. @returns what is wrong with it, and where; undefined: nothing */
export async function checkScript(source: string): Promise<{ line: number; reason: string } | undefined> {
  try {
    // Read to the end, and left before its first statement.
    await runSandboxed(`return;${source}`)
    return undefined
  } catch (error) {
    if (ScriptFailed.is(error)) return { line: Number(error.data.line), reason: String(error.data.reason) }
    throw error
  }
}

function failureOf(cause: RunFailure, script: string): Error {
  const { kind, message: reason, line, title } = cause
  switch (kind) {
    case 'refused':
      return new ScriptRefused({ script, line, reason, title }, { cause })
    case 'time':
    case 'stopped':
      return new ScriptTimedOut({ script, reason }, { cause })
    case 'memory':
      return new ScriptOutOfMemory({ script, reason }, { cause })
    default:
      return new ScriptFailed({ script, line, reason }, { cause })
  }
}
