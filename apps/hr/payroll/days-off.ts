import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { FoundRow } from '#kernel/query/find-rows.ts'
import { rowsOf } from '../shared/rows.ts'

/** The holiday list of each: the person's own, else the branch's, else the organization's default on that day; empty: none. */
export async function holidayListsOf(ctx: Context, people: readonly FoundRow[], day: string): Promise<ReadonlyMap<string, string>> {
  const branches = await rowsOf(ctx, 'Branch', where('name', 'in', named(people, 'branch')), { fields: ['name', 'holiday_list'] })
  const usual = await rowsOf(
    ctx,
    'Holiday List',
    and(
      where('organization', 'in', named(people, 'organization')),
      where('is_default', '=', 1),
      where('from_date', '<=', day),
      where('to_date', '>=', day),
    ),
    { fields: ['name', 'organization'] },
  )
  const listOf = (person: FoundRow): string =>
    String(
      person.holiday_list ||
        branches.find(({ name }) => name === person.branch)?.holiday_list ||
        usual.find(({ organization }) => organization === person.organization)?.name ||
        '',
    )
  return new Map(people.map((person) => [person.name, listOf(person)]))
}

const named = (people: readonly FoundRow[], field: string): string[] => [
  ...new Set(people.map((person) => person[field]).filter((value): value is string => typeof value === 'string' && value !== '')),
]

/** Days on which nobody works, by employee; half holidays and those that people may choose to take are working days. */
export async function daysOffOf(
  ctx: Context,
  people: readonly FoundRow[],
  start: string,
  end: string,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const lists = await holidayListsOf(ctx, people, end)
  const days = await rowsOf(
    ctx,
    'Holiday',
    and(
      where('parent', 'in', [...new Set(lists.values())].filter(Boolean)),
      where('half_day', '=', 0),
      where('is_optional', '=', 0),
      where('holiday_date', '>=', start),
      where('holiday_date', '<=', end),
    ),
    { fields: ['parent', 'holiday_date'] },
  )
  const byList = Map.groupBy(days, ({ parent }) => String(parent))
  const sets = new Map([...byList].map(([list, rows]) => [list, new Set(rows.map((row) => String(row.holiday_date)))]))
  return new Map([...lists].map(([person, list]) => [person, sets.get(list) ?? new Set<string>()]))
}
