import type { Context } from '#kernel/context/context.ts'

export type QueueName = 'short' | 'default' | 'long'

/** Seconds that a run may take, by queue. */
export const queueTimeouts: Readonly<Record<QueueName, number>> = { short: 300, default: 300, long: 1500 }

export const queueNames: readonly QueueName[] = ['short', 'default', 'long']

/** `waiting` for other jobs; `failed` after the last attempt, until a person retries it. */
export type JobState = 'waiting' | 'queued' | 'running' | 'finished' | 'failed' | 'cancelled'

/** A row of `__Job`. Times in milliseconds since 1970; 0: not yet. */
export interface JobRow {
  readonly id: string
  /** `app.job`. */
  readonly job_name: string
  readonly queue: QueueName
  readonly state: JobState
  /** JSON. */
  readonly input: string
  readonly run_as: string
  readonly scopes: string | null
  /** Id of the request that asked for it. */
  readonly cause: string | null
  /** A W3C `traceparent`. */
  readonly trace: string | null
  readonly schedule: string | null
  readonly precedence: number
  readonly run_at: number
  readonly created: number
  readonly started: number
  readonly ended: number
  readonly timeout_ms: number
  readonly max_attempts: number
  readonly attempts: number
  readonly lost: number
  readonly worker: string | null
  readonly lease_until: number
  readonly fence: number
  readonly progress: number
  readonly progress_text: string | null
  /** JSON. */
  readonly result: string | null
  readonly error: string | null
}

export interface EnqueueOptions {
  /** Default: what the job declares, else `default`. */
  readonly queue?: QueueName
  /** Milliseconds to wait at least. */
  readonly delayMs?: number
  /** Whole number; higher runs earlier. Default 0. */
  readonly priority?: number
  /** While a job of the same name, user and key waits to run, no second one is made; one that runs elevated is the same for all users. */
  readonly key?: string
  /** Ids of jobs that must finish first. Cancelling one cancels this; a failed one keeps it waiting. */
  readonly after?: readonly string[]
  /** Runs that may fail; default: what the job declares, else 3. */
  readonly attempts?: number
  /** Seconds that a run may take; default: what the job declares, else by queue. */
  readonly timeout?: number
  /** The same job, user and key give the same id for as long as the first is kept, whatever became of it. */
  readonly idempotencyKey?: string
}

/** What a running job knows of itself. */
export interface JobRun {
  readonly id: string
  /** 1 for the first. */
  readonly attempt: number
  /** Aborted when the job was cancelled, taken over or ran out of time: pass it on to whatever takes long. */
  readonly signal: AbortSignal
  /**
   * Runs `work` in a unit of work of its own, committed at once together with the note that it is done: once per job and key,
   * whatever happens to the worker. A later run gets the first result (as JSON) without running it.
   * @param key up to 140 characters
   * @throws JobFenced when the job is no longer this worker's; StepRefused after the job has written through its own context
   */
  step<T>(key: string, work: (ctx: Context) => Promise<T>): Promise<T>
  /** Tells people how far it is. Cheap: what comes too fast is dropped. @param percent 0–100 */
  progress(percent: number, text?: string): Promise<void>
}
