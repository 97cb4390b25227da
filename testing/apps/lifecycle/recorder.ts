import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument, DocumentListener, HookName } from '#kernel/documents/document.ts'
import { hookNames } from '#kernel/documents/document.ts'

/** What the hooks of one site's Rites did, for tests to read. */
export interface Recorder {
  /** `who:event`, in the order in which they were called. */
  readonly calls: string[]
  /** `who:event` that throws instead. */
  failAt: string | undefined
  /** Run by the controller's hook of that event. */
  readonly during: Map<HookName, (ctx: Context, document: AnyDocument, extra: Record<string, unknown>) => unknown>
}

/** Thrown by the hook named in `failAt`. */
export class HookFailed extends Error {}

// Sites share the process; each has a host name of its own.
const recorders = new Map<string, Recorder>()

export function recorderOf(host: string): Recorder {
  return recorders.getOrInsertComputed(host, () => ({ calls: [], failAt: undefined, during: new Map() }))
}

async function note(ctx: Context, document: AnyDocument, who: string, event: HookName, extra: Record<string, unknown> = {}): Promise<void> {
  const recorder = recorderOf(ctx.site.host)
  recorder.calls.push(`${who}:${event}`)
  if (recorder.failAt === `${who}:${event}`) throw new HookFailed(`${who}:${event}`)
  if (who === 'controller') await recorder.during.get(event)?.(ctx, document, extra)
}

/** Gives a controller every hook there is; each notes that it was called. */
export function recordHooks(prototype: object, who: string): void {
  for (const event of hookNames)
    Object.defineProperty(prototype, event, {
      configurable: true,
      writable: true,
      value(this: AnyDocument, ctx: Context, extra?: Record<string, unknown>) {
        return note(ctx, this, who, event, extra)
      },
    })
}

/** Listeners of an app on every event. */
export function recordingListeners(who: string, doctype: string): Partial<Record<HookName, DocumentListener>> {
  return Object.fromEntries(
    hookNames.map((event): [HookName, DocumentListener] => [
      event,
      (ctx, document, extra) => (document.doctype === doctype ? note(ctx, document, who, event, extra) : undefined),
    ]),
  )
}
