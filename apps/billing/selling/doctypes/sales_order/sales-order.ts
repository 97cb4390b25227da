import { Type } from 'typebox'
import { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { insert } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { fillCompany, todayOf } from '../../../books/company-facts.ts'
import { BadBillingValue, MoreThanThere } from '../../../errors.ts'
import { payable } from '../../../ledger/outstanding.ts'
import { stampState } from '../../../ledger/state.ts'
import { demandCredit } from '../../credit-limit.ts'
import { copyForNext, copyLine } from '../../next-document.ts'
import type { SellingFields, SellingItem, TermsFields } from '../../parts.ts'
import { orderStatus } from '../../progress.ts'
import { quotationOrdered } from '../../quotation-state.ts'
import { reckonSelling, reckonTerms } from '../../reckon.ts'

interface OrderItem extends SellingItem {
  delivered_qty: number
  billed_qty: number
  billed_amt: Decimal
  delivery_date: string | null
}

interface OrderFields extends SellingFields, TermsFields {
  items: OrderItem[]
  transaction_date: string | null
  delivery_date: string | null
  quotation: string | null
  skip_delivery_note: 0 | 1
  per_delivered: number
  per_billed: number
  billing_status: string
  advance_paid: Decimal
}

/** What a customer ordered. */
export default class SalesOrder extends Document<OrderFields> {
  async validate(ctx: Context, { before }: { before?: OrderFields } = {}): Promise<void> {
    const facts = await fillCompany(ctx, this)
    this.transaction_date ??= todayOf(ctx, facts)
    for (const [field, day] of [
      ['delivery_date', this.delivery_date],
      ...this.items.map((line, index) => [`items[${index}].delivery_date`, line.delivery_date] as const),
    ] as const)
      if (day && day < this.transaction_date) throw new BadBillingValue({ field, reason: 'nothing is delivered before it is ordered.' })
    await reckonSelling(ctx, this, { date: this.transaction_date, before })
    const total = payable(this)
    await reckonTerms(ctx, this, { date: this.transaction_date, before, total, dueDate: this.delivery_date ?? this.transaction_date })
    for (const line of this.items) Object.assign(line, { delivered_qty: 0, billed_qty: 0, billed_amt: Decimal.zero })
    Object.assign(this, { per_delivered: 0, per_billed: 0, billing_status: 'Not Billed', advance_paid: Decimal.zero })
    this.status = this.docstatus === 1 ? orderStatus(this.skip_delivery_note === 1, 0, 0) : 'Draft'
  }

  async on_submit(ctx: Context): Promise<void> {
    await demandCredit(ctx, await fillCompany(ctx, this), this.customer, 'order')
    if (this.quotation) await quotationOrdered(ctx, this.quotation, 'Ordered')
  }

  async on_cancel(ctx: Context): Promise<void> {
    await stampState(ctx, this, { status: 'Cancelled' })
    if (this.quotation) await quotationOrdered(ctx, this.quotation, 'Open')
  }
}

/** Lines with what is left of them. @throws MoreThanThere when nothing is */
function leftOf(order: SalesOrder, column: 'delivered_qty' | 'billed_qty', source: (line: OrderItem) => Record<string, unknown>) {
  const lines = order.items
    .map((line) => ({ line, left: Decimal.from(line.qty).minus(Decimal.from(line[column])).toNumber() }))
    .filter(({ left }) => left > 0)
    .map(({ line, left }) => ({ ...copyLine(line), qty: left, ...source(line) }))
  if (order.docstatus !== 1) throw new BadBillingValue({ field: 'docstatus', reason: 'the order is not submitted.' })
  if (lines.length === 0) throw new MoreThanThere({ field: 'items', document: order.name, left: '0', given: 'more' })
  return lines
}

const nothing = Type.Object({})

export const documentMethods = [
  defineDocumentMethod({
    verb: 'make_delivery_note',
    doctype: 'Sales Order',
    summary: 'Makes a draft of a delivery note for what was not delivered yet.',
    input: nothing,
    needs: 'read',
    async handler(ctx, document) {
      const order = document as unknown as SalesOrder
      const items = leftOf(order, 'delivered_qty', (line) => ({ against_sales_order: order.name, so_detail: line.name }))
      const note = await insert(ctx, 'Delivery Note', { ...copyForNext(order), items })
      return { name: note.name }
    },
  }),
  defineDocumentMethod({
    verb: 'make_sales_invoice',
    doctype: 'Sales Order',
    summary: 'Makes a draft of an invoice for what was not billed yet; what was paid for the order in advance is taken.',
    input: nothing,
    needs: 'read',
    async handler(ctx, document) {
      const order = document as unknown as SalesOrder
      const items = leftOf(order, 'billed_qty', (line) => ({ sales_order: order.name, so_detail: line.name }))
      const invoice = await insert(ctx, 'Sales Invoice', {
        ...copyForNext(order),
        items,
        payment_terms_template: order.payment_terms_template,
        allocate_advances_automatically: 1,
      })
      return { name: invoice.name }
    },
  }),
  defineDocumentMethod({
    verb: 'close',
    doctype: 'Sales Order',
    summary: 'Closes an order: nothing more is delivered or billed.',
    input: nothing,
    needs: 'submit',
    handler: (ctx, document) => setState(ctx, document as unknown as SalesOrder, 'Closed'),
  }),
  defineDocumentMethod({
    verb: 'reopen',
    doctype: 'Sales Order',
    summary: 'Opens a closed order again.',
    input: nothing,
    needs: 'submit',
    handler: (ctx, document) => {
      const order = document as unknown as SalesOrder
      return setState(ctx, order, orderStatus(order.skip_delivery_note === 1, order.per_delivered, order.per_billed))
    },
  }),
]

async function setState(ctx: Context, order: SalesOrder, status: string): Promise<{ status: string }> {
  if (order.docstatus !== 1) throw new BadBillingValue({ field: 'docstatus', reason: 'the order is not submitted.' })
  await writeThrough(ctx.asSystem('closes or opens an order'), 'Sales Order', order.name, { status })
  return { status }
}
