import { Decimal, type DecimalInput, type Rounding } from './decimal.ts'
import { defineError } from './errors.ts'

export const BadTotals = defineError<{ field: string; reason: string }>({
  code: 'totals/bad-input',
  status: 417,
  excType: 'ValidationError',
  message: (d) => d.reason,
})

/** How a tax or charge is reckoned. `row_id` of the two that build on another row counts from 1 and names an earlier row. */
export const chargeTypes = ['Actual', 'On Net Total', 'On Previous Row Amount', 'On Previous Row Total', 'On Item Quantity'] as const
export type ChargeType = (typeof chargeTypes)[number]

export interface TotalsLine {
  readonly qty: DecimalInput
  /** Price of one, after the line's own discount, in the document's currency. */
  readonly rate: DecimalInput
  /** Rates in percent (or per unit, for `On Item Quantity`) that this item has instead of a row's own, by the row's account. */
  readonly taxRates?: Readonly<Record<string, DecimalInput>>
}

export interface TotalsTax {
  readonly charge_type: ChargeType
  /** Percent; the amount per unit for `On Item Quantity`. */
  readonly rate?: DecimalInput
  /** The amount of `Actual`. */
  readonly tax_amount?: DecimalInput
  readonly row_id?: number
  readonly account_head?: string
  /** The prices of the lines contain it. */
  readonly included_in_print_rate?: boolean
  /** Taken off instead of added: a withholding tax. */
  readonly is_deducted?: boolean
}

export interface TotalsOptions {
  /** Digits of the document's currency; default 2. */
  readonly precision?: number
  /** Digits of the company's currency; default 2. */
  readonly companyPrecision?: number
  /** Default `half-up`: what invoices are expected to do. */
  readonly rounding?: Rounding
  /** Company currency for one of the document's; default 1. */
  readonly conversionRate?: DecimalInput
  /** A discount on the whole document: an amount, or a percentage of what it is taken from. */
  readonly discount?: { readonly on: 'Net Total' | 'Grand Total'; readonly amount?: DecimalInput; readonly percentage?: DecimalInput }
  /** The smallest sum that is paid, such as 1 or 0.05; absent: the total is paid to the last digit. */
  readonly smallestUnit?: DecimalInput
}

export interface LineTotals {
  /** qty × rate. */
  readonly amount: Decimal
  /** Without included taxes and the document's discount. */
  readonly netAmount: Decimal
  readonly netRate: Decimal
  readonly baseNetAmount: Decimal
}

export interface TaxTotals {
  /** Negative where it is deducted. */
  readonly amount: Decimal
  /** The document's total up to this row. */
  readonly total: Decimal
  readonly baseAmount: Decimal
  /** What each line contributes, to nine digits. */
  readonly byLine: readonly Decimal[]
}

export interface Totals {
  readonly lines: readonly LineTotals[]
  readonly taxes: readonly TaxTotals[]
  /** Sum of the lines' amounts as they are printed. */
  readonly total: Decimal
  readonly netTotal: Decimal
  readonly discountAmount: Decimal
  readonly totalTaxes: Decimal
  /** netTotal + totalTaxes, exactly. */
  readonly grandTotal: Decimal
  /** What is to be paid; grandTotal + roundingAdjustment. */
  readonly roundedTotal: Decimal
  readonly roundingAdjustment: Decimal
  /** In the company's currency: each the sum of its rounded parts, so that a ledger made of the parts balances. */
  readonly baseNetTotal: Decimal
  readonly baseTotalTaxes: Decimal
  readonly baseGrandTotal: Decimal
}

const digits = 9
const hundred = Decimal.from(100)
const one = Decimal.from(1)

/**
 * Totals of a quotation, order or invoice. Exact throughout; amounts are rounded where they are printed, and a cent that rounding leaves
 * over goes to the last row that a percentage made (or, without one, to the largest line), so that the parts always add up.
 * @throws BadTotals with the path of the row
 */
