import { type Booking, type CapacityDay, capacityOf } from '#client/rules/projects-capacity.ts'
import { addDays } from '#client/rules/dates.ts'
import { and, where } from '#client/rules/predicate.ts'
import { hoursOf, intervalsOn } from '#client/rules/schedule-days.ts'
import type { Context } from '#kernel/context/context.ts'
import { zoneToUtc } from '#client/rules/time-zone.ts'
import { personCalendars, workCalendar } from '../planning/calendars.ts'
import { dayOf, rowsOf, zoneOf } from '../rows.ts'

/** A booking, and what it is for. */
export interface NamedBooking extends Booking {
  readonly doctype: 'Resource Allocation' | 'Task'
  readonly name: string
  readonly project: string | null
}

export interface PersonCapacity {
  readonly employee: string
  readonly days: readonly CapacityDay[]
  readonly bookings: readonly NamedBooking[]
}

/**
 * What people have time for and what is asked of them: shifts, or else the hours of the organization, without holidays and leave; against
 * allocations, and the tasks they are to do for which no allocation was made.
 * @param more allocations that are not stored yet, by employee; those of their names are passed over
 */
export async function readCapacity(
  ctx: Context,
  organization: string,
  employees: readonly string[],
  from: string,
  to: string,
  more: { readonly without?: string; readonly employee?: string; readonly booking?: NamedBooking } = {},
): Promise<PersonCapacity[]> {
  const base = await workCalendar(ctx, organization, null)
  const people = await personCalendars(ctx, base, employees, from, to)
  const bookings = await bookingsOf(ctx, organization, employees, from, to, more.without)
  return employees.flatMap((employee) => {
    const person = people.get(employee)
    if (!person) return []
    const supply = []
    for (let day = from; day <= to; day = addDays(day, 1))
      supply.push({ day, gross: hoursOf(intervalsOn(person.calendar, day)), away: person.away.get(day) ?? 0 })
    const own = [...(bookings.get(employee) ?? []), ...(more.employee === employee && more.booking ? [more.booking] : [])]
    return [{ employee, days: capacityOf(supply, own), bookings: own }]
  })
}

async function bookingsOf(
  ctx: Context,
  organization: string,
  employees: readonly string[],
  from: string,
  to: string,
  without: string | undefined,
): Promise<Map<string, NamedBooking[]>> {
  const found = new Map<string, NamedBooking[]>()
  const add = (employee: string, booking: NamedBooking) => void found.set(employee, [...(found.get(employee) ?? []), booking])
  const allocations = await rowsOf(
    ctx,
    'Resource Allocation',
    and(where('employee', 'in', employees), where('status', '!=', 'Cancelled'), where('from_date', '<=', to), where('to_date', '>=', from)),
    { fields: ['name', 'employee', 'project', 'task', 'from_date', 'to_date', 'hours_per_day', 'allocation_percent'] },
  )
  const allocated = new Set<string>()
  for (const row of allocations) {
    if (row.name === without) continue
    if (row.task) allocated.add(`${row.employee} ${row.task}`)
    else if (row.project) allocated.add(`${row.employee} ${row.project}`)
    add(String(row.employee), bookingOf(row))
  }
  const zone = await zoneOf(ctx, organization)
  const tasks = await rowsOf(
    ctx,
    'Task',
    and(
      where('employee', 'in', employees),
      where('is_group', '=', 0),
      where('status', 'not in', ['Completed', 'Cancelled', 'Template']),
      where('exp_start_date', '<=', zoneToUtc(`${to} 23:59:59.999999`, zone)),
      where('exp_end_date', '>=', zoneToUtc(`${from} 00:00:00.000000`, zone)),
    ),
    { fields: ['name', 'employee', 'project', 'expected_time', 'progress', 'exp_start_date', 'exp_end_date'] },
  )
  for (const task of tasks) {
    const hours = Number(task.expected_time) * (1 - Number(task.progress) / 100)
    if (hours <= 0 || allocated.has(`${task.employee} ${task.name}`) || allocated.has(`${task.employee} ${task.project}`)) continue
    const span = spread(dayOf(String(task.exp_start_date), zone), dayOf(String(task.exp_end_date), zone), hours, from, to)
    add(String(task.employee), { doctype: 'Task', name: task.name, project: (task.project as string | null) ?? null, ...span })
  }
  return found
}

/** Of a task that reaches beyond the period only the share of its days counts. */
function spread(start: string, end: string, hours: number, from: string, to: string): Booking {
  const days = (first: string, last: string) => Math.round((Date.parse(last) - Date.parse(first)) / 86_400_000) + 1
  const [first, last] = [start < from ? from : start, end > to ? to : end]
  return { from: first, to: last, hours: (hours * days(first, last)) / days(start, end) }
}

/** An allocation as a booking. */
export function bookingOf(row: Record<string, unknown>): NamedBooking {
  const perDay = Number(row.hours_per_day)
  return {
    doctype: 'Resource Allocation',
    name: String(row.name ?? ''),
    project: (row.project as string | null) ?? null,
    from: String(row.from_date),
    to: String(row.to_date),
    ...(perDay > 0 ? { hoursPerDay: perDay } : { percent: Number(row.allocation_percent) }),
  }
}
