import { Decimal, type DecimalInput, sumDecimals } from './decimal.ts'
import { daysBetween } from './dates.ts'
import { BadSlabs } from './payroll-errors.ts'
import { conditionHolds, readFormula } from './payroll-formula.ts'

/**
 * One step of an income tax: what of the income lies above `from` and not above `to` is taxed with `percent`. Steps join without gap:
 * the `to` of one is the `from` of the next. A `to` of 0 has no end.
 */
export interface TaxSlab {
  readonly from: string
  readonly to: string
  readonly percent: number
  /** Asks for facts about the person, such as `gender == 'Female'`; empty: everybody. */
  readonly condition?: string | null
}

/** A charge on the tax itself, for incomes in its range; a `to` of 0 has no end. */
export interface TaxCharge {
  readonly percent: number
  readonly from: string
  readonly to: string
}

export interface TaxRules {
  readonly slabs: readonly TaxSlab[]
  readonly charges: readonly TaxCharge[]
  /** Incomes up to this are not taxed at all; '0': none. */
  readonly reliefLimit: string
}

const percentOf = (amount: Decimal, percent: number): Decimal => amount.times(Decimal.from(percent)).dividedBy(100, 18)
const least = (a: Decimal, b: Decimal): Decimal => (a.compare(b) < 0 ? a : b)

/**
 * The tax on an income of a year, exact; round it where it is withheld.
 * @param facts what conditions may ask for
 */
export function incomeTax(income: DecimalInput, rules: TaxRules, facts: Record<string, unknown> = {}): Decimal {
  const taxed = Decimal.from(income)
  if (taxed.isNegative() || taxed.isZero()) return Decimal.zero
  if (taxed.compare(rules.reliefLimit) <= 0) return Decimal.zero
  let tax = Decimal.zero
  for (const [index, slab] of rules.slabs.entries()) {
    if (!conditionHolds(slab.condition, facts, `slabs[${index}].condition`)) continue
    const top = Decimal.from(slab.to).isZero() ? taxed : least(taxed, Decimal.from(slab.to))
    const part = top.minus(slab.from)
    if (!part.isNegative()) tax = tax.plus(percentOf(part, slab.percent))
  }
  const charges = rules.charges.filter(({ from, to }) => taxed.compare(from) >= 0 && (Decimal.from(to).isZero() || taxed.compare(to) <= 0))
  return tax.plus(sumDecimals(charges.map(({ percent }) => percentOf(tax, percent))))
}

/** @throws BadSlabs, BadFormula when steps overlap, leave a gap, end before they begin, or a condition cannot be read */
export function checkSlabs(slabs: readonly TaxSlab[]): void {
  let open: { to: Decimal; isEndless: boolean } | undefined
  for (const [index, slab] of slabs.entries()) {
    const refuse = (field: string, reason: string): never => {
      throw new BadSlabs({ field: `slabs[${index}].${field}`, reason })
    }
    const [from, to] = [Decimal.from(slab.from), Decimal.from(slab.to)]
    if (!to.isZero() && to.compare(from) <= 0) refuse('to_amount', 'it must be above where the step begins.')
    if (slab.percent < 0 || slab.percent > 100) refuse('percent_deduction', 'it must be from 0 to 100.')
    // Steps for some people only may lie beside others.
    if (slab.condition?.trim()) {
      readFormula(slab.condition, `slabs[${index}].condition`)
      continue
    }
    if (open?.isEndless) refuse('from_amount', 'the step before has no end.')
    if (open && !open.to.equals(from)) refuse('from_amount', `the step before ends at ${open.to}.`)
    open = { to, isEndless: to.isZero() }
  }
}

/** What the tax of a slip is reckoned from; amounts as text, so that it can be kept with the result. */
export interface TaxInput {
  readonly rules: TaxRules
  readonly facts: Record<string, unknown>
  /** Taxed earnings of earlier slips of the year, and of an employer before. */
  readonly earnedBefore: string
  /** Withheld with them. */
  readonly withheldBefore: string
  /** Taxed in this slip of what comes every period. */
  readonly regularNow: string
  /** The same for a whole period, as it is expected in those to come. */
  readonly regularLater: string
  /** Taxed in this slip once: bonuses, arrears, overtime. */
  readonly onceNow: string
  /** Of that, what bears its whole tax now. */
  readonly onceInFull: string
  readonly otherIncome: string
  /** Everything that lowers the taxed income: for everybody, and as declared. */
  readonly exemptions: string
  /** Periods of the year still to be paid, this one included; 1 or more, a fraction for one that is cut off. */
  readonly periodsLeft: number
  /** Places of the currency. */
  readonly places: number
}

export interface TaxResult {
  readonly annualTaxable: Decimal
  readonly totalTax: Decimal
  /** To withhold in this slip. */
  readonly now: Decimal
  readonly later: Decimal
}

/**
 * What to withhold now: the tax of the projected year, less what was withheld, spread over the periods that are left; what is paid once
 * and in full bears its own tax at once. Never negative: what was withheld too much lowers later slips.
 */
export function taxToWithhold(input: TaxInput): TaxResult {
  const later = Decimal.from(input.regularLater).times(Decimal.from(input.periodsLeft).minus(1))
  const year = sumDecimals([input.earnedBefore, input.regularNow, input.onceNow, later, input.otherIncome]).minus(input.exemptions)
  const annualTaxable = (year.isNegative() ? Decimal.zero : year).round(input.places)
  const totalTax = incomeTax(annualTaxable, input.rules, input.facts)
  const inFull = totalTax.minus(incomeTax(annualTaxable.minus(input.onceInFull), input.rules, input.facts))
  const open = totalTax.minus(inFull).minus(input.withheldBefore)
  const share = (open.isNegative() ? Decimal.zero : open).dividedBy(Decimal.from(input.periodsLeft), 18)
  const now = share.plus(inFull).round(input.places)
  const rest = totalTax.minus(input.withheldBefore).minus(now).round(input.places)
  return { annualTaxable, totalTax: totalTax.round(input.places), now, later: rest.isNegative() ? Decimal.zero : rest }
}

/** How often people are paid; twice a month means the 1st to the 15th, and the rest. */
export type PayFrequency = 'Monthly' | 'Fortnightly' | 'Bimonthly' | 'Weekly' | 'Daily'

const daysOf: Readonly<Partial<Record<PayFrequency, number>>> = { Fortnightly: 14, Weekly: 7, Daily: 1 }

/**
 * Periods from the one that begins on `start` to the last day on which somebody is paid in the year; at least 1. Months count whole;
 * of weeks and days the last may be a part, to the ten-thousandth.
 */
export function periodsLeft(frequency: PayFrequency, start: string, last: string): number {
  const days = daysOf[frequency]
  if (days !== undefined) return Math.max(1, Math.round(((daysBetween(start, last) + 1) / days) * 10_000) / 10_000)
  const month = (day: string) => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7))
  const half = (day: string) => (Number(day.slice(8, 10)) > 15 ? 1 : 0)
  const months = month(last) - month(start)
  return Math.max(1, frequency === 'Bimonthly' ? months * 2 + half(last) - half(start) + 1 : months + 1)
}
