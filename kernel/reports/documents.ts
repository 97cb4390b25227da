import type { Fixture } from '#kernel/apps/app.ts'
import type { ChartSourceDefinition, ReportDefinition } from './report.ts'

/** The documents by which people find the reports and chart sources that an app brings as code; each migrate brings them up to date. */
export function documentsOfReports(reports: readonly ReportDefinition[], sources: readonly ChartSourceDefinition[]): Fixture[] {
  const fixtures: Fixture[] = []
  if (reports.length > 0) fixtures.push({ doctype: 'Report', documents: reports.map(reportDocument) })
  if (sources.length > 0) {
    const documents = sources.map(({ name, module, timeseries }) => ({ name, source_name: name, module, timeseries: timeseries ? 1 : 0 }))
    fixtures.push({ doctype: 'Dashboard Chart Source', documents })
  }
  return fixtures
}

function reportDocument(report: ReportDefinition): Record<string, unknown> {
  return {
    name: report.name,
    report_name: report.name,
    ref_doctype: report.refDoctype,
    is_standard: 'Yes',
    report_type: 'Script Report',
    add_total_row: report.addTotalRow ? 1 : 0,
    prepared_report: report.isPrepared ? 1 : 0,
    roles: (report.roles ?? []).map((role) => ({ role })),
    filters: (report.filters ?? []).map(({ fieldname, label, fieldtype, options, default: initial, mandatory }) => ({
      fieldname,
      label,
      fieldtype,
      options: options ?? null,
      default: initial === undefined ? null : String(initial),
      mandatory: mandatory ? 1 : 0,
    })),
    ...(report.module && { module: report.module }),
  }
}
