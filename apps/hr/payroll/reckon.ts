import { Decimal, sumDecimals } from '#client/rules/decimal.ts'
import { addMonths, firstDayOfMonth, firstDayOfYear } from '#client/rules/dates.ts'
import { type DayRules, type PaymentDays, paymentDays } from '#client/rules/payroll-days.ts'
import {
  type AddedPay,
  type ArrearsOrder,
  arrearsOf,
  type OvertimeOrder,
  reckonSlip,
  type Slip,
  type SlipInput,
  type TaxYear,
} from '#client/rules/payroll-slip.ts'
import { type PayFrequency, periodsLeft } from '#client/rules/payroll-tax.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { FoundRow } from '#kernel/query/find-rows.ts'
import { rowsOf } from '../shared/rows.ts'
import { CurrencyMismatch, NoPayrollPeriod, NotEmployed, NothingAssigned, PayRefused } from './errors.ts'
import { overtimeOf } from './overtime.ts'
import { type Past, type PastSlip, paidFor, pastOf, yearSoFar } from './past.ts'
import { type PayrollRules, payrollRules, placesOf } from './settings.ts'
import { type Assignment, assignmentAt, type Sources, sourcesOf } from './sources.ts'
import { type Component, componentsNamed, factsOf, type Structure, structureNamed } from './structure.ts'
import { type Declared, declaredBy, type PayrollPeriod, payrollPeriodAt, type Slab, slabNamed } from './tax-year.ts'

/** A period for which people are paid. */
export interface PaySpan {
  readonly organization: string
  readonly start: string
  readonly end: string
}

/** Everything about some employees that their slips of one period depend on, read together. */
export interface PayData {
  readonly span: PaySpan
  readonly rules: PayrollRules
  readonly period: PayrollPeriod | undefined
  readonly sources: ReadonlyMap<string, Sources>
  readonly past: ReadonlyMap<string, Past>
  readonly paid: Awaited<ReturnType<typeof paidFor>>
  readonly overtime: ReadonlyMap<string, readonly OvertimeOrder[]>
  readonly declared: (employee: string) => Declared
  /** Slips that stand already for some of the days, drafts included. */
  readonly standing: readonly FoundRow[]
  /** Whose pay is kept back. */
  readonly withheld: ReadonlySet<string>
}

/**
 * Reads what the slips of these employees depend on.
 * @param lock keeps others from paying them until the transaction ends
 */
export async function payDataOf(ctx: Context, employees: readonly string[], span: PaySpan, lock = true): Promise<PayData> {
  const rules = await payrollRules(ctx, span.organization)
  const period = await payrollPeriodAt(ctx, span.organization, span.start)
  const sources = await sourcesOf(ctx, employees, span.start, span.end, { lock })
  const since = [addMonths(span.start, -rules.lookBack), period?.start ?? firstDayOfYear(span.start)].sort()[0] as string
  const past = await pastOf(ctx, employees, span.start, since, rules.lookBack)
  const touched = [...past.values()].flatMap((one) => one.touched)
  return {
    span,
    rules,
    period,
    sources,
    past,
    paid: await paidFor(
      ctx,
      touched.map(({ name }) => name),
    ),
    overtime: await overtimeOf(ctx, employees, span.end),
    declared: period ? await declaredBy(ctx, employees, period.name) : () => ({ exemption: Decimal.zero, otherIncome: Decimal.zero }),
    standing: await rowsOf(
      ctx,
      'Salary Slip',
      and(
        where('employee', 'in', employees),
        where('docstatus', '<', 2),
        where('start_date', '<=', span.end),
        where('end_date', '>=', span.start),
      ),
      { fields: ['name', 'employee'] },
    ),
    withheld: new Set((await withholdings(ctx, employees, span)).map(({ employee }) => String(employee))),
  }
}

/** What keeps back the pay of some of these days. */
function withholdings(ctx: Context, employees: readonly string[], { start, end }: PaySpan): Promise<FoundRow[]> {
  return rowsOf(
    ctx,
    'Salary Withholding',
    and(
      where('employee', 'in', employees),
      where('docstatus', '=', 1),
      where('status', '=', 'Withheld'),
      where('from_date', '<=', end),
      where('to_date', '>=', start),
    ),
    { fields: ['employee'] },
  )
}

