import { randomUUID } from 'node:crypto'
import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { instantOfText, nowText } from '#kernel/context/time.ts'
import { DatabaseUnavailable, Deadlocked } from '#kernel/database/errors.ts'
import { save } from '#kernel/documents/save.ts'
import { CalledWhileWriting, ServiceFailed, ServiceUnavailable } from '#kernel/external/errors.ts'
import { unlessAborted } from '#kernel/external/unless-aborted.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { backoffMs } from '#kernel/jobs/run-job.ts'
import { counter } from '#kernel/metrics/metrics.ts'
import { HandedOver, StepFailed } from './errors.ts'
import { report } from './report.ts'
import { findSaga, type Saga, type SagaStep, type StepRetry } from './saga.ts'
import { contextOf, keyOf, lockSaga, readSaga, type SagaLog, type StepRow, stateOf } from './saga-log.ts'
import { driveLater } from './start.ts'

const sagas = counter({ name: 'px_sagas_total', help: 'Sagas that ended: completed, compensated, failed', labels: ['saga', 'outcome'] })
const failures = counter({ name: 'px_saga_step_failures_total', help: 'Tries of saga steps that failed', labels: ['saga', 'step', 'kind'] })

/** Milliseconds after which a run leaves the rest to a fresh job, long before its own time is up. */
const longestRun = 100_000
/** Characters of a result. */
const longestResult = 100_000
const longestError = 2000
/** A step's way back is written into the log before it is gone; without its code somebody else must go it. */
const noUndo: StepRetry = { attempts: 1, firstMs: 1, mostMs: 1 }

/** What is to be done next: decided, and written down, in the transaction that ends what was done before. */
type Move =
  | { readonly kind: 'local' }
  | { readonly kind: 'outside' | 'undo'; readonly step: string }
  | { readonly kind: 'end'; readonly status: string }

/**
 * Drives a saga as far as it goes: to its end, or to a wait, after which another job goes on. Every decision is committed before it is
 * acted on, with the job's claim checked in the same transaction; whatever is killed at any point, the next run goes on from what is
 * written.
 * @returns the status of the saga, or `waiting`
 */
export async function driveSaga(name: string, job: JobRun): Promise<string> {
  const until = performance.now() + longestRun
  const decide = (act: (ctx: Context) => Promise<Move>): Promise<Move> => job.step(randomUUID(), act)
  try {
    let move = await decide(async (ctx) => plan(ctx, await own(ctx, name, job), until))
    while (move.kind !== 'end') move = await perform(move, name, job, until, decide)
    return move.status
  } catch (error) {
    if (error instanceof HandedOver) return 'handed over'
    throw error
  }
}

/** The log, if this job may still drive it. @throws HandedOver */
async function own(ctx: Context, name: string, job: JobRun): Promise<SagaLog> {
  const log = await lockSaga(ctx, name)
  if (log.job !== job.id) throw new HandedOver()
  return log
}

/** Decides what comes next and writes it down. */
async function plan(ctx: Context, log: SagaLog, until: number): Promise<Move> {
  if (log.status !== 'running') return { kind: 'end', status: log.status }
  if (performance.now() > until) {
    await driveLater(ctx, log, 0)
    return { kind: 'end', status: 'waiting' }
  }
  const saga = findSaga(ctx.site, log.saga_name)
  log.next_attempt_at = null
  const complaint = log.is_compensating ? undefined : (stopOf(ctx, log) ?? unfit(saga, log))
  if (complaint) turnBack(log, complaint)
  const move = log.is_compensating ? planBack(saga, log) : planOn(ctx, saga as Saga, log)
  if (move.kind === 'end') return end(ctx, log, move.status as SagaLog['status'])
  await save(ctx, log)
  return move
}

/** Why a saga goes no further; undefined: it goes on. */
function stopOf(ctx: Context, log: SagaLog): string | undefined {
  if (log.cancel_reason) return `Cancelled: ${log.cancel_reason}`
  if (log.deadline && ctx.clock.now() >= instantOfText(log.deadline)) return 'It was not done within its time.'
  return undefined
}

