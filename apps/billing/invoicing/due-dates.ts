import type { Context } from '#kernel/context/context.ts'
import { BadBillingValue } from '../errors.ts'
import { payable } from '../ledger/outstanding.ts'
import { reckonTerms } from '../selling/reckon.ts'
import type { InvoiceFields } from './invoice.ts'

/** When which part of an invoice is due; the last of these days is the invoice's. @throws BadBillingValue, BadTotals */
export async function reckonDueDates(
  ctx: Context,
  invoice: InvoiceFields & { doctype: string },
  before: InvoiceFields | undefined,
): Promise<void> {
  const date = invoice.posting_date as string
  if (invoice.is_return === 1) {
    invoice.due_date = date
    invoice.payment_schedule = []
    return
  }
  if (invoice.due_date && invoice.due_date < date)
    throw new BadBillingValue({ field: 'due_date', reason: 'nothing is due before it is charged.' })
  await reckonTerms(ctx, invoice, { date, before, total: payable(invoice), dueDate: invoice.due_date ?? date })
  invoice.due_date = invoice.payment_schedule.at(-1)?.due_date ?? invoice.due_date ?? date
  for (const row of invoice.payment_schedule) row.outstanding = row.payment_amount
}
