import { addDays, addMonths } from '#client/rules/dates.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { Overlapping, ValueRefused } from '../../../errors.ts'
import { todayOf } from '../../../shared/organization.ts'
import { checkOrder, employeeFacts, rowsOf, touches } from '../../../shared/rows.ts'
import { attendanceOn } from '../../../time/attendance.ts'
import { holidayListOf, holidaysOf } from '../../../time/holidays.ts'
import { leaveTypeFacts } from '../../leave-types.ts'
import { holdLeave, settle, takeBack, writeEntry } from '../../ledger.ts'

interface RequestFields {
  employee: string
  organization: string
  leave_type: string
  work_from_date: string
  work_end_date: string
  half_day: 0 | 1
  half_day_date: string | null
  days: number
}

const worked = new Set(['Present', 'Work From Home', 'Half Day'])
/** Days that one request may be for. */
const mostDays = 31

/** Somebody worked on holidays, and gets as many days off: until the leave period ends, or for a year where there is none. */
export default class CompensatoryLeaveRequest extends Document<RequestFields> {
  async validate(ctx: Context): Promise<void> {
    checkOrder(this.work_from_date, this.work_end_date, 'work_end_date')
    if (addDays(this.work_from_date, mostDays) <= this.work_end_date)
      throw new ValueRefused({ field: 'work_end_date', reason: `a request is for ${mostDays} days at most.` })
    if (this.work_end_date > (await todayOf(ctx, this.organization)))
      throw new ValueRefused({ field: 'work_end_date', reason: 'it lies in the future.' })
    if (!this.half_day) this.half_day_date = null
    if (!(await leaveTypeFacts(ctx, this.leave_type)).is_compensatory)
      throw new ValueRefused({ field: 'leave_type', reason: 'it is not given for work on holidays.' })
    const [other] = await rowsOf(
      ctx,
      'Compensatory Leave Request',
      and(
        where('employee', '=', this.employee),
        where('name', '!=', this.name ?? ''),
        where('docstatus', 'in', [0, 1]),
        touches(this.work_from_date, this.work_end_date, ['work_from_date', 'work_end_date']),
      ),
      { fields: ['name'], limit: 1 },
    )
    if (other) throw new Overlapping({ field: 'work_from_date', doctype: 'Compensatory Leave Request', other: other.name })
    this.days = await this.count(ctx)
  }

  async on_submit(ctx: Context): Promise<void> {
    await holdLeave(ctx, this.employee)
    const from = addDays(this.work_end_date, 1)
    const [period] = await rowsOf(
      ctx,
      'Leave Period',
      and(where('organization', '=', this.organization), where('is_active', '=', 1), touches(from, from, ['from_date', 'to_date'])),
      { fields: ['to_date'], limit: 1 },
    )
    await writeEntry(ctx, this, {
      transaction_type: 'Compensatory Leave Request',
      transaction_name: this.name,
      leaves: this.days,
      from_date: from,
      to_date: String(period?.to_date ?? addDays(addMonths(from, 12), -1)),
    })
    await settle(ctx, this, await todayOf(ctx, this.organization))
  }

  async before_cancel(ctx: Context): Promise<void> {
    await takeBack(ctx, this, 'Compensatory Leave Request', this.name, await todayOf(ctx, this.organization))
  }

  /** Every day must be free, and attended. @throws ValueRefused */
  private async count(ctx: Context): Promise<number> {
    const employee = await employeeFacts(ctx, this.employee)
    const { free } = await holidaysOf(ctx, await holidayListOf(ctx, employee, this.work_from_date), this.work_from_date, this.work_end_date)
    const attended = await attendanceOn(ctx, this.employee, this.work_from_date, this.work_end_date)
    let days = 0
    for (let day = this.work_from_date; day <= this.work_end_date; day = addDays(day, 1)) {
      if (!free.has(day)) throw new ValueRefused({ field: 'work_from_date', reason: `${day} is no holiday.` })
      const there = attended.find((row) => row.attendance_date === day && row.docstatus === 1 && worked.has(row.status))
      if (!there) throw new ValueRefused({ field: 'work_from_date', reason: `there is no attendance on ${day}.` })
      days += day === this.half_day_date || there.status === 'Half Day' ? 0.5 : (free.get(day) ?? 1)
    }
    return days
  }
}
