import { Decimal, sumDecimals } from './decimal.ts'
import { type Formulated, grossName, namesIn, namesUsed, paidName, readFormula } from './payroll-formula.ts'
import { capOvertime, type OvertimePart } from './payroll-overtime.ts'
import { type TaxInput, type TaxRules, taxToWithhold } from './payroll-tax.ts'
import { type LineTrace, payrollRule, reckon } from './payroll-trace.ts'

/** What a component is, wherever it stands. */
export interface ComponentFacts {
  readonly component: string
  readonly abbr: string
  readonly kind: 'Earning' | 'Deduction'
  readonly dependsOnDays: boolean
  readonly isTaxed: boolean
  /** A deduction that lowers the taxed income. */
  readonly isExempted: boolean
  readonly isTax: boolean
  readonly isStatistical: boolean
  readonly isNotInTotal: boolean
  readonly isWhole: boolean
  readonly dropsZero: boolean
}

/** A line of a structure, in the order in which it is reckoned (see `orderComponents`). */
export interface StructureLine extends ComponentFacts, Formulated {
  readonly fixed: string
}

/** Something beside the structure. */
export interface AddedPay {
  readonly facts: ComponentFacts
  readonly amount: string
  /** Name of the document it comes from. */
  readonly of: string
  readonly replacesStructure: boolean
  readonly isRecurring: boolean
  readonly bearsTaxAtOnce: boolean
}

export interface OvertimeOrder {
  readonly facts: ComponentFacts
  readonly of: string
  readonly parts: readonly OvertimePart[]
  /** At most these hours; 0: no limit. */
  readonly limit: number
  /** Of a usual hour; or of which components it is reckoned, by the hours of a usual day. */
  readonly rate: { readonly fixed: string } | { readonly abbrs: readonly string[]; readonly hoursPerDay: number }
}

export interface ArrearsOrder {
  readonly facts: ComponentFacts
  /** The slip it makes up for. */
  readonly slip: string
  readonly due: readonly LineTrace[]
  readonly paid: readonly string[]
}

/** What is known of the year before this slip. */
export interface TaxYear {
  readonly rules: TaxRules
  readonly earnedBefore: string
  readonly withheldBefore: string
  readonly otherIncome: string
  readonly exemptions: string
  readonly periodsLeft: number
}

export interface SlipInput {
  readonly structure: readonly StructureLine[]
  /** Values of `payNames`, as plain JSON; numbers as doubles. */
  readonly names: Readonly<Record<string, unknown>>
  readonly days: { readonly paid: number; readonly working: number }
  readonly added: readonly AddedPay[]
  readonly overtime: readonly OvertimeOrder[]
  readonly arrears: readonly ArrearsOrder[]
  readonly timesheet: { readonly facts: ComponentFacts; readonly hours: number; readonly rate: string } | undefined
  readonly tax: TaxYear | undefined
  /** Places of the currency. */
  readonly places: number
}

export type LineSource = 'Structure' | 'Additional Salary' | 'Arrears' | 'Overtime' | 'Timesheet' | 'Income Tax'

export interface SlipLine {
  readonly facts: ComponentFacts
  readonly source: LineSource
  readonly full: Decimal
  readonly amount: Decimal
  readonly trace: LineTrace
  /** The document it comes from, if any. */
  readonly of?: string | undefined
  readonly isRecurring?: boolean
  readonly bearsTaxAtOnce?: boolean
}

export interface Slip {
  readonly lines: readonly SlipLine[]
  readonly gross: Decimal
  readonly deductions: Decimal
  readonly net: Decimal
  /** Taxed in this slip, deductions that lower it taken off. */
  readonly taxable: Decimal
  /** Of that, deductions that lower it. */
  readonly exempted: Decimal
  readonly untaxed: Decimal
  readonly tax: (ReturnType<typeof taxToWithhold> & { readonly input: TaxInput }) | undefined
}

const counts = ({ facts }: SlipLine): boolean => !facts.isStatistical && !facts.isNotInTotal
const total = (lines: readonly SlipLine[]): Decimal => sumDecimals(lines.map(({ amount }) => amount))

/**
 * A slip from everything that it depends on. A component's short name means its amount for a whole period wherever it is named; what
 * depends on days is lowered once, at its own line. The income tax comes last, for everything else decides it.
 * @throws BadFormula
 */
