import type { FreeDays } from '#client/rules/hr-leave-days.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { type EmployeeFacts, rowOf, rowsOf, touches } from '../shared/rows.ts'

/** The days of a holiday list. */
export interface Holidays {
  /** Days on which nobody works, and how much of each is free. */
  readonly free: FreeDays
  /** Days that people may choose to take. */
  readonly optional: ReadonlySet<string>
}

/** The holiday list that holds for an employee: their own, else the branch's, else the organization's default at that time. */
export async function holidayListOf(ctx: Context, employee: EmployeeFacts, day: string): Promise<string | undefined> {
  if (employee.holiday_list) return employee.holiday_list
  const branch = employee.branch ? await rowOf(ctx, 'Branch', employee.branch, ['holiday_list']) : undefined
  if (branch?.holiday_list) return String(branch.holiday_list)
  const [usual] = await rowsOf(
    ctx,
    'Holiday List',
    and(where('organization', '=', employee.organization), where('is_default', '=', 1), touches(day, day, ['from_date', 'to_date'])),
    { fields: ['name'], limit: 1 },
  )
  return usual?.name
}

/** The free days of a list, both ends included. @param list undefined: none are */
export async function holidaysOf(ctx: Context, list: string | undefined, from: string, to: string): Promise<Holidays> {
  const free = new Map<string, number>()
  const optional = new Set<string>()
  if (!list) return { free, optional }
  const rows = await rowsOf(
    ctx,
    'Holiday',
    and(where('parent', '=', list), where('holiday_date', '>=', from), where('holiday_date', '<=', to)),
    {
      fields: ['holiday_date', 'half_day', 'is_optional'],
    },
  )
  for (const row of rows) {
    const day = String(row.holiday_date)
    if (row.is_optional) optional.add(day)
    else free.set(day, Math.max(free.get(day) ?? 0, row.half_day ? 0.5 : 1))
  }
  return { free, optional }
}
