import { AppError } from '#client/rules/errors.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { DatabaseUnavailable, Deadlocked } from '#kernel/database/errors.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { insert, save } from '#kernel/documents/save.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import type { Adapter, Connection, ExternalRecord, Values } from './adapter.ts'
import { keepConflict } from './conflicts.ts'
import { type Base, baseOf, type ExternalId, findExternalId, keepExternalId } from './external-id.ts'
import { merge, snapshot } from './merge.ts'

/** What became of one record. */
export interface Outcome {
  readonly externalId: string
  readonly outcome: 'created' | 'updated' | 'unchanged' | 'skipped' | 'conflict' | 'failed' | 'deleted'
  readonly name?: string
  /** The fields that were written, before and after. */
  readonly before?: Values
  readonly after?: Values
  /** What both sides agreed on before, to be restored with the document. */
  readonly base?: Base
  /** The document's `modified` after it. */
  readonly modified?: string
  readonly error?: string
}

/** Where records are taken over. */
export interface Taking {
  readonly adapter: Adapter
  readonly connection: Connection
  readonly run: string
  readonly isDry: boolean
}

/** Carries an outcome out of a savepoint whose writes are not to stay. */
class Undone extends Error {
  readonly outcome: Outcome

  constructor(outcome: Outcome) {
    super('not to stay')
    this.outcome = outcome
  }
}

const longestId = 500

/** Takes one record over; what refuses it is its outcome. A dry run does all of it, hooks and rules included, and undoes it. */
export function takeRecord(ctx: Context, taking: Taking, record: ExternalRecord): Promise<Outcome> {
  return guarded(ctx, taking, String(safely(() => taking.adapter.id(record)) ?? ''), (id) => take(ctx, taking, id, record))
}

/** Notes that the other side has deleted a record, and gives the document what the adapter says. */
export function takeDeletion(ctx: Context, taking: Taking, externalId: string): Promise<Outcome> {
  return guarded(ctx, taking, externalId, (id) => takeAway(ctx, taking, id))
}

async function guarded(ctx: Context, taking: Taking, externalId: string, work: (id: string) => Promise<Outcome>): Promise<Outcome> {
  if (externalId === '' || externalId.length > longestId)
    return { externalId: externalId.slice(0, longestId), outcome: 'failed', error: `Its id must have 1 to ${longestId} characters.` }
  try {
    return await ctx.db.savepoint(async () => {
      const outcome = await work(externalId)
      if (taking.isDry) throw new Undone(outcome)
      return outcome
    })
  } catch (error) {
    if (error instanceof Undone) return error.outcome
    if (Deadlocked.is(error) || DatabaseUnavailable.is(error)) throw error
    if (error instanceof AppError) return { externalId, outcome: 'failed', error: error.message }
    ctx.site.log.error({ err: error, adapter: taking.adapter.name, externalId }, 'a record could not be taken over')
    return { externalId, outcome: 'failed', error: 'Taking it over failed; the log of the server says how.' }
  }
}

function safely<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

async function take(ctx: Context, taking: Taking, externalId: string, record: ExternalRecord): Promise<Outcome> {
  const { adapter, connection, run } = taking
  const meta = await ctx.site.meta.get(adapter.doctype)
  const known = await findExternalId(ctx, connection.name, externalId)
  const version = adapter.version?.(record) ?? ''
  if (known) await touch(ctx, known, run)
  if (known?.external_version && version !== '' && version < known.external_version)
    return { externalId, outcome: 'skipped', error: 'A later one came before it.' }
  const given = await adapter.transform(ctx, record, connection)
  if (!given) return { externalId, outcome: 'skipped' }
  const complaint = adapter.validate?.(given, record)
  if (complaint) return { externalId, outcome: 'failed', error: complaint }
  const values = meta.field.has('organization') ? { ...given, organization: connection.organization } : given
  const document = known ? await find(ctx, meta, known.ref_name, true) : await matching(ctx, meta, adapter, connection, values)
  if (document === 'many') return { externalId, outcome: 'failed', error: `Several documents have the same ${adapter.matchBy.join(', ')}.` }
  if (known && !document) return { externalId, outcome: 'skipped', error: 'Its document was deleted here.' }
  if (document) return update(ctx, taking, externalId, document, values, version, known)
  const made = await insert(ctx, meta.name, { ...values })
  const after = snapshot(made, Object.keys(values))
  await keepExternalId(ctx, connection, externalId, made, { theirs: values, ours: after, version }, run)
  return { externalId, outcome: 'created', name: String(made.name), after, modified: made.modified }
}

