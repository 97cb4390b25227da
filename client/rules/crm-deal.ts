import { Decimal, type DecimalInput } from './decimal.ts'
import { defineError } from './errors.ts'

export const BadDealFigures = defineError<{ field: string; reason: string }>({
  code: 'crm/bad-figures',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.reason}`,
})

export interface DealLine {
  readonly qty: DecimalInput
  readonly rate: DecimalInput
  readonly discount_percentage?: DecimalInput
}

export interface DealFigures {
  readonly lines: readonly { readonly amount: Decimal; readonly discountAmount: Decimal; readonly netAmount: Decimal }[]
  /** Sum of the lines after their own discounts. */
  readonly total: Decimal
  /** The discount on the whole. */
  readonly discountAmount: Decimal
  readonly netTotal: Decimal
}

/** Digits of money amounts; rounding is half up, as on invoices. */
const places = 2

/**
 * What the products of a deal come to. Each line is rounded, so that what is shown adds up.
 * @param discount  on the whole: a percentage of the total, which goes before an amount
 * @throws BadDealFigures with the path: a negative quantity or price, a discount of more than there is
 */
export function dealFigures(lines: readonly DealLine[], discount: { percentage?: DecimalInput; amount?: DecimalInput } = {}): DealFigures {
  const figures = lines.map((line, index) => {
    const [qty, rate, off] = [Decimal.from(line.qty), Decimal.from(line.rate), Decimal.from(line.discount_percentage ?? 0)]
    demandNotNegative(qty, `products[${index}].qty`)
    demandNotNegative(rate, `products[${index}].rate`)
    demandPercentage(off, `products[${index}].discount_percentage`)
    const amount = qty.times(rate).round(places, 'half-up')
    const discountAmount = percentOf(amount, off)
    return { amount, discountAmount, netAmount: amount.minus(discountAmount) }
  })
  const total = figures.reduce((sum, line) => sum.plus(line.netAmount), Decimal.zero)
  const percentage = Decimal.from(discount.percentage ?? 0)
  demandPercentage(percentage, 'additional_discount_percentage')
  const discountAmount = percentage.isZero() ? Decimal.from(discount.amount ?? 0).round(places, 'half-up') : percentOf(total, percentage)
  demandNotNegative(discountAmount, 'discount_amount')
  if (discountAmount.compare(total) > 0) throw new BadDealFigures({ field: 'discount_amount', reason: 'it is more than the total.' })
  return { lines: figures, total, discountAmount, netTotal: total.minus(discountAmount) }
}

/** A value in another currency, and its share by probability (in percent). */
export function weighted(value: DecimalInput, exchangeRate: DecimalInput, probability: DecimalInput): { base: Decimal; weighted: Decimal } {
  const base = Decimal.from(value).times(exchangeRate).round(places, 'half-up')
  return { base, weighted: percentOf(base, Decimal.from(probability)) }
}

function percentOf(amount: Decimal, percentage: Decimal): Decimal {
  return amount.times(percentage).times('0.01').round(places, 'half-up')
}

function demandNotNegative(value: Decimal, field: string): void {
  if (value.isNegative()) throw new BadDealFigures({ field, reason: 'it must not be negative.' })
}

function demandPercentage(value: Decimal, field: string): void {
  if (value.isNegative() || value.compare(100) > 0) throw new BadDealFigures({ field, reason: 'it must be from 0 to 100.' })
}
