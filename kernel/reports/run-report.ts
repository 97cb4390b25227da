import type { Context } from '#kernel/context/context.ts'
import { load } from '#kernel/documents/load.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { readsFor } from '#kernel/permissions/reads.ts'
import { runBuilder } from './builder.ts'
import { readColumns, shownValue } from './columns.ts'
import { customise } from './custom-report.ts'
import { ReportInvalid, ReportTooLarge } from './errors.ts'
import { filtersObject, readFilters } from './filters.ts'
import { runQueryReport } from './query-report.ts'
import type { ReportResult, ScriptedResult } from './report.ts'
import { runScript } from './script-report.ts'
import { jsonObject, permittedReport, type StoredReport } from './stored-report.ts'
import { totalOf } from './totals.ts'

/** How far one run may go. */
export interface RunOptions {
  /** Another right on the report's DocType, demanded and applied to its rows: `export`. */
  readonly action?: Action
  /** Milliseconds for a query; default 30 s. */
  readonly timeMs?: number
}

/** Rows of one report at most. */
export const mostRows = 100_000
const defaultTimeMs = 30_000

/**
 * Runs a report as the context's user: what it shows is what that user may read, whoever wrote it. Times come in the site's zone.
 * @param filters an object by fieldname or its JSON text; for a Report Builder also a list of conditions
 * @throws DocumentNotFound, ReportNotPermitted, ReportDisabled, ReportInvalid, BadReportFilter, ReportTooLong, ReportTooLarge, and what
 *         lists, queries and scripts throw
 */
export async function runReport(ctx: Context, reportName: string, filters?: unknown, options: RunOptions = {}): Promise<ReportResult> {
  readsFor(ctx, options.action === 'export' ? 'export' : 'report')
  return runStored(ctx, await permittedReport(ctx, reportName, options.action), filters, options, true)
}

async function runStored(
  ctx: Context,
  report: StoredReport,
  given: unknown,
  options: RunOptions,
  mayBeCustom: boolean,
): Promise<ReportResult> {
  const { timeMs = defaultTimeMs, action } = options
  switch (report.type) {
    case 'Report Builder':
      return runBuilder(ctx, report, given, action, mostRows)
    case 'Query Report': {
      const filters = readFilters(ctx, report.name, report.filters, filtersObject(report.name, given))
      const result = await runQueryReport(ctx, report, filters, { action, timeMs, rows: mostRows })
      return withTotal(report, result, false)
    }
    case 'Script Report': {
      const filters = readFilters(ctx, report.name, report.filters, filtersObject(report.name, given))
      const made = report.definition ? await report.definition.run(ctx, filters) : await runScript(ctx, report, filters, timeMs)
      return withTotal(report, fromScript(ctx, report, made), made.skipTotalRow === true)
    }
    case 'Custom Report': {
      if (!mayBeCustom || report.base === '')
        throw new ReportInvalid({
          report: report.name,
          field: 'reference_report',
          reason: 'it must stand on a report that is not a Custom Report.',
        })
      const settings = jsonObject(report)
      const base = await permittedReport(ctx, report.base, action)
      const filters = { ...filtersObject(report.name, settings.filters), ...filtersObject(report.name, given) }
      return customise(ctx, await runStored(ctx, base, filters, options, false), settings)
    }
    default:
      throw new ReportInvalid({ report: report.name, field: 'report_type', reason: 'its type is unknown.' })
  }
}

function withTotal(report: StoredReport, result: ReportResult, isSkipped: boolean): ReportResult {
  const total = report.addTotalRow && !isSkipped ? totalOf(result.columns, result.rows) : undefined
  return total ? { ...result, total } : result
}

/** What code gave, with all columns in full and rows by fieldname. @throws ReportInvalid, ReportTooLarge */
function fromScript(ctx: Context, report: StoredReport, made: ScriptedResult): ReportResult {
  const refuse = (reason: string): never => {
    throw new ReportInvalid({ report: report.name, field: 'report_script', reason })
  }
  const columns = readColumns(made.columns ?? report.definition?.columns ?? (report.columns as never))
  if (columns.length === 0) refuse('it gave no columns.')
  if (!Array.isArray(made.rows)) refuse('its rows are not a list.')
  if (made.rows.length > mostRows) throw new ReportTooLarge({ rows: mostRows })
  const wire = wireV1(ctx)
  const rows = made.rows.map((given) => {
    const isList = Array.isArray(given)
    if (typeof given !== 'object' || given === null) refuse('a row is neither an object nor a list.')
    const row: Record<string, unknown> = {}
    if (!isList)
      for (const key of ['indent', 'parent', 'bold', 'is_total_row', 'currency'])
        if (key in given) row[key] = (given as Record<string, unknown>)[key]
    for (const [at, column] of columns.entries()) {
      const value = isList ? (given as unknown[])[at] : (given as Record<string, unknown>)[column.fieldname]
      row[column.fieldname] = shownValue(column, value, wire)
      // The currency of an amount may stand in a field that is no column.
      if (!isList && column.fieldtype === 'Currency' && column.options && column.options in given)
        row[column.options] = (given as Record<string, unknown>)[column.options]
    }
    return row
  })
  return {
    columns,
    rows,
    ...(made.summary && { summary: made.summary }),
    ...(made.chart && { chart: made.chart }),
    ...(made.message && { message: made.message }),
  }
}

/** The filters that a report declares, for those who draw them. @throws as `permittedReport` */
export async function reportFilters(ctx: Context, name: string): Promise<StoredReport['filters']> {
  const report = await permittedReport(ctx, name)
  if (report.type !== 'Custom Report') return report.filters
  return (await permittedReport(ctx, String((await load(ctx, await ctx.site.meta.get('Report'), name)).reference_report))).filters
}
