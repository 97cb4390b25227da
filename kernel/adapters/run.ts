import { AppError } from '#client/rules/errors.ts'
import { and, where } from '#client/rules/predicate.ts'
import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { DatabaseUnavailable } from '#kernel/database/errors.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { insert, save } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { callService } from '#kernel/external/call-service.ts'
import { administratorName } from '#kernel/identity/principals.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { findJob } from '#kernel/jobs/manage.ts'
import { demandRate, RateLimitExceeded } from '#kernel/limits/rate-limit.ts'
import { counter } from '#kernel/metrics/metrics.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { type Adapter, adapterNamed, type PulledPage } from './adapter.ts'
import { type Outcome, takeDeletion, takeRecord, type Taking } from './apply.ts'
import { connectionDoctype, connectionNamed, connectionOf } from './connection.ts'
import { AdapterBusy, AdapterRefused } from './errors.ts'

export const runDoctype = 'Adapter Run'
export const recordDoctype = 'Adapter Record'

/** Runs of the job; the last writes down that it failed. */
export const pullAttempts = 6
/** Milliseconds after which the rest is left to a fresh job. */
const longestPull = 600_000
const atOnce = 100
/** Of what is known, the share that may have vanished in one run, and how many may in any case. */
const mostVanished = 0.2
const alwaysVanish = 10

const taken = counter({
  name: 'px_adapter_records_total',
  help: 'Records taken over, by what became of them',
  labels: ['adapter', 'outcome'],
})

/** How much is asked for: what is new since the last run, or everything; `webhook`: what the other side sent by itself. */
export type RunMode = 'incremental' | 'full' | 'webhook'

/** A run as stored. */
export type AdapterRun = AnyDocument & {
  connection: string
  adapter: string
  organization: string | null
  mode: RunMode
  status: string
  dry_run: number
  cursor: string | null
  since: string | null
  pages: number
  seen: number
  job: string | null
} & Record<Outcome['outcome'], number>

/**
 * Begins a run in the caller's transaction; a job does the rest.
 * @returns the run's name
 * @throws AdapterBusy while another is at work, AdapterRefused, AdapterUnknown, DocumentNotFound
 */
export async function startRun(ctx: Context, name: string, mode: 'incremental' | 'full', isDry = false): Promise<string> {
  const system = ctx.asSystem('begins to take over records of another system')
  const connection = await connectionNamed(system, name, true)
  const adapter = adapterNamed(ctx.site, String(connection.adapter))
  if (!adapter.pull) throw new AdapterRefused({ field: 'connection', reason: `${adapter.title} cannot be asked; it tells by itself.` })
  if (!connection.enabled) throw new AdapterRefused({ field: 'connection', reason: `${name} is not enabled.` })
  const busy = and(where('connection', '=', name), where('status', '=', 'Running'))
  const [other] = await findRows(system, await ctx.site.meta.get(runDoctype), busy, { fields: ['name', 'job'], limit: 1 })
  if (other && (await isAlive(ctx, String(other.job)))) throw new AdapterBusy({ connection: name, run: other.name })
  if (other) await endRun(system, other.name, 'Failed', 'Its job was lost.')
  const since = mode === 'incremental' ? ((connection.high_water as string | null) ?? null) : null
  const run = await makeRun(system, connection, mode, { dry_run: isDry ? 1 : 0, since })
  await pullSoon(system, run)
  return run.name
}

async function isAlive(ctx: Context, id: string): Promise<boolean> {
  const job = await findJob(ctx, id)
  return job !== undefined && ['waiting', 'queued', 'running'].includes(job.state)
}

export async function makeRun(ctx: Context, connection: AnyDocument, mode: RunMode, values: Record<string, unknown>): Promise<AdapterRun> {
  return (await insert(ctx, runDoctype, {
    connection: connection.name,
    adapter: connection.adapter,
    organization: connection.organization,
    mode,
    status: 'Running',
    started_at: nowText(ctx),
    ...values,
  })) as AdapterRun
}

