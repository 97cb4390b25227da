import { Decimal, type DecimalInput } from './decimal.ts'
import { BadTotals } from './invoice-totals.ts'

/** The price of one, as a line of a form has it. Zero counts as not given. */
export interface LinePrice {
  readonly price_list_rate?: DecimalInput
  readonly discount_percentage?: DecimalInput
  /** Off the price of one. */
  readonly discount_amount?: DecimalInput
  readonly rate?: DecimalInput
}

/**
 * The price of one after the line's discount: from the list price where a discount is given, or no price is. A percentage goes before an amount.
 * @param precision digits of the document's currency
 * @param path      of the line, such as `items[2]`, for refusals
 * @throws BadTotals when a discount is more than there is
 */
export function linePrice(line: LinePrice, precision: number, path: string): { rate: Decimal; discountAmount: Decimal } {
  const [list, percentage, amount, rate] = [line.price_list_rate, line.discount_percentage, line.discount_amount, line.rate].map((value) =>
    Decimal.from(value ?? 0),
  ) as [Decimal, Decimal, Decimal, Decimal]
  if (percentage.isNegative() || percentage.compare(100) > 0)
    throw new BadTotals({ field: `${path}.discount_percentage`, reason: 'A discount is between 0 and 100 percent.' })
  if (amount.isNegative()) throw new BadTotals({ field: `${path}.discount_amount`, reason: 'A discount is not below zero.' })
  if (rate.isNegative()) throw new BadTotals({ field: `${path}.rate`, reason: 'A price is not below zero.' })
  if (list.isZero()) return { rate, discountAmount: Decimal.zero }
  if (!percentage.isZero()) {
    const off = list.times(percentage).dividedBy(100, 9).round(precision, 'half-up')
    return { rate: list.minus(off), discountAmount: off }
  }
  if (amount.isZero()) return { rate: rate.isZero() ? list : rate, discountAmount: Decimal.zero }
  if (amount.compare(list) > 0) throw new BadTotals({ field: `${path}.discount_amount`, reason: 'A discount is not more than the price.' })
  return { rate: list.minus(amount), discountAmount: amount }
}
