import type { Context } from '#kernel/context/context.ts'
import { assignValues } from '#kernel/documents/cast.ts'
import type { AnyDocument, DocumentListener, HookName } from '#kernel/documents/document.ts'
import { toWire } from '#kernel/documents/wire.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { activeScripts, type ServerScript } from './active-scripts.ts'
import { runServerScript } from './run-server-script.ts'

/** Frappe's words for the events, by hook; `writes`: what the script changes on the document is taken over. */
const events: Partial<Record<HookName, { event: string; writes: boolean }>> = {
  before_insert: { event: 'Before Insert', writes: true },
  before_validate: { event: 'Before Validate', writes: true },
  validate: { event: 'Before Save', writes: true },
  after_insert: { event: 'After Insert', writes: false },
  on_update: { event: 'After Save', writes: false },
  before_rename: { event: 'Before Rename', writes: false },
  after_rename: { event: 'After Rename', writes: false },
  before_submit: { event: 'Before Submit', writes: true },
  on_submit: { event: 'After Submit', writes: false },
  before_cancel: { event: 'Before Cancel', writes: false },
  on_cancel: { event: 'After Cancel', writes: false },
  before_discard: { event: 'Before Discard', writes: false },
  on_discard: { event: 'After Discard', writes: false },
  on_trash: { event: 'Before Delete', writes: false },
  after_delete: { event: 'After Delete', writes: false },
  before_update_after_submit: { event: 'Before Save (Submitted Document)', writes: true },
  on_update_after_submit: { event: 'After Save (Submitted Document)', writes: false },
  before_print: { event: 'Before Print', writes: true },
}

/** Milliseconds that one script may hold up a save, waiting included: the transaction is open meanwhile. */
const wallMs = 10_000

/** Listeners for `*`: a save of which no script wants to know costs one look-up per event. */
export const scriptListeners: Partial<Record<HookName, DocumentListener>> = Object.fromEntries(
  Object.entries(events).map(([hook, { event, writes }]) => [hook, listener(event, writes)]),
)

function listener(event: string, writes: boolean): DocumentListener {
  return (ctx, document, extra) => {
    const active = activeScripts(ctx.site)
    if (active instanceof Promise) return active.then(({ events: found }) => runAll(ctx, found, event, writes, document, extra))
    return active.events.size === 0 ? undefined : runAll(ctx, active.events, event, writes, document, extra)
  }
}

function runAll(
  ctx: Context,
  found: ReadonlyMap<string, readonly ServerScript[]>,
  event: string,
  writes: boolean,
  document: AnyDocument,
  extra: Record<string, unknown> | undefined,
): Promise<void> | undefined {
  const scripts = found.get(`${document.doctype}\n${event}`)
  return scripts && runOnDocument(ctx, scripts, writes, document, extra)
}

async function runOnDocument(
  ctx: Context,
  scripts: readonly ServerScript[],
  writes: boolean,
  document: AnyDocument,
  extra: Record<string, unknown> | undefined,
): Promise<void> {
  const meta = await ctx.site.meta.get(document.doctype)
  const previous = extra?.before as AnyDocument | undefined
  const before = previous ? await shown(ctx, meta, previous) : null
  const rename = extra && 'new' in extra ? { old: extra.old, new: extra.new, merge: extra.merge } : undefined
  for (const script of scripts) {
    const doc = await shown(ctx, meta, document)
    const outcome = await runServerScript(ctx, script, { doc, before, wallMs, ...(rename && { rename }) })
    if (writes && outcome.doc) await takeOver(ctx, meta, document, doc, outcome.doc)
  }
}

/** The whole document, as its own code sees it, without secrets. */
async function shown(ctx: Context, meta: Meta, document: AnyDocument): Promise<Record<string, unknown>> {
  const out = await toWire(ctx.asSystem('show a document to a server script'), document, wireV1(ctx))
  for (const field of meta.fields) if (field.fieldtype === 'Password') delete out[field.fieldname]
  return JSON.parse(JSON.stringify(out)) as Record<string, unknown>
}

/** Puts what the script changed onto the document; the rest of the save checks it as it checks everything. */
async function takeOver(
  ctx: Context,
  meta: Meta,
  document: AnyDocument,
  given: Record<string, unknown>,
  left: Record<string, unknown>,
): Promise<void> {
  const changed: Record<string, unknown> = {}
  for (const key of new Set([...Object.keys(given), ...Object.keys(left)]))
    if (JSON.stringify(given[key]) !== JSON.stringify(left[key]) && !isDecided(meta, key)) changed[key] = left[key] ?? null
  if (Object.keys(changed).length > 0) await assignValues(ctx, meta, document, changed, wireV1(ctx))
}

/** Virtual fields are computed anew whatever a script says, and secrets are not a script's to set. */
function isDecided(meta: Meta, key: string): boolean {
  const field = meta.field.get(key)
  return field !== undefined && (field.is_virtual === 1 || field.fieldtype === 'Password')
}
