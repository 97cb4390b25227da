import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { AppError, defineError } from '#client/rules/errors.ts'
import { Decimal } from '#client/rules/decimal.ts'
import type { JobDefinition, PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText, textOfInstant } from '#kernel/context/time.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { placeOf } from '#kernel/files/file-names.ts'
import { fileStoreOf } from '#kernel/files/file-store.ts'
import { receiveStream } from '#kernel/files/received-file.ts'
import { storeFile } from '#kernel/files/store-file.ts'
import { administrator } from '#kernel/identity/principals.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import type { ReportResult } from '#kernel/reports/report.ts'
import { runReport } from '#kernel/reports/run-report.ts'
import { permittedReport } from '#kernel/reports/stored-report.ts'
import { publish } from '#kernel/realtime/publish.ts'

const compress = promisify(gzip)
const expand = promisify(gunzip)

/** Days for which a result is kept. */
const keptDays = 7
/** Milliseconds that a report in the background may take where it says nothing itself. */
const usualTimeMs = 1_200_000
const attempts = 2

export const NotPrepared = defineError<{ name: string; status: string }>({
  code: 'report/not-prepared',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The prepared report ${d.name} has no result (${d.status}).`,
})

/** The same filters in whatever order they came. */
function hashOf(filters: unknown): string {
  const sorted = JSON.stringify(filters, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
  return createHash('sha256').update(sorted).digest('hex').slice(0, 40)
}

/** Asks for a report to be run in the background as the user who asks. @returns the Prepared Report @throws as `permittedReport` */
export async function prepareReport(ctx: Context, reportName: string, filters: unknown): Promise<AnyDocument> {
  const report = await permittedReport(ctx, reportName)
  const kept = filters ?? {}
  const prepared = await insert(ctx.asSystem('a prepared report is made for its reader'), 'Prepared Report', {
    report_name: report.name,
    report: report.name,
    status: 'Queued',
    filters: JSON.stringify(kept),
    filters_hash: hashOf(kept),
    queued_by: ctx.user.name,
    queued_at: nowText(ctx),
  })
  const options = report.timeout > 0 ? { timeout: Math.min(report.timeout, 86_400) } : {}
  const job = await enqueue(ctx, 'core.prepare-report', { name: prepared.name }, options)
  await note(ctx, prepared.name, { job_id: job.id })
  return prepared
}

/** The user's own latest result for these filters, by name; undefined when there is none that still counts. */
export async function latestPrepared(ctx: Context, reportName: string, filters: unknown): Promise<string | undefined> {
  const [row] = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select name from ${ident('tabPrepared Report')} where report = ${reportName} and owner = ${ctx.user.name}
        and filters_hash = ${hashOf(filters ?? {})} and status = ${'Completed'} and expires_at > ${nowText(ctx)}
        order by creation desc, name desc limit 1`,
    ),
  )
  return row ? String(row.name) : undefined
}

/** Names and states of the user's runs that are not finished. */
export async function queuedReports(ctx: Context, reportName: string, filters: unknown): Promise<Record<string, unknown>[]> {
  return ctx.db.query(
    ctx.db.dialect.compile(
      sql`select name, status from ${ident('tabPrepared Report')} where report = ${reportName} and owner = ${ctx.user.name}
        and filters_hash = ${hashOf(filters ?? {})} and status in (${'Queued'}, ${'Started'}) order by creation desc limit 20`,
    ),
  )
}

/**
 * A kept result. Only the person for whom it was made gets it, and only while the report and its DocType are still open to them.
 * @throws DocumentNotFound, PermissionDenied, ReportNotPermitted, NotPrepared
 */
