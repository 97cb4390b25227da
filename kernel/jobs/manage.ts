import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { recordAudit } from '#kernel/audit/audit.ts'
import type { Site } from '#kernel/sites/site.ts'
import { cancelDependents } from './dependents.ts'
import { JobNotFound, JobStateWrong } from './errors.ts'
import type { JobRow, JobState } from './job.ts'
import { wakeWorkers } from './wake.ts'

const jobs = sql.id('__Job')
/** Rows that one call deletes, so that nobody waits long for the transaction. */
const purgeAtOnce = 1000

/** Rows of jobs, the latest first. @param before only those made before this id */
export function readJobs(
  site: Pick<Site, 'database'>,
  options: { states?: readonly JobState[]; scheduled?: boolean; before?: string; limit: number },
): Promise<JobRow[]> {
  const conditions = [sql`1 = 1`]
  if (options.states) conditions.push(sql`state in (${sql.join([...options.states])})`)
  if (options.scheduled) conditions.push(sql`schedule <> ''`)
  if (options.before) conditions.push(sql`id < ${options.before}`)
  return site.database.query<JobRow>(
    site.database.dialect.compile(
      sql`select * from ${jobs} where ${sql.join(conditions, sql` and `)} order by id desc limit ${sql.raw(String(options.limit))}`,
    ),
  )
}

export async function findJob(ctx: Context, id: string, lock = false): Promise<JobRow | undefined> {
  if (id.includes('\0')) return undefined
  if (lock) await ctx.db.begin()
  const [row] = await ctx.db.query<JobRow>(
    ctx.db.dialect.compile(sql`select * from ${jobs} where id = ${id} ${sql.raw(lock ? ctx.db.dialect.forUpdate : '')}`),
  )
  return row
}

/**
 * Queues a failed or cancelled job once more, with as many attempts as it had at first; it still waits for what it needs. Steps that it has done stay done. The caller's
 * right to do so is checked by whoever calls. @throws JobNotFound, JobStateWrong
 */
export async function retryJob(ctx: Context, id: string): Promise<void> {
  const row = await findJob(ctx, id, true)
  if (!row) throw new JobNotFound({ job: id.slice(0, 140) })
  if (row.state !== 'failed' && row.state !== 'cancelled') throw new JobStateWrong({ job: id, state: row.state, verb: 'retried' })
  const needs = await ctx.db.query(ctx.db.dialect.compile(sql`select needs from ${sql.id('__Job_After')} where job = ${id} limit 1`))
  const state: JobState = needs.length > 0 ? 'waiting' : 'queued'
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${jobs} set state = ${state}, attempts = 0, lost = 0, run_at = ${ctx.clock.now()}, ended = 0, worker = null,
      progress = 0, progress_text = null where id = ${id}`),
  )
  await recordAudit(ctx, { action: 'retry', doctype: 'Background Job', name: id })
  ctx.afterCommit(() => wakeWorkers(ctx.site))
}

/**
 * Cancels a job that has not ended, and what waits for it. One that runs is told with its worker's next sign of life; from now on it can
 * write nothing. @throws JobNotFound, JobStateWrong
 */
export async function cancelJob(ctx: Context, id: string): Promise<void> {
  const row = await findJob(ctx, id, true)
  if (!row) throw new JobNotFound({ job: id.slice(0, 140) })
  if (row.state === 'finished' || row.state === 'cancelled') throw new JobStateWrong({ job: id, state: row.state, verb: 'cancelled' })
  const now = ctx.clock.now()
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${jobs} set state = ${'cancelled'}, ended = ${now}, unique_key = null, worker = null, lease_until = 0
      where id = ${id}`),
  )
  await cancelDependents(ctx.db, id, now)
  await recordAudit(ctx, { action: 'cancel', doctype: 'Background Job', name: id })
}

/** Forgets jobs that ended before a time, with their steps. @param states default: finished and cancelled @returns how many */
export async function purgeJobs(site: Site, endedBefore: number, states: readonly JobState[] = ['finished', 'cancelled']): Promise<number> {
  const { compile } = site.database.dialect
  for (let purged = 0; ; ) {
    const count = await site.database.transaction(async (tx) => {
      const rows = await tx.query<{ id: string }>(
        compile(sql`select id from ${jobs} where state in (${sql.join([...states])}) and lease_until = 0 and ended < ${endedBefore}
          order by ended limit ${sql.raw(String(purgeAtOnce))} ${sql.raw(site.database.dialect.forUpdate)}`),
      )
      if (rows.length === 0) return 0
      // What waits for a failed job would wait for good.
      for (const { id } of rows) if (states.includes('failed')) await cancelDependents(tx, id, site.clock.now())
      const ids = sql.join(rows.map(({ id }) => id))
      await tx.execute(compile(sql`delete from ${sql.id('__Job_Step')} where job in (${ids})`))
      await tx.execute(compile(sql`delete from ${sql.id('__Job_After')} where job in (${ids}) or needs in (${ids})`))
      await tx.execute(compile(sql`delete from ${jobs} where id in (${ids})`))
      return rows.length
    })
    purged += count
    if (count < purgeAtOnce) return purged
  }
}

/** When the oldest job that could run now became due; undefined: none waits. */
export async function oldestDue(site: Site): Promise<number | undefined> {
  const now = site.clock.now()
  const [row] = await site.database.query<{ at: number | null }>(
    site.database.dialect.compile(sql`select min(run_at) as at from ${jobs} where state = ${'queued'} and run_at <= ${now}`),
  )
  return row?.at === null || row?.at === undefined ? undefined : Number(row.at)
}