/** A slip with what its document tells of it. */
export interface ReckonedSlip {
  readonly slip: Slip
  readonly days: PaymentDays
  readonly dayRules: DayRules
  readonly assignment: Assignment
  readonly structure: Structure
  readonly components: ReadonlyMap<string, Component>
  readonly currency: string | undefined
  readonly hours: number
  readonly employee: FoundRow
  readonly period: PayrollPeriod | undefined
  readonly slab: Slab | undefined
  readonly tax: TaxYear | undefined
  readonly standardExemption: Decimal
  readonly declared: Declared
  readonly year: ReturnType<typeof yearSoFar>
  readonly month: ReturnType<typeof yearSoFar>
}

/**
 * What somebody is to be paid for a period, with arrears for earlier slips that would be different today.
 * @param hours worked, for who is paid by the hour
 * @throws NothingAssigned, NotEmployed, NoPayrollPeriod, CurrencyMismatch, BadFormula
 */
export async function reckonPay(ctx: Context, data: PayData, name: string, hours: number): Promise<ReckonedSlip> {
  const { span, rules } = data
  const past = data.past.get(name)
  const arrears: ArrearsOrder[] = []
  for (const slip of past?.touched ?? []) arrears.push(...(await arrearsFor(ctx, data, name, slip)))
  const sources = sourcesNamed(data.sources, name)
  const first = await payOf(ctx, sources, span, rules, rules.days, hours, data.overtime.get(name) ?? [])
  const { assignment, structure } = first
  const slab = assignment.slab ? await slabNamed(ctx, assignment.slab) : undefined
  if (slab && !data.period) throw new NoPayrollPeriod({ field: 'start_date', day: span.start })
  const year = yearSoFar(past, data.period?.start ?? firstDayOfYear(span.start))
  const declared = data.declared(name)
  const standardExemption = slab?.allowsExemption ? slab.standardExemption : Decimal.zero
  const tax = slab && data.period ? taxYearOf(first, slab, data.period, declared, year) : undefined
  const slip = reckonSlip({ ...first.input, arrears, tax })
  return {
    slip,
    days: first.days,
    dayRules: rules.days,
    assignment,
    structure,
    components: await componentsNamed(
      ctx,
      slip.lines.map(({ facts }) => facts.component),
    ),
    currency: first.currency,
    hours,
    employee: sources.employee,
    period: data.period,
    slab,
    tax,
    standardExemption,
    declared,
    year,
    month: yearSoFar(past, firstDayOfMonth(span.start)),
  }
}

interface Pay {
  readonly input: SlipInput
  readonly days: PaymentDays
  readonly assignment: Assignment
  readonly structure: Structure
  readonly currency: string | undefined
  readonly sources: Sources
  readonly span: PaySpan
}

/** Everything but arrears and tax. */
async function payOf(
  ctx: Context,
  sources: Sources,
  span: PaySpan,
  rules: PayrollRules,
  dayRules: DayRules,
  hours: number,
  overtime: readonly OvertimeOrder[],
): Promise<Pay> {
  const { employee } = sources
  const joining = String(employee.date_of_joining)
  const relieving = employee.relieving_date ? String(employee.relieving_date) : undefined
  if (joining > span.end || (relieving !== undefined && relieving < span.start))
    throw new NotEmployed({ field: 'employee', employee: String(employee.employee_name) })
  const assignment = assignmentAt(sources, span.start, span.end)
  const structure = assignment && (await structureNamed(ctx, assignment.structure))
  if (!assignment || !structure) throw new NothingAssigned({ field: 'employee', employee: String(employee.employee_name), day: span.end })
  const days = paymentDays({ ...span, joining, relieving, ...sources }, dayRules)
  const currency = structure.currency ?? rules.currency
  const components = await componentsNamed(ctx, [
    ...sources.additional.map((row) => String(row.salary_component)),
    ...(structure.timesheetComponent ? [structure.timesheetComponent] : []),
  ])
  const paidComponent = structure.timesheetComponent ? components.get(structure.timesheetComponent) : undefined
  const input: SlipInput = {
    structure: structure.lines,
    names: namesOf(employee, assignment, span, days, hours, structure),
    days: { paid: days.paymentDays, working: days.totalWorkingDays },
    added: sources.additional.flatMap((row) => addedOf(row, components, currency)),
    overtime,
    arrears: [],
    timesheet: structure.byTimesheet && paidComponent ? { facts: factsOf(paidComponent), hours, rate: structure.hourRate } : undefined,
    tax: undefined,
    places: await placesOf(ctx, currency),
  }
  return { input, days, assignment, structure, currency, sources, span }
}

