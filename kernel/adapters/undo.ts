import { randomUUID } from 'node:crypto'
import { AppError } from '#client/rules/errors.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { DatabaseUnavailable, Deadlocked } from '#kernel/database/errors.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { save } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { AdapterStateWrong } from './errors.ts'
import { type Base, findExternalId } from './external-id.ts'
import { same, snapshot } from './merge.ts'
import { readRun, recordDoctype } from './run.ts'
import { connectionNamed } from './connection.ts'

const atOnce = 50
const ended = ['Completed', 'Partly', 'Failed']

/** Has a run's changes taken back. @throws AdapterStateWrong for one at work, undone, or dry */
export async function undoLater(ctx: Context, name: string, reason: string): Promise<string> {
  const run = await readRun(ctx, name, true)
  if (run.dry_run) throw new AdapterStateWrong({ name, state: 'a dry run', verb: 'undone' })
  if (!ended.includes(run.status)) throw new AdapterStateWrong({ name, state: run.status, verb: 'undone' })
  const system = ctx.asSystem('begins to undo what was taken over')
  const { id } = await enqueue(system, 'core.undo-adapter-run', { run: name })
  await save(system, run, { status: 'Undoing', undo_reason: reason, undo_by: ctx.user.name, job: id })
  return id
}

/**
 * Takes back what a run changed, the last first: documents that it made are deleted, fields that it wrote get what they held before, unless
 * somebody changed them since. What is left as it is says why. Some in a transaction; a run that dies is continued.
 */
export async function undoRun(ctx: Context, name: string, job: JobRun): Promise<string> {
  for (;;) {
    const more = await job.step(randomUUID(), (own) => undoSome(own, name))
    if (more < atOnce) break
  }
  return job.step('end', async (own) => {
    const run = await readRun(own, name, true)
    const meta = await own.site.meta.get(recordDoctype)
    const left = await findRows(own, meta, and(where('run', '=', name), where('undo', '=', 'Left')), { fields: ['name'] })
    const status = left.length > 0 ? 'Partly undone' : 'Undone'
    await save(own, run, { status, undo_left: left.length })
    return status
  })
}

async function undoSome(ctx: Context, name: string): Promise<number> {
  const run = await readRun(ctx, name)
  // As whoever takes records of the connection: one at a time.
  await connectionNamed(ctx, run.connection, true)
  const meta = await ctx.site.meta.get(recordDoctype)
  const open = and(where('run', '=', name), where('undo', 'not set'), where('outcome', 'in', ['created', 'updated', 'conflict', 'deleted']))
  const rows = await findRows(ctx, meta, open, { fields: ['name'], orderBy: [['place', 'desc']], limit: atOnce })
  for (const row of rows) {
    const record = (await find(ctx, meta, row.name)) as AnyDocument
    const left = await undoOne(ctx, run.connection, record)
    await writeThrough(ctx, recordDoctype, row.name, { undo: left === undefined ? 'Undone' : 'Left', undo_note: left ?? null })
  }
  return rows.length
}

/** @returns why it was left as it is, wholly or in part; undefined: it is undone */
async function undoOne(ctx: Context, connection: string, record: AnyDocument): Promise<string | undefined> {
  try {
    return await ctx.db.savepoint(() =>
      record.outcome === 'created' ? takeOut(ctx, connection, record) : restore(ctx, connection, record),
    )
  } catch (error) {
    if (Deadlocked.is(error) || DatabaseUnavailable.is(error)) throw error
    if (error instanceof AppError) return error.message
    ctx.site.log.error({ err: error, record: record.name }, 'what was taken over could not be undone')
    return 'Undoing it failed; the log of the server says how.'
  }
}

async function takeOut(ctx: Context, connection: string, record: AnyDocument): Promise<string | undefined> {
  const document = await target(ctx, record)
  if (document && document.modified !== record.modified_after) return 'Somebody changed it since.'
  const known = await findExternalId(ctx, connection, String(record.external_id))
  if (known) await remove(ctx, 'External Id', known.name)
  if (document) await remove(ctx, document.doctype, document.name)
  return undefined
}

async function restore(ctx: Context, connection: string, record: AnyDocument): Promise<string | undefined> {
  const before = JSON.parse(String(record.before ?? '{}')) as Record<string, unknown>
  const after = JSON.parse(String(record.after ?? '{}')) as Record<string, unknown>
  const document = await target(ctx, record)
  const known = await findExternalId(ctx, connection, String(record.external_id))
  if (!document) return Object.keys(after).length > 0 ? 'It was deleted since.' : undefined
  const now = snapshot(document, Object.keys(after))
  const own = Object.keys(after).filter((field) => same(now[field], after[field]))
  if (own.length > 0) await save(ctx, document, Object.fromEntries(own.map((field) => [field, before[field] ?? null])))
  const base = record.base ? (JSON.parse(String(record.base)) as Base) : undefined
  // Known as before, so that the next run sees again what the other side has changed.
  if (known && base)
    await save(ctx, known, {
      theirs: JSON.stringify(base.theirs),
      ours: JSON.stringify(base.ours),
      external_version: base.version || null,
      is_deleted_there: 0,
    })
  else if (known && record.outcome !== 'deleted') await remove(ctx, 'External Id', known.name)
  const changed = Object.keys(after).filter((field) => !own.includes(field))
  return changed.length > 0 ? `Changed since: ${changed.join(', ')}.` : undefined
}

async function target(ctx: Context, record: AnyDocument): Promise<AnyDocument | undefined> {
  if (!record.ref_doctype || !record.ref_name) return undefined
  return find(ctx, await ctx.site.meta.get(String(record.ref_doctype)), String(record.ref_name), true)
}
