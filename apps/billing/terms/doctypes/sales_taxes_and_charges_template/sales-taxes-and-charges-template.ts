import { invoiceTotals } from '#client/rules/invoice-totals.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { fillCompany } from '../../../books/company-facts.ts'
import type { TaxRow } from '../../../selling/parts.ts'
import { taxOf } from '../../../selling/tax-of.ts'

interface TemplateFields {
  organization: string
  company: string | null
  taxes: TaxRow[]
}

/** Taxes and charges that are used again and again. */
export default class SalesTaxesAndChargesTemplate extends Document<TemplateFields> {
  async validate(ctx: Context): Promise<void> {
    await fillCompany(ctx, this)
    // Refuses rows that build on what is not above them.
    invoiceTotals([{ qty: 1, rate: 1 }], this.taxes.map(taxOf))
  }
}