/** A newer version of the app may have another saga of that name: half of one and half of another is neither. */
function unfit(saga: Saga | undefined, log: SagaLog): string | undefined {
  const names = saga?.steps.map(({ name }) => name).join(', ')
  if (names === log.steps.map((row) => row.step_name).join(', ')) return undefined
  return `Its declaration has ${names === undefined ? 'gone' : 'other steps by now'}.`
}

function turnBack(log: SagaLog, reason: string): void {
  log.is_compensating = 1
  log.error_message = [log.error_message, reason].filter(Boolean).join('\n')
  for (const row of log.steps)
    if (row.status === 'running') Object.assign(row, { status: 'failed', is_unsure: 1, error: row.error ?? 'Its answer never came.' })
}

function planOn(ctx: Context, saga: Saga, log: SagaLog): Move {
  const row = log.steps.find(({ status }) => status !== 'success')
  if (!row) return { kind: 'end', status: 'completed' }
  const step = stepOf(saga, row) as SagaStep
  if (step.isLocal) return { kind: 'local' }
  // It was being tried when its driver died.
  if (row.status === 'running') row.is_unsure = 1
  if (row.attempts >= step.retry.attempts) {
    row.status = 'failed'
    turnBack(log, `${row.step_name}: ${row.error ?? 'whoever tried it died each time.'}`)
    return planBack(saga, log)
  }
  row.attempts += 1
  row.status = 'running'
  row.started_at = nowText(ctx)
  return { kind: 'outside', step: row.step_name }
}

function planBack(saga: Saga | undefined, log: SagaLog): Move {
  for (const row of log.steps.toReversed()) {
    if (row.is_left || !(row.status === 'success' || (row.is_unsure && (row.status === 'failed' || row.status === 'pending')))) continue
    const step = saga && stepOf(saga, row)
    if (step && !step.compensate) {
      row.is_left = 1
      continue
    }
    const { attempts } = step?.undoRetry ?? noUndo
    if (row.undo_attempts >= attempts || !step) {
      row.status = 'compensation_failed'
      row.error = joined(row.error, step ? 'Undoing it failed as often as it may be tried.' : 'The code that undoes it has gone.')
      continue
    }
    row.undo_attempts += 1
    return { kind: 'undo', step: row.step_name }
  }
  const isFailed = log.steps.some(({ status }) => status === 'compensation_failed')
  return { kind: 'end', status: isFailed ? 'failed' : 'compensated' }
}

async function end(ctx: Context, log: SagaLog, status: SagaLog['status']): Promise<Move> {
  const left = log.steps.filter((row) => row.is_left).map((row) => row.step_name)
  if (left.length > 0) log.error_message = joined(log.error_message, `Left as it is, because it cannot be undone: ${left.join(', ')}.`)
  Object.assign(log, { status, completed_at: nowText(ctx), job: null, next_attempt_at: null })
  if (status === 'failed') log.told = await report(ctx, log)
  await save(ctx, log)
  ctx.afterCommit(() => sagas.inc({ saga: log.saga_name, outcome: status }))
  return { kind: 'end', status }
}

async function perform(
  move: Exclude<Move, { kind: 'end' }>,
  name: string,
  job: JobRun,
  until: number,
  decide: (act: (ctx: Context) => Promise<Move>) => Promise<Move>,
): Promise<Move> {
  try {
    return await decide(async (ctx) => {
      const log =
        move.kind === 'local' ? await doLocal(ctx, name, job) : await (move.kind === 'undo' ? undo : doOutside)(ctx, name, move.step, job)
      return plan(ctx, log, until)
    })
  } catch (error) {
    // Aborted from outside: the job is no longer ours, or out of time. What was begun counts as unsure in the next run.
    if (!(error instanceof StepFailed) || job.signal.aborted) throw error
    return decide(async (ctx) => {
      const log = await own(ctx, name, job)
      return log.is_compensating ? noteUndoFailure(ctx, log, error, until) : noteFailure(ctx, log, error, until)
    })
  }
}

