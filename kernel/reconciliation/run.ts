import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { DatabaseUnavailable, Deadlocked } from '#kernel/database/errors.ts'
import { insert } from '#kernel/documents/save.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { counter } from '#kernel/metrics/metrics.ts'
import { alert } from './alert.ts'
import { type CheckedBatch, type Discrepancy, type Healing, type Reconciliation, reconciliationNamed } from './reconciliation.ts'

/** The DocType that tells how reconciliations went. */
export const reconciliationDoctype = 'Reconciliation Log'

/** Discrepancies that a log names; the others are counted. */
const mostNamed = 500
/** Runs of the job; the last writes down that it failed. */
export const reconcileAttempts = 3

const found = counter({ name: 'px_reconciliation_discrepancies_total', help: 'Discrepancies found', labels: ['reconciliation'] })
const fixed = counter({ name: 'px_reconciliation_fixed_total', help: 'Discrepancies put right', labels: ['reconciliation'] })

export interface ReconcileInput {
  readonly name: string
  readonly organization?: string
  /** Looks, and changes nothing. */
  readonly isDry?: boolean
  /** A person said so: up to so many may be put right. */
  readonly approved?: number
  /** Why, and who. */
  readonly reason?: string
}

/** What a run came to; kept in the log's `details`. */
interface Result {
  readonly checked: number
  readonly found: number
  readonly fixed: number
  readonly left: readonly (Discrepancy & { why?: string })[]
  readonly heldBack: boolean
  readonly failures: number
}

/**
 * Runs a reconciliation. Every batch and every healing is a step of the job: a worker that dies is followed by one that goes on where it
 * stopped. Ends in one Reconciliation Log.
 * @returns the log's name
 */
export async function reconcile(ctx: Context, input: ReconcileInput, job: JobRun): Promise<string> {
  const reconciliation = reconciliationNamed(ctx.site, input.name)
  const began = Number(await job.step('begin', async (own) => own.clock.now()))
  try {
    const result = await run(reconciliation, input, job)
    return await job.step('report', (own) => writeLog(own, reconciliation, input, began, result))
  } catch (error) {
    const isMachinery = DatabaseUnavailable.is(error) || job.signal.aborted
    if (isMachinery || job.attempt < reconcileAttempts) throw error
    ctx.site.log.error({ err: error, reconciliation: input.name }, 'a reconciliation failed')
    return job.step('failed', (own) => writeFailure(own, reconciliation, input, began, error))
  }
}

async function run(reconciliation: Reconciliation, input: ReconcileInput, job: JobRun): Promise<Result> {
  const place = { organization: input.organization }
  const most = Math.max(reconciliation.healAtMost, input.approved ?? 0)
  const kept: Discrepancy[] = []
  let [checked, count] = [0, 0]
  for (let round = 0, after: string | undefined = ''; after !== undefined; round++) {
    const from: string = after
    const batch: CheckedBatch = await job.step(`check ${round}`, (own) => reconciliation.check(own, { ...place, after: from }))
    checked += batch.checked
    count += batch.discrepancies.length
    kept.push(...batch.discrepancies.slice(0, Math.max(0, Math.max(most, mostNamed) - kept.length)))
    after = batch.next
    await job.progress(0, `${checked} looked at, ${count} found`)
  }
  const heldBack = reconciliation.heal !== undefined && count > most
  if (!reconciliation.heal || input.isDry || heldBack) return { checked, found: count, fixed: 0, left: kept, heldBack, failures: 0 }
  const left: (Discrepancy & { why?: string })[] = []
  let failures = 0
  for (const [index, discrepancy] of kept.entries()) {
    const healing = await heal(reconciliation, discrepancy, index, job)
    if (typeof healing === 'object') left.push({ ...discrepancy, why: healing.left })
    if (typeof healing === 'object' && healing.failed) failures++
    await job.progress(((index + 1) / kept.length) * 100, `${index + 1} of ${kept.length}`)
  }
  return { checked, found: count, fixed: count - left.length, left, heldBack, failures }
}

type Healed = 'healed' | 'gone' | { left: string; failed: boolean }

/** One that cannot be put right keeps nobody from the others. */
async function heal({ heal: act }: Reconciliation, discrepancy: Discrepancy, index: number, job: JobRun): Promise<Healed> {
  try {
    return await job.step(`heal ${index}`, async (own): Promise<Healed> => {
      const healing = (await act?.(own, discrepancy)) as Healing
      return typeof healing === 'object' ? { left: healing.left, failed: false } : healing
    })
  } catch (error) {
    if (job.signal.aborted || DatabaseUnavailable.is(error) || Deadlocked.is(error)) throw error
    const left = error instanceof AppError ? error.message : 'Putting it right failed; the log of the server says how.'
    return job.step(`left ${index}`, async (own): Promise<Healed> => {
      own.site.log.error({ err: error, discrepancy }, 'a discrepancy could not be put right')
      return { left, failed: true }
    })
  }
}

async function writeLog(ctx: Context, one: Reconciliation, input: ReconcileInput, began: number, result: Result): Promise<string> {
  const open = result.found - result.fixed
  const status = result.failures > 0 ? 'errors' : open > 0 ? 'warnings' : 'success'
  const details = { discrepancies: result.left.slice(0, mostNamed), held_back: result.heldBack, reason: input.reason ?? null }
  const { name } = await insert(ctx, reconciliationDoctype, {
    ...facts(ctx, one, input, began),
    status,
    records_checked: result.checked,
    discrepancies_found: result.found,
    discrepancies_fixed: result.fixed,
    manual_review_required: open,
    details: JSON.stringify(details),
  })
  ctx.afterCommit(() => {
    found.inc({ reconciliation: one.name }, result.found)
    fixed.inc({ reconciliation: one.name }, result.fixed)
  })
  if (!input.isDry && (result.found > one.alertAbove || status === 'errors' || result.heldBack)) {
    const held = result.heldBack ? ' None was put right: a person must say so.' : ''
    await alert(ctx, name, `${one.title}: ${result.found} found, ${result.fixed} put right, ${open} left.${held}`)
  }
  return name
}

async function writeFailure(ctx: Context, one: Reconciliation, input: ReconcileInput, began: number, error: unknown): Promise<string> {
  const text = error instanceof AppError ? `${error.code}: ${error.message}` : error instanceof Error ? error.message : String(error)
  const { name } = await insert(ctx, reconciliationDoctype, {
    ...facts(ctx, one, input, began),
    status: 'errors',
    error_message: text.slice(0, 4000),
    manual_review_required: 1,
  })
  if (!input.isDry) await alert(ctx, name, `${one.title}: it could not be checked.`)
  return name
}

function facts(ctx: Context, one: Reconciliation, input: ReconcileInput, began: number): Record<string, unknown> {
  return {
    job_type: one.name,
    organization: input.organization ?? null,
    run_at: textOfInstant(began),
    duration_seconds: (ctx.clock.now() - began) / 1000,
    dry_run: input.isDry ? 1 : 0,
  }
}
