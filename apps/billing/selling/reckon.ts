import { Decimal } from '#client/rules/decimal.ts'
import { invoiceTotals, type Totals } from '#client/rules/invoice-totals.ts'
import { checkSchedule, paymentSchedule, portionsOf, type PaymentTerm } from '#client/rules/payment-schedule.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { assignValues, documentForm, sameValue } from '#kernel/documents/cast.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { findRows, type FoundRow } from '#kernel/query/find-rows.ts'
import { type CompanyFacts, currencyDigits, exchangeRate, fillCompany, inCompanyCurrency } from '../books/company-facts.ts'
import { BadBillingValue, WrongTotal } from '../errors.ts'
import { itemTaxRates } from './item-taxes.ts'
import type { ScheduleRow, SellingFields, TermsFields } from './parts.ts'
import { priceLines } from './prices.ts'
import { taxOf } from './tax-of.ts'

export interface Reckoning {
  /** ISO day of the document. */
  readonly date: string
  readonly before: SellingFields | undefined
  /** Quantities are negative, and prices those of what is given back. */
  readonly isReturn?: boolean
}

type Selling = SellingFields & { doctype: string }

/**
 * Brings a document of selling up to date: company, currency, prices, taxes and totals, from the lines on. Totals that a caller sent and that
 * differ are refused, so that nobody relies on figures that were never there.
 * @throws BadBillingValue, BadTotals, WrongTotal, CurrencyMismatch, ExchangeRateNeeded with the field
 */
export async function reckonSelling(ctx: Context, document: Selling, reckoning: Reckoning): Promise<CompanyFacts> {
  const facts = await fillCompany(ctx, document)
  const { date, before, isReturn = false } = reckoning
  const customer = await customerOf(ctx, document, !before && !isReturn)
  document.currency ||= await usualCurrency(ctx, document, customer, facts)
  const digits = await currencyDigits(ctx, document.currency)
  document.conversion_rate = await exchangeRate(ctx, facts, document.currency, date, document.conversion_rate, 'conversion_rate')
  checkQuantities(document, isReturn)
  const given = givenTotals(document)
  await priceLines(ctx, document, { facts, date, digits, keepsPrices: isReturn })
  await copyTaxTemplate(ctx, document, before)
  const taxRates = await itemTaxRates(ctx, document.items, date)
  const totals = invoiceTotals(
    document.items.map((line, index) => ({ qty: line.qty, rate: line.rate, ...(taxRates[index] && { taxRates: taxRates[index] }) })),
    document.taxes.map(taxOf),
    {
      precision: digits,
      companyPrecision: facts.digits,
      conversionRate: document.conversion_rate,
      ...discountOf(document),
      ...smallestUnit(document, facts),
    },
  )
  writeTotals(document, totals, facts)
  refuseWrongTotals(document, before, given)
  return facts
}

function smallestUnit(document: SellingFields, facts: CompanyFacts): { smallestUnit?: Decimal } {
  const unit = facts.values.rounding_unit as Decimal
  return document.disable_rounded_total || unit.isZero() || document.currency !== facts.currency ? {} : { smallestUnit: unit }
}

async function usualCurrency(ctx: Context, document: SellingFields, customer: FoundRow | undefined, facts: CompanyFacts): Promise<string> {
  const [list] = document.selling_price_list
    ? await findRows(ctx, await ctx.site.meta.get('Price List'), where('name', '=', document.selling_price_list), { limit: 1 })
    : []
  if (list?.currency) return String(list.currency)
  return customer?.default_currency ? String(customer.default_currency) : facts.currency
}

/** Nothing new is sold to customers who are closed; what is given back by them is. */
async function customerOf(ctx: Context, document: Selling, isNew: boolean): Promise<FoundRow | undefined> {
  const [customer] = await findRows(ctx, await ctx.site.meta.get('Customer'), where('name', '=', document.customer), {
    fields: ['name', 'default_currency', 'disabled', 'is_frozen'],
    limit: 1,
  })
  const isClosed = customer?.disabled === 1 || (customer?.is_frozen === 1 && document.doctype !== 'Sales Invoice')
  if (isNew && isClosed) throw new BadBillingValue({ field: 'customer', reason: 'nothing new is sold to this customer.' })
  return customer
}

