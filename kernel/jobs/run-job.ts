import { AppError } from '#client/rules/errors.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import type { Context, Principal } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import type { Site } from '#kernel/sites/site.ts'
import { jobDefinition } from './enqueue.ts'
import { JobFenced, JobTimedOut, StepRefused } from './errors.ts'
import type { JobRow, JobRun } from './job.ts'
import type { Claim, JobQueue } from './job-queue.ts'
import type { Endings } from './endings.ts'

const steps = sql.id('__Job_Step')
/** Milliseconds between two notes of progress. */
const progressEvery = 300
/** Characters of an error that are kept. */
const longestError = 10_000
/** Characters of a result. */
const longestResult = 1_000_000
const firstBackoff = 5
const longestBackoff = 3600

/** How a run ended; `lost`: cancelled or taken over, so that somebody else decides. */
export type Ending = 'finished' | 'retried' | 'failed' | 'lost'

/** What a worker adds to a run; a run does without. */
export interface RunOptions {
  /** Where the ends of jobs are written down together that have nothing to commit of their own. */
  readonly endings?: Endings
  /** Called as soon as only the commit is missing, so that another job may begin. */
  readonly onWorked?: () => void
  /** Settles when the site is up to date, for several jobs that begin together; asked for after the job was claimed. */
  readonly fresh?: Promise<void>
}

/**
 * Runs a claimed job as the user who asked for it and writes down how it ended. The job's own writes and its end are one commit.
 * @param control aborted from outside when the claim is lost; aborted here when time is up
 * @throws when the database cannot be reached: the lease runs out, and the job is given to another worker
 */
export async function runJob(
  site: Site,
  queue: JobQueue,
  row: JobRow,
  control: AbortController,
  options: RunOptions = {},
): Promise<Ending> {
  const claim: Claim = { id: row.id, fence: row.fence }
  const timer = setTimeout(
    () => control.abort(new JobTimedOut({ job: row.id, seconds: row.timeout_ms / 1000 })),
    Math.min(row.timeout_ms, 2 ** 31 - 1),
  )
  let definition: JobDefinition | undefined
  try {
    await (options.fresh ?? site.freshen())
    definition = jobDefinition(site, row.job_name)
    await work(site, queue, row, definition, control.signal, options)
    return 'finished'
  } catch (error) {
    if (JobFenced.is(error)) return 'lost'
    const attempt = row.attempts + 1
    const isLast = attempt >= row.max_attempts || !isWorthRetrying(error)
    const now = site.clock.now()
    const retryAt = isLast ? undefined : now + backoffMs(attempt, definition?.backoff ?? firstBackoff)
    site.log.warn({ err: error, job: row.id, request: row.cause, name: row.job_name, attempt, isLast }, 'a job failed')
    if (!(await queue.fail(claim, { error: errorText(error), retryAt }, now))) return 'lost'
    return isLast ? 'failed' : 'retried'
  } finally {
    clearTimeout(timer)
  }
}

async function work(
  site: Site,
  queue: JobQueue,
  row: JobRow,
  definition: JobDefinition,
  signal: AbortSignal,
  { endings, onWorked }: RunOptions,
): Promise<void> {
  const who = await actor(site, row)
  const unit = async (ctx: Context): Promise<void> => {
    const own = definition.asSystem ? ctx.asSystem(definition.asSystem) : ctx
    const run = new Run(own, queue, row, who, definition.asSystem, signal)
    const result = await unlessAborted(signal, definition.run(own, JSON.parse(row.input) as Record<string, unknown>, run))
    const claim: Claim = { id: row.id, fence: row.fence }
    const text = resultText(result)
    onWorked?.()
    // What has written must end in its own transaction; of the others nothing is left but the note that they ran.
    if (endings && !ctx.db.isWriting) await endings.add(claim, text)
    else await queue.finish(ctx, claim, text)
  }
  await runAs(site, who, row, unit, true)
}

/** Undefined: the platform itself. @throws UserUnavailable when the user is gone or disabled */
async function actor(site: Site, row: JobRow): Promise<Principal | undefined> {
  if (row.run_as === '') return undefined
  const user = await principalOf(site, row.run_as)
  return row.scopes ? { ...user, scopes: JSON.parse(row.scopes) as string[] } : user
}

