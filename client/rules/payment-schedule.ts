import { addDays, addMonths, lastDayOfMonth, parseDate } from './dates.ts'
import { Decimal, type DecimalInput, sumDecimals } from './decimal.ts'
import { BadTotals } from './invoice-totals.ts'

/** How a due date is counted from the day of the document. */
export const dueDateRules = [
  'Day(s) after invoice date',
  'Day(s) after the end of the invoice month',
  'Month(s) after the end of the invoice month',
] as const
export type DueDateRule = (typeof dueDateRules)[number]

export interface PaymentTerm {
  /** Percent of the total. */
  readonly invoice_portion: DecimalInput
  readonly due_date_based_on: DueDateRule
  readonly credit_days?: number
  readonly credit_months?: number
}

export interface Instalment {
  /** ISO day. */
  readonly dueDate: string
  readonly portion: Decimal
  readonly amount: Decimal
}

/** The day on which a term falls due. @param day ISO day of the document @throws DateOutOfRange */
export function dueDate(day: string, term: Pick<PaymentTerm, 'due_date_based_on' | 'credit_days' | 'credit_months'>): string {
  if (term.due_date_based_on === 'Day(s) after the end of the invoice month') return addDays(lastDayOfMonth(day), term.credit_days ?? 0)
  if (term.due_date_based_on === 'Month(s) after the end of the invoice month')
    return lastDayOfMonth(addMonths(lastDayOfMonth(day), term.credit_months ?? 0))
  return addDays(day, term.credit_days ?? 0)
}

/**
 * Splits a total over its terms. The parts always sum to the whole: what rounding leaves over is in the last.
 * @param precision digits of the document's currency
 * @throws BadTotals when the portions are not a hundred percent, with the path of the row
 */
export function paymentSchedule(total: DecimalInput, day: string, terms: readonly PaymentTerm[], precision = 2): Instalment[] {
  checkPortions(terms.map((term) => term.invoice_portion))
  const amounts = portionsOf(
    total,
    terms.map((term) => term.invoice_portion),
    precision,
  )
  return terms.map((term, index) => ({
    dueDate: dueDate(day, term),
    portion: Decimal.from(term.invoice_portion),
    amount: amounts[index] as Decimal,
  }))
}

/** The parts of a total by percentages that make a hundred. */
export function portionsOf(total: DecimalInput, portions: readonly DecimalInput[], precision = 2): Decimal[] {
  const whole = Decimal.from(total)
  let left = whole
  return portions.map((portion, index) => {
    if (index === portions.length - 1) return left
    const part = whole.times(portion).dividedBy(100, 12).round(precision, 'half-up')
    left = left.minus(part)
    return part
  })
}

/** @throws BadTotals */
export function checkPortions(portions: readonly DecimalInput[], table = 'terms'): void {
  for (const [index, portion] of portions.entries())
    if (Decimal.from(portion).isNegative() || Decimal.from(portion).compare(100) > 0)
      throw new BadTotals({ field: `${table}[${index}].invoice_portion`, reason: 'A part is between 0 and 100 percent.' })
  if (!sumDecimals(portions).equals(100))
    throw new BadTotals({ field: `${table}[${portions.length - 1}].invoice_portion`, reason: 'The parts must make 100 percent.' })
}

/**
 * Holds parts that people wrote against the total and the day of the document.
 * @throws BadTotals with the path of the row: a day before the document's or out of order, amounts that do not make the total
 */
export function checkSchedule(
  rows: readonly { due_date: string | null; payment_amount: DecimalInput }[],
  total: DecimalInput,
  day: string,
  table = 'payment_schedule',
): void {
  let last = day
  for (const [index, row] of rows.entries()) {
    const due = row.due_date === null ? undefined : parseDate(row.due_date)
    if (!due || due < last)
      throw new BadTotals({ field: `${table}[${index}].due_date`, reason: 'Payments fall due after the document, one after another.' })
    last = due
  }
  if (rows.length > 0 && !sumDecimals(rows.map((row) => row.payment_amount)).equals(total))
    throw new BadTotals({ field: `${table}[${rows.length - 1}].payment_amount`, reason: 'The payments must make the total.' })
}

/** What is left of each part when some of the whole was paid: the earliest are paid first. */
export function unpaidParts(amounts: readonly DecimalInput[], outstanding: DecimalInput): Decimal[] {
  let left = Decimal.from(outstanding)
  const unpaid: Decimal[] = []
  for (const given of amounts.toReversed()) {
    const amount = Decimal.from(given)
    const part = left.abs().compare(amount.abs()) < 0 ? left : amount
    unpaid.unshift(part)
    left = left.minus(part)
  }
  return unpaid
}
