import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { remove } from '#kernel/documents/remove.ts'
import { exists, getDocument } from '#kernel/documents/load.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { readListInput, readName } from '#kernel/methods/document-input.ts'
import { FileAnswer } from '#kernel/methods/file-answer.ts'
import { checkedPerDocument, defineMethod, type Method, type Verb } from '#kernel/methods/method.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { shownV1 } from '#kernel/methods/wire-v1.ts'
import { grantFor } from '#kernel/permissions/grants.ts'
import { linkTitlesOf } from '#kernel/reports/link-titles.ts'
import { reportCsv, reportXlsx } from '#kernel/reports/export-report.ts'
import type { ReportResult } from '#kernel/reports/report.ts'
import { reportFilters, runReport } from '#kernel/reports/run-report.ts'
import { permittedReport } from '#kernel/reports/stored-report.ts'
import { totalCells } from '#kernel/reports/totals.ts'
import { latestPrepared, prepareReport, queuedReports, readPrepared } from './prepared.ts'

const any = Type.Optional(Type.Unknown())
const text = Type.Optional(Type.String())
const name = Type.String({ minLength: 1, maxLength: 140 })
const reading: readonly Verb[] = ['GET', 'POST']
const asReader = checkedPerDocument('a report runs as its reader, who needs its roles and the right to report on its DocType')

/** A result as Frappe's screens take it: the total is the last row, as a list. */
function answerOf(result: ReportResult, startedAt: number): Record<string, unknown> {
  return {
    result: result.total ? [...result.rows, totalCells(result.columns, result.total)] : result.rows,
    columns: result.columns,
    message: result.message ?? null,
    chart: result.chart ?? null,
    report_summary: result.summary ?? null,
    skip_total_row: result.total ? 0 : 1,
    status: null,
    execution_time: Number(((performance.now() - startedAt) / 1000).toFixed(6)),
    add_total_row: result.total !== undefined,
  }
}

/** A filter by which screens ask for a certain prepared result. */
function askedPrepared(filters: unknown): { filters: unknown; prepared: string | undefined } {
  const value = typeof filters === 'string' && filters.trim() !== '' ? parseJson(filters, 'filters') : filters
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { filters: value, prepared: undefined }
  const { prepared_report_name: prepared, ...others } = value as Record<string, unknown>
  return { filters: others, prepared: typeof prepared === 'string' && prepared !== '' ? prepared : undefined }
}

const run = defineMethod({
  path: 'frappe.desk.query_report.run',
  summary: 'Runs a report as the caller. One that is prepared gives its kept result, if there is one.',
  verbs: reading,
  input: Type.Object({
    report_name: name,
    filters: any,
    user: text,
    ignore_prepared_report: Type.Optional(Type.Boolean()),
    custom_columns: any,
    is_tree: any,
    parent_field: text,
    are_default_filters: any,
  }),
  rule: asReader,
  handler: async (ctx, given) => {
    const startedAt = performance.now()
    const report = await permittedReport(ctx, given.report_name)
    const { filters, prepared } = askedPrepared(given.filters)
    if (!prepared && (!report.isPrepared || given.ignore_prepared_report)) {
      const result = await runReport(ctx, report.name, filters)
      await addLinkTitles(ctx, result)
      return answerOf(result, startedAt)
    }
    const found = prepared ?? (await latestPrepared(ctx, report.name, filters))
    if (!found) return { ...answerOf({ columns: [], rows: [] }, startedAt), prepared_report: true, doc: null }
    const { document, result } = await readPrepared(ctx, found)
    if (document.report !== report.name)
      throw new BadInput({ method: 'frappe.desk.query_report.run', field: 'filters', reason: 'names a result of another report' })
    await addLinkTitles(ctx, result)
    return { ...answerOf(result, startedAt), prepared_report: true, doc: await shownV1(ctx, document) }
  },
})

async function addLinkTitles(ctx: Context, result: ReportResult): Promise<void> {
  const titles = await linkTitlesOf(ctx, result)
  if (Object.keys(titles).length > 0) ctx.answer._link_titles = { ...(ctx.answer._link_titles as object | undefined), ...titles }
}

