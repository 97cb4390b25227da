import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { fillCompany, todayOf } from '../../../books/company-facts.ts'
import { unsettle } from '../../../ledger/outstanding.ts'
import { reverse, voucherOf } from '../../../ledger/post.ts'
import { stampState } from '../../../ledger/state.ts'
import { checkPayment, fillPayment } from '../../check-payment.ts'
import { bookPayment } from '../../book-payment.ts'
import { noteAdvances } from '../../order-advances.ts'
import type { PaymentFields } from '../../payment.ts'

/** Money that came in, went out, or moved between own accounts. */
export default class PaymentEntry extends Document<PaymentFields> {
  async validate(ctx: Context): Promise<void> {
    const facts = await fillCompany(ctx, this)
    this.posting_date ??= todayOf(ctx, facts)
    await fillPayment(ctx, this, facts)
    await checkPayment(ctx, this, facts)
    this.status = this.docstatus === 1 ? 'Submitted' : 'Draft'
  }

  async on_submit(ctx: Context): Promise<void> {
    await bookPayment(ctx, this)
    await noteAdvances(ctx, this, 1)
  }

  async on_cancel(ctx: Context): Promise<void> {
    await unsettle(ctx, voucherOf(this))
    await reverse(ctx, voucherOf(this))
    await noteAdvances(ctx, this, -1)
    await stampState(ctx, this, { status: 'Cancelled' })
  }
}
