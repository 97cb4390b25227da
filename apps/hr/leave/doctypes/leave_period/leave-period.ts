import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { Overlapping } from '../../../errors.ts'
import { checkOrder, rowsOf, touches } from '../../../shared/rows.ts'

/** A time for which leave is given; those in use do not overlap. */
export default class LeavePeriod extends Document<{ organization: string; from_date: string; to_date: string; is_active: 0 | 1 }> {
  async validate(ctx: Context): Promise<void> {
    checkOrder(this.from_date, this.to_date, 'to_date')
    if (!this.is_active) return
    const [other] = await rowsOf(
      ctx,
      'Leave Period',
      and(
        where('organization', '=', this.organization),
        where('is_active', '=', 1),
        where('name', '!=', this.name ?? ''),
        touches(this.from_date, this.to_date, ['from_date', 'to_date']),
      ),
      { fields: ['name'], limit: 1 },
    )
    if (other) throw new Overlapping({ field: 'from_date', doctype: 'Leave Period', other: other.name })
  }
}