const getScript = defineMethod({
  path: 'frappe.desk.query_report.get_script',
  summary: 'The script of a report’s page, and the filters it asks for.',
  verbs: reading,
  input: Type.Object({ report_name: name }),
  rule: asReader,
  handler: async (ctx, given) => {
    const report = await permittedReport(ctx, given.report_name)
    return {
      script: String(report.document.javascript ?? '') || `frappe.query_reports[${JSON.stringify(report.name)}] = {}`,
      html_format: null,
      execution_time: 0,
      filters: await reportFilters(ctx, report.name),
      ...(report.type === 'Custom Report' && { custom_report_name: report.name }),
    }
  },
})

const exportQuery = defineMethod({
  path: 'frappe.desk.query_report.export_query',
  summary: 'A report as CSV or XLSX, for those with the right to export its DocType.',
  verbs: reading,
  input: Type.Object({
    report_name: name,
    filters: any,
    file_format_type: Type.Optional(Type.Union([Type.Literal('CSV'), Type.Literal('Excel'), Type.Literal('XLSX')])),
    custom_columns: any,
    include_indentation: Type.Optional(Type.Boolean()),
    include_filters: any,
    visible_idx: any,
    csv_delimiter: text,
    csv_quoting: any,
    csv_decimal_sep: any,
  }),
  rule: checkedPerDocument('the right to export is demanded, and the report runs as its reader'),
  handler: async (ctx, given) => {
    const { filters, prepared } = askedPrepared(given.filters)
    const report = await permittedReport(ctx, given.report_name, 'export')
    const result =
      prepared && (await exportsAllItReports(ctx, report.refDoctype))
        ? await preparedOf(ctx, prepared, report.name)
        : await runReport(ctx, report.name, filters, { action: 'export' })
    const options = {
      withIndentation: given.include_indentation === true,
      ...(given.csv_delimiter && { delimiter: given.csv_delimiter }),
      ...visibleRows(given.visible_idx, result.rows.length),
    }
    if (given.file_format_type === 'CSV')
      return new FileAnswer(`${report.name}.csv`, 'text/csv; charset=utf-8', Readable.from(reportCsv(result, options)))
    const type = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'
    return new FileAnswer(`${report.name}.xlsx`, type, Readable.from(reportXlsx(result, report.name, options)))
  },
})

/** Whether the right to export covers the same rows as that to report, which a kept result was made with. */
async function exportsAllItReports(ctx: Context, doctype: string): Promise<boolean> {
  const [report, exported] = [await grantFor(ctx, doctype, 'report'), await grantFor(ctx, doctype, 'export')]
  return JSON.stringify(report.rows) === JSON.stringify(exported.rows)
}

async function preparedOf(ctx: Context, name: string, report: string): Promise<ReportResult> {
  const { document, result } = await readPrepared(ctx, name)
  if (document.report !== report)
    throw new BadInput({ method: 'frappe.desk.query_report', field: 'filters', reason: 'names a result of another report' })
  return result
}

/** Screens name the rows they show when somebody has narrowed them down; all rows is no choice. */
function visibleRows(given: unknown, rows: number): { visible?: number[] } {
  if (given === undefined || given === null || given === '') return {}
  const listed = readListInput('frappe.desk.query_report.export_query', given, 'visible_idx', 100_001)
  const visible = listed.filter((at): at is number => typeof at === 'number' && Number.isInteger(at) && at >= 0 && at < rows)
  return visible.length === 0 || visible.length >= rows ? {} : { visible }
}

const enqueueRun = defineMethod({
  path: 'frappe.desk.query_report.background_enqueue_run',
  summary: 'Runs a report in the background; the result waits as a Prepared Report.',
  verbs: ['POST'],
  input: Type.Object({ report_name: name, filters: any, user: text }),
  rule: asReader,
  handler: async (ctx, given) => {
    const prepared = await prepareReport(ctx, given.report_name, askedPrepared(given.filters).filters)
    return { name: prepared.name, redirect_url: `/app/prepared-report/${prepared.name}` }
  },
})

const makePrepared = defineMethod({
  path: 'frappe.core.doctype.prepared_report.prepared_report.make_prepared_report',
  summary: 'As background_enqueue_run.',
  verbs: ['POST'],
  input: Type.Object({ report_name: name, filters: any }),
  rule: asReader,
  handler: async (ctx, given) => ({ name: (await prepareReport(ctx, given.report_name, askedPrepared(given.filters).filters)).name }),
})

const queuedState = defineMethod({
  path: 'frappe.core.doctype.prepared_report.prepared_report.get_reports_in_queued_state',
  summary: 'The caller’s runs of a report that are not finished.',
  verbs: reading,
  input: Type.Object({ report_name: name, filters: any }),
  rule: asReader,
  handler: async (ctx, given) => {
    const report = await permittedReport(ctx, given.report_name)
    return queuedReports(ctx, report.name, askedPrepared(given.filters).filters)
  },
})

