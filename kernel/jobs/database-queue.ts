import type { Context } from '#kernel/context/context.ts'
import type { Query, Transaction } from '#kernel/database/database.ts'
import { type Sql, sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import { releaseDependents, releaseDependentsOf } from './dependents.ts'
import { JobFenced, WorkerLost } from './errors.ts'
import type { JobRow, JobState, QueueName } from './job.ts'
import type { Claim, Ended, Failure, JobQueue, Outlook } from './job-queue.ts'
import { wakeWorkers } from './wake.ts'

const jobs = sql.id('__Job')
/** Orphans taken back at once. */
const recoverAtOnce = 100

/** Jobs in the site's own database: rows are claimed past those that others hold (SKIP LOCKED), or in SQLite's one writer. */
export class DatabaseQueue implements JobQueue {
  readonly #site: Site

  constructor(site: Site) {
    this.#site = site
  }

  async outlook(now: number, queues: readonly QueueName[]): Promise<Outlook> {
    // One statement of look-ups at the edges of indexes, because idle sites are asked again and again.
    const earliest = [
      ...queues.map(
        (queue) =>
          sql`(select run_at from ${jobs} where state = ${'queued'} and queue = ${queue} order by run_at limit 1) as ${sql.id(queue)}`,
      ),
      sql`(select lease_until from ${jobs} where state = ${'running'} order by lease_until limit 1) as lease`,
    ]
    const [row = {}] = await this.#query<Record<string, number | null>>(sql`select ${sql.join(earliest)}`)
    const due: QueueName[] = []
    let nextAt = Number.POSITIVE_INFINITY
    for (const queue of queues) {
      const at = row[queue] ?? null
      if (at === null) continue
      if (Number(at) <= now) due.push(queue)
      else nextAt = Math.min(nextAt, Number(at))
    }
    const lease = row.lease ?? null
    const hasOrphans = lease !== null && Number(lease) < now
    if (lease !== null && !hasOrphans) nextAt = Math.min(nextAt, Number(lease) + 1)
    return { due, hasOrphans, nextAt }
  }

  async claim(worker: string, take: ReadonlyMap<QueueName, number>, now: number, leaseMs: number): Promise<JobRow[]> {
    return this.#site.database.transaction(async (tx) => {
      const found: JobRow[] = []
      // What PostgreSQL believes about a queue's table is out of date: it would rather sort all that waits than read it in order.
      if (tx.dialect.name === 'postgres') await tx.execute({ sql: 'set local enable_sort = off', parameters: [] })
      for (const [queue, count] of take) {
        if (count < 1) continue
        found.push(
          ...(await tx.query<JobRow>(
            this.#compile(sql`select * from ${jobs} where state = ${'queued'} and queue = ${queue} and run_at <= ${now}
              order by precedence, run_at, id limit ${count} ${this.#skipLocked}`),
          )),
        )
      }
      return this.#take(tx, found, worker, now, leaseMs)
    })
  }

  /** As `claim`, for jobs that a driver names; those that are not there to be claimed are passed over. */
  async claimThese(worker: string, ids: readonly string[], now: number, leaseMs: number): Promise<JobRow[]> {
    if (ids.length === 0) return []
    return this.#site.database.transaction(async (tx) => {
      const found = await tx.query<JobRow>(
        this.#compile(sql`select * from ${jobs} where id in (${listed(ids)}) and state = ${'queued'} and run_at <= ${now}
          order by precedence, run_at, id ${this.#skipLocked}`),
      )
      return this.#take(tx, found, worker, now, leaseMs)
    })
  }

  /** Jobs that are due, the most urgent first. @param dueBefore only those that have been due since then */
  async due(queue: QueueName, dueBefore: number, most: number): Promise<Pick<JobRow, 'id' | 'fence' | 'precedence'>[]> {
    return this.#query(sql`select id, fence, precedence from ${jobs}
      where state = ${'queued'} and queue = ${queue} and run_at <= ${dueBefore} order by precedence, run_at, id limit ${most}`)
  }

  async #take(tx: Transaction, found: readonly JobRow[], worker: string, now: number, leaseMs: number): Promise<JobRow[]> {
    if (found.length === 0) return []
    // The key is free again: what is asked for from now on may concern changes that this run has not seen.
    await tx.execute(
      this.#compile(sql`update ${jobs} set state = ${'running'}, worker = ${worker}, lease_until = ${now + leaseMs}, started = ${now},
        fence = fence + 1, unique_key = null, progress = 0, progress_text = null where id in (${listed(found.map((row) => row.id))})`),
    )
    return found.map((row) => claimedRow(row, worker, now, leaseMs))
  }

  async recover(now: number, most: number): Promise<number> {
    return this.#site.database.transaction(async (tx) => {
      const rows = await tx.query<{ id: string; lost: number }>(
        this.#compile(sql`select id, lost from ${jobs} where state = ${'running'} and lease_until < ${now}
          order by lease_until limit ${sql.raw(String(recoverAtOnce))} ${this.#skipLocked}`),
      )
      for (const row of rows) {
        const { id } = row
        const lost = Number(row.lost) + 1
        const isLast = lost >= most
        const error = isLast ? new WorkerLost({ job: id, times: lost }).message : null
        await tx.execute(
          this.#compile(sql`update ${jobs} set state = ${isLast ? 'failed' : 'queued'}, lost = ${lost}, worker = null, lease_until = 0,
            fence = fence + 1, ended = ${isLast ? now : 0}, error = coalesce(${error}, error) where id = ${id}`),
        )
      }
      return rows.length
    })
  }

  async renew(worker: string, until: number): Promise<Claim[]> {
    return this.#site.database.transaction(async (tx) => {
      await tx.execute(this.#compile(sql`update ${jobs} set lease_until = ${until} where worker = ${worker} and state = ${'running'}`))
      const rows = await tx.query<{ id: string; fence: number }>(
        this.#compile(sql`select id, fence from ${jobs} where worker = ${worker} and state = ${'running'}`),
      )
      return rows.map(({ id, fence }) => ({ id, fence: Number(fence) }))
    })
  }

  async finish(ctx: Context, claim: Claim, result: string | null): Promise<void> {
    const { changes } = await ctx.db.execute(
      this.#compile(sql`update ${jobs} set state = ${'finished'}, ended = ${ctx.clock.now()}, result = ${result}, error = null, progress = 100,
        worker = null, lease_until = 0 where ${own(claim)}`),
    )
    if (changes === 0) throw new JobFenced({ job: claim.id })
    if (await releaseDependents(ctx.db, claim.id)) ctx.afterCommit(() => wakeWorkers(ctx.site))
  }

  async finishAll(ended: readonly Ended[]): Promise<ReadonlySet<string>> {
    const fenced = new Set<string>()
    if (await this.#finishTogether(ended)) return fenced
    // Somebody among them lost its claim: who, is found out one by one.
    for (const one of ended) if (!(await this.#finishTogether([one]))) fenced.add(one.claim.id)
    return fenced
  }

  /** @returns false when one of the claims no longer held; nothing is written then */
  async #finishTogether(ended: readonly Ended[]): Promise<boolean> {
    const now = this.#site.clock.now()
    try {
      const areReleased = await this.#site.database.transaction(async (tx) => {
        for (const alike of Map.groupBy(ended, ({ claim, result }) => `${claim.fence} ${result}`).values()) {
          const [{ claim, result }] = alike as [Ended]
          const { changes } = await tx.execute(
            this.#compile(sql`update ${jobs} set state = ${'finished'}, ended = ${now}, result = ${result}, error = null, progress = 100,
              worker = null, lease_until = 0
              where id in (${listed(alike.map((one) => one.claim.id))}) and state = ${'running'} and fence = ${claim.fence}`),
          )
          if (changes < alike.length) throw new JobFenced({ job: claim.id })
        }
        return releaseDependentsOf(tx, listed(ended.map(({ claim }) => claim.id)))
      })
      if (areReleased) wakeWorkers(this.#site)
      return true
    } catch (error) {
      if (JobFenced.is(error)) return false
      throw error
    }
  }

  async fail(claim: Claim, { error, retryAt }: Failure, now: number): Promise<boolean> {
    const isLast = retryAt === undefined
    const { changes } = await this.#execute(
      sql`update ${jobs} set state = ${isLast ? 'failed' : 'queued'}, attempts = attempts + 1, error = ${error}, ended = ${isLast ? now : 0},
        run_at = ${retryAt ?? now}, worker = null, lease_until = 0 where ${own(claim)}`,
    )
    return changes > 0
  }

  async giveBack(claims: readonly Claim[]): Promise<void> {
    for (const [fence, alike] of Map.groupBy(claims, (claim) => claim.fence))
      await this.#execute(
        sql`update ${jobs} set state = ${'queued'}, worker = null, lease_until = 0, fence = fence + 1
          where id in (${listed(alike.map(({ id }) => id))}) and state = ${'running'} and fence = ${fence}`,
      )
  }

  async hold(ctx: Context, claim: Claim): Promise<void> {
    await ctx.db.begin()
    const [row] = await ctx.db.query(this.#compile(sql`select id from ${jobs} where ${own(claim)} ${sql.raw(ctx.db.dialect.forUpdate)}`))
    if (!row) throw new JobFenced({ job: claim.id })
  }

  async progress(claim: Claim, percent: number, text: string): Promise<void> {
    await this.#execute(sql`update ${jobs} set progress = ${percent}, progress_text = ${text} where ${own(claim)}`)
  }

  async counts(): Promise<Map<JobState, number>> {
    const rows = await this.#query<{ state: JobState; n: number }>(sql`select state, count(*) as n from ${jobs} group by state`)
    return new Map(rows.map(({ state, n }) => [state, Number(n)]))
  }

  async close(): Promise<void> {
    // The database is the site's.
  }

  get #skipLocked(): Sql {
    return sql.raw(this.#site.database.dialect.name === 'sqlite' ? '' : 'for update skip locked')
  }

  #compile(fragment: Sql): Query {
    return this.#site.database.dialect.compile(fragment)
  }

  #query<R>(fragment: Sql): Promise<R[]> {
    return this.#site.database.query<R>(this.#compile(fragment))
  }

  #execute(fragment: Sql) {
    return this.#site.database.transaction((tx: Transaction) => tx.execute(this.#compile(fragment)))
  }
}

/** Values for `in`, in rising order so that batches lock alike; filled up to a power of two so that few statements are prepared. */
function listed(ids: readonly string[]): Sql {
  const sorted = [...ids].sort()
  const size = 2 ** Math.ceil(Math.log2(Math.max(1, sorted.length)))
  const last = sorted.at(-1) ?? ''
  return sql.join([...sorted, ...Array.from({ length: size - sorted.length }, () => last)])
}

function own({ id, fence }: Claim): Sql {
  return sql`id = ${id} and state = ${'running'} and fence = ${fence}`
}

function claimedRow(row: JobRow, worker: string, now: number, leaseMs: number): JobRow {
  return {
    ...row,
    state: 'running',
    worker,
    started: now,
    lease_until: now + leaseMs,
    fence: Number(row.fence) + 1,
    attempts: Number(row.attempts),
    max_attempts: Number(row.max_attempts),
    timeout_ms: Number(row.timeout_ms),
  }
}
