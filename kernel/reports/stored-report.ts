import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { bypasses, can } from '#kernel/permissions/grants.ts'
import { ReportDisabled, ReportInvalid, ReportNotPermitted } from './errors.ts'
import type { ReportDefinition, ReportFilterDefinition } from './report.ts'

/** A Report document as the kernel reads it. */
export interface StoredReport {
  readonly name: string
  readonly refDoctype: string
  readonly type: 'Report Builder' | 'Query Report' | 'Script Report' | 'Custom Report'
  readonly addTotalRow: boolean
  readonly isPrepared: boolean
  /** Seconds that a run in the background may take; 0: as the queue says. */
  readonly timeout: number
  readonly query: string
  readonly script: string
  readonly json: string
  /** The report that a Custom Report stands on. */
  readonly base: string
  readonly columns: readonly Record<string, unknown>[]
  readonly filters: readonly ReportFilterDefinition[]
  /** The app's code, for a report that has some. */
  readonly definition: ReportDefinition | undefined
  readonly document: AnyDocument
}

/**
 * The report of that name, if the user may run it: one of its roles, where it names any, and the right to report on its DocType; of a
 * Custom Report also those of the report below.
 * @param action the right on the DocType that is wanted besides
 * @throws DocumentNotFound, ReportNotPermitted, ReportDisabled
 */
export async function permittedReport(ctx: Context, name: string, action?: Action): Promise<StoredReport> {
  const report = readReport(ctx, await load(ctx, await ctx.site.meta.get('Report'), name))
  if (!(await mayRun(ctx, report, action))) throw new ReportNotPermitted({ report: report.name })
  if (report.document.disabled === 1) throw new ReportDisabled({ report: report.name })
  return report
}

async function mayRun(ctx: Context, report: StoredReport, action: Action | undefined): Promise<boolean> {
  if (!(await can(ctx, 'report', report.refDoctype)) || !(await can(ctx, 'read', report.refDoctype))) return false
  if (action && !(await can(ctx, action, report.refDoctype))) return false
  if (bypasses(ctx)) return true
  const roles = [...((report.document.roles as { role?: string }[] | undefined) ?? []).map((row) => String(row.role ?? ''))]
  return roles.length === 0 || roles.some((role) => ctx.user.roles.has(role))
}

function readReport(ctx: Context, document: AnyDocument): StoredReport {
  const text = (field: string) => String(document[field] ?? '')
  const rows = (field: string) => (document[field] as Record<string, unknown>[] | undefined) ?? []
  const isStandard = document.is_standard === 'Yes'
  const definition = isStandard
    ? ctx.site.apps.all.flatMap((app) => app.reports ?? []).find((one) => one.name === document.name)
    : undefined
  return {
    name: document.name,
    refDoctype: text('ref_doctype'),
    type: text('report_type') as StoredReport['type'],
    addTotalRow: document.add_total_row === 1,
    isPrepared: document.prepared_report === 1,
    timeout: Number(document.timeout ?? 0),
    query: text('query'),
    script: text('report_script'),
    json: text('json'),
    base: text('reference_report'),
    columns: rows('columns'),
    filters: definition?.filters ?? rows('filters').map(readFilterRow),
    definition,
    document,
  }
}

function readFilterRow(row: Record<string, unknown>): ReportFilterDefinition {
  const { options, default: initial } = row
  return {
    fieldname: String(row.fieldname ?? ''),
    label: String(row.label ?? ''),
    fieldtype: String(row.fieldtype ?? 'Data'),
    mandatory: row.mandatory === 1,
    ...(options ? { options: String(options) } : {}),
    ...(initial ? { default: String(initial) } : {}),
  }
}

/** The settings in a report's `json`. @throws ReportInvalid */
export function jsonObject(report: Pick<StoredReport, 'name' | 'json'>): Record<string, unknown> {
  const made = report.json.trim() === '' ? {} : parseJson(report.json, 'json')
  if (typeof made !== 'object' || made === null || Array.isArray(made))
    throw new ReportInvalid({ report: report.name, field: 'json', reason: 'its settings are not an object.' })
  return made as Record<string, unknown>
}