export async function readPrepared(ctx: Context, name: string): Promise<{ document: AnyDocument; result: ReportResult }> {
  const document = await getDocument(ctx, 'Prepared Report', name)
  await permittedReport(ctx, String(document.report))
  if (document.status !== 'Completed') throw new NotPrepared({ name: document.name, status: String(document.status) })
  const [file] = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select file_url from ${ident('tabFile')} where attached_to_doctype = ${'Prepared Report'} and attached_to_name = ${document.name}
        order by creation desc limit 1`,
    ),
  )
  const place = placeOf(String(file?.file_url ?? ''))
  if (!place) throw new NotPrepared({ name: document.name, status: 'lost' })
  const pieces: Buffer[] = []
  for await (const piece of fileStoreOf(ctx.site).read(place)) pieces.push(piece as Buffer)
  return { document, result: thaw((await expand(Buffer.concat(pieces))).toString()) }
}

/** Amounts stay exact on the way through the file. */
function freeze(result: ReportResult): string {
  // Decimals turn into numbers before a replacer sees them, except by way of the object that holds them.
  return JSON.stringify(result, function (this: Record<string, unknown>, key, value: unknown) {
    const own = this[key]
    return own instanceof Decimal ? { $decimal: own.toString() } : value
  })
}

function thaw(text: string): ReportResult {
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === 'object' && value !== null && '$decimal' in value ? Decimal.from(String(value.$decimal)) : value,
  ) as ReportResult
}

function note(ctx: Context, name: string, values: Record<string, unknown>): Promise<void> {
  return writeThrough(ctx.asSystem('keeps the state of a prepared report'), 'Prepared Report', name, values)
}

/** Runs a report as the user who asked for it, and keeps the result. */
const prepare: JobDefinition = {
  queue: 'long',
  attempts,
  run: async (ctx, input, job) => {
    const name = String(input.name)
    const document = await job.step('start', async (own) => {
      await note(own, name, { status: 'Started' })
      const { report, filters } = await getDocument(own, 'Prepared Report', name)
      return { report: String(report), filters: String(filters ?? '') }
    })
    await job.progress(5)
    try {
      const { timeout } = await permittedReport(ctx, document.report)
      const filters = document.filters === '{}' ? undefined : document.filters
      const result = await runReport(ctx, document.report, filters, { timeMs: timeout > 0 ? timeout * 1000 : usualTimeMs })
      await job.progress(80)
      await keep(ctx, name, result)
      await note(ctx, name, {
        status: 'Completed',
        row_count: result.rows.length,
        report_end_time: nowText(ctx),
        expires_at: textOfInstant(ctx.clock.now() + keptDays * 86_400_000),
      })
    } catch (error) {
      // A refusal will be the same the next time; anything else may pass.
      if (!(error instanceof AppError && error.status < 500) && job.attempt < attempts) throw error
      const message = error instanceof AppError ? error.message : 'The report failed.'
      if (!(error instanceof AppError)) ctx.site.log.error({ err: error, report: document.report }, 'a prepared report failed')
      await note(ctx, name, { status: 'Error', error_message: message, report_end_time: nowText(ctx) })
    }
    await publish(ctx, 'report_generated', { report_name: document.report, name }, { user: ctx.user.name })
    return { name }
  },
}

/** Stored for the platform, not for the user: who may have it is asked again at each reading. */
async function keep(ctx: Context, name: string, result: ReportResult): Promise<void> {
  const bytes = await compress(freeze(result))
  const file = await receiveStream(ctx.site, Readable.from([bytes]), `${name}.json.gz`)
  let isStored = false
  try {
    const details = { isPrivate: true, attachedTo: { doctype: 'Prepared Report', name } }
    await storeFile(ctx.as(administrator()), file, details)
    isStored = true
  } finally {
    await file.finish(ctx.site, isStored)
  }
}

/** Results whose time is over go, with their files. */
const forget: JobDefinition = {
  queue: 'long',
  asSystem: 'forgets prepared reports whose time is over',
  run: async (ctx) => {
    const rows = await ctx.db.query<Row>(
      ctx.db.dialect.compile(
        sql`select name from ${ident('tabPrepared Report')} where expires_at < ${nowText(ctx)}
          or (expires_at is null and creation < ${textOfInstant(ctx.clock.now() - keptDays * 86_400_000)}) order by creation limit 500`,
      ),
    )
    for (const row of rows) await remove(ctx, 'Prepared Report', String(row.name))
    return { removed: rows.length }
  },
}

export const preparedJobs: Readonly<Record<string, JobDefinition>> = { 'prepare-report': prepare, 'forget-prepared-reports': forget }

/** What was made for one person is nobody else’s, and not that person’s any more once the report is closed to them. */
export const preparedPermissions: PermissionHooks = {
  check: async (ctx, document) => {
    if (document.owner !== ctx.user.name) return false
    try {
      await permittedReport(ctx, String(document.report))
      return true
    } catch (error) {
      if (error instanceof AppError) return false
      throw error
    }
  },
}
