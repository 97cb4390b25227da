import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { hashName } from '#kernel/documents/naming.ts'
import { insertRows } from '#kernel/documents/rows.ts'
import type { ImportOutcome } from '#kernel/imports/import-batch.ts'
import type { RowProblem } from '#kernel/imports/import-documents.ts'

const table = ident('tabData Import Log')

/** A line of the log, as it is stored. */
export interface LogLine {
  readonly log_index: number
  readonly row_indexes: readonly number[]
  readonly success: boolean
  readonly docname: string | null
  readonly messages: readonly RowProblem[]
}

/** Notes what became of documents, in the transaction that stored them. One statement for many: a log of each would cost as much as the documents. */
export async function noteOutcomes(
  ctx: Context,
  { dataImport, job, isTrial }: { dataImport: string; job: string; isTrial: boolean },
  outcomes: readonly ImportOutcome[],
): Promise<void> {
  const meta = await ctx.site.meta.meta('Data Import Log')
  const now = nowText(ctx)
  const standard = { owner: ctx.user.name, creation: now, modified: now, modified_by: ctx.user.name, docstatus: 0, idx: 0 }
  const lines = outcomes.map(({ rows, name, problems }) => ({
    ...standard,
    doctype: 'Data Import Log',
    name: hashName(),
    data_import: dataImport,
    row_indexes: JSON.stringify(rows),
    success: problems.length === 0 ? 1 : 0,
    docname: name || null,
    messages: problems.length === 0 ? null : JSON.stringify(problems),
    exception: problems.length === 0 ? null : problems.map(({ code }) => code).join('\n'),
    log_index: rows[0] ?? 0,
    is_trial: isTrial ? 1 : 0,
    job,
  }))
  await insertRows(ctx.db, meta, lines as unknown as AnyDocument[])
}

/** Forgets what was refused before, and what was only tried: both are about to be known anew. @param all also what was stored */
export async function forgetOutcomes(ctx: Context, dataImport: string, all = false): Promise<void> {
  const which = all ? sql`` : sql` and (success = 0 or is_trial = 1)`
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${table} where data_import = ${dataImport}${which}`))
}

/** First rows of the documents that earlier jobs have stored. */
export async function storedRows(ctx: Context, dataImport: string, job: string): Promise<Set<number>> {
  const rows = await ctx.db.query<{ log_index: number }>(
    ctx.db.dialect.compile(
      sql`select log_index from ${table} where data_import = ${dataImport} and success = 1 and is_trial = 0 and job <> ${job}`,
    ),
  )
  return new Set(rows.map((row) => Number(row.log_index)))
}

/** How many documents were stored and refused so far. */
export async function countOutcomes(ctx: Context, dataImport: string): Promise<{ success: number; failed: number }> {
  const rows = await ctx.db.query<{ success: number; n: number }>(
    ctx.db.dialect.compile(sql`select success, count(*) as n from ${table} where data_import = ${dataImport} group by success`),
  )
  const of = (success: number): number => Number(rows.find((row) => Number(row.success) === success)?.n ?? 0)
  return { success: of(1), failed: of(0) }
}

const pageSize = 1000

/** The log in the order of the file, page by page. @param failedOnly without what was stored */
export async function* readOutcomes(ctx: Context, dataImport: string, failedOnly = false): AsyncGenerator<LogLine> {
  let after = -1
  for (;;) {
    const rows = await ctx.db.query<{
      log_index: number
      row_indexes: string
      success: number
      docname: string | null
      messages: string | null
    }>(
      ctx.db.dialect.compile(
        sql`select log_index, row_indexes, success, docname, messages from ${table}
          where data_import = ${dataImport} and log_index > ${after}${failedOnly ? sql` and success = 0` : sql``}
          order by log_index limit ${sql.lit(pageSize)}`,
      ),
    )
    for (const row of rows)
      yield {
        log_index: Number(row.log_index),
        row_indexes: JSON.parse(row.row_indexes) as number[],
        success: Number(row.success) === 1,
        docname: row.docname,
        messages: row.messages ? (JSON.parse(row.messages) as RowProblem[]) : [],
      }
    if (rows.length < pageSize) return
    after = Number(rows.at(-1)?.log_index)
  }
}