export function invoiceTotals(lines: readonly TotalsLine[], taxes: readonly TotalsTax[], options: TotalsOptions = {}): Totals {
  const { precision = 2, companyPrecision = 2, rounding = 'half-up' } = options
  const money = (value: Decimal): Decimal => value.round(precision, rounding)
  const rows = taxes.map(checked)
  const quantities = lines.map((line) => Decimal.from(line.qty))
  const amounts = lines.map((line, index) => money(Decimal.from(line.rate).times(quantities[index] as Decimal)))
  const nets = amounts.map((amount, index) =>
    money(withoutIncluded(amount, quantities[index] as Decimal, lines[index] as TotalsLine, rows)),
  )
  const total = sum(amounts)
  const discounted = withDiscount({ lines, rows, quantities, nets, total, money, options })
  const reckoned = reckon(lines, rows, quantities, discounted.nets)
  const taxAmounts = reckoned.map((byLine) => money(sum(byLine)))
  if (discounted.grandTotal) settle(rows, taxAmounts, discounted, sum(taxAmounts))
  const netTotal = sum(discounted.nets)
  const totalTaxes = sum(taxAmounts)
  const grandTotal = netTotal.plus(totalTaxes)
  const roundedTotal = options.smallestUnit === undefined ? grandTotal : toUnit(grandTotal, options.smallestUnit, rounding)
  const rate = Decimal.from(options.conversionRate ?? 1)
  const base = (value: Decimal): Decimal => value.times(rate).round(companyPrecision, rounding)
  const baseNets = discounted.nets.map(base)
  const baseTaxes = taxAmounts.map(base)
  let running = netTotal
  return {
    lines: lines.map((_line, index) => lineTotals(amounts, discounted.nets, baseNets, quantities, index)),
    taxes: taxAmounts.map((amount, index) => {
      running = running.plus(amount)
      const byLine = (reckoned[index] as readonly Decimal[]).map((value) => value.round(digits))
      return { amount, total: running, baseAmount: baseTaxes[index] as Decimal, byLine }
    }),
    total,
    netTotal,
    discountAmount: discounted.amount,
    totalTaxes,
    grandTotal,
    roundedTotal,
    roundingAdjustment: roundedTotal.minus(grandTotal),
    baseNetTotal: sum(baseNets),
    baseTotalTaxes: sum(baseTaxes),
    baseGrandTotal: sum(baseNets).plus(sum(baseTaxes)),
  }
}

interface TaxRow extends TotalsTax {
  /** Index of the row it builds on. */
  readonly on: number | undefined
}

function checked(tax: TotalsTax, index: number, all: readonly TotalsTax[]): TaxRow {
  const refuse = (key: string, reason: string): never => {
    throw new BadTotals({ field: `taxes[${index}].${key}`, reason })
  }
  if (!chargeTypes.includes(tax.charge_type)) refuse('charge_type', `"${String(tax.charge_type)}" is no kind of charge.`)
  const builds = tax.charge_type === 'On Previous Row Amount' || tax.charge_type === 'On Previous Row Total'
  const on = builds ? (tax.row_id ?? index) - 1 : undefined
  if (on !== undefined && (!Number.isInteger(on) || on < 0 || on >= index)) refuse('row_id', 'A charge builds on a row above its own.')
  if (tax.included_in_print_rate) {
    if (tax.charge_type === 'Actual') refuse('included_in_print_rate', 'A fixed amount cannot be part of the prices.')
    const needed =
      on === undefined ? [] : tax.charge_type === 'On Previous Row Amount' ? [on] : Array.from({ length: on + 1 }, (_, row) => row)
    if (needed.some((row) => !all[row]?.included_in_print_rate))
      refuse('included_in_print_rate', 'What this charge builds on must be part of the prices too.')
  }
  return { ...tax, on }
}

function rateOf(row: TaxRow, line: TotalsLine): Decimal {
  const own = row.account_head !== undefined && line.taxRates && Object.hasOwn(line.taxRates, row.account_head)
  const rate = Decimal.from((own ? line.taxRates?.[row.account_head as string] : row.rate) ?? 0)
  return row.is_deducted ? rate.negate() : rate
}

/** Takes what the price contains off it: of each unit of net amount the fractions of the percentages, and what is fixed per piece. */
function withoutIncluded(amount: Decimal, quantity: Decimal, line: TotalsLine, rows: readonly TaxRow[]): Decimal {
  if (!rows.some((row) => row.included_in_print_rate)) return amount
  const parts: { share: Decimal; fixed: Decimal }[] = []
  let share = Decimal.zero
  let fixed = Decimal.zero
  for (const row of rows) {
    const part = row.included_in_print_rate ? includedPart(row, line, parts, quantity) : { share: Decimal.zero, fixed: Decimal.zero }
    parts.push(part)
    share = share.plus(part.share)
    fixed = fixed.plus(part.fixed)
  }
  return amount.minus(fixed).dividedBy(one.plus(share), digits)
}

