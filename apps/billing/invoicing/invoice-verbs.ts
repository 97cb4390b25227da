import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { insert } from '#kernel/documents/save.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { accountOf, companyOf, todayOf } from '../books/company-facts.ts'
import { BadBillingValue, NotOpenForPayment } from '../errors.ts'
import { copyForNext, copyLine, copyTax } from '../selling/next-document.ts'
import type { InvoiceFields } from './invoice.ts'

type Invoice = AnyDocument & InvoiceFields

function demandSubmitted(invoice: Invoice): void {
  if (invoice.docstatus !== 1) throw new BadBillingValue({ field: 'docstatus', reason: 'the invoice is not submitted.' })
}

const makeReturn = defineDocumentMethod({
  verb: 'make_return',
  doctype: 'Sales Invoice',
  summary: 'Makes a draft of a credit note for the whole invoice.',
  input: Type.Object({}),
  needs: 'read',
  async handler(ctx, document) {
    const invoice = document as Invoice
    demandSubmitted(invoice)
    const credit = await insert(ctx, 'Sales Invoice', {
      ...copyForNext(invoice),
      discount_amount: invoice.additional_discount_percentage === 0 ? invoice.discount_amount.negate() : 0,
      is_return: 1,
      return_against: invoice.name,
      debit_to: invoice.debit_to,
      items: invoice.items.map((line) => ({
        ...copyLine(line),
        qty: -line.qty,
        sales_invoice_item: line.name,
        sales_order: line.sales_order,
        so_detail: line.so_detail,
        delivery_note: line.delivery_note,
        dn_detail: line.dn_detail,
      })),
      taxes: invoice.taxes.map((row) => ({
        ...copyTax(row),
        ...(row.charge_type === 'Actual' && { tax_amount: row.tax_amount.negate() }),
      })),
    })
    return { name: credit.name }
  },
})

const makePayment = defineDocumentMethod({
  verb: 'make_payment_entry',
  doctype: 'Sales Invoice',
  summary: 'Makes a draft of the payment of what is still open; of a credit note, of what is paid back.',
  input: Type.Object({ mode_of_payment: Type.Optional(Type.String({ maxLength: 140 })) }),
  needs: 'read',
  async handler(ctx, document, { mode_of_payment }) {
    const invoice = document as Invoice
    demandSubmitted(invoice)
    const open = invoice.outstanding_amount
    if (open.isZero()) throw new NotOpenForPayment({ field: 'outstanding_amount', document: invoice.name, reason: 'is paid.' })
    const isBack = open.isNegative()
    const party = { currency: invoice.currency, rate: invoice.conversion_rate }
    const entry = await insert(ctx, 'Payment Entry', {
      organization: invoice.organization,
      payment_type: isBack ? 'Pay' : 'Receive',
      party_type: 'Customer',
      party: invoice.customer,
      mode_of_payment: mode_of_payment ?? null,
      ...(isBack
        ? { paid_to: invoice.debit_to, paid_to_account_currency: party.currency, received_amount: open.abs() }
        : { paid_from: invoice.debit_to, paid_from_account_currency: party.currency, paid_amount: open }),
      references: [{ reference_doctype: 'Sales Invoice', reference_name: invoice.name, allocated_amount: open }],
    })
    return { name: entry.name }
  },
})

const makeRequest = defineDocumentMethod({
  verb: 'make_payment_request',
  doctype: 'Sales Invoice',
  summary: 'Makes a draft of a request to pay what is still open.',
  input: Type.Object({}),
  needs: 'read',
  async handler(ctx, document) {
    const invoice = document as Invoice
    demandSubmitted(invoice)
    const request = await insert(ctx, 'Payment Request', {
      organization: invoice.organization,
      reference_doctype: 'Sales Invoice',
      reference_name: invoice.name,
    })
    return { name: request.name }
  },
})

const writeOff = defineDocumentMethod({
  verb: 'write_off',
  doctype: 'Sales Invoice',
  summary: 'Gives up what is still open, or a part of it, by a journal entry that is submitted at once.',
  input: Type.Object({
    amount: Type.Optional(Type.Union([Type.String({ maxLength: 40 }), Type.Number()])),
    posting_date: Type.Optional(Type.String({ maxLength: 10 })),
    reason: Type.Optional(Type.String({ maxLength: 1000 })),
  }),
  needs: 'submit',
  handler: async (ctx, document, given) => ({ name: await writtenOff(ctx, document as Invoice, given) }),
})

async function writtenOff(
  ctx: Context,
  invoice: Invoice,
  { amount, posting_date, reason }: { amount?: string | number; posting_date?: string; reason?: string },
): Promise<string> {
  demandSubmitted(invoice)
  const facts = await companyOf(ctx, invoice.organization)
  const open = amount ?? invoice.outstanding_amount
  const in_currency = { account_currency: invoice.currency, exchange_rate: invoice.conversion_rate }
  const entry = await insert(ctx, 'Journal Entry', {
    organization: invoice.organization,
    voucher_type: 'Write Off Entry',
    posting_date: posting_date ?? todayOf(ctx, facts),
    user_remark: reason ?? null,
    docstatus: 1,
    accounts: [
      { account: accountOf(facts, 'write_off_account'), debit_in_account_currency: open, ...in_currency },
      {
        account: invoice.debit_to,
        party_type: 'Customer',
        party: invoice.customer,
        credit_in_account_currency: open,
        reference_type: 'Sales Invoice',
        reference_name: invoice.name,
        ...in_currency,
      },
    ],
  })
  return String(entry.name)
}

/** What can be done with an invoice. */
export const invoiceVerbs = [makeReturn, makePayment, makeRequest, writeOff]
