import { Type } from 'typebox'
import { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { insert } from '#kernel/documents/save.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { fillCompany, todayOf } from '../../../books/company-facts.ts'
import { BadBillingValue, MoreThanThere } from '../../../errors.ts'
import { stampState } from '../../../ledger/state.ts'
import { copyForNext, copyLine } from '../../next-document.ts'
import type { SellingFields, SellingItem } from '../../parts.ts'
import { take } from '../../progress.ts'
import { reckonSelling } from '../../reckon.ts'

interface NoteItem extends SellingItem {
  against_sales_order: string | null
  so_detail: string | null
  dn_detail: string | null
  billed_qty: number
  billed_amt: Decimal
}

interface NoteFields extends SellingFields {
  items: NoteItem[]
  posting_date: string | null
  is_return: 0 | 1
  return_against: string | null
  per_billed: number
}

/** What was handed over to a customer, or given back. */
export default class DeliveryNote extends Document<NoteFields> {
  async validate(ctx: Context, { before }: { before?: NoteFields } = {}): Promise<void> {
    const facts = await fillCompany(ctx, this)
    this.posting_date ??= todayOf(ctx, facts)
    if (this.posting_date > todayOf(ctx, facts))
      throw new BadBillingValue({ field: 'posting_date', reason: 'nothing is handed over on a day to come.' })
    if (this.return_against && this.is_return !== 1)
      throw new BadBillingValue({ field: 'return_against', reason: 'only what is given back names a delivery note.' })
    await reckonSelling(ctx, this, { date: this.posting_date, before, isReturn: this.is_return === 1 })
    for (const line of this.items) Object.assign(line, { billed_qty: 0, billed_amt: Decimal.zero })
    this.per_billed = 0
    this.status = this.docstatus !== 1 ? 'Draft' : this.is_return ? 'Return' : 'To Bill'
  }

  async on_submit(ctx: Context): Promise<void> {
    await this.delivered(ctx, 1)
  }

  async on_cancel(ctx: Context): Promise<void> {
    await this.delivered(ctx, -1)
    await stampState(ctx, this, { status: 'Cancelled' })
  }

  /** Orders in the order of their names, so that two notes cannot wait for each other. */
  private async delivered(ctx: Context, sign: 1 | -1): Promise<void> {
    const lines = this.items.map((line, index) => ({ line, field: `items[${index}].qty` })).filter(({ line }) => line.against_sales_order)
    const orders = Map.groupBy(lines, ({ line }) => line.against_sales_order as string)
    for (const order of [...orders.keys()].sort())
      await take(
        ctx,
        'Sales Order',
        order,
        'delivered',
        (orders.get(order) ?? []).map(({ line, field }) => ({ row: line.so_detail ?? '', qty: line.qty * sign, field })),
      )
  }
}

export const documentMethods = [
  defineDocumentMethod({
    verb: 'make_sales_invoice',
    doctype: 'Delivery Note',
    summary: 'Makes a draft of an invoice for what was handed over and not billed yet.',
    input: Type.Object({}),
    needs: 'read',
    async handler(ctx, document) {
      const note = document as unknown as DeliveryNote
      if (note.docstatus !== 1) throw new BadBillingValue({ field: 'docstatus', reason: 'the delivery note is not submitted.' })
      const items = note.items
        .map((line) => ({ line, left: Decimal.from(line.qty).minus(Decimal.from(line.billed_qty)).toNumber() }))
        .filter(({ left }) => left > 0)
        .map(({ line, left }) => ({
          ...copyLine(line),
          qty: left,
          delivery_note: note.name,
          dn_detail: line.name,
          sales_order: line.against_sales_order,
          so_detail: line.so_detail,
        }))
      if (items.length === 0) throw new MoreThanThere({ field: 'items', document: note.name, left: '0', given: 'more' })
      const invoice = await insert(ctx, 'Sales Invoice', { ...copyForNext(note), items, allocate_advances_automatically: 1 })
      return { name: invoice.name }
    },
  }),
]
