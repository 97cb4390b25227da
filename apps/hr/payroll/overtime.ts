import type { OvertimePart } from '#client/rules/payroll-overtime.ts'
import type { OvertimeOrder } from '#client/rules/payroll-slip.ts'
import { and, type Predicate, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { FoundRow } from '#kernel/query/find-rows.ts'
import { rowsOf } from '../shared/rows.ts'
import { holidayListsOf } from './days-off.ts'
import { componentsNamed, factsOf } from './structure.ts'

/**
 * Overtime to be paid, by employee: what was submitted and not yet paid.
 * @param until days after it wait for the next slip
 * @param paidBy the overtime that this slip has paid, in place of what is open
 */
export async function overtimeOf(
  ctx: Context,
  employees: readonly string[],
  until: string,
  paidBy?: string,
): Promise<ReadonlyMap<string, readonly OvertimeOrder[]>> {
  const which =
    paidBy === undefined ? and(where('status', '=', 'Submitted'), where('end_date', '<=', until)) : await namesPaidBy(ctx, paidBy)
  const slips = await rowsOf(ctx, 'Overtime Slip', and(where('employee', 'in', employees), where('docstatus', '=', 1), which), {
    fields: ['name', 'employee'],
  })
  if (slips.length === 0) return new Map()
  const details = await rowsOf(
    ctx,
    'Overtime Details',
    where(
      'parent',
      'in',
      slips.map(({ name }) => name),
    ),
    { orderBy: [['idx', 'asc']] },
  )
  const types = await rowsOf(ctx, 'Overtime Type', where('name', 'in', [...new Set(details.map(({ overtime_type }) => overtime_type))]))
  const bases = await rowsOf(
    ctx,
    'Overtime Salary Component',
    where(
      'parent',
      'in',
      types.map(({ name }) => name),
    ),
  )
  const components = await componentsNamed(ctx, [
    ...types.map((type) => String(type.overtime_salary_component)),
    ...bases.map((base) => String(base.salary_component)),
  ])
  const free = await holidaysAround(ctx, employees, details)
  const orders = new Map<string, OvertimeOrder[]>()
  for (const slip of slips) {
    const rows = Map.groupBy(
      details.filter(({ parent }) => parent === slip.name),
      (row) => String(row.overtime_type),
    )
    for (const type of types) {
      const facts = components.get(String(type.overtime_salary_component))
      const hours = rows.get(type.name)
      if (!facts || !hours) continue
      const abbrs = bases.flatMap((base) => (base.parent === type.name ? (components.get(String(base.salary_component))?.abbr ?? []) : []))
      const order: OvertimeOrder = {
        facts: factsOf(facts),
        of: slip.name,
        parts: hours.map((row) => partOf(row, type, free.get(`${String(slip.employee)} ${String(row.date)}`))),
        limit: Number(type.maximum_overtime_hours_allowed),
        rate:
          type.overtime_calculation_method === 'Salary Component Based'
            ? { abbrs, hoursPerDay: Number(hours[0]?.standard_working_hours || type.standard_working_hours) }
            : { fixed: String(type.hourly_rate) },
      }
      orders.set(String(slip.employee), [...(orders.get(String(slip.employee)) ?? []), order])
    }
  }
  return orders
}

async function namesPaidBy(ctx: Context, slip: string): Promise<Predicate> {
  const lines = await rowsOf(ctx, 'Salary Detail', and(where('parent', '=', slip), where('overtime_slip', 'set')), {
    fields: ['overtime_slip'],
  })
  return where(
    'name',
    'in',
    lines.map((line) => line.overtime_slip),
  )
}

type FreeKind = 'weekend' | 'holiday'

function partOf(row: FoundRow, type: FoundRow, free: FreeKind | undefined): OvertimePart {
  const hours = Number(row.overtime_duration)
  if (free === 'holiday' && type.applicable_for_public_holiday) return { hours, multiplier: Number(type.public_holiday_multiplier) }
  if (free && type.applicable_for_weekend) return { hours, multiplier: Number(type.weekend_multiplier) }
  return { hours, multiplier: Number(type.standard_multiplier) }
}

/** Which of the days are days off for whom, keyed `employee day`; by the person's list, the branch's, the organization's. */
async function holidaysAround(
  ctx: Context,
  employees: readonly string[],
  details: readonly FoundRow[],
): Promise<ReadonlyMap<string, FreeKind>> {
  const days = details.map(({ date }) => String(date)).sort()
  const [first, last] = [days[0], days.at(-1)]
  const found = new Map<string, FreeKind>()
  if (!first || !last) return found
  const people = await rowsOf(ctx, 'Employee', where('name', 'in', employees), {
    fields: ['name', 'holiday_list', 'branch', 'organization'],
  })
  const lists = await holidayListsOf(ctx, people, last)
  const rows = await rowsOf(
    ctx,
    'Holiday',
    and(
      where('parent', 'in', [...new Set(lists.values())].filter(Boolean)),
      where('is_optional', '=', 0),
      where('holiday_date', '>=', first),
      where('holiday_date', '<=', last),
    ),
    { fields: ['parent', 'holiday_date', 'weekly_off'] },
  )
  for (const [employee, list] of lists)
    for (const row of rows)
      if (row.parent === list) found.set(`${employee} ${String(row.holiday_date)}`, row.weekly_off ? 'weekend' : 'holiday')
  return found
}