function runAs<T>(site: Site, who: Principal | undefined, row: JobRow, unit: (ctx: Context) => Promise<T>, isFresh = false): Promise<T> {
  if (!who) return site.asSystem(`schedule: ${row.schedule ?? row.job_name}`, unit)
  return site.run(who, unit, {
    id: row.id,
    via: 'job',
    isFresh,
    ...(row.cause && { cause: row.cause }),
    ...(row.trace && { trace: row.trace }),
  })
}

/** Waits for the work or for the signal; what the work does after the signal is its own affair: its unit of work has ended. */
async function unlessAborted<T>(signal: AbortSignal, running: Promise<T>): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const abort = (): void => aborted.reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([running, aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

class Run implements JobRun {
  readonly id: string
  readonly attempt: number
  readonly signal: AbortSignal
  readonly #ctx: Context
  readonly #queue: JobQueue
  readonly #row: JobRow
  readonly #who: Principal | undefined
  readonly #elevation: string | undefined
  #lastProgress = 0

  constructor(ctx: Context, queue: JobQueue, row: JobRow, who: Principal | undefined, elevation: string | undefined, signal: AbortSignal) {
    this.id = row.id
    this.attempt = row.attempts + 1
    this.signal = signal
    this.#ctx = ctx
    this.#queue = queue
    this.#row = row
    this.#who = who
    this.#elevation = elevation
  }

  async step<T>(key: string, perform: (ctx: Context) => Promise<T>): Promise<T> {
    if (key === '' || key.length > 140) throw new StepRefused({ step: key.slice(0, 140), reason: 'its key must have 1 to 140 characters.' })
    if (this.#ctx.db.isWriting)
      throw new StepRefused({
        step: key,
        reason: 'the job has written through its own context; do the steps first, or write within steps only.',
      })
    this.signal.throwIfAborted()
    return runAs(this.#ctx.site, this.#who, this.#row, async (ctx) => {
      const known = await this.#done<T>(ctx, key)
      if (known) return known.result
      const result = await unlessAborted(this.signal, perform(this.#elevation ? ctx.asSystem(this.#elevation) : ctx))
      // Last, so that nobody waits for the job's row while the step is at work.
      await this.#queue.hold(ctx, { id: this.id, fence: this.#row.fence })
      await ctx.db.execute(
        ctx.db.dialect.compile(
          sql`insert into ${steps} (job, step, result, done) values (${this.id}, ${key}, ${resultText(result)}, ${ctx.clock.now()})`,
        ),
      )
      return result
    })
  }

  async #done<T>(ctx: Context, key: string): Promise<{ result: T } | undefined> {
    const [row] = await ctx.db.query<{ result: string | null }>(
      ctx.db.dialect.compile(sql`select result from ${steps} where job = ${this.id} and step = ${key}`),
    )
    return row && { result: (row.result === null ? undefined : JSON.parse(row.result)) as T }
  }

  async progress(percent: number, text = ''): Promise<void> {
    const { db, site } = this.#ctx
    // With one writer the note would wait for the job's own transaction, and the job for the note.
    if (db.isWriting && db.dialect.name === 'sqlite') return
    const now = performance.now()
    if (now - this.#lastProgress < progressEvery && percent < 100) return
    this.#lastProgress = now
    const whole = Math.min(100, Math.max(0, Math.round(Number.isFinite(percent) ? percent : 0)))
    const claim = { id: this.id, fence: this.#row.fence }
    await this.#queue.progress(claim, whole, text.slice(0, 500)).catch((error) => site.log.debug({ err: error }, 'progress was not noted'))
  }
}

/** A refusal stays one however often the job asks; what may be otherwise in a while does not. */
function isWorthRetrying(error: unknown): boolean {
  if (!(error instanceof AppError)) return true
  return error.status >= 500 || [408, 409, 425, 429].includes(error.status)
}

/** Doubles with each failure, up to an hour, and spreads over its second half so that jobs that failed together do not return together. */
export function backoffMs(attempt: number, firstSeconds: number): number {
  const full = Math.min(longestBackoff, firstSeconds * 2 ** (attempt - 1)) * 1000
  return Math.round(full * (0.5 + Math.random() / 2))
}

function errorText(error: unknown): string {
  const text =
    error instanceof AppError ? `${error.code}: ${error.message}` : error instanceof Error ? (error.stack ?? error.message) : String(error)
  return text.slice(0, longestError)
}

function resultText(result: unknown): string | null {
  const text = result === undefined ? undefined : JSON.stringify(result)
  if (text === undefined) return null
  if (text.length > longestResult)
    throw new TypeError(`A job's result may have ${longestResult} characters of JSON; this has ${text.length}.`)
  return text
}