function includedPart(
  row: TaxRow,
  line: TotalsLine,
  above: readonly { share: Decimal; fixed: Decimal }[],
  quantity: Decimal,
): { share: Decimal; fixed: Decimal } {
  const rate = rateOf(row, line)
  if (row.charge_type === 'On Item Quantity') return { share: Decimal.zero, fixed: rate.times(quantity) }
  const percent = rate.dividedBy(hundred, 12)
  if (row.charge_type === 'On Net Total') return { share: percent, fixed: Decimal.zero }
  const base = row.charge_type === 'On Previous Row Amount' ? above.slice(row.on, (row.on ?? 0) + 1) : above.slice(0, (row.on ?? 0) + 1)
  const start = row.charge_type === 'On Previous Row Total' ? one : Decimal.zero
  return {
    share: percent.times(
      sum(
        base.map((part) => part.share),
        start,
      ),
    ),
    fixed: percent.times(sum(base.map((part) => part.fixed))),
  }
}

/** What each row charges on each line, signed. Linear in the net amounts, but for what is fixed. */
function reckon(
  lines: readonly TotalsLine[],
  rows: readonly TaxRow[],
  quantities: readonly Decimal[],
  nets: readonly Decimal[],
): Decimal[][] {
  const found: Decimal[][] = []
  for (const row of rows) {
    if (row.charge_type === 'Actual') {
      const amount = Decimal.from(row.tax_amount ?? 0)
      found.push(spread(row.is_deducted ? amount.negate() : amount, nets))
      continue
    }
    found.push(
      lines.map((line, index) => {
        const rate = rateOf(row, line)
        if (row.charge_type === 'On Item Quantity') return rate.times(quantities[index] as Decimal)
        let base = nets[index] as Decimal
        if (row.charge_type === 'On Previous Row Amount') base = found[row.on as number]?.[index] as Decimal
        if (row.charge_type === 'On Previous Row Total')
          base = sum(
            found.slice(0, (row.on as number) + 1).map((byLine) => byLine[index] as Decimal),
            base,
          )
        return base.times(rate).dividedBy(hundred, 12)
      }),
    )
  }
  return found
}

/** Shares an amount out in proportion; whatever the digits do not hold goes to the last. */
function spread(amount: Decimal, weights: readonly Decimal[]): Decimal[] {
  const whole = sum(weights)
  if (weights.length === 0) return []
  let left = amount
  return weights.map((weight, index) => {
    if (index === weights.length - 1) return left
    const part = whole.isZero() ? Decimal.zero : amount.times(weight).dividedBy(whole, digits)
    left = left.minus(part)
    return part
  })
}

interface Discounting {
  readonly lines: readonly TotalsLine[]
  readonly rows: readonly TaxRow[]
  readonly quantities: readonly Decimal[]
  readonly nets: readonly Decimal[]
  readonly total: Decimal
  readonly money: (value: Decimal) => Decimal
  readonly options: TotalsOptions
}

interface Discounted {
  readonly nets: readonly Decimal[]
  readonly amount: Decimal
  /** What the document must come to, where that is known beforehand; undefined: whatever the parts add up to. */
  readonly grandTotal: Decimal | undefined
}

function withDiscount({ lines, rows, quantities, nets, total, money, options }: Discounting): Discounted {
  const { discount } = options
  const before = reckon(lines, rows, quantities, nets).map((byLine) => money(sum(byLine)))
  const netTotal = sum(nets)
  // With prices that contain taxes, the sum of the prices is what the customer was told, and what is charged on top comes on top.
  const isIncluded = rows.some((row) => row.included_in_print_rate)
  const onTop = sum(before.filter((_amount, index) => !rows[index]?.included_in_print_rate))
  const grandBefore = isIncluded ? total.plus(onTop) : netTotal.plus(sum(before))
  const basis = discount?.on === 'Net Total' ? netTotal : grandBefore
  const amount = discount ? discountOf(discount, basis, money) : Decimal.zero
  if (!discount || amount.isZero()) return { nets, amount, grandTotal: isIncluded ? grandBefore : undefined }
  if (discount.on === 'Net Total') return { nets: scaled(nets, netTotal.minus(amount), money), amount, grandTotal: undefined }
  const wanted = grandBefore.minus(amount)
  // The total is a fixed part (charges that do not follow the prices) and one in proportion to the net amounts.
  const fixed = sum(
    reckon(
      lines,
      rows,
      quantities,
      nets.map(() => Decimal.zero),
    ).map((byLine) => sum(byLine)),
  )
  const moving = netTotal.plus(sum(reckon(lines, rows, quantities, nets).map((byLine) => sum(byLine)))).minus(fixed)
  if (moving.isZero()) throw new BadTotals({ field: 'discount_amount', reason: 'There is nothing from which the discount could be taken.' })
  const newNet = money(netTotal.times(wanted.minus(fixed)).dividedBy(moving, digits))
  return { nets: scaled(nets, newNet, money), amount, grandTotal: wanted }
}