function sourcesNamed(all: ReadonlyMap<string, Sources>, name: string): Sources {
  const sources = all.get(name)
  if (!sources) throw new PayRefused({ field: 'employee', reason: `there is no employee ${name}.` })
  return sources
}

function namesOf(
  employee: FoundRow,
  assignment: Assignment,
  span: PaySpan,
  days: PaymentDays,
  hours: number,
  structure: Structure,
): Record<string, unknown> {
  return {
    base: assignment.base.toNumber(),
    variable: assignment.variable.toNumber(),
    hour_rate: Number(structure.hourRate),
    total_working_hours: hours,
    total_working_days: days.totalWorkingDays,
    payment_days: days.paymentDays,
    leave_without_pay: days.leaveWithoutPay,
    absent_days: days.absentDays,
    start_date: span.start,
    end_date: span.end,
    department: employee.department,
    designation: employee.designation,
    branch: employee.branch,
    grade: employee.grade,
    employment_type: employee.employment_type,
    gender: employee.gender,
    date_of_joining: employee.date_of_joining,
    relieving_date: employee.relieving_date,
    date_of_birth: employee.date_of_birth,
  }
}

function addedOf(row: FoundRow, components: ReadonlyMap<string, Component>, currency: string | undefined): AddedPay[] {
  const facts = components.get(String(row.salary_component))
  if (!facts) return []
  if (row.currency && currency && row.currency !== currency)
    throw new CurrencyMismatch({ field: `additional_salary.${row.name}`, currency: String(row.currency), wanted: currency })
  return [
    {
      facts: factsOf(facts),
      amount: String(row.amount),
      of: row.name,
      replacesStructure: Boolean(row.overwrite_salary_structure_amount),
      isRecurring: Boolean(row.is_recurring),
      bearsTaxAtOnce: Boolean(row.deduct_full_tax_on_selected_payroll_date),
    },
  ]
}

function taxYearOf(
  { assignment, structure, sources, span }: Pay,
  slab: Slab,
  period: PayrollPeriod,
  declared: Declared,
  year: ReturnType<typeof yearSoFar>,
): TaxYear {
  const before = sources.assignments.filter(({ from }) => from >= period.start)
  // An earlier employer's figures stand in the assignment that was made then; one for a rise does not repeat them.
  const opening = before.find(({ earnedBefore, withheldBefore }) => !earnedBefore.isZero() || !withheldBefore.isZero()) ?? assignment
  const isThisYear = opening.from >= period.start
  const relieving = sources.employee.relieving_date ? String(sources.employee.relieving_date) : undefined
  return {
    rules: slab.rules,
    earnedBefore: sumDecimals([year.taxable, isThisYear ? opening.earnedBefore : 0]).toString(),
    withheldBefore: sumDecimals([year.withheld, isThisYear ? opening.withheldBefore : 0]).toString(),
    otherIncome: declared.otherIncome.toString(),
    exemptions: slab.allowsExemption ? slab.standardExemption.plus(declared.exemption).toString() : '0',
    periodsLeft: periodsLeft(
      (structure.frequency ?? 'Monthly') as PayFrequency,
      span.start,
      relieving !== undefined && relieving < period.end ? relieving : period.end,
    ),
  }
}

/** An earlier slip as it would be reckoned today, by the day rules it was reckoned with, beside what was paid for it. */
export async function arrearsFor(ctx: Context, data: PayData, employee: string, slip: PastSlip): Promise<ArrearsOrder[]> {
  const span = { organization: data.span.organization, start: slip.start, end: slip.end }
  const paid = data.paid.get(slip.name) ?? []
  const sources = (await sourcesOf(ctx, [employee], slip.start, slip.end)).get(employee)
  if (!sources) return []
  const overtime = (await overtimeOf(ctx, [employee], slip.end, slip.name)).get(employee) ?? []
  try {
    const pay = await payOf(ctx, sources, span, data.rules, slip.dayRules, slip.hours, overtime)
    return arrearsOf(slip.name, reckonSlip(pay.input).lines, paid)
  } catch (error) {
    // Nothing is due any more for a time in which, as it now turns out, nobody was employed, or paid by anything.
    if (NotEmployed.is(error) || NothingAssigned.is(error)) return arrearsOf(slip.name, [], paid)
    throw error
  }
}
