import type { Decimal } from '#client/rules/decimal.ts'
import { orderComponents } from '#client/rules/payroll-formula.ts'
import type { ComponentFacts, StructureLine } from '#client/rules/payroll-slip.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { FoundRow } from '#kernel/query/find-rows.ts'
import { rowOf, rowsOf } from '../shared/rows.ts'

/** A line as a structure's document holds it. */
export interface DetailRow {
  salary_component: string
  abbr: string | null
  condition: string | null
  amount_based_on_formula: number
  formula: string | null
  amount: Decimal
}

/** What is known of a component. */
export interface Component extends ComponentFacts {
  readonly account: string | undefined
  readonly organization: string
  readonly condition: string | null
  readonly formula: string | null
  readonly fixed: string
}

/** Components by name; each is read once in a unit of work. Names that are none are missing. */
export async function componentsNamed(ctx: Context, names: Iterable<string>): Promise<ReadonlyMap<string, Component>> {
  const key = 'payroll:components'
  const known = (ctx.memo.get(key) as Map<string, Component> | undefined) ?? new Map<string, Component>()
  ctx.memo.set(key, known)
  const wanted = [...new Set(names)].filter((name) => !known.has(name))
  if (wanted.length > 0)
    for (const row of await rowsOf(ctx, 'Salary Component', where('name', 'in', wanted))) known.set(row.name, componentOf(row))
  return known
}

function componentOf(row: FoundRow): Component {
  const isDeduction = row.type === 'Deduction'
  return {
    component: row.name,
    abbr: String(row.salary_component_abbr),
    kind: isDeduction ? 'Deduction' : 'Earning',
    dependsOnDays: Boolean(row.depends_on_payment_days),
    isTaxed: !isDeduction && Boolean(row.is_tax_applicable),
    isExempted: isDeduction && Boolean(row.exempted_from_income_tax),
    isTax: isDeduction && Boolean(row.variable_based_on_taxable_salary),
    isStatistical: Boolean(row.statistical_component),
    isNotInTotal: Boolean(row.do_not_include_in_total),
    isWhole: Boolean(row.round_to_the_nearest_integer),
    dropsZero: Boolean(row.remove_if_zero_valued),
    account: row.account ? String(row.account) : undefined,
    organization: String(row.organization),
    condition: row.condition ? String(row.condition) : null,
    formula: row.amount_based_on_formula && row.formula ? String(row.formula) : null,
    fixed: String(row.amount ?? '0'),
  }
}

/** The lines of a structure in the order in which they are reckoned. @throws BadFormula, ComponentCycle */
export async function orderedLines(
  ctx: Context,
  earnings: readonly DetailRow[],
  deductions: readonly DetailRow[],
): Promise<StructureLine[]> {
  const components = await componentsNamed(
    ctx,
    [...earnings, ...deductions].map((row) => row.salary_component),
  )
  const lines = (rows: readonly DetailRow[], table: string): StructureLine[] =>
    rows.flatMap((row, index) => {
      const facts = components.get(row.salary_component)
      if (!facts) return []
      const line: StructureLine = {
        ...factsOf(facts),
        field: `${table}[${index}]`,
        condition: row.condition || null,
        formula: row.amount_based_on_formula ? row.formula : null,
        fixed: row.amount.toString(),
      }
      return [line]
    })
  return orderComponents([...lines(earnings, 'earnings'), ...lines(deductions, 'deductions')])
}

/** Only what a slip's line has to know. */
export function factsOf(component: ComponentFacts): ComponentFacts {
  const { abbr, kind, dependsOnDays, isTaxed, isExempted, isTax, isStatistical, isNotInTotal, isWhole, dropsZero } = component
  return {
    component: component.component,
    abbr,
    kind,
    dependsOnDays,
    isTaxed,
    isExempted,
    isTax,
    isStatistical,
    isNotInTotal,
    isWhole,
    dropsZero,
  }
}

/** A submitted structure, ready to be reckoned with. */
export interface Structure {
  readonly name: string
  readonly currency: string | undefined
  readonly frequency: string | null
  readonly byTimesheet: boolean
  readonly timesheetComponent: string | undefined
  readonly hourRate: string
  readonly lines: readonly StructureLine[]
}

/** Read once in a unit of work; a submitted structure never changes. */
export async function structureNamed(ctx: Context, name: string): Promise<Structure | undefined> {
  const key = `payroll:structure:${name}`
  const known = ctx.memo.get(key) as Structure | undefined
  if (known) return known
  const row = await rowOf(ctx, 'Salary Structure', name)
  if (!row) return undefined
  const details = await rowsOf(ctx, 'Salary Detail', and(where('parent', '=', name), where('parenttype', '=', 'Salary Structure')), {
    orderBy: [['idx', 'asc']],
  })
  const of = (table: string) => details.filter((detail) => detail.parentfield === table) as unknown as DetailRow[]
  const structure: Structure = {
    name,
    currency: row.currency ? String(row.currency) : undefined,
    frequency: row.payroll_frequency ? String(row.payroll_frequency) : null,
    byTimesheet: Boolean(row.salary_slip_based_on_timesheet),
    timesheetComponent: row.salary_component ? String(row.salary_component) : undefined,
    hourRate: String(row.hour_rate ?? '0'),
    lines: await orderedLines(ctx, of('earnings'), of('deductions')),
  }
  ctx.memo.set(key, structure)
  return structure
}