function discountOf(discount: NonNullable<TotalsOptions['discount']>, basis: Decimal, money: (value: Decimal) => Decimal): Decimal {
  const { amount, percentage } = discount
  if (percentage !== undefined && !Decimal.from(percentage).isZero()) {
    const percent = Decimal.from(percentage)
    if (percent.isNegative() || percent.compare(100) > 0)
      throw new BadTotals({ field: 'additional_discount_percentage', reason: 'A discount is between 0 and 100 percent.' })
    return money(basis.times(percent).dividedBy(hundred, digits))
  }
  const given = Decimal.from(amount ?? 0)
  if (given.abs().compare(basis.abs()) > 0 || (!given.isZero() && given.isNegative() !== basis.isNegative()))
    throw new BadTotals({ field: 'discount_amount', reason: 'A discount cannot be more than what it is taken from.' })
  return money(given)
}

/** Brings amounts to a new sum in proportion, rounded; what rounding leaves over goes to the largest. */
function scaled(amounts: readonly Decimal[], wanted: Decimal, money: (value: Decimal) => Decimal): Decimal[] {
  const whole = sum(amounts)
  if (whole.isZero()) return [...amounts]
  const parts = amounts.map((amount) => money(amount.times(wanted).dividedBy(whole, digits)))
  return toSum(parts, wanted)
}

function toSum(parts: Decimal[], wanted: Decimal): Decimal[] {
  const missing = wanted.minus(sum(parts))
  const largest = parts.reduce((best, part, index) => (part.abs().compare((parts[best] as Decimal).abs()) > 0 ? index : best), 0)
  return parts.map((part, index) => (index === largest ? part.plus(missing) : part))
}

/** Makes the parts come to the total that the customer was told: rounding each of them may have left a cent over. */
function settle(rows: readonly TaxRow[], taxAmounts: Decimal[], discounted: Discounted, taxes: Decimal): void {
  const missing = (discounted.grandTotal as Decimal).minus(sum(discounted.nets)).minus(taxes)
  if (missing.isZero()) return
  const index = rows.findLastIndex((row) => row.charge_type !== 'Actual' && row.charge_type !== 'On Item Quantity')
  if (index >= 0) taxAmounts[index] = (taxAmounts[index] as Decimal).plus(missing)
  else (discounted.nets as Decimal[]).splice(0, discounted.nets.length, ...toSum([...discounted.nets], sum(discounted.nets).plus(missing)))
}

function lineTotals(
  amounts: readonly Decimal[],
  nets: readonly Decimal[],
  baseNets: readonly Decimal[],
  quantities: readonly Decimal[],
  index: number,
): LineTotals {
  const netAmount = nets[index] as Decimal
  const quantity = quantities[index] as Decimal
  return {
    amount: amounts[index] as Decimal,
    netAmount,
    netRate: quantity.isZero() ? Decimal.zero : netAmount.dividedBy(quantity, digits),
    baseNetAmount: baseNets[index] as Decimal,
  }
}

/** The nearest whole number of units. */
function toUnit(amount: Decimal, unit: DecimalInput, rounding: Rounding): Decimal {
  const size = Decimal.from(unit)
  if (size.isZero() || size.isNegative()) throw new BadTotals({ field: 'smallest_unit', reason: 'The smallest unit is more than zero.' })
  return amount.dividedBy(size, digits).round(0, rounding).times(size)
}

function sum(values: readonly Decimal[], start = Decimal.zero): Decimal {
  return values.reduce((total, value) => total.plus(value), start)
}
