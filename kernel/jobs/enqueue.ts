import { hash } from 'node:crypto'
import type { JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { UniqueViolated } from '#kernel/database/errors.ts'
import { sql } from '#kernel/database/sql.ts'
import { uuidv7 } from '#kernel/documents/uuid.ts'
import type { Site } from '#kernel/sites/site.ts'
import { BadJob, JobNotFound, JobUnknown } from './errors.ts'
import { type EnqueueOptions, type JobState, queueNames, queueTimeouts } from './job.ts'
import { wakeWorkers } from './wake.ts'

const jobs = sql.id('__Job')
/** Characters of JSON: a job is told where its data is, and does not carry it. */
const longestInput = 1_000_000

/** What `enqueue` made or found. */
export interface Enqueued {
  readonly id: string
  /** False: a job with the same key was there before. */
  readonly isNew: boolean
}

/**
 * Writes a job down in the caller's transaction: it exists exactly if the change that caused it does. It runs as the context's user
 * with the rights that user has then, also where the context is elevated.
 * @param name `app.job`
 * @throws JobUnknown, BadJob; JobNotFound for a job to wait for
 */
export function enqueue(ctx: Context, name: string, input: Record<string, unknown> = {}, options: EnqueueOptions = {}): Promise<Enqueued> {
  return writeJob(ctx, name, input, options, { runAs: ctx.user.name, schedule: '' })
}

/** As `enqueue`, on behalf of the platform: for schedules, whose work is the apps' own. */
export function enqueueTick(ctx: Context, schedule: { name: string; job: string; of?: string }, tick: string): Promise<Enqueued> {
  const input = schedule.of === undefined ? {} : { of: schedule.of }
  return writeJob(ctx, schedule.job, input, { idempotencyKey: tick }, { runAs: '', schedule: schedule.name })
}

/** The declaration of `app.job` among the site's apps. @throws JobUnknown */
export function jobDefinition(site: Site, name: string): JobDefinition {
  const dot = name.indexOf('.')
  const jobsOfApp = site.apps.all.find((app) => app.name === name.slice(0, dot))?.jobs
  const key = name.slice(dot + 1)
  const definition = jobsOfApp && Object.hasOwn(jobsOfApp, key) ? jobsOfApp[key] : undefined
  if (!definition) throw new JobUnknown({ job: name.slice(0, 140) })
  return definition
}

async function writeJob(
  ctx: Context,
  name: string,
  input: Record<string, unknown>,
  options: EnqueueOptions,
  { runAs, schedule }: { runAs: string; schedule: string },
): Promise<Enqueued> {
  const definition = jobDefinition(ctx.site, name)
  const queue = options.queue ?? definition.queue ?? 'default'
  if (!queueNames.includes(queue)) throw new BadJob({ field: 'queue', reason: `"${queue}" is not one of ${queueNames.join(', ')}.` })
  const now = ctx.clock.now()
  const delay = whole('delayMs', options.delayMs ?? 0, 0, 366 * 86_400_000)
  const timeout = whole('timeout', options.timeout ?? definition.timeout ?? queueTimeouts[queue], 1, 86_400)
  const attempts = whole('attempts', options.attempts ?? definition.attempts ?? 3, 1, 100)
  const precedence = 0 - whole('priority', options.priority ?? 0, -1_000_000, 1_000_000)
  const text = inputText(input)
  const scopes = ctx.user.scopes ? JSON.stringify(ctx.user.scopes) : null
  // What one may do another may not: only jobs that run elevated in any case are the same whoever asks.
  const whose = definition.asSystem ? [name] : [name, runAs, scopes]
  const idempotencyKey = options.idempotencyKey === undefined ? null : keyOf(whose, options.idempotencyKey)
  const uniqueKey = options.key === undefined ? null : keyOf(whose, options.key)
  await ctx.db.begin()
  const needs = await lockNeeded(ctx, options.after ?? [])
  const state: JobState = needs.length > 0 ? 'waiting' : 'queued'
  for (let round = 1; ; round++) {
    const known = await findByKey(ctx, idempotencyKey, uniqueKey)
    if (known) return { id: known, isNew: false }
    const id = uuidv7(now)
    const write = () =>
      ctx.db.execute(
        ctx.db.dialect.compile(sql`insert into ${jobs}
          (id, job_name, queue, state, input, run_as, scopes, schedule, precedence, run_at, created, timeout_ms, max_attempts,
            unique_key, idempotency_key, cause, trace)
          values (${id}, ${name}, ${queue}, ${state}, ${text}, ${runAs}, ${scopes},
            ${schedule}, ${precedence}, ${now + delay}, ${now}, ${timeout * 1000}, ${attempts}, ${uniqueKey}, ${idempotencyKey},
            ${ctx.request.cause ?? ctx.request.id}, ${ctx.request.trace ?? null})`),
      )
    try {
      await (uniqueKey === null && idempotencyKey === null ? write() : ctx.db.savepoint(write))
    } catch (error) {
      // Somebody else's with this key was committed a moment ago; it may have started meanwhile and given the key back.
      if (!UniqueViolated.is(error) || round === 3) throw error
      continue
    }
    for (const needed of needs)
      await ctx.db.execute(ctx.db.dialect.compile(sql`insert into ${sql.id('__Job_After')} (job, needs) values (${id}, ${needed})`))
    const { site } = ctx
    ctx.afterCommit(() => wakeWorkers(site))
    return { id, isNew: true }
  }
}

/**
 * The job that has one of the keys already. One that waits is locked until the caller's commit, so that it cannot start before the
 * change of which the caller wants to tell it is there to be seen.
 */
async function findByKey(ctx: Context, idempotencyKey: string | null, uniqueKey: string | null): Promise<string | undefined> {
  const lock = sql.raw(ctx.db.dialect.forUpdate)
  for (const [column, key] of [['idempotency_key', idempotencyKey] as const, ['unique_key', uniqueKey] as const]) {
    if (key === null) continue
    const [row] = await ctx.db.query<{ id: string }>(
      ctx.db.dialect.compile(sql`select id from ${jobs} where ${sql.id(column)} = ${key} ${column === 'unique_key' ? lock : sql``}`),
    )
    if (row) return row.id
  }
  return undefined
}

/** Locks the jobs to wait for, so that none ends unnoticed before the caller's commit. @returns those that have not finished */
async function lockNeeded(ctx: Context, after: readonly string[]): Promise<string[]> {
  const needed: string[] = []
  for (const id of [...new Set(after)].sort()) {
    const [row] = await ctx.db.query<{ state: JobState }>(
      ctx.db.dialect.compile(sql`select state from ${jobs} where id = ${id} ${sql.raw(ctx.db.dialect.forUpdate)}`),
    )
    if (!row) throw new JobNotFound({ job: id.slice(0, 140) })
    if (row.state === 'cancelled') throw new BadJob({ field: 'after', reason: `job ${id}, for which it should wait, was cancelled.` })
    if (row.state !== 'finished') needed.push(id)
  }
  return needed
}

function inputText(input: Record<string, unknown>): string {
  let text: string | undefined
  try {
    text = JSON.stringify(input)
  } catch {
    // Circular, or a bigint: refused below.
  }
  if (text === undefined || !text.startsWith('{'))
    throw new BadJob({ field: 'input', reason: 'its input must be an object that JSON can hold.' })
  if (text.length > longestInput) throw new BadJob({ field: 'input', reason: `its input is longer than ${longestInput} characters.` })
  return text
}

function keyOf(whose: readonly (string | null)[], key: string): string {
  return hash('sha256', JSON.stringify([...whose, key]), 'base64url')
}

function whole(field: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new BadJob({ field, reason: `${field} must be a whole number from ${least} to ${most}.` })
}