async function pullSoon(ctx: Context, run: AdapterRun): Promise<void> {
  const { id } = await enqueue(ctx, 'core.pull-adapter-run', { run: run.name })
  await save(ctx, run, { job: id })
}

/**
 * Fetches page after page and takes it over. A page, the place to go on from and the high-water mark are one transaction: a run that dies is
 * continued with the page that it had not finished. Records that cannot be taken keep nobody from the others.
 */
export async function pullRun(ctx: Context, name: string, job: JobRun): Promise<string> {
  try {
    return await pull(ctx, name, job)
  } catch (error) {
    const isRefusal = error instanceof AppError && error.status < 500 && ![408, 409, 425, 429].includes(error.status)
    if (job.signal.aborted || DatabaseUnavailable.is(error) || (!isRefusal && job.attempt < pullAttempts)) throw error
    ctx.site.log.error({ err: error, run: name }, 'a run of an adapter failed')
    return job.step('failed', (own) =>
      endRun(own, name, 'Failed', error instanceof AppError ? error.message : 'The log of the server says how.'),
    )
  }
}

async function pull(ctx: Context, name: string, job: JobRun): Promise<string> {
  const until = performance.now() + longestPull
  for (;;) {
    const run = await readRun(ctx, name)
    if (run.status !== 'Running' || run.job !== job.id) return run.status
    const adapter = adapterNamed(ctx.site, run.adapter)
    const connection = connectionOf(ctx, await connectionNamed(ctx, run.connection))
    await waitForTurn(ctx, adapter, run.connection, job.signal)
    const request = { cursor: run.cursor ?? '', since: run.since ?? '' }
    const page = await callService(
      ctx,
      adapter.service,
      'pull',
      (signal) => adapter.pull?.(ctx, connection, { ...request, signal }) as Promise<PulledPage>,
      { circuit: run.connection.slice(0, 69), signal: job.signal },
    )
    const key = `page ${run.pages}`
    await job.step(key, (own) => takePage(own, name, page))
    await job.progress(0, `${run.pages + 1} pages`)
    if (page.next === undefined) break
    if (performance.now() > until) {
      await job.step(`hand over ${run.pages}`, async (own) => pullSoon(own, await readRun(own, name, true)))
      return 'handed over'
    }
  }
  return finish(ctx, name, job)
}

async function waitForTurn(ctx: Context, adapter: Adapter, connection: string, signal: AbortSignal): Promise<void> {
  while (adapter.rate)
    try {
      return await demandRate(ctx.site, `adapter:${connection}`, adapter.rate)
    } catch (error) {
      if (!RateLimitExceeded.is(error)) throw error
      await pause(Math.min(60, Number(error.data.retryAfterSeconds)) * 1000, undefined, { signal })
    }
}

async function takePage(ctx: Context, name: string, page: PulledPage): Promise<void> {
  const run = await takeAll(ctx, name, page)
  const next = page.next ?? null
  await save(ctx, run, { cursor: next, pages: run.pages + 1 })
  // A mark with every page where the other side gives one: what came before it has come for good.
  if (page.highWater && !run.dry_run) await writeThrough(ctx, connectionDoctype, run.connection, { high_water: page.highWater })
}

/** Takes over what came, one by one, and writes down what became of it. @returns the run, with its new counts */
export async function takeAll(ctx: Context, name: string, page: Pick<PulledPage, 'records' | 'deleted'>): Promise<AdapterRun> {
  const run = await readRun(ctx, name)
  const stored = await connectionNamed(ctx, run.connection, true)
  const locked = await readRun(ctx, name, true)
  const taking: Taking = {
    adapter: adapterNamed(ctx.site, run.adapter),
    connection: connectionOf(ctx, stored),
    run: name,
    isDry: run.dry_run === 1,
  }
  for (const record of page.records) await note(ctx, taking, locked, await takeRecord(ctx, taking, record))
  for (const id of page.deleted ?? []) await note(ctx, taking, locked, await takeDeletion(ctx, taking, id))
  return locked
}

