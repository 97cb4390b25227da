import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { sql } from '#kernel/database/sql.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { lockSaga, sagaDoctype } from './saga-log.ts'
import { driveLater } from './start.ts'

/** Milliseconds for which a saga may be without its job: the time between two transactions. */
const graceMs = 60_000
const atOnce = 200
/** Times a saga may lose its driver before it turns back, in case its work is what kills. */
const mostRevivals = 5

/** Names of running sagas that no job drives any more: it was purged, cancelled, or lost too many workers. @param after  names beyond this one */
export async function strandedSagas(ctx: Context, after = ''): Promise<{ names: string[]; looked: number; last: string | undefined }> {
  const old = where('modified', '<', textOfInstant(ctx.clock.now() - graceMs))
  const running = and(where('status', '=', 'running'), old, where('name', '>', after))
  const rows = await findRows(ctx, await ctx.site.meta.get(sagaDoctype), running, { fields: ['name', 'job'], limit: atOnce })
  if (rows.length === 0) return { names: [], looked: 0, last: undefined }
  const jobs = rows.map(({ job }) => sql`${String(job ?? '')}`)
  const alive = await ctx.db.query<{ id: string }>(
    ctx.db.dialect.compile(
      sql`select id from ${sql.id('__Job')} where id in (${sql.join(jobs)}) and state in (${'waiting'}, ${'queued'}, ${'running'})`,
    ),
  )
  const driven = new Set(alive.map(({ id }) => id))
  const names = rows.filter(({ job }) => !driven.has(String(job))).map(({ name }) => name)
  return { names, looked: rows.length, last: rows.length < atOnce ? undefined : rows.at(-1)?.name }
}

/** Gives a stranded saga a driver again. @returns whether it still needed one */
export async function reviveSaga(ctx: Context, name: string): Promise<boolean> {
  const log = await lockSaga(ctx, name)
  if (log.status !== 'running') return false
  const [job] = await ctx.db.query<{ id: string }>(
    ctx.db.dialect.compile(
      sql`select id from ${sql.id('__Job')} where id = ${log.job ?? ''} and state in (${'waiting'}, ${'queued'}, ${'running'})`,
    ),
  )
  if (job) return false
  log.revivals += 1
  if (log.revivals > mostRevivals && !log.is_compensating) log.cancel_reason ??= `It lost its driver ${mostRevivals} times.`
  await driveLater(ctx, log, 0)
  return true
}
