import { Decimal } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { BadBillingValue, CurrencyMismatch, ElsewhereInBooks, MoreThanThere, NotOpenForPayment } from '../errors.ts'
import type { InvoiceFields } from './invoice.ts'

type Credit = InvoiceFields & { name: string }

/**
 * Holds a credit note against the invoice that it is for: same customer, currency and rate, and of no line more than was charged and not
 * credited yet.
 * @throws BadBillingValue, NotOpenForPayment, CurrencyMismatch, MoreThanThere with the field
 */
export async function checkCredit(ctx: Context, credit: Credit, { lock }: { lock: boolean }): Promise<void> {
  if (credit.is_return !== 1) {
    if (credit.return_against) throw new BadBillingValue({ field: 'return_against', reason: 'only a credit note names an invoice.' })
    return
  }
  if (!credit.return_against) return
  const meta = await ctx.site.meta.get('Sales Invoice')
  const [original] = await findRows(ctx, meta, where('name', '=', credit.return_against), { limit: 1, lock })
  const refuse = (reason: string): never => {
    throw new NotOpenForPayment({ field: 'return_against', document: credit.return_against ?? '', reason })
  }
  if (original?.docstatus !== 1) return refuse('is not submitted.')
  if (original.is_return === 1) refuse('is a credit note itself.')
  if (original.customer !== credit.customer) refuse(`is not of ${credit.customer}.`)
  if (original.organization !== credit.organization)
    throw new ElsewhereInBooks({
      doctype: 'Sales Invoice',
      field: 'return_against',
      value: credit.return_against,
      organization: credit.organization,
    })
  if (original.currency !== credit.currency)
    throw new CurrencyMismatch({ field: 'currency', expected: String(original.currency), given: credit.currency ?? '' })
  if (Number(original.conversion_rate) !== credit.conversion_rate)
    throw new BadBillingValue({
      field: 'conversion_rate',
      reason: `a credit note has the rate of its invoice, ${original.conversion_rate}.`,
    })
  if (String(original.posting_date) > String(credit.posting_date))
    throw new BadBillingValue({ field: 'posting_date', reason: 'nothing is credited before it is charged.' })
  await checkLines(ctx, credit)
}

async function checkLines(ctx: Context, credit: Credit): Promise<void> {
  const meta = await ctx.site.meta.meta('Sales Invoice Item')
  const charged = await findRows(ctx, meta, {
    all: [where('parenttype', '=', 'Sales Invoice'), where('parent', '=', credit.return_against)],
  })
  const earlier = await findRows(
    ctx,
    await ctx.site.meta.get('Sales Invoice'),
    { all: [where('return_against', '=', credit.return_against), where('docstatus', '=', 1), where('name', '!=', credit.name ?? '')] },
    { fields: ['name'] },
  )
  const credited =
    earlier.length === 0
      ? []
      : await findRows(ctx, meta, {
          all: [
            where('parenttype', '=', 'Sales Invoice'),
            where(
              'parent',
              'in',
              earlier.map((row) => row.name),
            ),
          ],
        })
  const left = new Map(charged.map((row) => [row.name, Decimal.from(row.qty as number)]))
  for (const row of credited) {
    const line = String(row.sales_invoice_item ?? '')
    left.set(line, (left.get(line) ?? Decimal.zero).plus(Decimal.from(row.qty as number)))
  }
  const prices = new Map(charged.map((row) => [row.name, row.rate as Decimal]))
  for (const [index, line] of credit.items.entries()) {
    const rest = left.get(line.sales_invoice_item ?? '')
    if (rest === undefined)
      throw new BadBillingValue({ field: `items[${index}].sales_invoice_item`, reason: 'it names no line of the invoice.' })
    const after = rest.plus(Decimal.from(line.qty))
    if (after.isNegative())
      throw new MoreThanThere({
        field: `items[${index}].qty`,
        document: credit.return_against ?? '',
        left: rest.toString(),
        given: String(-line.qty),
      })
    if (line.rate.compare(prices.get(line.sales_invoice_item ?? '') as Decimal) > 0)
      throw new BadBillingValue({ field: `items[${index}].rate`, reason: 'no more is credited than was charged.' })
    left.set(line.sales_invoice_item ?? '', after)
  }
}
