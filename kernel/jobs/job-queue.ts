import type { Context } from '#kernel/context/context.ts'
import type { JobRow, JobState, QueueName } from './job.ts'

/** What waits in a queue, as a worker needs to know it. */
export interface Outlook {
  /** Queues that have something to run now. */
  readonly due: readonly QueueName[]
  /** Whether a worker let its lease run out. */
  readonly hasOrphans: boolean
  /** When the next thing can become due; `Infinity`: nothing is known that will. */
  readonly nextAt: number
}

/** A claim on a job: what a worker shows with everything it writes for it. */
export interface Claim {
  readonly id: string
  readonly fence: number
}

/** The end of a job that wrote nothing by itself. @see JobQueue.finishAll */
export interface Ended {
  readonly claim: Claim
  /** JSON. */
  readonly result: string | null
}

/** How one failed run goes on. */
export interface Failure {
  readonly error: string
  /** When it may run again; undefined: never by itself. */
  readonly retryAt: number | undefined
}

/**
 * Where a site's jobs wait. At least once: a job whose worker vanished is given to another; the fence keeps the old one from writing.
 * Jobs come in by `enqueue`, in the transaction that caused them, whatever the driver.
 */
export interface JobQueue {
  /** Reads only; a few index look-ups. */
  outlook(now: number, queues: readonly QueueName[]): Promise<Outlook>
  /**
   * Takes up to so many due jobs of each queue for a worker, those with the highest priority and the longest wait first. Two callers never get one job.
   * @param leaseMs how long the claims hold without `renew`
   */
  claim(worker: string, take: ReadonlyMap<QueueName, number>, now: number, leaseMs: number): Promise<JobRow[]>
  /** Gives back what vanished workers held. @param most times a job may lose its worker @returns how many */
  recover(now: number, most: number): Promise<number>
  /** Holds on to everything the worker has. @returns the claims that are still its own */
  renew(worker: string, until: number): Promise<Claim[]>
  /** Ends the job in the transaction of its own work. @throws JobFenced */
  finish(ctx: Context, claim: Claim, result: string | null): Promise<void>
  /** Ends jobs that have nothing of their own to commit, in one transaction. @returns ids of those whose claim no longer held */
  finishAll(ended: readonly Ended[]): Promise<ReadonlySet<string>>
  /** @returns false when the claim no longer held */
  fail(claim: Claim, failure: Failure, now: number): Promise<boolean>
  /** Puts jobs back untouched, as a worker does that is told to end. */
  giveBack(claims: readonly Claim[]): Promise<void>
  /** Makes sure that the claim holds and goes on holding until the context's commit. @throws JobFenced */
  hold(ctx: Context, claim: Claim): Promise<void>
  progress(claim: Claim, percent: number, text: string): Promise<void>
  counts(): Promise<Map<JobState, number>>
  /** Lets go of what it holds open beside the database. */
  close(): Promise<void>
}
