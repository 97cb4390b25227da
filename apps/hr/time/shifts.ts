import { addDays } from '#client/rules/dates.ts'
import { type AttendanceRules, type ShiftTimes, type ShiftWindow, shiftWindow } from '#client/rules/hr-checkins.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { zoneOf } from '../shared/organization.ts'
import { type EmployeeFacts, rowOf, rowsOf, touches } from '../shared/rows.ts'

/** A Shift Type as rules need it. */
export interface ShiftFacts extends ShiftTimes {
  readonly name: string
  readonly organization: string
  readonly holiday_list: string | null
}

/** Reads a shift type. */
export async function shiftFacts(ctx: Context, name: string): Promise<ShiftFacts | undefined> {
  return (await rowOf(ctx, 'Shift Type', name)) as unknown as ShiftFacts | undefined
}

/** What a shift type says about reading attendance. */
export function attendanceRules(row: Record<string, unknown>): AttendanceRules {
  return {
    pairing: String(row.determine_check_in_and_check_out).startsWith('Strictly') ? 'by type' : 'alternating',
    counting: String(row.working_hours_calculation_based_on).startsWith('Every') ? 'every pair' : 'first and last',
    break_minutes: Number(row.break_minutes ?? 0),
    break_after_hours: Number(row.break_after_hours ?? 0),
    working_hours_threshold_for_half_day: Number(row.working_hours_threshold_for_half_day ?? 0),
    working_hours_threshold_for_absent: Number(row.working_hours_threshold_for_absent ?? 0),
    lateGrace: row.enable_late_entry_marking ? Number(row.late_entry_grace_period ?? 0) : undefined,
    earlyGrace: row.enable_early_exit_marking ? Number(row.early_exit_grace_period ?? 0) : undefined,
  }
}

/** Names of the shifts that somebody has on a day: those assigned, else the usual one. */
export async function shiftsOn(ctx: Context, employee: Pick<EmployeeFacts, 'name' | 'default_shift'>, day: string): Promise<string[]> {
  const rows = await rowsOf(
    ctx,
    'Shift Assignment',
    and(
      where('employee', '=', employee.name),
      where('docstatus', '=', 1),
      where('status', '=', 'Active'),
      touches(day, day, ['start_date', 'end_date']),
    ),
    { fields: ['shift_type'] },
  )
  if (rows.length > 0) return [...new Set(rows.map((row) => String(row.shift_type)))]
  return employee.default_shift ? [employee.default_shift] : []
}

/** The shifts of somebody around a moment: yesterday's may still run, tomorrow's may take early comers. @param day the local day of the moment */
export async function windowsAround(ctx: Context, employee: EmployeeFacts, day: string): Promise<(ShiftWindow & { shift: string })[]> {
  const zone = await zoneOf(ctx, employee.organization)
  const found: (ShiftWindow & { shift: string })[] = []
  for (const offset of [-1, 0, 1]) {
    const on = addDays(day, offset)
    for (const name of await shiftsOn(ctx, employee, on)) {
      const shift = await shiftFacts(ctx, name)
      if (shift) found.push({ ...shiftWindow(shift, on, zone), shift: name })
    }
  }
  return found
}

/** Days and times of a shift assignment; an open end is empty. */
export interface Assigned {
  readonly from: string
  readonly to: string | null
  readonly start_time: string
  readonly end_time: string
}

/** Whether two assignments of one person meet: on the same day, or where a night shift runs into the next. */
export function assignmentsMeet(a: Assigned, b: Assigned): boolean {
  const [aStart, aEnd] = minutesOf(a)
  const [bStart, bEnd] = minutesOf(b)
  return [-1, 0, 1].some((offset) => {
    const meetsInTime = aStart < bEnd + offset * 1440 && bStart + offset * 1440 < aEnd
    if (!meetsInTime) return false
    // Some day of a with a day of b `offset` days later.
    const from = addDays(b.from, -offset)
    const to = b.to ? addDays(b.to, -offset) : null
    return (a.to === null || from <= a.to) && (to === null || a.from <= to)
  })
}

function minutesOf({ start_time, end_time }: Assigned): [number, number] {
  const minutes = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))
  const start = minutes(start_time)
  const end = minutes(end_time)
  return [start, end <= start ? end + 1440 : end]
}
