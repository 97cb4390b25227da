import { AppError } from '#client/rules/errors.ts'
import type { JsonValue } from '#client/rules/sandbox/sandbox.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ScriptsNested } from '#kernel/scripts/errors.ts'
import { runSandboxed } from '#kernel/scripts/sandbox.ts'
import type { ServerScript } from './active-scripts.ts'
import { frappeLibrary } from './frappe-library.ts'
import { allFunctions, readingFunctions } from './script-functions.ts'

export interface ScriptSurroundings {
  /** The document an event is about, in the form of the wire, and what it was before. */
  doc?: Record<string, unknown>
  before?: Record<string, unknown> | null
  rename?: Record<string, unknown>
  formDict?: Readonly<Record<string, unknown>>
  /** Nothing may be written, and no one called. */
  readOnly?: boolean
  cpuMs?: number
  wallMs?: number
}

export interface ScriptOutcome {
  readonly value: JsonValue
  readonly response: Readonly<Record<string, JsonValue>>
  readonly conditions: JsonValue
  /** The document as the script left it. */
  readonly doc?: Record<string, unknown>
}

/** How deep scripts may set each other off by what they write. */
const deepest = 5
const depths = new WeakMap<object, number>()

/**
 * Runs a server script in the caller's transaction. It acts as the context's user, and as far as that user may unless the script
 * itself runs elevated; the audit log then names it.
 * @throws what the script refuses, what it let through, ScriptFailed with its line, ScriptTimedOut, ScriptsNested …
 */
export async function runServerScript(ctx: Context, script: ServerScript, around: ScriptSurroundings): Promise<ScriptOutcome> {
  const { db } = ctx
  const depth = depths.get(db) ?? 0
  if (depth >= deepest) throw new ScriptsNested({ script: script.name, depth })
  depths.set(db, depth + 1)
  const acting = script.isElevated || around.readOnly ? ctx.asSystem(`server script: ${script.name}`) : ctx
  try {
    const outcome = await runSandboxed(script.source, {
      name: script.name,
      libraries: [frappeLibrary],
      globals: {
        given: {
          user: ctx.user.name,
          full_name: ctx.user.fullName,
          roles: [...ctx.user.roles],
          now: utcToZone(nowText(ctx), ctx.site.timeZone).slice(0, 19),
          form_dict: around.formDict ?? {},
          doc: around.doc,
          before: around.before,
          rename: around.rename,
        },
      },
      functions: around.readOnly ? readingFunctions(acting) : allFunctions(acting),
      tell: (name, values) => told(ctx, script, name, values),
      ...(around.cpuMs && { timeoutMs: around.cpuMs }),
      ...(around.wallMs && { wallMs: around.wallMs }),
    })
    return outcome as unknown as ScriptOutcome
  } catch (error) {
    const known = error instanceof AppError ? error : undefined
    if (!known || known.status >= 500) ctx.site.log.warn({ err: error, script: script.name, user: ctx.user.name }, 'a server script failed')
    throw error
  } finally {
    depths.set(db, depth)
  }
}

/** What a script says by the way. */
function told(ctx: Context, script: ServerScript, name: string, [first, second]: readonly JsonValue[]): void {
  const text = String(first ?? '').slice(0, 10_000)
  if (name !== 'msgprint') {
    ctx.site.log[name === 'log_error' ? 'error' : 'info']({ script: script.name, detail: second }, text)
    return
  }
  const { title, indicator, alert } = (second ?? {}) as Record<string, JsonValue>
  const known = (['blue', 'green', 'orange', 'red', 'yellow'] as const).find((one) => one === indicator)
  ctx.messages.push({
    message: text,
    ...(typeof title === 'string' && { title }),
    ...(known && { indicator: known }),
    ...(alert === true && { alert: true }),
  })
}
