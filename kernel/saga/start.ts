import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { insert, save } from '#kernel/documents/save.ts'
import { administrator } from '#kernel/identity/principals.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { SagaInvalid, SagaStateWrong } from './errors.ts'
import { sagaNamed } from './saga.ts'
import { contextOf, lockSaga, sagaDoctype, type SagaLog } from './saga-log.ts'

const longestInput = 100_000

/** The job that drives sagas; its input is `{ saga }`. */
const driver = 'core.run-saga'

export interface SagaOptions {
  /** The Organization whose saga it is. */
  readonly organization: string
  /** Milliseconds until it turns back; default: what its declaration says. */
  readonly timeoutMs?: number
}

/**
 * Starts a saga in the caller's transaction: it exists exactly if the change that asked for it does. A worker does the rest, as the context's
 * user.
 * @param input plain JSON: says where the data is rather than carrying it
 * @returns the name of its Saga Log
 * @throws SagaUnknown, SagaInvalid, LinkNotFound for an organization that is none
 */
export async function startSaga(ctx: Context, name: string, input: Record<string, unknown>, options: SagaOptions): Promise<string> {
  const saga = sagaNamed(ctx.site, name)
  if (!options.organization) throw new SagaInvalid({ field: 'organization', reason: 'it belongs to no organization.' })
  const context = contextText(ctx, input)
  const timeoutMs = options.timeoutMs ?? saga.timeoutMs
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1)
    throw new SagaInvalid({ field: 'timeoutMs', reason: 'its time is no whole number of milliseconds above 0.' })
  const now = ctx.clock.now()
  const system = ctx.asSystem(`starts the saga ${name}`)
  const log = (await insert(system, sagaDoctype, {
    saga_name: name,
    organization: options.organization,
    status: 'running',
    started_at: textOfInstant(now),
    context,
    deadline: textOfInstant(now + timeoutMs),
    steps: saga.steps.map((step) => ({ step_name: step.name, status: 'pending' })),
  })) as SagaLog
  await driveLater(system, log, 0)
  return log.name
}

/** Has a job of its own drive the saga after a wait, and takes it away from any other job. Saves the log. */
export async function driveLater(ctx: Context, log: SagaLog, delayMs: number): Promise<void> {
  // As nobody's: whoever started the saga may be gone when it has to be taken back.
  const { id } = await enqueue(ctx.as(administrator()), driver, { saga: log.name }, { delayMs })
  log.job = id
  log.next_attempt_at = delayMs > 0 ? textOfInstant(ctx.clock.now() + delayMs) : null
  await save(ctx, log)
}

/** Has a running saga turn back: at once where it waits, else when the step under way has ended. @throws SagaStateWrong */
export async function cancelSaga(ctx: Context, name: string, reason: string): Promise<void> {
  const log = await lockSaga(ctx, name)
  if (log.status !== 'running' || log.is_compensating)
    throw new SagaStateWrong({ saga: name, state: log.status === 'running' ? 'being undone' : log.status, verb: 'cancelled' })
  log.cancel_reason = reason
  const system = ctx.asSystem('cancels a saga')
  if (log.next_attempt_at) await driveLater(system, log, 0)
  else await save(system, log)
  await recordAudit(ctx, { action: 'cancel-saga', doctype: sagaDoctype, name, changes: { reason: [null, reason] } })
}

/**
 * Tries again. One that failed goes on undoing what could not be undone; one that was undone is started anew, as the context's user, under
 * another name.
 * @returns the name of the log that goes on
 * @throws SagaStateWrong, SagaUnknown
 */
export async function retrySaga(ctx: Context, name: string, reason: string): Promise<string> {
  const log = await lockSaga(ctx, name)
  if (log.status !== 'failed' && log.status !== 'compensated')
    throw new SagaStateWrong({ saga: name, state: log.status, verb: 'tried again' })
  if (log.resolved_at) throw new SagaStateWrong({ saga: name, state: 'resolved', verb: 'tried again' })
  await recordAudit(ctx, { action: 'retry-saga', doctype: sagaDoctype, name, changes: { reason: [null, reason] } })
  if (log.status === 'compensated') {
    const next = await startSaga(ctx, log.saga_name, contextOf(log).input, { organization: log.organization })
    const system = ctx.asSystem('starts a saga anew')
    await save(system, await lockSaga(system, name), { retried_as: next })
    return next
  }
  for (const row of log.steps)
    if (row.status === 'compensation_failed') Object.assign(row, { status: row.is_unsure ? 'failed' : 'success', undo_attempts: 0 })
  Object.assign(log, { status: 'running', completed_at: null, told: null, revivals: 0 })
  await driveLater(ctx.asSystem('undoes a saga'), log, 0)
  return name
}

/** Notes that a person has put right what a saga left behind: it stays `failed`, and asks for nobody any more. @throws SagaStateWrong */
export async function resolveSaga(ctx: Context, name: string, reason: string): Promise<void> {
  const log = await lockSaga(ctx, name)
  if (log.status !== 'failed') throw new SagaStateWrong({ saga: name, state: log.status, verb: 'marked as resolved' })
  if (log.resolved_at) throw new SagaStateWrong({ saga: name, state: 'resolved already', verb: 'marked as resolved' })
  await save(ctx.asSystem('marks a saga as resolved'), log, {
    resolved_by: ctx.user.name,
    resolved_at: textOfInstant(ctx.clock.now()),
    resolution: reason,
  })
}

function contextText(ctx: Context, input: Record<string, unknown>): string {
  let text: string | undefined
  try {
    text = JSON.stringify({ input, ...(ctx.user.scopes && { scopes: ctx.user.scopes }) })
  } catch {
    // Circular, or a bigint: refused below.
  }
  if (text === undefined || typeof input !== 'object' || input === null || Array.isArray(input))
    throw new SagaInvalid({ field: 'input', reason: 'its input must be an object that JSON can hold.' })
  if (text.length > longestInput) throw new SagaInvalid({ field: 'input', reason: `its input is longer than ${longestInput} characters.` })
  return text
}
