import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { holdLock } from '#kernel/documents/counters.ts'
import { Document } from '#kernel/documents/document.ts'
import { Overlapping, ValueRefused } from '../../../errors.ts'
import { checkEmployed, checkOrder, employeeFacts, rowsOf, touches } from '../../../shared/rows.ts'
import { addDays } from '#client/rules/dates.ts'
import { assignmentsMeet, shiftFacts } from '../../shifts.ts'

interface AssignmentFields {
  employee: string
  shift_type: string
  status: 'Active' | 'Inactive'
  start_date: string
  end_date: string | null
}

/** Who works which shift. Nobody works two that meet; two on one day that do not are a split shift. */
export default class ShiftAssignment extends Document<AssignmentFields> {
  async validate(ctx: Context): Promise<void> {
    checkOrder(this.start_date, this.end_date, 'end_date')
    const employee = await employeeFacts(ctx, this.employee)
    if (employee.status === 'Left') throw new ValueRefused({ field: 'employee', reason: 'who has left works no shift.' })
    checkEmployed(employee, this.start_date, this.end_date ?? this.start_date, ['start_date', 'end_date'])
    await this.checkFree(ctx)
  }

  async before_update_after_submit(ctx: Context): Promise<void> {
    checkOrder(this.start_date, this.end_date, 'end_date')
    await this.checkFree(ctx)
  }

  /** @throws Overlapping */
  private async checkFree(ctx: Context): Promise<void> {
    if (this.status !== 'Active') return
    await holdLock(ctx, `hr:time:${this.employee}`)
    const mine = await shiftFacts(ctx, this.shift_type)
    if (!mine) return
    const others = await rowsOf(
      ctx,
      'Shift Assignment',
      and(
        where('employee', '=', this.employee),
        where('name', '!=', this.name ?? ''),
        where('docstatus', '=', 1),
        where('status', '=', 'Active'),
        touches(addDays(this.start_date, -1), this.end_date ? addDays(this.end_date, 1) : null, ['start_date', 'end_date']),
      ),
      { fields: ['name', 'shift_type', 'start_date', 'end_date'] },
    )
    for (const other of others) {
      const shift = await shiftFacts(ctx, String(other.shift_type))
      const isMet =
        shift !== undefined &&
        assignmentsMeet(
          { from: this.start_date, to: this.end_date, start_time: mine.start_time, end_time: mine.end_time },
          {
            from: String(other.start_date),
            to: (other.end_date as string | null) ?? null,
            start_time: shift.start_time,
            end_time: shift.end_time,
          },
        )
      if (isMet) throw new Overlapping({ field: 'start_date', doctype: 'Shift Assignment', other: other.name })
    }
  }
}