/** Local steps that follow each other, and the note that they are done: one transaction. */
async function doLocal(ctx: Context, name: string, job: JobRun): Promise<SagaLog> {
  const log = await own(ctx, name, job)
  const saga = findSaga(ctx.site, log.saga_name) as Saga
  const who = await actor(ctx, saga, log, log.steps.find(({ status }) => status !== 'success')?.step_name ?? '')
  for (const row of log.steps) {
    if (row.status === 'success') continue
    const step = stepOf(saga, row)
    if (!step?.isLocal) break
    row.started_at = nowText(ctx)
    row.attempts += 1
    const signal = signalFor(ctx, step, job, log)
    await attempt(row, signal, () =>
      step.action(who, stateOf(log), { idempotencyKey: keyOf(log, step.name), attempt: row.attempts, signal }),
    )
    row.completed_at = nowText(ctx)
  }
  return log
}

/** Calls outside first; nothing is locked meanwhile. The result and what the action wrote after its call are one transaction. */
async function doOutside(ctx: Context, name: string, stepName: string, job: JobRun): Promise<SagaLog> {
  const { log, saga, step, row } = await read(ctx, name, stepName)
  const who = await actor(ctx, saga, log, stepName)
  const signal = signalFor(ctx, step, job, log)
  const call = { idempotencyKey: keyOf(log, stepName), attempt: row.attempts, signal }
  await attempt(row, signal, () => step.action(who, stateOf(log), call))
  const now = await own(ctx, name, job)
  const target = rowOf(now, stepName)
  Object.assign(target, { status: 'success', result: row.result, error: null, is_unsure: 0, completed_at: nowText(ctx) })
  return now
}

async function undo(ctx: Context, name: string, stepName: string, job: JobRun): Promise<SagaLog> {
  // Local ones write from the start, so they hold the saga first, as everybody does.
  const isLocal = findStep(ctx, await readSaga(ctx, name), stepName)?.isLocal
  if (isLocal) await own(ctx, name, job)
  const { log, step, row } = await read(ctx, name, stepName)
  const signal = signalFor(ctx, step, job)
  const actionKey = keyOf(log, stepName)
  const result = row.result === null ? undefined : (JSON.parse(row.result) as unknown)
  const call = { idempotencyKey: `${actionKey}:undo`, actionKey, attempt: row.undo_attempts, signal, result, isUnsure: row.is_unsure === 1 }
  await guarded(stepName, signal, async () => step.compensate?.(ctx.asSystem(`undoes a step of saga ${name}`), stateOf(log), call))
  const now = await own(ctx, name, job)
  Object.assign(rowOf(now, stepName), { status: 'compensated', completed_at: nowText(ctx) })
  return now
}

/** Runs an action and keeps its result in the row. @throws StepFailed */
async function attempt(row: StepRow, signal: AbortSignal, action: () => Promise<unknown>): Promise<void> {
  const result = await guarded(row.step_name, signal, action)
  const text = result === undefined ? null : (JSON.stringify(result) ?? null)
  if (text !== null && text.length > longestResult)
    throw new StepFailed(row.step_name, new TypeError(`Its result has ${text.length} characters of JSON; ${longestResult} are kept.`))
  Object.assign(row, { status: 'success', result: text, error: null })
}

async function guarded<T>(step: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await unlessAborted(signal, work)
  } catch (error) {
    // The engine's own affairs: the unit of work is run again, or the job is.
    if (Deadlocked.is(error) || DatabaseUnavailable.is(error)) throw error
    throw new StepFailed(step, error)
  }
}

/** Whoever started the saga, with the limits of the key in use then; elevated where the declaration says so. */
async function actor(ctx: Context, saga: Saga, log: SagaLog, step: string): Promise<Context> {
  try {
    const user = await principalOf(ctx, log.owner)
    const { scopes } = contextOf(log)
    const own = ctx.as(scopes ? { ...user, scopes } : user)
    return saga.asSystem ? own.asSystem(saga.asSystem) : own
  } catch (error) {
    if (error instanceof AppError && error.status < 500) throw new StepFailed(step, error)
    throw error
  }
}

function signalFor(ctx: Context, step: SagaStep, job: JobRun, log?: SagaLog): AbortSignal {
  const left = log?.deadline ? Math.max(1, instantOfText(log.deadline) - ctx.clock.now()) : step.timeoutMs
  return AbortSignal.any([job.signal, AbortSignal.timeout(Math.min(step.timeoutMs, left))])
}

