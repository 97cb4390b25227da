import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { Overlapping, ValueRefused } from '../../../errors.ts'
import { todayOf } from '../../../shared/organization.ts'
import { checkEmployed, checkOrder, employeeFacts, rowsOf, touches } from '../../../shared/rows.ts'
import { giveEarned } from '../../earned.ts'
import { type LeaveTypeFacts, leaveTypeFacts } from '../../leave-types.ts'
import { holdLeave, settle, takeBack, writeEntry } from '../../ledger.ts'

interface ScheduleRow extends ChildFields {
  allocation_date: string
  number_of_leaves: number
  is_allocated: 0 | 1
}

interface AllocationFields {
  employee: string
  organization: string
  leave_type: string
  from_date: string
  to_date: string
  new_leaves_allocated: number
  carry_forward: 0 | 1
  unused_leaves: number
  total_leaves_allocated: number
  earned_leave_schedule: ScheduleRow[]
}

const platformOnly = ['new_leaves_allocated', 'total_leaves_allocated', 'total_leaves_encashed', 'unused_leaves', 'expired'] as const

/** Days of leave for a period. What is left of the period before comes along as far as the kind of leave allows. */
export default class LeaveAllocation extends Document<AllocationFields> {
  async validate(ctx: Context): Promise<void> {
    checkOrder(this.from_date, this.to_date, 'to_date')
    if (this.new_leaves_allocated < 0) throw new ValueRefused({ field: 'new_leaves_allocated', reason: 'it is not below zero.' })
    const type = await leaveTypeFacts(ctx, this.leave_type)
    if (type.is_lwp) throw new ValueRefused({ field: 'leave_type', reason: 'unpaid leave is taken without being given.' })
    if (!ctx.user.unrestricted && this.earned_leave_schedule.length > 0)
      throw new ValueRefused({ field: 'earned_leave_schedule', reason: 'it follows from a policy’s assignment.' })
    const employee = await employeeFacts(ctx, this.employee)
    checkEmployed(employee, this.from_date, this.from_date, ['from_date', 'from_date'])
    await holdLeave(ctx, this.employee)
    await this.checkAlone(ctx)
    this.checkMost(type)
    this.unused_leaves = 0
    this.total_leaves_allocated = this.new_leaves_allocated
  }

  async on_submit(ctx: Context): Promise<void> {
    await writeEntry(ctx, this, {
      transaction_type: 'Leave Allocation',
      transaction_name: this.name,
      from_date: this.from_date,
      to_date: this.to_date,
      leaves: this.new_leaves_allocated,
    })
    const today = await todayOf(ctx, this.organization)
    // What is left of the period before comes along once this one has begun: until then it can still be used there.
    await settle(ctx, this, today)
    await giveEarned(ctx, this.name, today, 'Leave Policy Assignment')
  }

  /** @throws ValueRefused for what only the platform changes once it is submitted */
  before_update_after_submit(ctx: Context, { before }: { before?: Record<string, unknown> } = {}): void {
    if (ctx.user.unrestricted) return
    for (const field of platformOnly)
      if ((this as Record<string, unknown>)[field] !== before?.[field])
        throw new ValueRefused({ field, reason: 'it follows from the ledger; a Leave Adjustment changes it.' })
    for (const [index, row] of this.earned_leave_schedule.entries()) {
      const was = (before?.earned_leave_schedule as ScheduleRow[] | undefined)?.find((one) => one.name === row.name)
      if (was?.is_allocated !== row.is_allocated)
        throw new ValueRefused({ field: `earned_leave_schedule[${index}].is_allocated`, reason: 'it follows from the ledger.' })
    }
  }

  async before_cancel(ctx: Context): Promise<void> {
    await takeBack(ctx, this, 'Leave Allocation', this.name, await todayOf(ctx, this.organization))
  }

  /** @throws Overlapping */
  private async checkAlone(ctx: Context): Promise<void> {
    const [other] = await rowsOf(
      ctx,
      'Leave Allocation',
      and(
        where('employee', '=', this.employee),
        where('leave_type', '=', this.leave_type),
        where('name', '!=', this.name ?? ''),
        where('docstatus', '=', 1),
        touches(this.from_date, this.to_date, ['from_date', 'to_date']),
      ),
      { fields: ['name'], limit: 1 },
    )
    if (other) throw new Overlapping({ field: 'from_date', doctype: 'Leave Allocation', other: other.name })
  }

  /** @throws ValueRefused beyond what the kind of leave allows */
  private checkMost(type: LeaveTypeFacts): void {
    if (type.max_leaves_allowed > 0 && !type.allow_over_allocation && this.new_leaves_allocated > type.max_leaves_allowed)
      throw new ValueRefused({ field: 'new_leaves_allocated', reason: `at most ${type.max_leaves_allowed} days are allowed.` })
  }
}