function checkQuantities(document: SellingFields, isReturn: boolean): void {
  for (const [index, line] of document.items.entries()) {
    const field = `items[${index}].qty`
    if (line.qty === 0) throw new BadBillingValue({ field, reason: 'a quantity is needed.' })
    if (line.qty < 0 !== isReturn)
      throw new BadBillingValue({
        field,
        reason: isReturn ? 'what is given back has a negative quantity.' : 'a quantity is more than zero.',
      })
  }
}

async function copyTaxTemplate(ctx: Context, document: Selling, before: SellingFields | undefined): Promise<void> {
  const meta = await ctx.site.meta.get('Sales Taxes and Charges Template')
  if (!before && !document.taxes_and_charges && document.taxes.length === 0) {
    const [usual] = await findRows(
      ctx,
      meta,
      { all: [where('company', '=', document.company), where('is_default', '=', 1), where('disabled', '=', 0)] },
      { fields: ['name'], limit: 1 },
    )
    document.taxes_and_charges = usual?.name ?? null
  }
  const isOther = document.taxes_and_charges && document.taxes_and_charges !== (before?.taxes_and_charges ?? null)
  if (!isOther || (document.taxes.length > 0 && !(before && sameRows(document, before)))) return
  const rows = await findRows(
    ctx,
    await ctx.site.meta.meta('Sales Taxes and Charges'),
    { all: [where('parenttype', '=', meta.name), where('parent', '=', document.taxes_and_charges)] },
    { orderBy: [['idx', 'asc']] },
  )
  const taxes = rows.map((row) =>
    Object.fromEntries(
      [
        'charge_type',
        'row_id',
        'account_head',
        'description',
        'cost_center',
        'rate',
        'included_in_print_rate',
        'is_deducted',
        'tax_amount',
      ].map((key) => [key, row[key]]),
    ),
  )
  await assignValues(ctx, await ctx.site.meta.get(document.doctype), document as unknown as AnyDocument, { taxes }, documentForm)
}

/** Another template was chosen and the rows were left as they are: they are those of the template before. */
function sameRows(document: SellingFields, before: SellingFields): boolean {
  return (
    document.taxes.length === before.taxes.length &&
    document.taxes.every((row, index) => row.account_head === before.taxes[index]?.account_head && row.rate === before.taxes[index]?.rate)
  )
}

/** A percentage goes before an amount; an amount that a percentage made is reckoned anew. */
function discountOf(document: SellingFields): { discount?: { on: 'Net Total' | 'Grand Total'; amount?: Decimal; percentage?: number } } {
  const on = document.apply_discount_on === 'Net Total' ? 'Net Total' : 'Grand Total'
  if (document.additional_discount_percentage !== 0) return { discount: { on, percentage: document.additional_discount_percentage } }
  return document.discount_amount.isZero() ? {} : { discount: { on, amount: document.discount_amount } }
}

function writeTotals(document: SellingFields, totals: Totals, facts: CompanyFacts): void {
  const base = (amount: Decimal): Decimal => inCompanyCurrency(facts, amount, document.conversion_rate)
  for (const [index, line] of document.items.entries()) {
    const reckoned = totals.lines[index] as Totals['lines'][number]
    Object.assign(line, {
      amount: reckoned.amount,
      net_amount: reckoned.netAmount,
      net_rate: reckoned.netRate,
      base_rate: base(line.rate),
      base_amount: base(reckoned.amount),
      base_net_amount: reckoned.baseNetAmount,
    })
  }
  let baseTotal = totals.baseNetTotal
  for (const [index, row] of document.taxes.entries()) {
    const { amount, total, baseAmount } = totals.taxes[index] as Totals['taxes'][number]
    baseTotal = baseTotal.plus(baseAmount)
    Object.assign(row, { tax_amount: amount, total, base_tax_amount: baseAmount, base_total: baseTotal })
  }
  const baseRounding = base(totals.roundingAdjustment)
  const rounds = !document.disable_rounded_total
  Object.assign(document, {
    total_qty: document.items.reduce((sum, line) => sum.plus(line.qty), Decimal.zero).toNumber(),
    total: totals.total,
    base_total: base(totals.total),
    net_total: totals.netTotal,
    base_net_total: totals.baseNetTotal,
    total_taxes_and_charges: totals.totalTaxes,
    base_total_taxes_and_charges: totals.baseTotalTaxes,
    discount_amount: totals.discountAmount,
    grand_total: totals.grandTotal,
    base_grand_total: totals.baseGrandTotal,
    rounding_adjustment: totals.roundingAdjustment,
    base_rounding_adjustment: baseRounding,
    rounded_total: rounds ? totals.roundedTotal : Decimal.zero,
    base_rounded_total: rounds ? totals.baseGrandTotal.plus(baseRounding) : Decimal.zero,
  })
}

