import { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { companyOf, demandDigits, fillCompany, todayOf } from '../../../books/company-facts.ts'
import { BadBillingValue } from '../../../errors.ts'
import { exchangeDifference, openItem, settle, unsettle } from '../../../ledger/outstanding.ts'
import { post, reverse, voucherOf } from '../../../ledger/post.ts'
import { stampState } from '../../../ledger/state.ts'

interface AllocationFields {
  organization: string
  company: string | null
  posting_date: string | null
  customer: string
  source_doctype: 'Payment Entry' | 'Sales Invoice'
  source_name: string
  sales_invoice: string
  currency: string | null
  allocated_amount: Decimal
  difference_amount: Decimal
}

/** What of an earlier payment or credit note is used for an invoice. A document of its own, because a submitted payment is not changed. */
export default class PaymentAllocation extends Document<AllocationFields> {
  async validate(ctx: Context): Promise<void> {
    this.posting_date ??= todayOf(ctx, await fillCompany(ctx, this))
    if (this.allocated_amount.isZero() || this.allocated_amount.isNegative())
      throw new BadBillingValue({ field: 'allocated_amount', reason: 'an amount is more than zero.' })
    if (this.source_name === this.sales_invoice) throw new BadBillingValue({ field: 'sales_invoice', reason: 'nothing settles itself.' })
    this.currency = (await openItem(ctx, { doctype: 'Sales Invoice', name: this.sales_invoice }, 'sales_invoice')).currency
    await demandDigits(ctx, this.currency, this.allocated_amount, 'allocated_amount')
  }

  async on_submit(ctx: Context): Promise<void> {
    const voucher = voucherOf(this)
    const party = { doctype: 'Customer', name: this.customer }
    const settled = await settle(ctx, voucher, party, this.currency as string, [
      {
        target: { doctype: this.source_doctype, name: this.source_name },
        amount: this.allocated_amount.negate(),
        field: 'allocated_amount',
      },
      { target: { doctype: 'Sales Invoice', name: this.sales_invoice }, amount: this.allocated_amount, field: 'allocated_amount' },
    ])
    const base = settled.reduce((sum, part) => sum.plus(part.base), Decimal.zero)
    const account = settled.find(({ item }) => item.name === this.sales_invoice)?.item.account as string
    await post(ctx, voucher, exchangeDifference(await companyOf(ctx, this.organization), account, party, base))
    if (!base.isZero()) await stampState(ctx, this, { difference_amount: base })
  }

  async on_cancel(ctx: Context): Promise<void> {
    await unsettle(ctx, voucherOf(this))
    await reverse(ctx, voucherOf(this))
  }
}
