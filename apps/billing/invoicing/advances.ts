import { type Decimal, sumDecimals } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { assignValues, documentForm } from '#kernel/documents/cast.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { BadBillingValue, OverAllocated } from '../errors.ts'
import { payable, type Settlement } from '../ledger/outstanding.ts'
import type { InvoiceFields } from './invoice.ts'

/**
 * Proposes what the customer paid in advance: first what was paid for the orders of the invoice, then the oldest, up to what is to be paid.
 * @param total to be paid
 */
async function proposeAdvances(ctx: Context, invoice: InvoiceFields & { doctype: string }, total: Decimal): Promise<void> {
  const payments = await findRows(
    ctx,
    await ctx.site.meta.get('Payment Entry'),
    {
      all: [
        where('party', '=', invoice.customer),
        where('party_type', '=', 'Customer'),
        where('company', '=', invoice.company),
        where('payment_type', '=', 'Receive'),
        where('paid_from_account_currency', '=', invoice.currency),
        where('docstatus', '=', 1),
        where('unallocated_amount', '>', '0'),
      ],
    },
    { fields: ['name', 'unallocated_amount'], orderBy: [['posting_date', 'asc']] },
  )
  const forOrders = await paidForOrders(ctx, invoice)
  const sorted = payments.sort((a, b) => Number(forOrders.has(b.name)) - Number(forOrders.has(a.name)))
  let left = total
  const advances: Record<string, unknown>[] = []
  for (const payment of sorted) {
    const there = payment.unallocated_amount as Decimal
    const part = there.compare(left) < 0 ? there : left
    if (part.isZero() || part.isNegative()) continue
    left = left.minus(part)
    advances.push({ payment_entry: payment.name, advance_amount: there, allocated_amount: part })
  }
  const meta = await ctx.site.meta.get('Sales Invoice')
  await assignValues(ctx, meta, invoice as unknown as AnyDocument, { advances }, documentForm)
}

async function paidForOrders(ctx: Context, invoice: InvoiceFields): Promise<ReadonlySet<string>> {
  const orders = [...new Set(invoice.items.map((line) => line.sales_order).filter((name): name is string => Boolean(name)))]
  if (orders.length === 0) return new Set()
  const rows = await findRows(ctx, await ctx.site.meta.meta('Payment Entry Reference'), {
    all: [where('reference_doctype', '=', 'Sales Order'), where('reference_name', 'in', orders), where('parenttype', '=', 'Payment Entry')],
  })
  return new Set(rows.map((row) => String(row.parent)))
}

/** Fills the advances in where the invoice asks for it, and holds them against its total. @throws BadBillingValue, OverAllocated */
export async function checkAdvances(ctx: Context, invoice: InvoiceFields & { doctype: string }): Promise<void> {
  if (invoice.is_return === 1 && invoice.advances.length > 0)
    throw new BadBillingValue({ field: 'advances', reason: 'a credit note takes nothing that was paid in advance.' })
  const total = payable(invoice)
  // Anew at each save: what was proposed yesterday may have been used since.
  if (invoice.is_return !== 1 && invoice.allocate_advances_automatically) await proposeAdvances(ctx, invoice, total)
  invoice.total_advance = sumDecimals(invoice.advances.map((row) => row.allocated_amount))
  const seen = new Set<string>()
  for (const [index, row] of invoice.advances.entries()) {
    if (seen.has(row.payment_entry))
      throw new BadBillingValue({ field: `advances[${index}].payment_entry`, reason: 'the payment is there already.' })
    seen.add(row.payment_entry)
  }
  if (invoice.advances.length > 0 && invoice.total_advance.compare(total) > 0)
    throw new OverAllocated({
      field: 'advances',
      document: 'the invoice',
      allocated: invoice.total_advance.toString(),
      outstanding: total.toString(),
    })
}

/** What the advances of an invoice take of payments: payments are owed, so the amounts are negative. */
export function advanceSettlements(invoice: InvoiceFields): Settlement[] {
  return invoice.advances.map((row, index) => ({
    target: { doctype: 'Payment Entry', name: row.payment_entry },
    amount: row.allocated_amount.negate(),
    field: `advances[${index}].allocated_amount`,
  }))
}
