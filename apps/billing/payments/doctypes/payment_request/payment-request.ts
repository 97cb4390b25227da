import type { Decimal } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { fillCompany, todayOf } from '../../../books/company-facts.ts'
import { BadBillingValue, NotOpenForPayment, OverAllocated } from '../../../errors.ts'
import { payable } from '../../../ledger/outstanding.ts'
import { stampState } from '../../../ledger/state.ts'

interface RequestFields {
  organization: string
  company: string | null
  transaction_date: string | null
  reference_doctype: string
  reference_name: string
  party_type: string | null
  party: string | null
  party_name: string | null
  currency: string | null
  grand_total: Decimal
  outstanding_amount: Decimal
  status: string
}

/** A request to a customer to pay an invoice, or an order in advance. */
export default class PaymentRequest extends Document<RequestFields> {
  async validate(ctx: Context): Promise<void> {
    this.transaction_date ??= todayOf(ctx, await fillCompany(ctx, this))
    if (this.reference_doctype !== 'Sales Invoice' && this.reference_doctype !== 'Sales Order')
      throw new BadBillingValue({ field: 'reference_doctype', reason: 'invoices and orders are paid.' })
    const meta = await ctx.site.meta.get(this.reference_doctype)
    const [document] = await findRows(ctx, meta, where('name', '=', this.reference_name), { limit: 1, lock: this.docstatus === 1 })
    if (document?.docstatus !== 1)
      throw new NotOpenForPayment({ field: 'reference_name', document: this.reference_name, reason: 'is not submitted.' })
    const open =
      this.reference_doctype === 'Sales Invoice'
        ? (document.outstanding_amount as Decimal)
        : payable(document).minus(document.advance_paid as Decimal)
    if (open.isZero() || open.isNegative())
      throw new NotOpenForPayment({ field: 'reference_name', document: this.reference_name, reason: 'has nothing left to pay.' })
    this.party_type = 'Customer'
    this.party = String(document.customer)
    this.party_name = document.customer_name ? String(document.customer_name) : null
    this.currency = String(document.currency)
    if (this.grand_total.isZero()) this.grand_total = open
    if (this.grand_total.compare(open) > 0)
      throw new OverAllocated({
        field: 'grand_total',
        document: this.reference_name,
        allocated: this.grand_total.toString(),
        outstanding: open.toString(),
      })
    this.outstanding_amount = this.grand_total
    this.status = this.docstatus === 1 ? 'Requested' : 'Draft'
  }

  async on_cancel(ctx: Context): Promise<void> {
    await stampState(ctx, this, { status: 'Cancelled' })
  }
}
