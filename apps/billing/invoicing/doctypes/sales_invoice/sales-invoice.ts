import { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { accountOf, fillCompany, todayOf } from '../../../books/company-facts.ts'
import { payable, unsettle } from '../../../ledger/outstanding.ts'
import { reverse, voucherOf } from '../../../ledger/post.ts'
import { stampState } from '../../../ledger/state.ts'
import { demandCredit } from '../../../selling/credit-limit.ts'
import { reckonSelling } from '../../../selling/reckon.ts'
import { billHours, checkHours, unbillHours } from '../../../timesheets/bill-hours.ts'
import { checkAdvances } from '../../advances.ts'
import { basePayable, bookInvoice, openInvoice, takeFromSources } from '../../book-invoice.ts'
import { invoiceVerbs } from '../../invoice-verbs.ts'
import type { InvoiceFields } from '../../invoice.ts'
import { nextNumber } from '../../numbering.ts'
import { checkCredit } from '../../returns.ts'
import { reckonDueDates } from '../../due-dates.ts'

/** What a customer is to pay; as a credit note, what the customer gets back. */
export default class SalesInvoice extends Document<InvoiceFields> {
  async validate(ctx: Context, { before }: { before?: InvoiceFields } = {}): Promise<void> {
    const facts = await fillCompany(ctx, this)
    this.posting_date ??= todayOf(ctx, facts)
    this.debit_to ||= accountOf(facts, 'default_receivable_account')
    this.invoice_number = before?.invoice_number || null
    await reckonSelling(ctx, this, { date: this.posting_date, before, isReturn: this.is_return === 1 })
    await checkCredit(ctx, this, { lock: false })
    await reckonDueDates(ctx, this, before)
    await checkAdvances(ctx, this)
    await checkHours(ctx, this)
    const isSubmitted = this.docstatus === 1
    this.outstanding_amount = isSubmitted ? payable(this) : Decimal.zero
    this.base_outstanding_amount = isSubmitted ? basePayable(this) : Decimal.zero
    this.status = isSubmitted ? (this.is_return ? 'Return' : 'Unpaid') : 'Draft'
  }

  async before_submit(ctx: Context): Promise<void> {
    const facts = await fillCompany(ctx, this)
    await checkCredit(ctx, this, { lock: true })
    const series = (this.is_return === 1 && facts.values.credit_note_number_series) || facts.values.invoice_number_series
    this.invoice_number = series ? await nextNumber(ctx, facts, String(series), this.posting_date as string) : this.name
  }

  async on_submit(ctx: Context): Promise<void> {
    await bookInvoice(ctx, this)
    await openInvoice(ctx, this)
    await takeFromSources(ctx, this, 1)
    await billHours(ctx, this)
    if (this.is_return !== 1) await demandCredit(ctx, await fillCompany(ctx, this), this.customer, 'invoice')
  }

  async on_cancel(ctx: Context): Promise<void> {
    await unsettle(ctx, voucherOf(this))
    await reverse(ctx, voucherOf(this))
    await takeFromSources(ctx, this, -1)
    await unbillHours(ctx, this)
    await stampState(ctx, this, { status: 'Cancelled', outstanding_amount: Decimal.zero, base_outstanding_amount: Decimal.zero })
  }
}

export const documentMethods = invoiceVerbs
