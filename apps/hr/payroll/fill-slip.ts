import { Decimal } from '#client/rules/decimal.ts'
import { BadHours, BadPayrollDates } from '#client/rules/payroll-errors.ts'
import { daysBetween } from '#client/rules/dates.ts'
import type { SlipLine } from '#client/rules/payroll-slip.ts'
import { payrollRule } from '#client/rules/payroll-trace.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { assignValues, documentForm } from '#kernel/documents/cast.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'
import { OfAnotherOrganization } from '../errors.ts'
import { rowsOf } from '../shared/rows.ts'
import type SalarySlip from './doctypes/salary_slip/salary-slip.ts'
import { ExchangeRateNeeded, NetBelowZero, PayRefused, SlipExists } from './errors.ts'
import { type PayData, payDataOf, type PaySpan, type ReckonedSlip, reckonPay } from './reckon.ts'
import type { PayrollRules } from './settings.ts'

/** Longer than any period of pay; it bounds what one slip makes the server look at. */
const mostDays = 100

const batchKey = ({ organization, start, end }: PaySpan): string => `payroll:data:${organization}:${start}:${end}`

/** Does `work` with what the slips of these employees depend on read at once, in place of slip by slip. */
export async function withPayData<T>(ctx: Context, employees: readonly string[], span: PaySpan, work: () => Promise<T>): Promise<T> {
  const key = batchKey(span)
  ctx.memo.set(key, await payDataOf(ctx, employees, span))
  try {
    return await work()
  } finally {
    ctx.memo.delete(key)
  }
}

/**
 * Fills a slip from the records.
 * @throws BadPayrollDates, SlipExists, OfAnotherOrganization, ExchangeRateNeeded, NetBelowZero, and what reckoning refuses
 */
export async function fillSlip(ctx: Context, slip: SalarySlip): Promise<void> {
  const span = { organization: slip.organization, start: slip.start_date, end: slip.end_date }
  checkSpan(span)
  const batch = ctx.memo.get(batchKey(span)) as PayData | undefined
  const data = batch?.sources.has(slip.employee) ? batch : await payDataOf(ctx, [slip.employee], span)
  const own = data.sources.get(slip.employee)?.employee.organization
  if (own !== undefined && own !== slip.organization)
    throw new OfAnotherOrganization({ doctype: 'Salary Slip', field: 'employee', value: slip.employee, organization: slip.organization })
  const standing = data.standing.find(({ employee, name }) => employee === slip.employee && name !== slip.name)
  if (standing) throw new SlipExists({ field: 'start_date', employee: slip.employee, slip: standing.name })
  const hours = await hoursOf(ctx, slip, data.rules)
  const reckoned = await reckonPay(ctx, data, slip.employee, hours)
  if (reckoned.slip.net.isNegative())
    throw new NetBelowZero({
      field: 'net_pay',
      employee: String(reckoned.employee.employee_name),
      amount: `${reckoned.slip.net} ${reckoned.currency ?? ''}`.trim(),
    })
  const rate = exchangeRateOf(slip, reckoned.currency, data.rules)
  const status = slip.docstatus === 1 ? (data.withheld.has(slip.employee) ? 'Withheld' : 'Submitted') : 'Draft'
  const values = { ...factsOfSlip(reckoned), ...totalsOf(reckoned, rate, data.rules), ...taxOf(reckoned), status, exchange_rate: rate }
  await assignValues(ctx, await ctx.site.meta.get('Salary Slip'), slip as unknown as AnyDocument, values, documentForm)
}

function checkSpan({ start, end }: PaySpan): void {
  const days = daysBetween(start, end)
  if (days < 0) throw new BadPayrollDates({ field: 'end_date', reason: 'the period ends before it begins.' })
  if (days >= mostDays) throw new BadPayrollDates({ field: 'end_date', reason: `a period has at most ${mostDays} days.` })
}

/** Hours by the slip's own rows, else by the timesheets of an app that has some. @throws BadHours */
async function hoursOf(ctx: Context, slip: SalarySlip, rules: PayrollRules): Promise<number> {
  if (slip.timesheets.length === 0) slip.timesheets = await timesheetsOf(ctx, slip)
  const hours = slip.timesheets.reduce((sum, row) => sum.plus(row.working_hours), Decimal.zero).toNumber()
  if (rules.mostHours > 0 && hours > rules.mostHours)
    throw new BadHours({ field: 'timesheets', reason: `${hours} hours are more than the ${rules.mostHours} of a period.` })
  return hours
}

async function timesheetsOf(ctx: Context, slip: SalarySlip): Promise<SalarySlip['timesheets']> {
  if (!(await ctx.site.meta.exists('Timesheet'))) return []
  const meta = await ctx.site.meta.get('Timesheet')
  const needed = ['employee', 'start_date', 'end_date', 'total_hours']
  if (needed.some((name) => !meta.column.has(name))) return []
  const rows = await rowsOf(
    ctx,
    'Timesheet',
    and(
      where('employee', '=', slip.employee),
      where('docstatus', '=', 1),
      where('start_date', '>=', slip.start_date),
      where('end_date', '<=', slip.end_date),
    ),
    { fields: ['name', 'total_hours'] },
  )
  return rows.map((row) => ({ time_sheet: row.name, working_hours: Number(row.total_hours) }))
}

function exchangeRateOf(slip: SalarySlip, currency: string | undefined, rules: PayrollRules): number {
  if (!currency || !rules.currency || currency === rules.currency) return 1
  if (!(slip.exchange_rate > 0)) throw new ExchangeRateNeeded({ field: 'exchange_rate', from: currency, to: rules.currency })
  return slip.exchange_rate
}

