import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StillLinked } from '#kernel/documents/errors.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { billingTown } from '#testing/billing.ts'
import { BadBillingValue, MoreThanThere, NotOpenForPayment } from '../errors.ts'
import { expireQuotations } from './expire-quotations.ts'

let now = Date.UTC(2026, 10, 20, 9)
const town = await billingTown({ clock: { now: () => now } })
const { as, asSystem, make, submitted, submit, cancelled, made, stored, account, customer, people } = town
const north = { organization: 'North' }
const [unit, hour] = (
  await asSystem((ctx) => list(ctx, 'UOM', { filters: north, orderBy: 'uom_name desc', wire: { version: 1, zone: 'UTC' } }))
).rows.map((row) => String(row.name))
const lamp = await make('Item', {
  ...north,
  item_code: 'LAMP',
  item_name: 'Lamp',
  stock_uom: unit,
  standard_rate: 20,
  is_stock_item: 1,
  income_account: await account('4200'),
})
const item = (qty = 1, values: Record<string, unknown> = {}) => ({ item_code: lamp, qty, ...values })
const draft = (doctype: string, values: Record<string, unknown>, user = people.sam) =>
  as(user, (ctx) => insert(ctx, doctype, { ...north, customer, ...values }))
const lines = (document: Record<string, unknown>) => document.items as Record<string, unknown>[]
const refused = async (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
  assert.rejects(work, (error) => {
    assert.ok(kind.is(error), String(error))
    assert.equal((error as { field: string }).field, field)
    return true
  })

test('from a deal to an offer, an order, two deliveries and an invoice, each for what is left', async () => {
  const deal = await make('Deal', {
    ...north,
    party_name: customer,
    products: [
      { product_code: 'LAMP', product_name: 'Lamp', qty: 5, rate: 20, discount_percentage: 10 },
      { product_name: 'Advice', qty: 1, rate: 50 },
    ],
  })
  const { name: quotation } = (await as(people.sam, (ctx) =>
    callMethod(ctx, findMethod(ctx, 'orchestrator.billing.make_quotation'), { deal, valid_till: '2026-12-01' }, 'POST'),
  )) as { name: string }
  const offer = await submit('Quotation', quotation, {}, people.sam)
  assert.deepEqual([String(offer.grand_total), offer.status, lines(offer)[0]?.item_code], ['140', 'Open', lamp])
  const order = await submit('Sales Order', await made('Quotation', quotation, 'make_sales_order', {}, people.sam), {}, people.sam)
  const state = async () => {
    const { status, per_delivered, per_billed } = await stored('Sales Order', String(order.name))
    return [status, per_delivered, per_billed]
  }
  assert.equal((await stored('Quotation', quotation)).status, 'Ordered')
  assert.deepEqual(await state(), ['To Deliver and Bill', 0, 0])
  const first = await made('Sales Order', String(order.name), 'make_delivery_note')
  const kept = lines(await stored('Delivery Note', first))
  const note = await as(people.fin, async (ctx) =>
    save(ctx, await openForWrite(ctx, 'Delivery Note', first), { items: [{ ...kept[0], qty: 3 }], docstatus: 1 }),
  )
  assert.deepEqual(await state(), ['To Deliver and Bill', 50, 0])
  const bill = await submit('Sales Invoice', await made('Delivery Note', String(note.name), 'make_sales_invoice'))
  assert.equal(String(bill.grand_total), '54')
  assert.deepEqual(await state(), ['To Deliver and Bill', 50, 50])
  assert.equal((await stored('Delivery Note', String(note.name))).status, 'Completed')
  const second = await made('Sales Order', String(order.name), 'make_delivery_note')
  assert.deepEqual(
    lines(await stored('Delivery Note', second)).map((line) => line.qty),
    [2, 1],
  )
  await submit('Delivery Note', second)
  await submit('Sales Invoice', await made('Sales Order', String(order.name), 'make_sales_invoice'))
  assert.deepEqual(await state(), ['Completed', 100, 100])
  await refused(made('Sales Order', String(order.name), 'make_sales_invoice'), MoreThanThere, 'items')
  await refused(cancelled('Sales Order', String(order.name)), StillLinked, '')
  await cancelled('Sales Invoice', String(bill.name))
  assert.deepEqual(await state(), ['To Bill', 100, 50])
})

test('no more is delivered or billed than was ordered', async () => {
  const order = await submitted('Sales Order', { customer, items: [item(2)] })
  const row = lines(order)[0]?.name
  const note = (qty: number) =>
    submitted('Delivery Note', { customer, items: [item(qty, { against_sales_order: order.name, so_detail: row })] })
  await note(1)
  await refused(note(2), MoreThanThere, 'items[0].qty')
  const bill = (qty: number) => submitted('Sales Invoice', { customer, items: [item(qty, { sales_order: order.name, so_detail: row })] })
  await refused(bill(3), MoreThanThere, 'items[0].qty')
  const waiting = await draft('Sales Order', { items: [item()] })
  await refused(
    submitted('Sales Invoice', { customer, items: [item(1, { sales_order: waiting.name, so_detail: lines(waiting)[0]?.name })] }),
    NotOpenForPayment,
    'items[0].qty',
  )
})

test('the price is that of the customer, then of the quantity, then of the list, then of the item', async () => {
  const price_list = await make('Price List', { ...north, price_list_name: 'Retail', currency: 'EUR' })
  const price = (values: Record<string, unknown>) => make('Item Price', { ...north, item_code: lamp, price_list, ...values })
  const rate = async (qty: number, values: Record<string, unknown> = {}) =>
    String(lines(await draft('Quotation', { selling_price_list: price_list, items: [item(qty)], ...values }))[0]?.rate)
  assert.equal(await rate(1), '20')
  await price({ price_list_rate: 19 })
  await price({ price_list_rate: 18, min_qty: 10 })
  await price({ price_list_rate: 1, valid_upto: '2026-11-19' })
  assert.deepEqual([await rate(1), await rate(10)], ['19', '18'])
  await price({ price_list_rate: '17.5', customer })
  assert.deepEqual([await rate(1), await rate(10)], ['17.5', '17.5'])
  assert.equal(await rate(2, { currency: 'USD', conversion_rate: 0.5 }), '35', 'in the currency of the document')
  assert.equal(String(lines(await draft('Quotation', { items: [item(1, { rate: 12 })] }))[0]?.rate), '12', 'what is given stays')
})

test('a pricing rule holds under its conditions, and ends with them', async () => {
  const rule = await make('Pricing Rule', {
    ...north,
    title: 'Ten',
    item_code: lamp,
    min_qty: 10,
    rate_or_discount: 'Discount Percentage',
    discount_percentage: 25,
  })
  const many = await draft('Quotation', { items: [item(10)] })
  assert.deepEqual([lines(many)[0]?.rate, lines(many)[0]?.pricing_rule].map(String), ['15', rule])
  const few = await as(people.sam, async (ctx) =>
    save(ctx, await openForWrite(ctx, 'Quotation', String(many.name)), { items: [{ ...lines(many)[0], qty: 2 }] }),
  )
  assert.deepEqual([String(lines(few)[0]?.rate), lines(few)[0]?.pricing_rule, String(few.grand_total)], ['20', null, '40'])
  await assert.rejects(make('Pricing Rule', { ...north, title: 'x', rate_or_discount: 'Rate' }), { field: 'rate' })
})

test('taxes come from the company’s template, rates of an item from its own, from a day on', async () => {
  const vat = await account('2100')
  await make('Sales Taxes and Charges Template', {
    ...north,
    title: 'VAT',
    is_default: 1,
    taxes: [{ charge_type: 'On Net Total', rate: 19, account_head: vat }],
  })
  const reduced = await make('Item Tax Template', { ...north, title: 'Reduced', taxes: [{ tax_type: vat, tax_rate: 7 }] })
  const book = await make('Item', {
    ...north,
    item_code: 'BOOK',
    item_name: 'Book',
    stock_uom: unit,
    standard_rate: 100,
    taxes: [{ item_tax_template: reduced, valid_from: '2026-11-01' }],
  })
  const items = [{ item_code: book, qty: 1 }, item(5)]
  assert.equal(String((await draft('Sales Order', { items })).total_taxes_and_charges), '26')
  assert.equal(String((await draft('Sales Order', { items, transaction_date: '2026-10-31' })).total_taxes_and_charges), '38')
  await assert.rejects(
    make('Sales Taxes and Charges Template', {
      ...north,
      title: 'Bad',
      taxes: [{ charge_type: 'On Previous Row Amount', row_id: '2', rate: 1, account_head: vat }],
    }),
    { field: 'taxes[0].row_id' },
  )
})

test('dates out of order, parts of what is whole, and what is not sold any more are refused', async () => {
  await refused(draft('Quotation', { items: [item()], valid_till: '2026-11-19' }), BadBillingValue, 'valid_till')
  await refused(draft('Sales Order', { items: [item()], delivery_date: '2026-11-19' }), BadBillingValue, 'delivery_date')
  await refused(draft('Delivery Note', { items: [item()], posting_date: '2026-11-21' }), BadBillingValue, 'posting_date')
  await refused(draft('Quotation', { items: [item(1.5)] }), BadBillingValue, 'items[0].qty')
  await draft('Quotation', { items: [{ item_name: 'Advice', qty: 1.5, uom: hour, rate: 1 }] })
  const gone = await make('Item', { ...north, item_code: 'GONE', item_name: 'Gone', stock_uom: unit, disabled: 1 })
  await refused(draft('Quotation', { items: [{ item_code: gone, qty: 1 }] }), BadBillingValue, 'items[0].item_code')
  await assert.rejects(
    make('Payment Terms Template', { ...north, template_name: 'x', terms: [{ invoice_portion: 60 }, { invoice_portion: 30 }] }),
    {
      field: 'terms[1].invoice_portion',
    },
  )
})

test('an offer runs out when its day has passed, and cannot be ordered then', async () => {
  const offer = await submitted('Quotation', { customer, items: [item()], valid_till: '2026-11-20' })
  const before = now
  now = Date.UTC(2026, 10, 20, 23, 30)
  await asSystem(expireQuotations)
  assert.equal((await stored('Quotation', String(offer.name))).status, 'Expired')
  await refused(made('Quotation', String(offer.name), 'make_sales_order'), BadBillingValue, 'valid_till')
  now = before
})

test('a closed order is neither delivered nor billed until it is opened again', async () => {
  const order = String((await submitted('Sales Order', { customer, items: [item()] })).name)
  const call = (verb: string, user = people.fin) =>
    as(user, async (ctx) => {
      const { callDocumentMethod } = await import('#kernel/methods/call-document.ts')
      return callDocumentMethod(ctx, 'Sales Order', order, verb, {}, 'POST')
    })
  await assert.rejects(call('close', people.sue), PermissionDenied.is)
  await call('close')
  const note = await made('Sales Order', order, 'make_delivery_note')
  await refused(submit('Delivery Note', note), NotOpenForPayment, 'items[0].qty')
  await call('reopen')
  await submit('Delivery Note', note)
})

test('who does not sell makes no offers, and customers see only their own', async () => {
  await assert.rejects(draft('Quotation', { items: [item()] }, people.tim), PermissionDenied.is)
  await assert.rejects(draft('Sales Order', { items: [item()] }, people.ada), PermissionDenied.is)
  const other = await make('Customer', { ...north, customer_name: 'Bea Ltd' })
  const hers = await submitted('Quotation', { customer: other, items: [item()] })
  const seen = (await as(people.ada, (ctx) => list(ctx, 'Quotation', { limit: 0, wire: { version: 1, zone: 'UTC' } }))).rows.map(
    (row) => row.name,
  )
  assert.ok(seen.length > 0 && !seen.includes(hers.name))
})

test('nothing new is sold to a customer who is closed', async () => {
  const frozen = await make('Customer', { ...north, customer_name: 'Cold Ltd', is_frozen: 1 })
  const gone = await make('Customer', { ...north, customer_name: 'Gone Ltd', disabled: 1 })
  await refused(draft('Sales Order', { customer: frozen, items: [item()] }), BadBillingValue, 'customer')
  await submitted('Sales Invoice', { customer: frozen, items: [item()] })
  await refused(submitted('Sales Invoice', { customer: gone, items: [item()] }), BadBillingValue, 'customer')
})
