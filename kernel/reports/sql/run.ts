import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { DatabaseBusy, QueryFailed } from '#kernel/database/errors.ts'
import { ReportQueryFailed, ReportTooLarge, ReportTooLong } from '../errors.ts'
import type { PrintedQuery } from './print.ts'
import { sqliteRunner } from './sqlite-runner.ts'

export interface QueryLimits {
  /** Milliseconds. */
  readonly timeMs: number
  readonly rows: number
}

type PreparedQuery = Pick<PrintedQuery, 'statement' | 'isFenced'>

/**
 * Runs a printed query on a connection that cannot write, within its time. It sees what was committed, not what the caller's own
 * transaction has written.
 * @throws ReportTooLong, ReportTooLarge, ReportQueryFailed
 */
export async function runQuery(ctx: Context, query: PreparedQuery, limits: QueryLimits): Promise<Row[]> {
  const startedAt = performance.now()
  try {
    const rows = await run(ctx, query, limits)
    if (rows.length > limits.rows) throw new ReportTooLarge({ rows: limits.rows })
    return rows
  } catch (error) {
    const isLate = performance.now() - startedAt >= limits.timeMs * 0.95
    if (isLate && (DatabaseBusy.is(error) || QueryFailed.is(error)))
      throw new ReportTooLong({ seconds: Math.round(limits.timeMs / 1000) }, { cause: error })
    // The engine's words may quote a value; they go to the log with the cause, and a person gets them where all rows are theirs to see.
    if (QueryFailed.is(error))
      throw new ReportQueryFailed({ reason: ctx.user.unrestricted ? String(error.data.reason) : '' }, { cause: error })
    throw error
  }
}

async function run(ctx: Context, { statement: query, isFenced }: PreparedQuery, { timeMs, rows }: QueryLimits): Promise<Row[]> {
  const { address, database } = ctx.site
  if (address.type === 'sqlite') return sqliteRunner.run(address.file, query, { timeMs, rows: rows + 1 })
  const transaction = await database.begin()
  try {
    if (address.type === 'postgres') {
      await transaction.execute({ sql: 'set transaction read only', parameters: [] })
      await transaction.execute({ sql: `set local statement_timeout = ${Math.ceil(timeMs)}`, parameters: [] })
      return await transaction.query<Row>(query)
    }
    // Ends the transaction just begun and opens one that cannot write.
    await transaction.execute({ sql: 'start transaction read only', parameters: [] })
    const fence = isFenced ? `, optimizer_switch='derived_merge=off,condition_pushdown_for_derived=off'` : ''
    return await transaction.query<Row>({ ...query, sql: `set statement max_statement_time=${timeMs / 1000}${fence} for ${query.sql}` })
  } finally {
    await transaction.rollback()
  }
}