export function reckonSlip(input: SlipInput): Slip {
  const reckoning = new Reckoning(input)
  return reckoning.slip()
}

class Reckoning {
  private readonly input: SlipInput
  private readonly lines: SlipLine[] = []
  private readonly scope: Record<string, unknown>
  private readonly paid: Record<string, number> = {}
  private areExtrasDone = false

  constructor(input: SlipInput) {
    this.input = input
    this.scope = { ...input.names, [paidName]: this.paid }
  }

  slip(): Slip {
    for (const line of this.input.structure) if (!line.isTax || !this.input.tax) this.addStructure(line)
    this.addExtras()
    for (const added of this.input.added) if (added.facts.kind === 'Deduction') this.addGiven(added)
    for (const order of this.input.arrears) if (order.facts.kind === 'Deduction') this.addArrears(order)
    const taxable = this.taxable()
    const tax = this.addTax()
    const shown = this.lines.filter(({ facts, amount }) => !facts.isStatistical && !(facts.dropsZero && amount.isZero()))
    const counted = shown.filter(counts)
    const gross = total(counted.filter(({ facts }) => facts.kind === 'Earning'))
    const deductions = total(counted.filter(({ facts }) => facts.kind === 'Deduction'))
    const untaxed = total(counted.filter(({ facts }) => facts.kind === 'Earning' && !facts.isTaxed))
    return { lines: shown, gross, deductions, net: gross.minus(deductions), taxable, exempted: this.exempted(), untaxed, tax }
  }

  private addStructure(line: StructureLine): void {
    const { days, places } = this.input
    const sources = [line.condition, line.formula]
    // By the order of lines, all earnings of the structure are there when one asks for their sum.
    if (sources.some((source) => source && namesIn(readFormula(source, line.field)).includes(grossName))) {
      this.addExtras()
      this.scope[grossName] = this.gross().toNumber()
    }
    const trace: LineTrace = {
      rule: payrollRule,
      kind: 'structure',
      ...(line.condition ? { condition: line.condition } : {}),
      ...(line.formula ? { formula: line.formula } : { fixed: line.fixed }),
      names: namesUsed(sources, this.scope),
      ...(line.dependsOnDays && { days: [days.paid, days.working] as const }),
      places: line.isWhole ? 0 : places,
    }
    const { full, amount } = reckon(trace)
    this.scope[line.abbr] = full.toNumber()
    const replacing = this.input.added.find(({ facts, replacesStructure }) => replacesStructure && facts.component === line.component)
    this.paid[line.abbr] = (replacing ? Decimal.from(replacing.amount) : amount).toNumber()
    if (!replacing) this.lines.push({ facts: line, source: 'Structure', full, amount, trace })
    // Kept where it stands, so that a slip always reads in the order of its structure.
    else this.addGiven(replacing)
  }

  /** Everything beside the structure that is earned. */
  private addExtras(): void {
    if (this.areExtrasDone) return
    this.areExtrasDone = true
    for (const added of this.input.added) if (added.facts.kind === 'Earning') this.addGiven(added)
    for (const order of this.input.arrears) if (order.facts.kind === 'Earning') this.addArrears(order)
    const { timesheet } = this.input
    if (timesheet) this.addHours(timesheet.facts, 'Timesheet', [{ hours: timesheet.hours, multiplier: 1 }], timesheet.rate, undefined)
    for (const order of this.input.overtime)
      this.addHours(order.facts, 'Overtime', capOvertime(order.parts, order.limit), this.rateOf(order), order.of)
  }

  private addGiven(added: AddedPay): void {
    if (this.lines.some(({ source, of }) => source === 'Additional Salary' && of === added.of)) return
    const trace: LineTrace = { rule: payrollRule, kind: 'given', amount: added.amount, of: added.of, places: this.input.places }
    this.lines.push({
      facts: added.facts,
      source: 'Additional Salary',
      ...reckon(trace),
      trace,
      of: added.of,
      isRecurring: added.isRecurring,
      bearsTaxAtOnce: added.bearsTaxAtOnce,
    })
  }

