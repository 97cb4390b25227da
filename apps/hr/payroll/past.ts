import type { Decimal } from '#client/rules/decimal.ts'
import { addMonths } from '#client/rules/dates.ts'
import { sumDecimals } from '#client/rules/decimal.ts'
import type { DayRules } from '#client/rules/payroll-days.ts'
import type { ComponentFacts } from '#client/rules/payroll-slip.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { FoundRow } from '#kernel/query/find-rows.ts'
import { rowsOf } from '../shared/rows.ts'
import { componentsNamed, factsOf } from './structure.ts'

/** A submitted slip of an earlier period. */
export interface PastSlip {
  readonly name: string
  readonly start: string
  readonly end: string
  /** When it was reckoned. */
  readonly modified: string
  /** By which its days were told. */
  readonly dayRules: DayRules
  readonly hours: number
  readonly net: Decimal
  readonly gross: Decimal
  readonly taxable: Decimal
  readonly withheld: Decimal
}

/** What is known of somebody's earlier slips. */
export interface Past {
  /** The earliest first. */
  readonly slips: readonly PastSlip[]
  /** Those whose records have changed since they were reckoned. */
  readonly touched: readonly PastSlip[]
}

const fields = [
  'name',
  'employee',
  'start_date',
  'end_date',
  'modified',
  'days_trace',
  'total_working_hours',
  'net_pay',
  'gross_pay',
  'taxable_earnings',
  'current_month_income_tax',
] as const

/** The earlier slips of some employees since a day, and which of them could be different today. */
export async function pastOf(
  ctx: Context,
  employees: readonly string[],
  before: string,
  since: string,
  lookBack: number,
): Promise<ReadonlyMap<string, Past>> {
  const rows = await rowsOf(
    ctx,
    'Salary Slip',
    and(where('employee', 'in', employees), where('docstatus', '=', 1), where('start_date', '>=', since), where('end_date', '<', before)),
    { fields, orderBy: [['start_date', 'asc']] },
  )
  if (rows.length === 0) return new Map()
  const changes = await changesOf(ctx, employees, String(rows.map(({ modified }) => modified).sort()[0]), before)
  const earliest = addMonths(before, -lookBack)
  const byEmployee = Map.groupBy(rows, (row) => String(row.employee))
  return new Map(
    [...byEmployee].map(([employee, theirs]) => {
      const slips = theirs.map(slipOf)
      const touched = slips.filter((slip) => slip.start >= earliest && changes(employee, slip))
      return [employee, { slips, touched }]
    }),
  )
}

function slipOf(row: FoundRow): PastSlip {
  const trace = JSON.parse(String(row.days_trace ?? '{}')) as { rules: DayRules }
  return {
    name: row.name,
    start: String(row.start_date),
    end: String(row.end_date),
    modified: String(row.modified),
    dayRules: trace.rules,
    hours: Number(row.total_working_hours),
    net: row.net_pay as Decimal,
    gross: row.gross_pay as Decimal,
    taxable: row.taxable_earnings as Decimal,
    withheld: row.current_month_income_tax as Decimal,
  }
}

/** Where pay comes from, and from which day on a row of it matters. */
const recorded: readonly (readonly [doctype: string, from: string])[] = [
  ['Salary Structure Assignment', 'from_date'],
  ['Attendance', 'attendance_date'],
  ['Leave Application', 'from_date'],
  ['Additional Salary', 'payroll_date'],
  ['Additional Salary', 'from_date'],
]

/**
 * Whether anything that decides a slip was written after the slip. It may say yes too often, which costs a reckoning that finds nothing,
 * but never no: a cancelled record counts like a new one.
 */
async function changesOf(
  ctx: Context,
  employees: readonly string[],
  since: string,
  before: string,
): Promise<(employee: string, slip: PastSlip) => boolean> {
  const found: { employee: string; from: string; modified: string }[] = []
  for (const [doctype, from] of recorded) {
    const rows = await rowsOf(
      ctx,
      doctype,
      and(where('employee', 'in', employees), where('modified', '>=', since), where(from, '<', before), where('docstatus', '>', 0)),
      { fields: ['employee', from, 'modified'] },
    )
    for (const row of rows) found.push({ employee: String(row.employee), from: String(row[from] ?? ''), modified: String(row.modified) })
  }
  for (const row of await rowsOf(ctx, 'Employee', and(where('name', 'in', employees), where('modified', '>=', since)), {
    fields: ['name', 'modified'],
  }))
    found.push({ employee: row.name, from: '', modified: String(row.modified) })
  const lists = await rowsOf(ctx, 'Holiday List', where('modified', '>=', since), { fields: ['name', 'modified'] })
  const listChanged = lists
    .map(({ modified }) => String(modified))
    .sort()
    .at(-1)
  const byEmployee = Map.groupBy(found, ({ employee }) => employee)
  return (employee, slip) =>
    (listChanged !== undefined && listChanged >= slip.modified) ||
    (byEmployee.get(employee) ?? []).some(({ from, modified }) => from <= slip.end && modified >= slip.modified)
}

/** What slips of these names and the arrears for them have paid since, by slip; the income tax settles itself over the year. */
export async function paidFor(
  ctx: Context,
  slips: readonly string[],
): Promise<ReadonlyMap<string, { readonly facts: ComponentFacts; readonly amount: Decimal }[]>> {
  const paid = new Map<string, { facts: ComponentFacts; amount: Decimal }[]>(slips.map((slip) => [slip, []]))
  if (slips.length === 0) return paid
  const submitted = and(where('parenttype', '=', 'Salary Slip'), where('docstatus', '=', 1))
  const detail = ['parent', 'salary_component', 'amount', 'source', 'arrear_for', 'do_not_include_in_total'] as const
  const own = await rowsOf(
    ctx,
    'Salary Detail',
    and(submitted, where('parent', 'in', slips), where('source', 'not in', ['Arrears', 'Income Tax'])),
    { fields: detail },
  )
  const later = await rowsOf(ctx, 'Salary Detail', and(submitted, where('arrear_for', 'in', slips)), { fields: detail })
  const rows = [...own, ...later].filter((row) => !row.do_not_include_in_total)
  const components = await componentsNamed(
    ctx,
    rows.map((row) => String(row.salary_component)),
  )
  for (const row of rows) {
    const facts = components.get(String(row.salary_component))
    const slip = String(row.arrear_for || row.parent)
    // What an additional salary gave in place of the tax is no part of the pay, either.
    if (facts && !facts.isTax) paid.get(slip)?.push({ facts: factsOf(facts), amount: row.amount as Decimal })
  }
  return paid
}

/** Sums over earlier slips since a day. */
export function yearSoFar(past: Past | undefined, since: string): { net: Decimal; gross: Decimal; taxable: Decimal; withheld: Decimal } {
  const slips = past?.slips.filter(({ start }) => start >= since) ?? []
  return {
    net: sumDecimals(slips.map(({ net }) => net)),
    gross: sumDecimals(slips.map(({ gross }) => gross)),
    taxable: sumDecimals(slips.map(({ taxable }) => taxable)),
    withheld: sumDecimals(slips.map(({ withheld }) => withheld)),
  }
}