/** Counts an outcome; all but those that changed nothing are kept one by one. */
async function note(ctx: Context, taking: Taking, run: AdapterRun, outcome: Outcome): Promise<void> {
  run.seen += 1
  run[outcome.outcome] += 1
  ctx.afterCommit(() => taken.inc({ adapter: taking.adapter.name, outcome: outcome.outcome }))
  if (outcome.outcome === 'unchanged') return
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value))
  await insert(ctx, recordDoctype, {
    run: run.name,
    organization: run.organization,
    place: run.seen,
    external_id: outcome.externalId,
    outcome: outcome.outcome,
    ref_doctype: outcome.name === undefined ? null : taking.adapter.doctype,
    // Of a dry run there is no document.
    ref_name: taking.isDry && outcome.outcome === 'created' ? null : (outcome.name ?? null),
    before: json(outcome.before),
    after: json(outcome.after),
    base: json(outcome.base),
    modified_after: outcome.modified ?? null,
    error: outcome.error ?? null,
  })
}

/** Notes what a full run did not meet, and ends it. */
async function finish(ctx: Context, name: string, job: JobRun): Promise<string> {
  const run = await readRun(ctx, name)
  const adapter = adapterNamed(ctx.site, run.adapter)
  if (run.mode === 'full' && adapter.findsVanished && !run.dry_run) {
    const { vanished, known } = await countVanished(ctx, run)
    if (vanished > alwaysVanish && vanished > known * mostVanished) {
      const error = `${vanished} of ${known} records did not come. So many are hardly deleted: nothing was done about them.`
      return job.step('end', (own) => endRun(own, name, 'Partly', error))
    }
    for (let round = 0; ; round++) {
      const more = await job.step(`vanished ${round}`, async (own) => {
        const ids = await vanishedIds(own, run)
        if (ids.length > 0) await save(own, await takeAll(own, name, { records: [], deleted: ids }))
        return ids.length
      })
      if (more < atOnce) break
    }
  }
  return job.step('end', async (own) => {
    const { failed } = await readRun(own, name)
    return endRun(own, name, failed > 0 ? 'Partly' : 'Completed', null)
  })
}

const notMet = (run: AdapterRun) =>
  and(where('connection', '=', run.connection), where('is_deleted_there', '=', 0), where('last_run', '!=', run.name))

async function vanishedIds(ctx: Context, run: AdapterRun): Promise<string[]> {
  const meta = await ctx.site.meta.get('External Id')
  const rows = await findRows(ctx, meta, notMet(run), { fields: ['name', 'external_id'], limit: atOnce })
  return rows.map((row) => String(row.external_id))
}

async function countVanished(ctx: Context, run: AdapterRun): Promise<{ vanished: number; known: number }> {
  const meta = await ctx.site.meta.get('External Id')
  const all = and(where('connection', '=', run.connection), where('is_deleted_there', '=', 0))
  const count = async (condition: typeof all) => (await findRows(ctx, meta, condition, { fields: ['name'] })).length
  return { vanished: await count(notMet(run)), known: await count(all) }
}

/** @returns the run's status */
export async function endRun(ctx: Context, name: string, status: string, error: string | null): Promise<string> {
  const run = await readRun(ctx, name, true)
  await save(ctx, run, { status, error, ended_at: nowText(ctx) })
  if (status === 'Failed' || error) {
    const subject = `Taking over records (${run.adapter}) failed: ${error}`.slice(0, 300)
    const users = [...new Set([run.owner, administratorName])]
    await notify(ctx, { users, subject, type: 'Alert', about: { doctype: runDoctype, name }, channels: ['system'] })
  }
  return status
}

/** @throws DocumentNotFound */
export async function readRun(ctx: Context, name: string, lock = false): Promise<AdapterRun> {
  const run = await find(ctx, await ctx.site.meta.get(runDoctype), name, lock)
  if (!run) throw new DocumentNotFound({ doctype: runDoctype, name: name.slice(0, 140) })
  return run as AdapterRun
}
