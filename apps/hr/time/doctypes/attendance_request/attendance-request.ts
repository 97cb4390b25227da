import { addDays } from '#client/rules/dates.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { Overlapping, ValueRefused } from '../../../errors.ts'
import { todayOf } from '../../../shared/organization.ts'
import { checkEmployed, checkOrder, employeeFacts, rowsOf, touches } from '../../../shared/rows.ts'
import { attendanceOn, giveAttendance, takeAttendance } from '../../attendance.ts'
import { holidayListOf, holidaysOf } from '../../holidays.ts'

interface RequestFields {
  employee: string
  organization: string
  from_date: string
  to_date: string
  half_day: 0 | 1
  half_day_date: string | null
  include_holidays: 0 | 1
  reason: string
  shift: string | null
}

/** Days that one request may put right. */
const mostDays = 62
const why = 'an attendance request was approved'

/** Somebody asks that days be put right; submitted by whoever decides, it replaces what stood there, except leave. */
export default class AttendanceRequest extends Document<RequestFields> {
  async validate(ctx: Context): Promise<void> {
    checkOrder(this.from_date, this.to_date, 'to_date')
    if (this.to_date > (await todayOf(ctx, this.organization)))
      throw new ValueRefused({ field: 'to_date', reason: 'it lies in the future.' })
    if (addDays(this.from_date, mostDays) <= this.to_date)
      throw new ValueRefused({ field: 'to_date', reason: `a request is for ${mostDays} days at most.` })
    if (!this.half_day) this.half_day_date = null
    if (this.half_day_date && (this.half_day_date < this.from_date || this.half_day_date > this.to_date))
      throw new ValueRefused({ field: 'half_day_date', reason: 'it lies outside the days asked for.' })
    checkEmployed(await employeeFacts(ctx, this.employee), this.from_date, this.to_date, ['from_date', 'to_date'])
    const [other] = await rowsOf(
      ctx,
      'Attendance Request',
      and(
        where('employee', '=', this.employee),
        where('name', '!=', this.name ?? ''),
        where('docstatus', 'in', [0, 1]),
        touches(this.from_date, this.to_date, ['from_date', 'to_date']),
      ),
      { fields: ['name'], limit: 1 },
    )
    if (other) throw new Overlapping({ field: 'from_date', doctype: 'Attendance Request', other: other.name })
  }

  async on_submit(ctx: Context): Promise<void> {
    const employee = await employeeFacts(ctx, this.employee)
    const { free } = await holidaysOf(ctx, await holidayListOf(ctx, employee, this.from_date), this.from_date, this.to_date)
    const standing = await attendanceOn(ctx, this.employee, this.from_date, this.to_date)
    for (let day = this.from_date; day <= this.to_date; day = addDays(day, 1)) {
      if (!this.include_holidays && free.get(day) === 1) continue
      const there = standing.filter((row) => row.attendance_date === day)
      if (there.some((row) => row.leave_application)) continue
      for (const row of there)
        if (row.docstatus === 1 && (!row.shift || !this.shift || row.shift === this.shift)) await takeAttendance(ctx, why, row.name)
      await giveAttendance(ctx, why, {
        employee: this.employee,
        organization: this.organization,
        attendance_date: day,
        shift: this.shift,
        status: day === this.half_day_date ? 'Half Day' : this.reason === 'Work From Home' ? 'Work From Home' : 'Present',
        ...(day === this.half_day_date && { half_day_status: 'Absent' }),
        attendance_request: this.name,
      })
    }
  }

  async before_cancel(ctx: Context): Promise<void> {
    const rows = await rowsOf(ctx, 'Attendance', and(where('attendance_request', '=', this.name), where('docstatus', '=', 1)), {
      fields: ['name'],
    })
    for (const row of rows) await takeAttendance(ctx, 'an attendance request was taken back', row.name)
  }
}