  private addArrears({ facts, slip, due, paid }: ArrearsOrder): void {
    const trace: LineTrace = { rule: payrollRule, kind: 'arrears', due, paid, places: this.input.places }
    this.lines.push({ facts, source: 'Arrears', ...reckon(trace), trace, of: slip })
  }

  private addHours(facts: ComponentFacts, source: LineSource, parts: readonly OvertimePart[], rate: string, of: string | undefined): void {
    const trace: LineTrace = { rule: payrollRule, kind: 'hours', parts, rate, places: this.input.places }
    this.lines.push({ facts, source, ...reckon(trace), trace, of })
  }

  private rateOf({ rate }: OvertimeOrder): string {
    if ('fixed' in rate) return rate.fixed
    const whole = sumDecimals(rate.abbrs.map((abbr) => Decimal.from(Number(this.scope[abbr] ?? 0))))
    const hours = Decimal.from(rate.hoursPerDay).times(this.input.days.working)
    return hours.isZero() ? '0' : whole.dividedBy(hours, 9).toString()
  }

  private gross(): Decimal {
    return total(this.lines.filter((line) => counts(line) && line.facts.kind === 'Earning'))
  }

  private taxedLines(): SlipLine[] {
    return this.lines.filter((line) => !line.facts.isStatistical && line.facts.kind === 'Earning' && line.facts.isTaxed)
  }

  private exemptedLines(): SlipLine[] {
    return this.lines.filter((line) => !line.facts.isStatistical && line.facts.kind === 'Deduction' && line.facts.isExempted)
  }

  private exempted(): Decimal {
    return total(this.exemptedLines())
  }

  private taxable(): Decimal {
    return total(this.taxedLines()).minus(this.exempted())
  }

  private addTax(): Slip['tax'] {
    const { tax, names, places, structure } = this.input
    const facts = structure.find(({ isTax }) => isTax)
    if (!tax || !facts) return undefined
    const isRegular = (line: SlipLine) => line.source === 'Structure' || line.isRecurring === true
    const sums = (pick: (line: SlipLine) => boolean, of: (line: SlipLine) => Decimal) =>
      sumDecimals(this.taxedLines().filter(pick).map(of)).minus(sumDecimals(this.exemptedLines().filter(pick).map(of)))
    const input: TaxInput = {
      rules: tax.rules,
      facts: namesUsed(
        tax.rules.slabs.map(({ condition }) => condition),
        names,
      ),
      earnedBefore: tax.earnedBefore,
      withheldBefore: tax.withheldBefore,
      regularNow: sums(isRegular, ({ amount }) => amount).toString(),
      regularLater: sums(isRegular, ({ full }) => full).toString(),
      onceNow: sums(
        (line) => !isRegular(line),
        ({ amount }) => amount,
      ).toString(),
      onceInFull: total(this.taxedLines().filter(({ bearsTaxAtOnce }) => bearsTaxAtOnce)).toString(),
      otherIncome: tax.otherIncome,
      exemptions: tax.exemptions,
      periodsLeft: tax.periodsLeft,
      places,
    }
    const trace: LineTrace = { rule: payrollRule, kind: 'tax', input }
    const replacing = this.lines.some((line) => line.source === 'Additional Salary' && line.facts.component === facts.component)
    if (!replacing) this.lines.push({ facts, source: 'Income Tax', ...reckon(trace), trace })
    return { ...taxToWithhold(input), input }
  }
}

/** Arrears: what a slip would say today, beside what it and its arrears since have paid. Components that agree are left out. */
export function arrearsOf(
  slip: string,
  due: readonly SlipLine[],
  paid: readonly { facts: ComponentFacts; amount: Decimal }[],
): ArrearsOrder[] {
  const components = new Map<string, ComponentFacts>()
  const repeated = due.filter((line) => line.source !== 'Income Tax' && line.source !== 'Arrears' && counts(line))
  for (const { facts } of [...repeated, ...paid]) components.set(facts.component, facts)
  const orders: ArrearsOrder[] = []
  for (const [component, facts] of components) {
    const now = repeated.filter((line) => line.facts.component === component)
    const then = paid.filter((line) => line.facts.component === component)
    if (total(now).equals(sumDecimals(then.map(({ amount }) => amount)))) continue
    orders.push({ facts, slip, due: now.map(({ trace }) => trace), paid: then.map(({ amount }) => amount.toString()) })
  }
  return orders
}
