import { and, where } from '#client/rules/predicate.ts'
import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText, textOfInstant } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find, getDocument } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { conditionSql } from '#kernel/query/columns.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { ReconciliationRefused, ReconciliationSettled } from './errors.ts'
import { reconciliationNamed, reconciliationsOf } from './reconciliation.ts'
import { type ReconcileInput, reconciliationDoctype } from './run.ts'

const dayMs = 86_400_000

/** What may be asked of a run. */
export interface RunOptions {
  readonly organization?: string
  readonly isDry?: boolean
}

/**
 * Has every reconciliation run now; for an organization those that can be run for one.
 * @returns ids of the jobs by reconciliation
 * @throws DocumentNotFound, PermissionDenied for an organization that the user may not read
 */
export async function runAll(ctx: Context, options: RunOptions = {}): Promise<Record<string, string>> {
  if (options.organization) await getDocument(ctx, 'Organization', options.organization)
  const jobs: Record<string, string> = {}
  for (const one of reconciliationsOf(ctx.site))
    if (one.isPerOrganization || !options.organization) jobs[one.name] = await ask(ctx, { name: one.name, ...options })
  return jobs
}

/** Has one reconciliation run now. @returns the job's id @throws ReconciliationUnknown, ReconciliationRefused, and as `runAll` */
export async function runOne(ctx: Context, name: string, options: RunOptions = {}): Promise<string> {
  const one = reconciliationNamed(ctx.site, name)
  if (options.organization && !one.isPerOrganization)
    throw new ReconciliationRefused({ field: 'organization', reason: `"${name}" is about the site as a whole.` })
  if (options.organization) await getDocument(ctx, 'Organization', options.organization)
  return ask(ctx, { name, ...options })
}

async function ask(ctx: Context, input: ReconcileInput): Promise<string> {
  const { id } = await enqueue(ctx, 'core.reconcile', { ...input }, { key: `reconcile ${JSON.stringify(input)}` })
  return id
}

/**
 * Has put right what a run held back because it was so much: looks again, and heals up to as many as the log says.
 * @returns the job's id @throws ReconciliationSettled, DocumentNotFound, PermissionDenied
 */
export async function approve(ctx: Context, log: string, reason: string): Promise<string> {
  const document = await open(ctx, log)
  const details = JSON.parse(String(document.details ?? '{}')) as { held_back?: boolean }
  if (!details.held_back) throw new ReconciliationSettled({ log, reason: 'nothing was held back.' })
  await settle(ctx, document, reason)
  const organization = document.organization ? { organization: String(document.organization) } : {}
  return ask(ctx, {
    name: String(document.job_type),
    ...organization,
    approved: Number(document.discrepancies_found),
    reason: `${ctx.user.name}: ${reason}`,
  })
}

/** Notes that a person has dealt with what a run found. @throws ReconciliationSettled, DocumentNotFound, PermissionDenied */
export async function resolve(ctx: Context, log: string, reason: string): Promise<void> {
  await settle(ctx, await open(ctx, log), reason)
}

async function open(ctx: Context, name: string): Promise<AnyDocument> {
  await getDocument(ctx, reconciliationDoctype, name)
  const log = (await find(ctx, await ctx.site.meta.get(reconciliationDoctype), name, true)) as AnyDocument
  if (log.resolved_at) throw new ReconciliationSettled({ log: name, reason: 'somebody has dealt with it.' })
  if (!Number(log.manual_review_required)) throw new ReconciliationSettled({ log: name, reason: 'it left nothing behind.' })
  return log
}

async function settle(ctx: Context, log: AnyDocument, reason: string): Promise<void> {
  const values = { resolved_by: ctx.user.name, resolved_at: nowText(ctx), resolution: reason }
  await save(ctx.asSystem('a person deals with what a reconciliation found'), log, values)
}

/** What a board of reconciliations shows: of the logs that the user may read. */
export interface ReconciliationStatus {
  readonly last_24_hours: { jobs_run: number; discrepancies: number; fixed: number; fixed_percent: number | null }
  /** The latest first, at most a hundred. */
  readonly attention: readonly { name: string; job_type: string; status: string; left: number; run_at: string; can_be_healed: boolean }[]
  readonly by_job_type_7_days: readonly { job_type: string; runs: number; checked: number; found: number; fixed: number }[]
  readonly trend_30_days: readonly { day: string; found: number; fixed: number }[]
  /** Every declared one, with its last run (UTC, document form), or null. */
  readonly jobs: readonly { name: string; title: string; every: string; per_organization: boolean; last_run: string | null }[]
}

