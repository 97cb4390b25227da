import { Decimal, type DecimalInput } from './decimal.ts'
import { BadHours } from './payroll-errors.ts'

/** Hours beyond the usual that are worth the same. */
export interface OvertimePart {
  readonly hours: number
  readonly multiplier: number
}

/** @returns the pay of those hours, exact. @param rate of a usual hour */
export function overtimePay(parts: readonly OvertimePart[], rate: DecimalInput): Decimal {
  return parts.reduce(
    (sum, { hours, multiplier }) => sum.plus(Decimal.from(rate).times(Decimal.from(hours)).times(Decimal.from(multiplier))),
    Decimal.zero,
  )
}

/**
 * Cuts hours off at a limit; those worth least are left out first, so that the limit costs people as little as it can.
 * @param limit 0: none
 */
export function capOvertime(parts: readonly OvertimePart[], limit: number): OvertimePart[] {
  if (limit <= 0) return [...parts]
  let left = Decimal.from(limit)
  const kept: OvertimePart[] = []
  for (const part of [...parts].sort((a, b) => b.multiplier - a.multiplier)) {
    const hours = left.compare(part.hours) < 0 ? left : Decimal.from(part.hours)
    left = left.minus(hours)
    if (!hours.isZero()) kept.push({ hours: hours.toNumber(), multiplier: part.multiplier })
  }
  return kept
}

export interface WeekOfWork {
  readonly hours: number
  readonly rate: DecimalInput
  /** Paid for the same week beside the hours. */
  readonly bonus?: DecimalInput
  /** Hours from which on work is overtime. */
  readonly usualHours?: number
  readonly multiplier?: number
}

/**
 * A week's pay when a bonus belongs into the rate of which overtime is reckoned (in the United States 29 CFR 778.110): the regular rate
 * is all that was earned divided by all hours, and overtime adds its premium on that rate.
 * @returns the regular rate to four places, and the total, exact but for that rate's last place
 * @throws BadHours
 */
export function payOfWeek({ hours, rate, bonus = 0, usualHours = 40, multiplier = 1.5 }: WeekOfWork): {
  regularRate: Decimal
  total: Decimal
} {
  if (!(hours > 0 && hours <= 168)) throw new BadHours({ field: 'hours', reason: 'a week has up to 168 hours.' })
  const straight = Decimal.from(rate).times(Decimal.from(hours)).plus(bonus)
  const premium = Decimal.from(multiplier)
    .minus(1)
    .times(Decimal.from(Math.max(0, hours - usualHours)))
  return {
    regularRate: straight.dividedBy(Decimal.from(hours), 4),
    total: straight.plus(straight.times(premium).dividedBy(Decimal.from(hours), 9)),
  }
}
