import type { Context } from '#kernel/context/context.ts'
import { play } from '#client/rules/hr-leave-ledger.ts'
import { Document } from '#kernel/documents/document.ts'
import { LeaveShort, ValueRefused } from '../../../errors.ts'
import { todayOf } from '../../../shared/organization.ts'
import { rowOf } from '../../../shared/rows.ts'
import { holdLeave, ledgerOf, settle, takeBack, writeEntry } from '../../ledger.ts'

interface AdjustmentFields {
  employee: string
  organization: string
  leave_type: string
  leave_allocation: string
  adjustment_type: 'Allocate' | 'Reduce'
  leaves_to_adjust: number
  posting_date: string
}

/** Days that are given or taken by hand, with the reason. */
export default class LeaveAdjustment extends Document<AdjustmentFields> {
  async validate(ctx: Context): Promise<void> {
    if (!(this.leaves_to_adjust > 0))
      throw new ValueRefused({ field: 'leaves_to_adjust', reason: 'it is above zero; the type says whether it gives or takes.' })
    const allocation = await rowOf(ctx, 'Leave Allocation', this.leave_allocation, [
      'employee',
      'leave_type',
      'from_date',
      'to_date',
      'docstatus',
    ])
    if (allocation?.employee !== this.employee || allocation.leave_type !== this.leave_type || allocation.docstatus !== 1)
      throw new ValueRefused({
        field: 'leave_allocation',
        reason: 'it is not one of this employee and this kind of leave, or not submitted.',
      })
    if (this.posting_date < String(allocation.from_date) || this.posting_date > String(allocation.to_date))
      throw new ValueRefused({ field: 'posting_date', reason: 'it lies outside the allocation’s time.' })
  }

  async on_submit(ctx: Context): Promise<void> {
    await holdLeave(ctx, this.employee)
    const before = play(await ledgerOf(ctx, this.employee, this.leave_type)).uncovered
    const allocation = await rowOf(ctx, 'Leave Allocation', this.leave_allocation, ['to_date'])
    await writeEntry(ctx, this, {
      transaction_type: 'Leave Adjustment',
      transaction_name: this.name,
      leaves: this.adjustment_type === 'Reduce' ? -this.leaves_to_adjust : this.leaves_to_adjust,
      from_date: this.posting_date,
      to_date: String(allocation?.to_date),
    })
    const after = await settle(ctx, this, await todayOf(ctx, this.organization))
    if (after > before) throw new LeaveShort({ field: 'leaves_to_adjust', wanted: this.leaves_to_adjust, missing: (after - before) / 1000 })
  }

  async before_cancel(ctx: Context): Promise<void> {
    await takeBack(ctx, this, 'Leave Adjustment', this.name, await todayOf(ctx, this.organization))
  }
}
