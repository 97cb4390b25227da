import { Type } from 'typebox'
import { daysBetween, parseDate } from '#client/rules/dates.ts'
import { overbooked } from '#client/rules/projects-capacity.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { AppPart } from '#kernel/apps/app.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { defineMethod, permission } from '#kernel/methods/method.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { rowNamed, rowsOf } from '../rows.ts'
import { readCapacity } from './read-capacity.ts'

const path = 'orchestrator.projects.capacity'
const name = Type.String({ minLength: 1, maxLength: 140 })
const day = Type.String({ minLength: 8, maxLength: 10 })

/** Who has time: by person and day what there is, what is booked and what is left. Why somebody is away is not told. */
const capacity = defineMethod({
  path,
  summary: 'Working hours, absence, bookings and what is left of people by day, and the days on which more is asked than there is.',
  verbs: ['GET', 'POST'],
  input: Type.Object({
    organization: name,
    from_date: day,
    to_date: day,
    employees: Type.Optional(Type.Array(name, { maxItems: 500 })),
    department: Type.Optional(name),
  }),
  // Whoever may set people's time aside must know how much there is.
  rule: permission('create', 'Resource Allocation'),
  async handler(ctx, given) {
    const [from, to] = (['from_date', 'to_date'] as const).map((field) => {
      const text = parseDate(given[field])
      if (!text) throw new BadInput({ method: path, field, reason: 'must be a day' })
      return text
    }) as [string, string]
    if (to < from || daysBetween(from, to) > 366)
      throw new BadInput({ method: path, field: 'to_date', reason: 'must lie within a year of the first day' })
    await demand(ctx, 'create', 'Resource Allocation', {
      doctype: 'Resource Allocation',
      organization: given.organization,
    } as unknown as AnyDocument)
    const people = await rowsOf(
      ctx,
      'Employee',
      and(
        where('organization', '=', given.organization),
        where('status', '=', 'Active'),
        ...(given.employees ? [where('name', 'in', given.employees)] : []),
        ...(given.department ? [where('department', '=', given.department)] : []),
      ),
      { fields: ['name', 'employee_name'], orderBy: [['employee_name', 'asc']], limit: 500 },
    )
    const names = new Map(people.map((person) => [person.name, person.employee_name]))
    const tolerance = Number(
      (await rowNamed(ctx, 'Project Settings', given.organization, ['overallocation_tolerance']))?.overallocation_tolerance ?? 0,
    )
    const found = await readCapacity(ctx, given.organization, [...names.keys()], from, to)
    return found.map(({ employee, days, bookings }) => ({
      employee,
      employee_name: names.get(employee),
      available: sum(days.map(({ available }) => available)),
      booked: sum(days.map(({ booked }) => booked)),
      days,
      overbooked: overbooked(days, tolerance).map((one) => one.day),
      bookings: bookings.map((booking) => ({ doctype: booking.doctype, name: booking.name, from: booking.from, to: booking.to })),
    }))
  },
})

const sum = (hours: readonly number[]): number => Math.round(hours.reduce((total, one) => total + one, 0) * 100) / 100

/** People's time: what is set aside, what is left. */
export const capacityPart: AppPart = { methods: [capacity] }
