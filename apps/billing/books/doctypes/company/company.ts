import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { BadBillingValue } from '../../../errors.ts'
import { checkSeries } from '../../../invoicing/numbering.ts'
import { foundBooks } from '../../chart.ts'
import { forgetCompany } from '../../company-facts.ts'

interface CompanyFields {
  organization: string
  abbr: string
  invoice_number_series: string | null
  credit_note_number_series: string | null
  accounts_frozen_till_date: string | null
}

/** The legal entity of an organization; there is one each, and it bears the organization's name. */
export default class Company extends Document<CompanyFields> {
  validate(ctx: Context, { before }: { before?: CompanyFields } = {}): void {
    for (const field of ['invoice_number_series', 'credit_note_number_series'] as const) if (this[field]) checkSeries(this[field], field)
    const closed = before?.accounts_frozen_till_date
    const isOpened = closed && (this.accounts_frozen_till_date ?? '') < closed
    const may = ctx.user.unrestricted || ctx.user.roles.has('Finance Manager') || ctx.user.roles.has('Super Admin')
    if (isOpened && !may)
      throw new BadBillingValue({ field: 'accounts_frozen_till_date', reason: 'only finance managers open what was closed.' })
  }

  async after_insert(ctx: Context): Promise<void> {
    await foundBooks(ctx, this.organization)
  }

  on_change(ctx: Context): void {
    forgetCompany(ctx, this.organization)
  }
}
