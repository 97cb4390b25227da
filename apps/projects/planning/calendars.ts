import type { CalendarDefinition, DayInterval, Weekday } from '#client/rules/business-calendar.ts'
import { addDays } from '#client/rules/dates.ts'
import { and, or, type Predicate, where } from '#client/rules/predicate.ts'
import { shiftIntervals, withChanges } from '#client/rules/schedule-days.ts'
import type { Context } from '#kernel/context/context.ts'
import { childRows, rowNamed, rowsNamed, rowsOf, zoneOf } from '../rows.ts'

const officeHours: readonly DayInterval[] = [['09:00', '17:00']]
const officeWeek: CalendarDefinition['business_hours'] = {
  mon: officeHours,
  tue: officeHours,
  wed: officeHours,
  thu: officeHours,
  fri: officeHours,
}

/** The calendar by which a project, or an organization without one, works. @param holidayList the project's own */
export async function workCalendar(ctx: Context, organization: string, holidayList: string | null): Promise<CalendarDefinition> {
  const settings = await rowNamed(ctx, 'Project Settings', organization, ['holiday_list'])
  const hours = settings
    ? await childRows(ctx, 'Project Working Hours', 'Project Settings', [organization], ['day', 'start_time', 'end_time'])
    : []
  const week: Partial<Record<Weekday, DayInterval[]>> = {}
  for (const row of hours) {
    const day = String(row.day).slice(0, 3).toLowerCase() as Weekday
    week[day] = [...(week[day] ?? []), [String(row.start_time).slice(0, 8), String(row.end_time).slice(0, 8)]]
  }
  const base: CalendarDefinition = { timezone: await zoneOf(ctx, organization), business_hours: hours.length > 0 ? week : officeWeek }
  const list = holidayList || (settings?.holiday_list as string | null) || (await defaultList(ctx, organization))
  return list ? withHolidays(base, (await holidaysOf(ctx, [list])).get(list)) : base
}

async function defaultList(ctx: Context, organization: string): Promise<string | undefined> {
  const [row] = await rowsOf(ctx, 'Holiday List', and(where('organization', '=', organization), where('is_default', '=', 1)), {
    fields: ['name'],
    limit: 1,
  })
  return row?.name
}

interface Holidays {
  readonly whole: readonly string[]
  readonly half: readonly string[]
}

async function holidaysOf(ctx: Context, lists: readonly string[]): Promise<Map<string, Holidays>> {
  const rows = await childRows(ctx, 'Holiday', 'Holiday List', lists, ['holiday_date', 'half_day', 'is_optional'])
  const found = new Map<string, { whole: string[]; half: string[] }>(lists.map((list) => [list, { whole: [], half: [] }]))
  for (const row of rows)
    if (!row.is_optional) found.get(String(row.parent))?.[row.half_day ? 'half' : 'whole'].push(String(row.holiday_date))
  return found
}

function withHolidays(calendar: CalendarDefinition, holidays: Holidays | undefined): CalendarDefinition {
  if (!holidays) return calendar
  const half = new Map(holidays.half.map((day) => [day, 0.5]))
  return withChanges({ ...calendar, holidays: [...holidays.whole] }, { away: half })
}

/** When somebody works, and the share of each day on which they are away. */
export interface PersonCalendar {
  /** Without leave. */
  readonly calendar: CalendarDefinition
  /** Leave by day: 0.5 or 1. */
  readonly away: ReadonlyMap<string, number>
}

/**
 * The calendars of people: their own holidays instead of the project's, the shifts they are assigned to instead of its hours, and their leave.
 * @param from first day on which shifts and leave are looked for
 * @param to last one
 */
export async function personCalendars(
  ctx: Context,
  base: CalendarDefinition,
  employees: readonly string[],
  from: string,
  to: string,
): Promise<Map<string, PersonCalendar>> {
  const people = await rowsNamed(ctx, 'Employee', employees, ['name', 'holiday_list', 'relieving_date', 'date_of_joining'])
  const lists = [...new Set(people.map(({ holiday_list }) => String(holiday_list ?? '')).filter(Boolean))]
  const holidays = lists.length > 0 ? await holidaysOf(ctx, lists) : new Map<string, Holidays>()
  const shifts = await shiftsOf(ctx, employees, from, to)
  const away = await leaveOf(ctx, employees, from, to)
  const found = new Map<string, PersonCalendar>()
  for (const person of people) {
    const own = person.holiday_list
      ? withHolidays({ ...base, holidays: [], special_days: {} }, holidays.get(String(person.holiday_list)))
      : base
    const days = employedDays(person, from, to, shifts.get(person.name) ?? new Map())
    found.set(person.name, { calendar: withChanges(own, { shifts: workingShifts(own, days) }), away: away.get(person.name) ?? new Map() })
  }
  return found
}

