import { addDays, addMonths } from '#client/rules/dates.ts'
import { accrualSchedule, proRated } from '#client/rules/hr-leave-accrual.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { cancel, insert, openForWrite } from '#kernel/documents/save.ts'
import { Overlapping, ValueRefused } from '../../../errors.ts'
import { checkOrder, employeeFacts, rowOf, rowsOf, touches } from '../../../shared/rows.ts'
import { leaveTypeFacts } from '../../leave-types.ts'

interface AssignmentFields {
  employee: string
  organization: string
  leave_policy: string
  carry_forward: 0 | 1
  assignment_based_on: '' | 'Leave Period' | 'Joining Date' | null
  leave_period: string | null
  effective_from: string
  effective_to: string
  leaves_allocated: 0 | 1
}

/** Gives a policy's leave to one person for a period: at once, or on a schedule where it is earned. */
export default class LeavePolicyAssignment extends Document<AssignmentFields> {
  async before_validate(ctx: Context): Promise<void> {
    if (this.assignment_based_on === 'Leave Period' && this.leave_period) {
      const period = await rowOf(ctx, 'Leave Period', this.leave_period, ['from_date', 'to_date'])
      this.effective_from = String(period?.from_date ?? this.effective_from)
      this.effective_to = String(period?.to_date ?? this.effective_to)
    }
    if (this.assignment_based_on === 'Joining Date') {
      this.effective_from = (await employeeFacts(ctx, this.employee)).date_of_joining
      this.effective_to ||= addDays(addMonths(this.effective_from, 12), -1)
    }
  }

  async validate(ctx: Context): Promise<void> {
    checkOrder(this.effective_from, this.effective_to, 'effective_to')
    const policy = await rowOf(ctx, 'Leave Policy', this.leave_policy, ['docstatus'])
    if (policy?.docstatus !== 1) throw new ValueRefused({ field: 'leave_policy', reason: 'it is not submitted.' })
    const employee = await employeeFacts(ctx, this.employee)
    if (employee.date_of_joining > this.effective_to)
      throw new ValueRefused({ field: 'effective_to', reason: `${employee.employee_name} joins later.` })
    const [other] = await rowsOf(
      ctx,
      'Leave Policy Assignment',
      and(
        where('employee', '=', this.employee),
        where('name', '!=', this.name ?? ''),
        where('docstatus', '=', 1),
        touches(this.effective_from, this.effective_to, ['effective_from', 'effective_to']),
      ),
      { fields: ['name'], limit: 1 },
    )
    if (other) throw new Overlapping({ field: 'effective_from', doctype: 'Leave Policy Assignment', other: other.name })
  }

  before_submit(): void {
    this.leaves_allocated = 1
  }

  async on_submit(ctx: Context): Promise<void> {
    const system = ctx.asSystem('a leave policy was assigned')
    const employee = await employeeFacts(ctx, this.employee)
    const from = employee.date_of_joining > this.effective_from ? employee.date_of_joining : this.effective_from
    const details = await rowsOf(ctx, 'Leave Policy Detail', where('parent', '=', this.leave_policy), {
      fields: ['leave_type', 'annual_allocation'],
      orderBy: [['idx', 'asc']],
    })
    for (const detail of details) {
      const type = await leaveTypeFacts(ctx, String(detail.leave_type))
      const annual = Number(detail.annual_allocation)
      if (type.is_compensatory) continue
      const schedule = type.is_earned_leave
        ? accrualSchedule({
            annual,
            frequency: type.earned_leave_frequency,
            allocateOn: type.allocate_on_day,
            joining: employee.date_of_joining,
            from: this.effective_from,
            to: this.effective_to,
            ...(type.rounding ? { rounding: Number(type.rounding) } : {}),
          })
        : []
      await insert(system, 'Leave Allocation', {
        employee: this.employee,
        organization: this.organization,
        leave_type: type.name,
        from_date: from,
        to_date: this.effective_to,
        new_leaves_allocated: type.is_earned_leave ? 0 : proRated(annual, employee.date_of_joining, this.effective_from, this.effective_to),
        annual_allocation: annual,
        carry_forward: this.carry_forward,
        leave_policy: this.leave_policy,
        leave_policy_assignment: this.name,
        earned_leave_schedule: schedule,
        docstatus: 1,
      })
    }
  }

  async before_cancel(ctx: Context): Promise<void> {
    const system = ctx.asSystem('a leave policy was taken from somebody')
    const rows = await rowsOf(ctx, 'Leave Allocation', and(where('leave_policy_assignment', '=', this.name), where('docstatus', '=', 1)), {
      fields: ['name'],
    })
    for (const row of rows) await cancel(system, await openForWrite(system, 'Leave Allocation', row.name))
  }
}
