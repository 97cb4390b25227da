import { addDays } from '#client/rules/dates.ts'
import { readAttendance, shiftWindow } from '#client/rules/hr-checkins.ts'
import { and, or, where } from '#client/rules/predicate.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import type { FoundRow } from '#kernel/query/find-rows.ts'
import { todayOf, zoneOf } from '../shared/organization.ts'
import { type EmployeeFacts, employeeFacts, employeesWhere, rowsOf, touches } from '../shared/rows.ts'
import { attendanceOn, giveAttendance, takeAttendance } from './attendance.ts'
import { type Holidays, holidayListOf, holidaysOf } from './holidays.ts'
import { attendanceRules, type ShiftFacts, shiftsOn } from './shifts.ts'

/** Days back that absence is looked for: who was not there longer ago has been noticed. */
const daysBack = 35
const why = 'attendance is read from check-ins'

/** Reads attendance from check-ins, for one shift type or all that want it. Shifts count once the last check-in that may belong to them is in. */
export const markAttendance: JobDefinition = {
  queue: 'long',
  asSystem: why,
  run: async (ctx, input, job) => {
    const types = await rowsOf(
      ctx,
      'Shift Type',
      and(
        where('enable_auto_attendance', '=', 1),
        where('disabled', '=', 0),
        ...(typeof input.shift_type === 'string' ? [where('name', '=', input.shift_type)] : []),
      ),
    )
    const sum = { read: 0, absent: 0 }
    for (const type of types) {
      sum.read += await readCheckins(ctx, job, type)
      sum.absent += await markAbsent(ctx, job, type)
    }
    return sum
  },
}

/** Check-ins are complete until then. */
function completeUntil(ctx: Context, type: FoundRow): string {
  const now = nowText(ctx)
  const synced = type.last_sync_of_checkin
  return typeof synced === 'string' && synced !== '' && synced < now ? synced : now
}

async function readCheckins(ctx: Context, job: JobRun, type: FoundRow): Promise<number> {
  const logs = await rowsOf(
    ctx,
    'Employee Checkin',
    and(
      where('shift', '=', type.name),
      { field: 'attendance', op: 'not set' },
      where('skip_auto_attendance', '=', 0),
      where('shift_actual_end', '<', completeUntil(ctx, type)),
    ),
    { fields: ['name', 'employee', 'time', 'log_type', 'shift_start'], orderBy: [['time', 'asc']] },
  )
  const groups = new Map<string, FoundRow[]>()
  for (const log of logs) {
    const key = `${log.employee}:${log.shift_start}`
    groups.set(key, [...(groups.get(key) ?? []), log])
  }
  let read = 0
  for (const [key, group] of groups) {
    // The last check-in is part of the key: one that came in late is another reading, not the one already done.
    const last = group.at(-1) as FoundRow
    read += await job.step(`${type.name}:${key}:${group.length}:${last.name}`, (own) => readOne(own, type, group))
  }
  return read
}

async function readOne(ctx: Context, type: FoundRow, fresh: readonly FoundRow[]): Promise<number> {
  const [first] = fresh
  if (!first) return 0
  const employee = await employeeFacts(ctx, String(first.employee))
  const zone = await zoneOf(ctx, employee.organization)
  // Its own day: a night shift belongs to the day on which it begins, wherever the clock stood when somebody came.
  const window = [-1, 0, 1]
    .map((offset) => shiftWindow(type as unknown as ShiftFacts, addDays(String(first.shift_start).slice(0, 10), offset), zone))
    .find((one) => one.start === first.shift_start)
  if (!window) return 0
  if (typeof type.process_attendance_after === 'string' && window.day < type.process_attendance_after) return 0
  const list = (type.holiday_list as string | null) ?? (await holidayListOf(ctx, employee, window.day))
  const { free } = await holidaysOf(ctx, list, window.day, window.day)
  if (free.get(window.day) === 1 && !type.mark_auto_attendance_on_holidays) return 0
  const standing = await attendanceOn(ctx, employee.name, window.day, window.day)
  const kept = standing.find((row) => row.leave_application || (row.shift !== type.name && !row.shift) || row.docstatus === 0)
  const link = async (attendance: string, logs: readonly FoundRow[]): Promise<void> => {
    for (const log of logs) await writeThrough(ctx, 'Employee Checkin', log.name, { attendance })
  }
  if (kept) {
    await link(kept.name, fresh)
    return 0
  }
  // Check-ins that came in after the day was read: it is read again with all of them.
  const earlier = standing.find((row) => row.shift === type.name)
  if (earlier) await takeAttendance(ctx, why, earlier.name)
  const all = await rowsOf(
    ctx,
    'Employee Checkin',
    and(
      where('employee', '=', employee.name),
      where('shift', '=', type.name),
      where('shift_start', '=', window.start),
      where('skip_auto_attendance', '=', 0),
    ),
    { fields: ['name', 'time', 'log_type', 'latitude', 'longitude'], orderBy: [['time', 'asc']] },
  )
  const result = readAttendance(
    all.map((row) => ({ time: String(row.time), log_type: row.log_type as string | null })),
    window,
    attendanceRules(type),
  )
  const attendance = await giveAttendance(ctx, why, {
    employee: employee.name,
    organization: employee.organization,
    attendance_date: window.day,
    shift: type.name,
    status: result.status,
    ...(result.status === 'Half Day' && { half_day_status: 'Absent' }),
    working_hours: result.hours,
    overtime_hours: type.allow_overtime ? result.overtime : 0,
    in_time: result.in ?? null,
    out_time: result.out ?? null,
    late_entry: result.isLate ? 1 : 0,
    early_exit: result.isEarly ? 1 : 0,
  })
  await link(attendance, all)
  return 1
}