/** A shift does not take place on a holiday of its person. */
function workingShifts(
  calendar: CalendarDefinition,
  shifts: ReadonlyMap<string, readonly DayInterval[]>,
): Map<string, readonly DayInterval[]> {
  const holidays = new Set(calendar.holidays)
  return new Map([...shifts].filter(([day]) => !holidays.has(day)))
}

/** Nobody works before they joined and after they left. */
function employedDays(
  person: Record<string, unknown>,
  from: string,
  to: string,
  shifts: ReadonlyMap<string, readonly DayInterval[]>,
): Map<string, readonly DayInterval[]> {
  const days = new Map(shifts)
  const joined = String(person.date_of_joining ?? '')
  const left = String(person.relieving_date ?? '')
  for (let day = from; joined !== '' && day < joined && day <= to; day = addDays(day, 1)) days.set(day, [])
  if (left !== '') for (let day = left < from ? from : addDays(left, 1); day <= to; day = addDays(day, 1)) days.set(day, [])
  return days
}

const touches = (first: string, last: string, from: string, to: string): Predicate =>
  and(where(first, '<=', to), or(where(last, '>=', from), where(last, 'not set')))

async function shiftsOf(
  ctx: Context,
  employees: readonly string[],
  from: string,
  to: string,
): Promise<Map<string, Map<string, readonly DayInterval[]>>> {
  const rows = await rowsOf(
    ctx,
    'Shift Assignment',
    and(
      where('employee', 'in', employees),
      where('docstatus', '=', 1),
      where('status', '=', 'Active'),
      touches('start_date', 'end_date', from, to),
    ),
    { fields: ['employee', 'shift_type', 'start_date', 'end_date'], orderBy: [['start_date', 'asc']] },
  )
  const types = await rowsNamed(
    ctx,
    'Shift Type',
    rows.map(({ shift_type }) => String(shift_type)),
    ['name', 'start_time', 'end_time', 'break_minutes'],
  )
  const hours = new Map(
    types.map((type) => [type.name, shiftIntervals(String(type.start_time), String(type.end_time), Number(type.break_minutes ?? 0))]),
  )
  const found = new Map<string, Map<string, readonly DayInterval[]>>()
  for (const row of rows) {
    const days = found.get(String(row.employee)) ?? new Map<string, readonly DayInterval[]>()
    const last = [String(row.end_date || to), to].sort()[0] as string
    for (let day = [String(row.start_date), from].sort()[1] as string; day <= last; day = addDays(day, 1))
      days.set(day, [...(days.get(day) ?? []), ...(hours.get(String(row.shift_type)) ?? [])])
    found.set(String(row.employee), days)
  }
  return found
}

async function leaveOf(ctx: Context, employees: readonly string[], from: string, to: string): Promise<Map<string, Map<string, number>>> {
  const rows = await rowsOf(
    ctx,
    'Leave Application',
    and(
      where('employee', 'in', employees),
      where('docstatus', '=', 1),
      where('status', '=', 'Approved'),
      touches('from_date', 'to_date', from, to),
    ),
    { fields: ['employee', 'from_date', 'to_date', 'half_day', 'half_day_date'] },
  )
  const found = new Map<string, Map<string, number>>()
  for (const row of rows) {
    const days = found.get(String(row.employee)) ?? new Map<string, number>()
    const last = [String(row.to_date), to].sort()[0] as string
    for (let day = [String(row.from_date), from].sort()[1] as string; day <= last; day = addDays(day, 1)) {
      const half = row.half_day && String(row.half_day_date || row.from_date) === day
      days.set(day, Math.min(1, (days.get(day) ?? 0) + (half ? 0.5 : 1)))
    }
    found.set(String(row.employee), days)
  }
  return found
}

/** The calendar of somebody with their leave taken out. */
export function atWork({ calendar, away }: PersonCalendar): CalendarDefinition {
  return withChanges(calendar, { away })
}
