import type { Context } from '#kernel/context/context.ts'
import type { Site } from '#kernel/sites/site.ts'
import { DatabaseQueue } from './database-queue.ts'
import type { JobRow, JobState, QueueName } from './job.ts'
import type { Claim, Ended, Failure, JobQueue, Outlook } from './job-queue.ts'
import type { Tickets } from './tickets.ts'

/** Rows for which tickets are put out at once. */
const mostTickets = 500
/** A job that has been due for so long has lost its ticket, or Redis has lost them all: it is claimed without, in milliseconds. */
const lostAfterMs = 5_000
/** How long Redis is left alone after it failed, in milliseconds. */
const restMs = 1_000

/**
 * Jobs whose order and distribution are Redis's affair, and whose truth is the row in the database: who runs one, whether it ended, what it
 * may still write. A ticket that is lost, or handed out twice, costs time and nothing else; and while Redis is away the database does alone.
 */
export class RedisQueue implements JobQueue {
  readonly #site: Site
  readonly #rows: DatabaseQueue
  readonly #tickets: Tickets
  #restUntil = 0

  constructor(site: Site, tickets: Tickets) {
    this.#site = site
    this.#rows = new DatabaseQueue(site)
    this.#tickets = tickets
    tickets.watchLost().catch((error) => this.#failed(error))
  }

  outlook(now: number, queues: readonly QueueName[]): Promise<Outlook> {
    return this.#rows.outlook(now, queues)
  }

  async claim(worker: string, take: ReadonlyMap<QueueName, number>, now: number, leaseMs: number): Promise<JobRow[]> {
    if (!this.#tickets.isOpen || performance.now() < this.#restUntil) return this.#rows.claim(worker, take, now, leaseMs)
    const claimed: JobRow[] = []
    const short = new Map<QueueName, number>()
    for (const [queue, count] of take) {
      if (count < 1) continue
      const rows = await this.#claimByTicket(worker, queue, count, now, leaseMs)
      claimed.push(...rows)
      if (rows.length < count) short.set(queue, count - rows.length)
    }
    if (short.size > 0)
      claimed.push(...(await this.#rows.claim(worker, short, now - lostAfterMs, leaseMs)).map((row) => ({ ...row, started: now })))
    return claimed
  }

  async #claimByTicket(worker: string, queue: QueueName, count: number, now: number, leaseMs: number): Promise<JobRow[]> {
    const claimed: JobRow[] = []
    try {
      for (let round = 1; claimed.length < count && round <= 2; round++) {
        const { ids, handIn } = await this.#tickets.take(queue, count - claimed.length)
        claimed.push(...(await this.#rows.claimThese(worker, ids, now, leaseMs)))
        // From here on the row says who has the job; a ticket that is not handed in is handed out again and finds nobody waiting.
        handIn().catch((error) => this.#failed(error))
        if (round === 1 && claimed.length < count) await this.#putOut(queue, now)
      }
    } catch (error) {
      this.#failed(error)
    }
    return claimed
  }

  /** Tickets for what is due and has perhaps none: delayed, retried, taken back from a vanished worker, or lost with Redis. */
  async #putOut(queue: QueueName, now: number): Promise<void> {
    const due = await this.#rows.due(queue, now, mostTickets)
    if (due.length > 0) await this.#tickets.add(due.map((row) => ({ ...row, queue })))
  }

  #failed(error: unknown): void {
    this.#restUntil = performance.now() + restMs
    this.#site.log.debug({ err: error }, 'Redis does not hand out jobs now; the database does')
  }

  recover(now: number, most: number): Promise<number> {
    return this.#rows.recover(now, most)
  }

  renew(worker: string, until: number): Promise<Claim[]> {
    return this.#rows.renew(worker, until)
  }

  finish(ctx: Context, claim: Claim, result: string | null): Promise<void> {
    return this.#rows.finish(ctx, claim, result)
  }

  finishAll(ended: readonly Ended[]): Promise<ReadonlySet<string>> {
    return this.#rows.finishAll(ended)
  }

  fail(claim: Claim, failure: Failure, now: number): Promise<boolean> {
    return this.#rows.fail(claim, failure, now)
  }

  giveBack(claims: readonly Claim[]): Promise<void> {
    return this.#rows.giveBack(claims)
  }

  hold(ctx: Context, claim: Claim): Promise<void> {
    return this.#rows.hold(ctx, claim)
  }

  progress(claim: Claim, percent: number, text: string): Promise<void> {
    return this.#rows.progress(claim, percent, text)
  }

  counts(): Promise<Map<JobState, number>> {
    return this.#rows.counts()
  }

  close(): Promise<void> {
    return this.#tickets.close()
  }
}
