import type { Context } from '#kernel/context/context.ts'
import { holdLock } from '#kernel/documents/counters.ts'
import { Document } from '#kernel/documents/document.ts'
import { AttendanceStands, ValueRefused } from '../../../errors.ts'
import { todayOf } from '../../../shared/organization.ts'
import { checkEmployed, employeeFacts } from '../../../shared/rows.ts'
import { attendanceOn, freeCheckins } from '../../attendance.ts'

interface AttendanceFields {
  employee: string
  organization: string
  attendance_date: string
  status: 'Present' | 'Absent' | 'On Leave' | 'Half Day' | 'Work From Home'
  shift: string | null
  leave_application: string | null
}

/** How one day was for one person: once for each of their shifts. */
export default class Attendance extends Document<AttendanceFields> {
  async validate(ctx: Context): Promise<void> {
    const employee = await employeeFacts(ctx, this.employee)
    checkEmployed(employee, this.attendance_date, this.attendance_date, ['attendance_date', 'attendance_date'])
    const isForeseen = this.leave_application !== null && this.leave_application !== ''
    if (!isForeseen && this.attendance_date > (await todayOf(ctx, this.organization)))
      throw new ValueRefused({ field: 'attendance_date', reason: 'it lies in the future.' })
    await holdLock(ctx, `hr:time:${this.employee}`)
    const [other] = (await attendanceOn(ctx, this.employee, this.attendance_date, this.attendance_date)).filter(
      (row) => row.name !== this.name && (!row.shift || !this.shift || row.shift === this.shift),
    )
    if (other) throw new AttendanceStands({ field: 'attendance_date', day: this.attendance_date, attendance: other.name })
  }

  async before_cancel(ctx: Context): Promise<void> {
    await freeCheckins(ctx, this.name)
  }
}