const checked = ['total', 'net_total', 'total_taxes_and_charges', 'grand_total', 'rounded_total'] as const

function givenTotals(document: SellingFields): Map<string, Decimal> {
  return new Map<string, Decimal>([
    ...checked.map((field) => [field, document[field]] as const),
    ...document.items.map((line, index) => [`items[${index}].amount`, line.amount] as const),
  ])
}

/** What a caller did not touch is as it was stored, or nothing. */
function refuseWrongTotals(document: SellingFields, before: SellingFields | undefined, given: ReadonlyMap<string, Decimal>): void {
  const refuse = (field: string, expected: Decimal, stored: Decimal | undefined): void => {
    const value = given.get(field) as Decimal
    if (value.isZero() || value.equals(expected) || (stored !== undefined && sameValue(value, stored))) return
    throw new WrongTotal({ field, given: value.toString(), expected: expected.toString() })
  }
  const lines = new Map(before?.items.map((line) => [line.name, line]))
  for (const [index, line] of document.items.entries()) refuse(`items[${index}].amount`, line.amount, lines.get(line.name)?.amount)
  for (const field of checked) refuse(field, document[field], before?.[field])
}

/**
 * The parts in which a document is paid: those that people wrote, or those of the template, or the whole on one day.
 * @param total what is paid
 * @throws BadTotals, BadBillingValue with the path of the row
 */
export async function reckonTerms(
  ctx: Context,
  document: Selling & TermsFields,
  {
    date,
    before,
    total,
    dueDate,
  }: { date: string; before: (SellingFields & TermsFields) | undefined; total: Decimal; dueDate: string | null },
): Promise<void> {
  const digits = await currencyDigits(ctx, document.currency ?? '')
  const isNew = document.payment_terms_template && document.payment_terms_template !== (before?.payment_terms_template ?? null)
  const moved = before && JSON.stringify(before.payment_schedule.map(written)) === JSON.stringify(document.payment_schedule.map(written))
  if (document.payment_terms_template && (isNew || moved || document.payment_schedule.length === 0)) {
    const terms = await termsOf(ctx, document.payment_terms_template)
    const parts = paymentSchedule(total, date, terms, digits)
    await replaceSchedule(
      ctx,
      document,
      parts.map((part, index) => ({
        payment_term: terms[index]?.payment_term ?? null,
        description: terms[index]?.description ?? null,
        due_date: part.dueDate,
        invoice_portion: part.portion.toNumber(),
        payment_amount: part.amount,
      })),
    )
  } else if (document.payment_schedule.length === 0 || (moved && document.payment_schedule.length === 1)) {
    const rows = total.isZero() || dueDate === null ? [] : [{ due_date: dueDate, invoice_portion: 100, payment_amount: total }]
    await replaceSchedule(ctx, document, rows)
  } else if (document.payment_schedule.every((row) => row.payment_amount.isZero()) || moved) {
    const portions = document.payment_schedule.map((row) => row.invoice_portion)
    const amounts = portionsOf(total, portions, digits)
    for (const [index, row] of document.payment_schedule.entries()) row.payment_amount = amounts[index] as Decimal
  }
  checkSchedule(document.payment_schedule, total, date)
}

const written = (row: ScheduleRow): unknown[] => [row.due_date, row.invoice_portion, String(row.payment_amount)]

async function replaceSchedule(ctx: Context, document: Selling, payment_schedule: readonly Record<string, unknown>[]): Promise<void> {
  const meta = await ctx.site.meta.get(document.doctype)
  await assignValues(ctx, meta, document as unknown as AnyDocument, { payment_schedule }, documentForm)
}

interface StoredTerm extends PaymentTerm {
  readonly payment_term: string | null
  readonly description: string | null
}

async function termsOf(ctx: Context, template: string): Promise<StoredTerm[]> {
  const rows = await findRows(
    ctx,
    await ctx.site.meta.meta('Payment Terms Template Detail'),
    { all: [where('parenttype', '=', 'Payment Terms Template'), where('parent', '=', template)] },
    { orderBy: [['idx', 'asc']] },
  )
  return rows as unknown as StoredTerm[]
}