/** Who had the shift, did not come and was not away is absent. */
async function markAbsent(ctx: Context, job: JobRun, type: FoundRow): Promise<number> {
  const organization = String(type.organization)
  const zone = await zoneOf(ctx, organization)
  const today = await todayOf(ctx, organization)
  const complete = completeUntil(ctx, type)
  const earliest = addDays(today, -daysBack)
  const after = typeof type.process_attendance_after === 'string' ? type.process_attendance_after : earliest
  const first = after > earliest ? after : earliest
  const assigned = await rowsOf(
    ctx,
    'Shift Assignment',
    and(where('shift_type', '=', type.name), where('docstatus', '=', 1), touches(first, today, ['start_date', 'end_date'])),
    { fields: ['employee'] },
  )
  const people = await employeesWhere(
    ctx,
    where('organization', '=', organization),
    where('status', '=', 'Active'),
    or(where('default_shift', '=', type.name), where('name', 'in', [...new Set(assigned.map((row) => String(row.employee)))])),
  )
  // Most people share a list: each is read once.
  const lists = new Map<string, Promise<Holidays>>()
  const isFree = async (employee: EmployeeFacts, day: string): Promise<boolean> => {
    const list = (type.holiday_list as string | null) || (await holidayListOf(ctx, employee, day)) || ''
    const known = lists.get(list) ?? holidaysOf(ctx, list || undefined, first, today)
    lists.set(list, known)
    return (await known).free.get(day) === 1
  }
  let absent = 0
  for (let day = first; day <= today; day = addDays(day, 1)) {
    if (shiftWindow(type as unknown as ShiftFacts, day, zone).until >= complete) break
    const there = new Set(
      (
        await rowsOf(
          ctx,
          'Attendance',
          and(where('organization', '=', organization), where('attendance_date', '=', day), where('docstatus', 'in', [0, 1])),
          {
            fields: ['employee', 'shift'],
          },
        )
      )
        .filter((row) => !row.shift || row.shift === type.name)
        .map((row) => String(row.employee)),
    )
    const waiting = new Set(
      (
        await rowsOf(
          ctx,
          'Employee Checkin',
          and(where('shift', '=', type.name), where('shift_start', '=', shiftWindow(type as unknown as ShiftFacts, day, zone).start)),
          {
            fields: ['employee'],
          },
        )
      ).map((row) => String(row.employee)),
    )
    for (const employee of people) {
      if (there.has(employee.name) || waiting.has(employee.name)) continue
      if (day < employee.date_of_joining || (employee.relieving_date && day > employee.relieving_date)) continue
      if (await isFree(employee, day)) continue
      if (!(await shiftsOn(ctx, employee, day)).includes(type.name)) continue
      absent += await job.step(`absent:${type.name}:${employee.name}:${day}`, async (own) => {
        if ((await attendanceOn(own, employee.name, day, day)).some((row) => !row.shift || row.shift === type.name)) return 0
        await giveAttendance(own, why, { employee: employee.name, organization, attendance_date: day, shift: type.name, status: 'Absent' })
        return 1
      })
    }
  }
  return absent
}
