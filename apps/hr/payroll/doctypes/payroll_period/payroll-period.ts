import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { Overlapping } from '../../../errors.ts'
import { checkOrder, rowsOf } from '../../../shared/rows.ts'

/** The year by which income is taxed. Two of an organization never share a day. */
export default class PayrollPeriod extends Document<{ organization: string; start_date: string; end_date: string }> {
  async validate(ctx: Context): Promise<void> {
    checkOrder(this.start_date, this.end_date, 'end_date')
    const [other] = await rowsOf(
      ctx,
      'Payroll Period',
      and(
        where('organization', '=', this.organization),
        where('start_date', '<=', this.end_date),
        where('end_date', '>=', this.start_date),
        where('name', '!=', this.name ?? ''),
      ),
      { fields: ['name', 'payroll_period_name'], limit: 1 },
    )
    if (other) throw new Overlapping({ field: 'start_date', doctype: 'Payroll Period', other: String(other.payroll_period_name) })
  }
}
