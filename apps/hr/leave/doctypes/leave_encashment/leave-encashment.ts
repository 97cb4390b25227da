import type { Decimal } from '#client/rules/decimal.ts'
import { encashableLeave, leaveBalance, play } from '#client/rules/hr-leave-ledger.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { LeaveShort, ValueRefused } from '../../../errors.ts'
import { todayOf } from '../../../shared/organization.ts'
import { rowOf, rowsOf, touches } from '../../../shared/rows.ts'
import { leaveTypeFacts } from '../../leave-types.ts'
import { holdLeave, ledgerOf, settle, takeBack, writeEntry } from '../../ledger.ts'

interface EncashmentFields {
  employee: string
  organization: string
  leave_type: string
  leave_allocation: string | null
  encashment_date: string
  leave_balance: number
  actual_encashable_days: number
  encashment_days: number
  leave_encashment_amount_per_day: Decimal
  encashment_amount: Decimal
  status: 'Draft' | 'Unpaid' | 'Paid' | 'Cancelled'
}

/** Days of leave that are paid out instead of taken. */
export default class LeaveEncashment extends Document<EncashmentFields> {
  async validate(ctx: Context): Promise<void> {
    const type = await leaveTypeFacts(ctx, this.leave_type)
    if (!type.allow_encashment) throw new ValueRefused({ field: 'leave_type', reason: 'it is not paid out.' })
    await holdLeave(ctx, this.employee)
    const [allocation] = await rowsOf(
      ctx,
      'Leave Allocation',
      and(
        where('employee', '=', this.employee),
        where('leave_type', '=', this.leave_type),
        where('docstatus', '=', 1),
        touches(this.encashment_date, this.encashment_date, ['from_date', 'to_date']),
      ),
      { fields: ['name'], limit: 1 },
    )
    if (!allocation) throw new ValueRefused({ field: 'encashment_date', reason: 'nothing was given for that day.' })
    this.leave_allocation = allocation.name
    this.leave_balance = leaveBalance(await ledgerOf(ctx, this.employee, this.leave_type), this.encashment_date)
    this.actual_encashable_days = encashableLeave(this.leave_balance, {
      nonEncashable: type.non_encashable_leaves,
      most: type.max_encashable_leaves,
    })
    if (this.encashment_days === 0) this.encashment_days = this.actual_encashable_days
    if (this.encashment_days <= 0 || this.encashment_days > this.actual_encashable_days)
      throw new ValueRefused({ field: 'encashment_days', reason: `${this.actual_encashable_days} days may be paid out.` })
    this.encashment_amount = this.leave_encashment_amount_per_day.times(String(this.encashment_days)).round(2)
  }

  before_submit(): void {
    this.status = 'Unpaid'
  }

  async on_submit(ctx: Context): Promise<void> {
    const before = play(await ledgerOf(ctx, this.employee, this.leave_type)).uncovered
    await writeEntry(ctx, this, {
      transaction_type: 'Leave Encashment',
      transaction_name: this.name,
      leaves: -this.encashment_days,
      from_date: this.encashment_date,
      to_date: this.encashment_date,
    })
    const after = await settle(ctx, this, await todayOf(ctx, this.organization))
    if (after > before) throw new LeaveShort({ field: 'encashment_days', wanted: this.encashment_days, missing: (after - before) / 1000 })
    await this.count(ctx, this.encashment_days)
  }

  async before_cancel(ctx: Context): Promise<void> {
    if (this.status === 'Paid') throw new ValueRefused({ field: 'status', reason: 'it has been paid.' })
    await takeBack(ctx, this, 'Leave Encashment', this.name, await todayOf(ctx, this.organization))
    await this.count(ctx, -this.encashment_days)
  }

  async on_cancel(ctx: Context): Promise<void> {
    await writeThrough(ctx.asSystem('leave is not paid out after all'), 'Leave Encashment', this.name, { status: 'Cancelled' })
    this.status = 'Cancelled'
  }

  private async count(ctx: Context, days: number): Promise<void> {
    const allocation = await rowOf(ctx, 'Leave Allocation', String(this.leave_allocation), ['total_leaves_encashed'])
    await writeThrough(ctx.asSystem('leave was paid out'), 'Leave Allocation', String(this.leave_allocation), {
      total_leaves_encashed: Math.round((Number(allocation?.total_leaves_encashed ?? 0) + days) * 1000) / 1000,
    })
  }
}
