import type { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { load } from '#kernel/documents/load.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { OverAllocated } from '../errors.ts'
import { payable } from '../ledger/outstanding.ts'
import { allocatedTo, type PaymentFields } from './payment.ts'

/** Notes on orders what was paid for them in advance, or no longer is. @throws OverAllocated */
export async function noteAdvances(ctx: Context, payment: PaymentFields, sign: 1 | -1): Promise<void> {
  const rows = allocatedTo(payment, 'Sales Order').sort((a, b) => (a.row.reference_name < b.row.reference_name ? -1 : 1))
  const meta = await ctx.site.meta.get('Sales Order')
  for (const { row, field } of rows) {
    const order = await load(ctx, meta, row.reference_name, true)
    const before = order.advance_paid as Decimal
    const after = before.plus(row.allocated_amount.times(sign))
    if (sign === 1 && after.compare(payable(order)) > 0)
      throw new OverAllocated({
        field,
        document: row.reference_name,
        allocated: row.allocated_amount.toString(),
        outstanding: payable(order).minus(before).toString(),
      })
    await writeThrough(ctx.asSystem('keeps what was paid in advance'), 'Sales Order', row.reference_name, { advance_paid: after })
  }
}