function factsOfSlip(reckoned: ReckonedSlip): Record<string, unknown> {
  const { slip, days, employee, structure, assignment } = reckoned
  return {
    employee_name: employee.employee_name,
    department: employee.department,
    designation: employee.designation,
    branch: employee.branch,
    ctc: employee.ctc,
    currency: reckoned.currency,
    payroll_frequency: structure.frequency,
    salary_structure: structure.name,
    salary_structure_assignment: assignment.name,
    salary_slip_based_on_timesheet: structure.byTimesheet ? 1 : 0,
    hour_rate: structure.hourRate,
    total_working_hours: reckoned.hours,
    total_working_days: days.totalWorkingDays,
    payment_days: days.paymentDays,
    leave_without_pay: days.leaveWithoutPay,
    absent_days: days.absentDays,
    unmarked_days: days.unmarkedDays,
    days_trace: JSON.stringify({ rules: reckoned.dayRules, unpaid: days.unpaid }),
    rule_version: payrollRule,
    payroll_payable_account: assignment.payableAccount ?? null,
    payroll_cost_centers: assignment.costCenters.map(({ costCenter, percentage }) => ({ cost_center: costCenter, percentage })),
    earnings: slip.lines.filter(({ facts }) => facts.kind === 'Earning').map(detailOf),
    deductions: slip.lines.filter(({ facts }) => facts.kind === 'Deduction').map(detailOf),
  }
}

function detailOf(line: SlipLine): Record<string, unknown> {
  const { facts, trace, source, of } = line
  const from = trace.kind === 'structure' ? { condition: trace.condition, formula: trace.formula } : {}
  return {
    ...from,
    amount_based_on_formula: trace.kind === 'structure' && trace.formula ? 1 : 0,
    salary_component: facts.component,
    abbr: facts.abbr,
    source,
    amount: line.amount,
    default_amount: line.full,
    depends_on_payment_days: facts.dependsOnDays ? 1 : 0,
    is_tax_applicable: facts.isTaxed ? 1 : 0,
    exempted_from_income_tax: facts.isExempted ? 1 : 0,
    variable_based_on_taxable_salary: facts.isTax ? 1 : 0,
    do_not_include_in_total: facts.isNotInTotal ? 1 : 0,
    additional_salary: source === 'Additional Salary' ? of : null,
    arrear_for: source === 'Arrears' ? of : null,
    overtime_slip: source === 'Overtime' ? of : null,
    trace: JSON.stringify(trace),
  }
}

function totalsOf({ slip, year, month }: ReckonedSlip, rate: number, rules: PayrollRules): Record<string, unknown> {
  const rounded = rules.roundsTotal ? slip.net.round(0) : slip.net
  const inOwn = (amount: Decimal) => amount.times(Decimal.from(rate)).round(2)
  return {
    gross_pay: slip.gross,
    total_deduction: slip.deductions,
    net_pay: slip.net,
    rounded_total: rounded,
    rounding_adjustment: rounded.minus(slip.net),
    base_gross_pay: inOwn(slip.gross),
    base_total_deduction: inOwn(slip.deductions),
    base_net_pay: inOwn(slip.net),
    base_rounded_total: inOwn(rounded),
    year_to_date: year.net.plus(slip.net),
    gross_year_to_date: year.gross.plus(slip.gross),
    month_to_date: month.net.plus(slip.net),
  }
}

function taxOf({ slip, period, slab, standardExemption, declared, tax }: ReckonedSlip): Record<string, unknown> {
  const withheld = slip.lines.filter(({ facts }) => facts.isTax).reduce((sum, { amount }) => sum.plus(amount), Decimal.zero)
  const annual = slip.tax?.annualTaxable ?? Decimal.zero
  return {
    payroll_period: period?.name ?? null,
    income_tax_slab: slab?.name ?? null,
    taxable_earnings: slip.taxable,
    current_month_income_tax: withheld,
    income_from_other_sources: declared.otherIncome,
    non_taxable_earnings: slip.untaxed,
    standard_tax_exemption_amount: standardExemption,
    tax_exemption_declaration: slab?.allowsExemption ? declared.exemption : 0,
    deductions_before_tax_calculation: slip.exempted,
    annual_taxable_amount: annual,
    total_earnings: slip.tax ? annual.plus(slip.tax.input.exemptions) : Decimal.zero,
    total_income_tax: slip.tax?.totalTax ?? Decimal.zero,
    income_tax_deducted_till_date: tax?.withheldBefore ?? 0,
    future_income_tax_deductions: slip.tax?.later ?? Decimal.zero,
  }
}

/** Overtime that a slip pays is paid with it, and open again when it is cancelled. */
export async function settleOvertime(ctx: Context, slip: SalarySlip, status: 'Paid' | 'Submitted'): Promise<void> {
  const names = new Set(slip.earnings.flatMap(({ overtime_slip }) => overtime_slip ?? []))
  const elevated = ctx.asSystem('overtime is settled by the slip that pays it')
  for (const name of names) {
    const overtime = await load(elevated, await ctx.site.meta.get('Overtime Slip'), name, true)
    if (overtime.docstatus !== 1 || overtime.status === status)
      throw new PayRefused({ field: 'earnings', reason: `the overtime ${name} has been settled meanwhile.` })
    await save(elevated, overtime, { status })
  }
}
