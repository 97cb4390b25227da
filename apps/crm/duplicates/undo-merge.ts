import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { runHook } from '#kernel/documents/hooks.ts'
import { exists, load } from '#kernel/documents/load.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { UndoRefused } from '../errors.ts'
import { type Journal, type Moved, type RawRow, rawRow, readJournal } from './journal.ts'

/** What undoing a merge did. */
export interface Undone {
  readonly restored: string
  readonly links_moved: number
  /** Links that somebody has led elsewhere since, or whose document is gone. */
  readonly links_left: number
}

/**
 * Takes a merge back: the absorbed record's rows are written as they were, each link that was moved leads to it again, and the kept record
 * loses what it got from it, except where somebody changed that since. What came to the kept record after the merge stays with it.
 * @param merge a CRM Merge opened for writing
 * @throws UndoRefused after 30 days, a second time, and while a later merge stands in the way
 */
export async function undoMerge(ctx: Context, { name }: AnyDocument): Promise<Undone> {
  // As it is stored: what a form sends along with the call must not be taken for the journal.
  const merge = await load(ctx, await ctx.site.meta.get('CRM Merge'), name, true)
  const refuse = (reason: string): never => {
    throw new UndoRefused({ merge: String(merge.name), reason })
  }
  const [doctype, kept, absorbed] = [String(merge.ref_doctype), String(merge.kept), String(merge.absorbed)]
  if (merge.state === 'Undone') refuse('it has been undone already.')
  if (merge.state === 'Final' || !merge.journal || nowText(ctx) > String(merge.undo_until)) refuse('its time is over.')
  const meta = await ctx.site.meta.get(doctype)
  if (!(await exists(ctx, doctype, kept))) refuse(`${kept} is no longer there; undo the later merge first.`)
  if (await exists(ctx, doctype, absorbed)) refuse(`there is another ${absorbed} now.`)
  const before = await openForWrite(ctx, doctype, kept)
  const journal = readJournal(String(merge.journal))

  for (const { table, names } of journal.added)
    for (const name of names)
      await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${ident(table)} where name = ${name} and parent = ${kept}`))
  await unfill(ctx, meta.table, kept, journal)
  for (const { table, rows } of journal.absorbed) for (const row of rows) await insertRaw(ctx, table, row)
  let [moved, left] = [0, 0]
  for (const one of journal.moved) {
    const back = await moveBack(ctx, one, kept, absorbed)
    moved += back
    left += Math.max(1, one.names.length) - back
  }
  const elevated = ctx.asSystem('a merge is undone')
  await save(elevated, merge, { state: 'Undone', undone_on: nowText(ctx), undone_by: ctx.user.name, links_left: left })

  await recordAudit(ctx, { action: 'undo-merge', doctype, name: absorbed, changes: { changed: [['name', kept, absorbed]] } })
  await bumpEpoch(ctx, 'access')
  await runHook(ctx, meta, await load(ctx, meta, kept), 'on_change', { before })
  await runHook(ctx, meta, await load(ctx, meta, absorbed), 'on_change')
  return { restored: absorbed, links_moved: moved, links_left: left }
}

/** A column that holds something else than the merge left there is somebody's later word, and stays; so does `modified` then. */
async function unfill(ctx: Context, table: string, kept: string, { filled }: Journal): Promise<void> {
  const now = (await rawRow(ctx, table, kept)) as RawRow
  const stamps = new Set(['modified', 'modified_by'])
  const columns = Object.keys(filled.before).filter((column) => now[column] === filled.after[column])
  const isUntouched = columns.includes('modified')
  const back = columns.filter((column) => !stamps.has(column) || isUntouched)
  if (back.length === 0) return
  const sets = back.map((column) => sql`${ident(column)} = ${filled.before[column] ?? null}`)
  await ctx.db.execute(ctx.db.dialect.compile(sql`update ${ident(table)} set ${sql.join(sets)} where name = ${kept}`))
}

/** Columns that went since with the definition are passed over; new ones get their defaults. */
async function insertRaw(ctx: Context, table: string, row: RawRow): Promise<void> {
  const meta = (await ctx.site.meta.all()).find((one) => one.table === table)
  const columns = Object.keys(row).filter((column) => !meta || meta.column.has(column))
  await ctx.db.execute(
    ctx.db.dialect.compile(
      sql`insert into ${ident(table)} (${sql.join(columns.map((column) => ident(column)))}) values (${sql.join(columns.map((column) => sql`${row[column]}`))})`,
    ),
  )
}

/** @returns how many links lead to the absorbed record again */
async function moveBack(ctx: Context, { table, single, column, names }: Moved, kept: string, absorbed: string): Promise<number> {
  if (single !== undefined) {
    const about = sql`doctype = ${single} and field = ${column} and value = ${kept}`
    return (await ctx.db.execute(ctx.db.dialect.compile(sql`update ${ident('tabSingles')} set value = ${absorbed} where ${about}`))).changes
  }
  let moved = 0
  for (let start = 0; start < names.length; start += 500) {
    const chunk = sql.join(names.slice(start, start + 500).map((name) => sql`${name}`))
    const statement = sql`update ${ident(String(table))} set ${ident(column)} = ${absorbed} where name in (${chunk}) and ${ident(column)} = ${kept}`
    moved += (await ctx.db.execute(ctx.db.dialect.compile(statement))).changes
  }
  return moved
}
