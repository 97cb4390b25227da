import { isEmail } from '#client/rules/formats.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { filtersFor } from '#kernel/reports/charts.ts'
import { ReportInvalid } from '#kernel/reports/errors.ts'
import { permittedReport } from '#kernel/reports/stored-report.ts'

interface AutoEmailReportFields {
  report: string
  user: string
  email_to: string
  filters: string | null
}

const mostAddresses = 50

/** A report that is mailed at regular times. It runs as the person who set it up, who must be allowed to mail what it holds. */
export default class AutoEmailReport extends Document<AutoEmailReportFields> {
  async validate(ctx: Context): Promise<void> {
    // Whose eyes it sees with is not to be chosen: whoever changes it answers for what goes out.
    if (!ctx.user.unrestricted || !this.user) this.user = ctx.user.name
    await permittedReport(ctx, this.report, 'email')
    filtersFor(this.filters, undefined)
    const addresses = this.email_to.split(/[\s,;]+/).filter((address) => address !== '')
    const bad = addresses.find((address) => !isEmail(address))
    if (bad !== undefined)
      throw new ReportInvalid({ report: this.report, field: 'email_to', reason: `${bad.slice(0, 140)} is no e-mail address.` })
    if (addresses.length === 0 || addresses.length > mostAddresses)
      throw new ReportInvalid({ report: this.report, field: 'email_to', reason: `it goes to between 1 and ${mostAddresses} addresses.` })
    this.email_to = addresses.join('\n')
  }
}
