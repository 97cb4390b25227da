import type { Context } from '#kernel/context/context.ts'
import { instantOfText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import type { SagaState } from './saga.ts'

/** The DocType in which sagas are written down. */
export const sagaDoctype = 'Saga Log'

export type StepStatus = 'pending' | 'running' | 'success' | 'failed' | 'compensated' | 'compensation_failed'

/** One row of a saga's steps. */
export interface StepRow {
  step_name: string
  status: StepStatus
  /** JSON. */
  result: string | null
  error: string | null
  started_at: string | null
  completed_at: string | null
  /** Tries that were begun, of doing and of undoing. */
  attempts: number
  undo_attempts: number
  /** 1: some try may have been done although nobody heard so. */
  is_unsure: number
  /** 1: undoing left it as it is, because it cannot be undone. */
  is_left: number
}

/** A saga as stored. Times in document form (UTC). */
export type SagaLog = AnyDocument & {
  saga_name: string
  organization: string
  status: 'running' | 'completed' | 'failed' | 'compensated'
  completed_at: string | null
  error_message: string | null
  /** JSON: `{ input, scopes }`. */
  context: string
  steps: StepRow[]
  /** 1: it has turned back. */
  is_compensating: number
  deadline: string | null
  next_attempt_at: string | null
  /** The job that may drive it; any other keeps its hands off. */
  job: string | null
  /** Times it was found without a job that drives it. */
  revivals: number
  cancel_reason: string | null
  told: string | null
}

/** What the log's `context` holds. */
export interface SagaContext {
  readonly input: Record<string, unknown>
  /** Limits of the API key with which it was started. */
  readonly scopes?: readonly string[]
}

/** The saga's log, locked until the transaction ends. @throws DocumentNotFound */
export function lockSaga(ctx: Context, name: string): Promise<SagaLog> {
  return readSaga(ctx, name, true)
}

/** The saga's log as it is now. @throws DocumentNotFound */
export async function readSaga(ctx: Context, name: string, lock = false): Promise<SagaLog> {
  const log = await find(ctx, await ctx.site.meta.get(sagaDoctype), name, lock)
  if (!log) throw new DocumentNotFound({ doctype: sagaDoctype, name: name.slice(0, 140) })
  return log as SagaLog
}

export function contextOf(log: SagaLog): SagaContext {
  return JSON.parse(log.context) as SagaContext
}

/** What the steps get to see. */
export function stateOf(log: SagaLog): SagaState {
  const results: Record<string, unknown> = {}
  for (const row of log.steps) if (row.result !== null) results[row.step_name] = JSON.parse(row.result)
  return { input: contextOf(log).input, results, saga: log.name, organization: log.organization }
}

/** Handed to the other side: the same each time a step of a saga is tried. */
export function keyOf(log: Pick<SagaLog, 'name' | 'creation'>, step: string): string {
  // With the time: names start again where a site's data was thrown away, and the other side remembers.
  return `${log.name}:${instantOfText(log.creation).toString(36)}:${step}`
}