/** @throws PermissionDenied */
export async function statusOf(ctx: Context): Promise<ReconciliationStatus> {
  const { rows: mayRead } = await demand(ctx, 'read', reconciliationDoctype)
  const meta = await ctx.site.meta.get(reconciliationDoctype)
  const since = (days: number) =>
    and(mayRead, where('dry_run', '=', 0), where('run_at', '>=', textOfInstant(ctx.clock.now() - days * dayMs)))
  const runs = await sums(ctx, since(7))
  const [day = none] = merged(await sums(ctx, since(1)), () => '')
  const open = and(mayRead, where('manual_review_required', '>', 0), where('resolved_at', 'not set'), where('dry_run', '=', 0))
  const waiting = await findRows(ctx, meta, open, { orderBy: [['run_at', 'desc']], limit: 100 })
  const trend = merged(await sums(ctx, since(30)), (row) => row.day)
  const last = merged(await sums(ctx, and(mayRead, where('dry_run', '=', 0))), (row) => row.job_type)
  return {
    last_24_hours: {
      jobs_run: day.runs,
      discrepancies: day.found,
      fixed: day.fixed,
      fixed_percent: day.found === 0 ? null : Math.round((day.fixed / day.found) * 100),
    },
    attention: waiting.map((row) => ({
      name: row.name,
      job_type: String(row.job_type),
      status: String(row.status),
      left: Number(row.manual_review_required),
      run_at: String(row.run_at),
      can_be_healed: (JSON.parse(String(row.details ?? '{}')) as { held_back?: boolean }).held_back === true,
    })),
    by_job_type_7_days: merged(runs, (row) => row.job_type).map(({ job_type, runs: n, checked, found, fixed }) => ({
      job_type,
      runs: n,
      checked,
      found,
      fixed,
    })),
    trend_30_days: trend.map((row) => ({ day: row.day, found: row.found, fixed: row.fixed })),
    jobs: reconciliationsOf(ctx.site).map(({ name, title, every, isPerOrganization }) => ({
      name,
      title,
      every,
      per_organization: isPerOrganization,
      last_run: last.find((row) => row.job_type === name)?.last ?? null,
    })),
  }
}

interface Sums {
  job_type: string
  /** UTC. */
  day: string
  runs: number
  checked: number
  found: number
  fixed: number
  last: string
}

const none: Sums = { job_type: '', day: '', runs: 0, checked: 0, found: 0, fixed: 0, last: '' }

async function sums(ctx: Context, condition: Parameters<typeof conditionSql>[3]): Promise<Sums[]> {
  const meta = await ctx.site.meta.get(reconciliationDoctype)
  // Engines differ in how they write a day; the text of the time begins with it on each.
  const day = ctx.db.dialect.name === 'postgres' ? sql`to_char(t.run_at, 'YYYY-MM-DD')` : sql`substr(t.run_at, 1, 10)`
  const rows = await ctx.db.query<Sums>(
    ctx.db.dialect.compile(sql`select t.job_type as job_type, ${day} as day, count(*) as runs, sum(coalesce(t.records_checked, 0)) as checked,
      sum(coalesce(t.discrepancies_found, 0)) as found, sum(coalesce(t.discrepancies_fixed, 0)) as fixed, max(t.run_at) as last
      from ${ident(meta.table)} as t where ${await conditionSql(ctx, meta, 't', condition)} group by t.job_type, ${day}`),
  )
  return rows.map((row) => ({
    job_type: row.job_type,
    day: String(row.day),
    runs: Number(row.runs),
    checked: Number(row.checked),
    found: Number(row.found),
    fixed: Number(row.fixed),
    last: String(row.last),
  }))
}

/** Adds up the rows of one key, in the order of keys. */
function merged(rows: readonly Sums[], key: (row: Sums) => string): Sums[] {
  const made = new Map<string, Sums>()
  for (const row of rows) {
    const one = made.get(key(row)) ?? { ...none, job_type: row.job_type, day: row.day }
    for (const field of ['runs', 'checked', 'found', 'fixed'] as const) one[field] += row[field]
    if (row.last > one.last) one.last = row.last
    made.set(key(row), one)
  }
  return [...made].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one)
}

/** Deletes old logs: those that found nothing after 30 days, those that nobody needs any more after a year. @returns how many */
export async function forgetLogs(ctx: Context): Promise<number> {
  const table = ident('tabReconciliation Log')
  const ago = (days: number) => textOfInstant(ctx.clock.now() - days * dayMs)
  const settled = sql`(coalesce(manual_review_required, 0) = 0 or resolved_at is not null)`
  const { changes } = await ctx.db.execute(
    ctx.db.dialect.compile(sql`delete from ${table} where (status = ${'success'} and coalesce(discrepancies_found, 0) = 0 and creation < ${ago(30)})
      or (dry_run = 1 and creation < ${ago(30)}) or (${settled} and creation < ${ago(365)})`),
  )
  if (changes > 0) await recordAudit(ctx, { action: 'forget', doctype: reconciliationDoctype, changes: { deleted: [changes, 0] } })
  return changes
}
