import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { can } from '#kernel/permissions/grants.ts'
import { ReportInvalid } from '#kernel/reports/errors.ts'
import { checkQuery } from '#kernel/reports/query-report.ts'
import { jsonObject } from '#kernel/reports/stored-report.ts'

interface ReportFields {
  report_name: string
  ref_doctype: string
  reference_report: string | null
  is_standard: 'Yes' | 'No'
  report_type: string
  query: string | null
  report_script: string | null
  json: string | null
}

/** Who may write reports that compute: a query or script costs more than a list. */
const authors = ['System Manager', 'Administrator']

/** A question asked again and again: a saved list, a query, a script, or another report in other clothes. */
export default class Report extends Document<ReportFields> {
  async validate(ctx: Context, { before }: { before?: ReportFields } = {}): Promise<void> {
    const refuse = (field: string, reason: string): never => {
      throw new ReportInvalid({ report: this.report_name, field, reason })
    }
    const isPlatform = ctx.user.unrestricted && ctx.elevation !== undefined
    if (!isPlatform && (this.is_standard === 'Yes' || before?.is_standard === 'Yes'))
      refuse('is_standard', 'reports that an app brings are changed in the app.')
    const isComputed = this.report_type === 'Query Report' || this.report_type === 'Script Report'
    if (isComputed && !ctx.user.unrestricted && !authors.some((role) => ctx.user.roles.has(role)))
      refuse('report_type', 'only a System Manager may write queries and scripts.')
    if (!ctx.user.unrestricted && !(await can(ctx, 'report', this.ref_doctype)))
      throw new PermissionDenied({ doctype: this.ref_doctype, action: 'report' })
    if (this.report_type === 'Query Report') checkQuery(this.query ?? '')
    if (this.report_type === 'Script Report' && this.is_standard === 'No')
      await checkReportScript(this.report_name, this.report_script ?? '')
    if (this.report_type === 'Report Builder' || this.report_type === 'Custom Report')
      jsonObject({ name: this.report_name, json: this.json ?? '' })
    if (this.report_type === 'Custom Report' && !this.reference_report)
      refuse('reference_report', 'a Custom Report needs the report it stands on.')
  }

  on_trash(ctx: Context): void {
    if (this.is_standard === 'Yes' && ctx.elevation === undefined)
      throw new ReportInvalid({ report: this.report_name, field: 'is_standard', reason: 'reports that an app brings go with the app.' })
  }
}

async function checkReportScript(report: string, source: string): Promise<void> {
  if (source.trim() === '') throw new ReportInvalid({ report, field: 'report_script', reason: 'a Script Report needs a script.' })
  const { checkScript } = await import('#kernel/scripts/sandbox.ts')
  const problem = await checkScript(source)
  if (problem) throw new ReportInvalid({ report, field: 'report_script', reason: `line ${problem.line}: ${problem.reason}` })
}
