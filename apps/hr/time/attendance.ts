import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { cancel, insert, openForWrite } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { rowsOf } from '../shared/rows.ts'

/** Attendance that stands, as rules see it. */
export interface StandingAttendance {
  readonly name: string
  readonly attendance_date: string
  readonly status: string
  readonly shift: string | null
  readonly leave_application: string | null
  readonly docstatus: number
}

/** Attendance of somebody from one day to another that is not cancelled. */
export async function attendanceOn(ctx: Context, employee: string, from: string, to: string): Promise<StandingAttendance[]> {
  return (await rowsOf(
    ctx,
    'Attendance',
    and(
      where('employee', '=', employee),
      where('attendance_date', '>=', from),
      where('attendance_date', '<=', to),
      where('docstatus', 'in', [0, 1]),
    ),
    { fields: ['name', 'attendance_date', 'status', 'shift', 'leave_application', 'docstatus'] },
  )) as unknown as StandingAttendance[]
}

/** Writes attendance on behalf of what was decided or clocked. @param why for the audit log */
export async function giveAttendance(ctx: Context, why: string, values: Record<string, unknown>): Promise<string> {
  return (await insert(ctx.asSystem(why), 'Attendance', { ...values, docstatus: 1 })).name
}

/** Takes attendance back. @param why for the audit log */
export async function takeAttendance(ctx: Context, why: string, name: string): Promise<void> {
  const system = ctx.asSystem(why)
  await cancel(system, await openForWrite(system, 'Attendance', name))
}

/** Check-ins of which attendance was made are free again. */
export async function freeCheckins(ctx: Context, attendance: string): Promise<void> {
  const system = ctx.asSystem('attendance was cancelled')
  for (const log of await rowsOf(ctx, 'Employee Checkin', where('attendance', '=', attendance), { fields: ['name'] }))
    await writeThrough(system, 'Employee Checkin', log.name, { attendance: null })
}