async function update(
  ctx: Context,
  taking: Taking,
  externalId: string,
  document: AnyDocument,
  values: Values,
  version: string,
  known: ExternalId | undefined,
): Promise<Outcome> {
  const { adapter, connection, run } = taking
  const meta = await ctx.site.meta.get(adapter.doctype)
  const base = known && baseOf(known)
  const fields = Object.keys(values)
  const { take: taken, undecided } = merge(meta, document, values, base, adapter.conflict, version)
  const before = snapshot(document, fields)
  if (taken.length > 0) await save(ctx, document, pick(values, taken))
  const after = snapshot(document, fields)
  const theirs: Record<string, unknown> = { ...values }
  const ours: Record<string, unknown> = {}
  // What differs from the other side and was not taken stays a change of ours, so that nothing overwrites it unasked.
  for (const field of fields) {
    const isOurs = !taken.includes(field) && base !== undefined && field in base.ours
    ours[field] = isOurs ? base.ours[field] : taken.includes(field) || base !== undefined ? after[field] : null
    if (undecided.includes(field)) theirs[field] = base?.theirs[field] ?? null
  }
  await keepExternalId(
    ctx,
    connection,
    externalId,
    { doctype: meta.name, name: String(document.name) },
    { theirs, ours, version },
    run,
    known,
  )
  const facts = { externalId, name: String(document.name), ...(base && { base }), modified: document.modified }
  if (undecided.length > 0) await keepConflict(ctx, taking, facts, pick(before, undecided), pick(values, undecided))
  const change = { before: pick(before, taken), after: pick(after, taken) }
  if (undecided.length > 0) return { ...facts, ...change, outcome: 'conflict', error: `Changed on both sides: ${undecided.join(', ')}.` }
  return taken.length > 0 ? { ...facts, ...change, outcome: 'updated' } : { ...facts, outcome: 'unchanged' }
}

async function takeAway(ctx: Context, taking: Taking, externalId: string): Promise<Outcome> {
  const { adapter, connection, run } = taking
  const known = await findExternalId(ctx, connection.name, externalId)
  if (!known || known.is_deleted_there) return { externalId, outcome: 'unchanged' }
  await save(ctx, known, { is_deleted_there: 1, last_run: run })
  const document = await find(ctx, await ctx.site.meta.get(known.ref_doctype), known.ref_name, true)
  if (!document || !adapter.onDeleted) return { externalId, outcome: 'deleted', name: known.ref_name }
  const values = adapter.onDeleted(ctx, document)
  const before = snapshot(document, Object.keys(values))
  await save(ctx, document, { ...values })
  const after = snapshot(document, Object.keys(values))
  return { externalId, outcome: 'deleted', name: known.ref_name, before, after, base: baseOf(known), modified: document.modified }
}

/** It is still there: a full run takes for deleted what it did not meet. */
async function touch(ctx: Context, known: ExternalId, run: string): Promise<void> {
  if (known.last_run !== run || known.is_deleted_there) await save(ctx, known, { last_run: run, is_deleted_there: 0 })
}

/** The one document that was here before, by the fields that tell; never one of another organization. */
async function matching(
  ctx: Context,
  meta: Meta,
  adapter: Adapter,
  connection: Connection,
  values: Values,
): Promise<AnyDocument | 'many' | undefined> {
  if (adapter.matchBy.length === 0 || adapter.matchBy.some((field) => typeof values[field] !== 'string' || values[field] === ''))
    return undefined
  const alike = adapter.matchBy.map((field) => where(field, '=', values[field]))
  const own = meta.field.has('organization') ? [where('organization', '=', connection.organization ?? '')] : []
  const rows = await findRows(ctx, meta, and(...alike, ...own), { fields: ['name'], limit: 2 })
  if (rows.length > 1) return 'many'
  return rows[0] && find(ctx, meta, rows[0].name, true)
}

export function pick(values: Values, fields: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field, values[field] ?? null]))
}
