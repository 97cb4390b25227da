import type { Decimal } from '#client/rules/decimal.ts'
import { sumDecimals } from '#client/rules/decimal.ts'
import type { TaxRules } from '#client/rules/payroll-tax.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { rowOf, rowsOf } from '../shared/rows.ts'

export interface PayrollPeriod {
  readonly name: string
  readonly start: string
  readonly end: string
}

/** The payroll period of an organization that holds a day. Read once in a unit of work. */
export async function payrollPeriodAt(ctx: Context, organization: string, day: string): Promise<PayrollPeriod | undefined> {
  const key = `payroll:period:${organization}:${day}`
  if (ctx.memo.has(key)) return ctx.memo.get(key) as PayrollPeriod | undefined
  const [row] = await rowsOf(
    ctx,
    'Payroll Period',
    and(where('organization', '=', organization), where('start_date', '<=', day), where('end_date', '>=', day)),
    { limit: 1 },
  )
  const period = row && { name: row.name, start: String(row.start_date), end: String(row.end_date) }
  ctx.memo.set(key, period)
  return period
}

export interface Slab {
  readonly name: string
  readonly rules: TaxRules
  readonly allowsExemption: boolean
  readonly standardExemption: Decimal
}

/** A submitted slab never changes; it is read once in a unit of work. */
export async function slabNamed(ctx: Context, name: string): Promise<Slab | undefined> {
  const key = `payroll:slab:${name}`
  const known = ctx.memo.get(key) as Slab | undefined
  if (known) return known
  const row = await rowOf(ctx, 'Income Tax Slab', name)
  if (!row) return undefined
  const inOrder = { orderBy: [['idx', 'asc']] } as const
  const steps = await rowsOf(ctx, 'Taxable Salary Slab', where('parent', '=', name), inOrder)
  const charges = await rowsOf(ctx, 'Income Tax Slab Other Charges', where('parent', '=', name), inOrder)
  const slab: Slab = {
    name,
    rules: {
      slabs: steps.map((step) => ({
        from: String(step.from_amount),
        to: String(step.to_amount),
        percent: Number(step.percent_deduction),
        condition: step.condition ? String(step.condition) : null,
      })),
      charges: charges.map((charge) => ({
        percent: Number(charge.percent),
        from: String(charge.min_taxable_income),
        to: String(charge.max_taxable_income),
      })),
      reliefLimit: String(row.tax_relief_limit),
    },
    allowsExemption: Boolean(row.allow_tax_exemption),
    standardExemption: row.standard_tax_exemption_amount as Decimal,
  }
  ctx.memo.set(key, slab)
  return slab
}

/** What people have declared for a payroll period. */
export interface Declared {
  readonly exemption: Decimal
  readonly otherIncome: Decimal
}

export async function declaredBy(ctx: Context, employees: readonly string[], period: string): Promise<(employee: string) => Declared> {
  const condition = and(where('employee', 'in', employees), where('docstatus', '=', 1), where('payroll_period', '=', period))
  const exemptions = await rowsOf(ctx, 'Employee Tax Exemption Declaration', condition, { fields: ['employee', 'total_exemption_amount'] })
  const incomes = await rowsOf(ctx, 'Employee Other Income', condition, { fields: ['employee', 'amount'] })
  return (employee) => ({
    exemption: sumDecimals(exemptions.filter((row) => row.employee === employee).map((row) => row.total_exemption_amount as Decimal)),
    otherIncome: sumDecimals(incomes.filter((row) => row.employee === employee).map((row) => row.amount as Decimal)),
  })
}