async function noteFailure(ctx: Context, log: SagaLog, failed: StepFailed, until: number): Promise<Move> {
  const row = rowOf(log, failed.step)
  const step = findStep(ctx, log, failed.step)
  const { cause } = failed
  // A local step's try was undone with its transaction.
  if (step?.isLocal) row.attempts += 1
  else if (!isSurelyUndone(cause)) row.is_unsure = 1
  row.error = textOf(cause)
  row.status = 'pending'
  failures.inc({ saga: log.saga_name, step: failed.step, kind: 'action' })
  ctx.site.log.warn({ err: cause, saga: log.name, step: failed.step }, 'a step of a saga failed')
  const retry = step?.retry ?? noUndo
  if (!isRefusal(cause) && row.attempts < retry.attempts && !stopOf(ctx, log)) return pauseFor(ctx, log, retry, row.attempts)
  row.status = 'failed'
  row.completed_at = nowText(ctx)
  turnBack(log, `${failed.step}: ${row.error}`)
  return plan(ctx, log, until)
}

async function noteUndoFailure(ctx: Context, log: SagaLog, failed: StepFailed, until: number): Promise<Move> {
  const row = rowOf(log, failed.step)
  const retry = findStep(ctx, log, failed.step)?.undoRetry ?? noUndo
  row.error = joined(row.error, `Undoing it: ${textOf(failed.cause)}`)
  failures.inc({ saga: log.saga_name, step: failed.step, kind: 'undo' })
  ctx.site.log.error({ err: failed.cause, saga: log.name, step: failed.step }, 'a step of a saga could not be undone')
  if (!isRefusal(failed.cause) && row.undo_attempts < retry.attempts) return pauseFor(ctx, log, retry, row.undo_attempts)
  // The others are undone all the same.
  row.status = 'compensation_failed'
  return plan(ctx, log, until)
}

async function pauseFor(ctx: Context, log: SagaLog, retry: StepRetry, tries: number): Promise<Move> {
  const wait = Math.min(retry.mostMs, backoffMs(tries, retry.firstMs / 1000))
  const left = log.deadline && !log.is_compensating ? Math.max(0, instantOfText(log.deadline) - ctx.clock.now()) : wait
  await driveLater(ctx, log, Math.ceil(Math.min(wait, left)))
  return { kind: 'end', status: 'waiting' }
}

async function read(ctx: Context, name: string, stepName: string) {
  const log = await readSaga(ctx, name)
  const saga = findSaga(ctx.site, log.saga_name) as Saga
  const row = rowOf(log, stepName)
  return { log, saga, row, step: stepOf(saga, row) as SagaStep }
}

function rowOf(log: SagaLog, step: string): StepRow {
  return log.steps.find((row) => row.step_name === step) as StepRow
}

function stepOf(saga: Saga, row: StepRow): SagaStep | undefined {
  return saga.steps.find(({ name }) => name === row.step_name)
}

function findStep(ctx: Context, log: SagaLog, step: string): SagaStep | undefined {
  return findSaga(ctx.site, log.saga_name)?.steps.find(({ name }) => name === step)
}

/** A refusal stays one, however often it is asked. */
function isRefusal(error: unknown): boolean {
  return error instanceof AppError && error.status < 500 && ![408, 409, 425, 429].includes(error.status)
}

/** Whether a failed try surely did nothing at the other side. */
function isSurelyUndone(error: unknown): boolean {
  if (ServiceUnavailable.is(error) || CalledWhileWriting.is(error)) return true
  // An answer that could not be taken may be one of success.
  return isRefusal(error) && !ServiceFailed.is(error)
}

function joined(...texts: (string | null)[]): string {
  return texts
    .filter(Boolean)
    .join('\n')
    .slice(-longestError * 4)
}

function textOf(error: unknown): string {
  const text = error instanceof AppError ? `${error.code}: ${error.message}` : error instanceof Error ? error.message : String(error)
  return text.slice(0, longestError)
}
