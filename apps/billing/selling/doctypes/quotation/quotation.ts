import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { insert } from '#kernel/documents/save.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { fillCompany, todayOf } from '../../../books/company-facts.ts'
import { BadBillingValue } from '../../../errors.ts'
import { payable } from '../../../ledger/outstanding.ts'
import { stampState } from '../../../ledger/state.ts'
import { copyForNext } from '../../next-document.ts'
import type { SellingFields, TermsFields } from '../../parts.ts'
import { reckonSelling, reckonTerms } from '../../reckon.ts'

interface QuotationFields extends SellingFields, TermsFields {
  transaction_date: string | null
  valid_till: string | null
  deal: string | null
}

/** What an organization offers a customer. */
export default class Quotation extends Document<QuotationFields> {
  async validate(ctx: Context, { before }: { before?: QuotationFields } = {}): Promise<void> {
    this.transaction_date ??= todayOf(ctx, await fillCompany(ctx, this))
    if (this.valid_till && this.valid_till < this.transaction_date)
      throw new BadBillingValue({ field: 'valid_till', reason: 'an offer is not over before it is made.' })
    await reckonSelling(ctx, this, { date: this.transaction_date, before })
    const total = payable(this)
    await reckonTerms(ctx, this, { date: this.transaction_date, before, total, dueDate: null })
    this.status = this.docstatus === 1 ? 'Open' : 'Draft'
  }

  async on_cancel(ctx: Context): Promise<void> {
    await stampState(ctx, this, { status: 'Cancelled' })
  }
}

export const documentMethods = [
  defineDocumentMethod({
    verb: 'make_sales_order',
    doctype: 'Quotation',
    summary: 'Makes a draft of the order for what was offered.',
    input: Type.Object({ delivery_date: Type.Optional(Type.String({ maxLength: 10 })) }),
    needs: 'read',
    async handler(ctx, document, { delivery_date }) {
      const quotation = document as unknown as Quotation
      const facts = await fillCompany(ctx, quotation)
      if (quotation.docstatus !== 1) throw new BadBillingValue({ field: 'docstatus', reason: 'the quotation is not submitted.' })
      if (quotation.valid_till && quotation.valid_till < todayOf(ctx, facts))
        throw new BadBillingValue({ field: 'valid_till', reason: 'the quotation is not valid any more.' })
      const order = await insert(ctx, 'Sales Order', {
        ...copyForNext(quotation),
        quotation: quotation.name,
        payment_terms_template: quotation.payment_terms_template,
        delivery_date: delivery_date ?? null,
        items: copyForNext(quotation).items.map((line, index) => ({ ...line, quotation_item: quotation.items[index]?.name })),
      })
      return { name: order.name }
    },
  }),
]