const deletePrepared = defineMethod({
  path: 'frappe.core.doctype.prepared_report.prepared_report.delete_prepared_reports',
  summary: 'Deletes prepared reports of the caller.',
  verbs: ['POST', 'DELETE'],
  input: Type.Object({ reports: Type.Unknown() }),
  rule: checkedPerDocument('remove demands the right to delete each'),
  handler: async (ctx, given) => {
    const path = 'frappe.core.doctype.prepared_report.prepared_report.delete_prepared_reports'
    for (const [at, one] of readListInput(path, given.reports, 'reports', 500).entries()) {
      const target = typeof one === 'object' && one !== null ? (one as { name?: unknown }).name : one
      await remove(ctx, 'Prepared Report', readName(path, target, `reports[${at}]`))
    }
    return undefined
  },
})

const saveBuilder = defineMethod({
  path: 'frappe.desk.reportview.save_report',
  summary: 'Keeps a list as a Report Builder report, made or changed; one’s own unless one may write reports.',
  verbs: ['POST'],
  input: Type.Object({ name, doctype: name, report_settings: Type.Unknown() }),
  rule: checkedPerDocument('the right to report on the DocType is demanded, and reports of others need the right to write reports'),
  handler: async (ctx, given) => {
    const json = typeof given.report_settings === 'string' ? given.report_settings : JSON.stringify(given.report_settings)
    const values = { ref_doctype: given.doctype, report_type: 'Report Builder', json, is_standard: 'No' }
    if (!(await exists(ctx, 'Report', given.name))) return (await insert(ctx, 'Report', { report_name: given.name, ...values })).name
    const report = await openForWrite(ctx, 'Report', given.name)
    if (report.report_type !== 'Report Builder' || report.is_standard === 'Yes')
      throw new BadInput({ method: 'frappe.desk.reportview.save_report', field: 'name', reason: 'is the name of a report of another kind' })
    return (await save(ctx, report, values)).name
  },
})

const deleteBuilder = defineMethod({
  path: 'frappe.desk.reportview.delete_report',
  summary: 'Deletes a Report Builder report.',
  verbs: ['POST', 'DELETE'],
  input: Type.Object({ name }),
  rule: checkedPerDocument('remove demands the right to delete'),
  handler: async (ctx, given) => {
    const report = await getDocument(ctx, 'Report', given.name)
    if (report.report_type !== 'Report Builder' || report.is_standard === 'Yes')
      throw new BadInput({ method: 'frappe.desk.reportview.delete_report', field: 'name', reason: 'is no report of the Report Builder' })
    await remove(ctx, 'Report', report.name)
    return undefined
  },
})

const saveCustom = defineMethod({
  path: 'frappe.desk.query_report.save_report',
  summary: 'Keeps a choice of another report’s columns and filters as a Custom Report.',
  verbs: ['POST'],
  input: Type.Object({ reference_report: name, report_name: name, columns: Type.Unknown(), filters: any }),
  rule: checkedPerDocument('the report below is demanded, and the right to write reports'),
  handler: async (ctx, given) => {
    const base = await permittedReport(ctx, given.reference_report)
    const columns = readListInput('frappe.desk.query_report.save_report', given.columns, 'columns', 200)
    const values = {
      ref_doctype: base.refDoctype,
      report_type: 'Custom Report',
      is_standard: 'No',
      reference_report: base.type === 'Custom Report' ? base.base : base.name,
      json: JSON.stringify({ columns, filters: askedPrepared(given.filters).filters ?? {} }),
    }
    if (!(await exists(ctx, 'Report', given.report_name)))
      return (await insert(ctx, 'Report', { report_name: given.report_name, ...values })).name
    const report = await openForWrite(ctx, 'Report', given.report_name)
    if (report.report_type !== 'Custom Report')
      throw new BadInput({
        method: 'frappe.desk.query_report.save_report',
        field: 'report_name',
        reason: 'is the name of a report of another kind',
      })
    return (await save(ctx, report, values)).name
  },
})

/** What report screens call. */
export const reportMethods: readonly Method[] = [
  run,
  getScript,
  exportQuery,
  enqueueRun,
  makePrepared,
  queuedState,
  deletePrepared,
  saveBuilder,
  deleteBuilder,
  saveCustom,
]
