import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BadTotals } from '#client/rules/invoice-totals.ts'
import { LinkNotFound, PermissionDenied } from '#kernel/permissions/errors.ts'
import { MandatoryMissing, StillLinked, SubmittedIsFixed, TooManyRows, TransitionRefused } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { amend } from '#kernel/documents/new-document.ts'
import { discard, insert, openForWrite, save } from '#kernel/documents/save.ts'
import { setValue, writeThrough } from '#kernel/documents/values.ts'
import { list } from '#kernel/query/list.ts'
import { billingTown } from '#testing/billing.ts'
import {
  BadBillingValue,
  CurrencyMismatch,
  ElsewhereInBooks,
  ExchangeRateNeeded,
  LedgerIsFixed,
  MoreThanThere,
  PeriodClosed,
  WrongTotal,
} from '../errors.ts'
import { markOverdue } from './mark-overdue.ts'

let now = Date.UTC(2026, 10, 20, 9)
const town = await billingTown({ clock: { now: () => now } })
const { as, asSystem, make, submitted, submit, cancelled, made, stored, balances, entries, account, customer, people } = town
const tax = await account('2100')
const eco = await make('Account', {
  organization: 'North',
  account_name: 'Eco charge',
  account_number: '2200',
  root_type: 'Liability',
  account_type: 'Tax',
  parent_account: await account('2000'),
})
const vat = [{ charge_type: 'On Net Total', rate: 20, account_head: tax }]
const work = { item_name: 'Work', qty: 1, rate: 100 }
const invoice = (values: Record<string, unknown> = {}) => ({ organization: 'North', customer, items: [work], ...values })
const refused = async (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
  assert.rejects(work, (error) => {
    assert.ok(kind.is(error), String(error))
    assert.equal((error as { field: string }).field, field)
    return true
  })
const draft = (values: Record<string, unknown> = {}, user = people.fin) => as(user, (ctx) => insert(ctx, 'Sales Invoice', invoice(values)))

test('an invoice of 100 × 50 with 14 percent and 5 apiece in the price', async () => {
  const inclusive = [
    { charge_type: 'On Net Total', rate: 14, account_head: tax, included_in_print_rate: 1 },
    { charge_type: 'On Item Quantity', rate: 5, account_head: eco, included_in_print_rate: 1 },
  ]
  const items = [{ item_name: 'Lamp', qty: 100, rate: 50 }]
  const figures = async (values: Record<string, unknown>) => {
    const made = await draft({ items, taxes: inclusive, ...values })
    return [made.net_total, made.grand_total].map(String)
  }
  assert.deepEqual(await figures({}), ['3947.37', '5000'])
  assert.deepEqual((await figures({ apply_discount_on: 'Net Total', discount_amount: 100 }))[1], '4886')
  assert.deepEqual(await figures({ apply_discount_on: 'Grand Total', discount_amount: 100 }), ['3859.65', '4900'])
})

test('submitting books both sides; cancelling adds the opposite and leaves what was', async () => {
  const before = await balances()
  const made = await submitted('Sales Invoice', invoice({ taxes: vat }))
  assert.deepEqual([made.status, String(made.outstanding_amount), made.invoice_number], ['Unpaid', '120', made.name])
  const after = await balances()
  const moved = (number: string) => Number(after[number] ?? 0) - Number(before[number] ?? 0)
  assert.deepEqual([moved('1300'), moved('4100'), moved('2100')], [120, -100, -20])
  const count = (await entries('GL Entry')).length
  const taken = await cancelled('Sales Invoice', String(made.name))
  assert.deepEqual([taken.docstatus, taken.status, String(taken.outstanding_amount)], [2, 'Cancelled', '0'])
  assert.deepEqual(await balances(), before)
  assert.equal((await entries('GL Entry')).length, count + 3)
})

test('nobody changes the ledger, not even with all rights', async () => {
  await submitted('Sales Invoice', invoice())
  for (const doctype of ['GL Entry', 'Payment Ledger Entry'] as const) {
    const [entry] = await entries(doctype)
    const name = String(entry?.name)
    await assert.rejects(
      asSystem((ctx) => setValue(ctx, doctype, name, { posting_date: '2026-01-01' })),
      LedgerIsFixed.is,
    )
    await assert.rejects(
      asSystem((ctx) => writeThrough(ctx, doctype, name, { posting_date: '2026-01-01' })),
      LedgerIsFixed.is,
    )
    await assert.rejects(
      asSystem((ctx) => remove(ctx, doctype, name)),
      LedgerIsFixed.is,
    )
    await assert.rejects(
      as(people.fin, (ctx) => insert(ctx, doctype, { organization: 'North' })),
      PermissionDenied.is,
    )
  }
})

test('all five kinds of charges are booked as they stand on the invoice', async () => {
  const before = await balances()
  const made = await submitted(
    'Sales Invoice',
    invoice({
      items: [{ ...work, qty: 2 }],
      taxes: [
        { charge_type: 'Actual', tax_amount: 20, account_head: eco },
        { charge_type: 'On Net Total', rate: 10, account_head: tax },
        { charge_type: 'On Previous Row Amount', row_id: '2', rate: 50, account_head: tax },
        { charge_type: 'On Previous Row Total', row_id: '3', rate: 10, account_head: tax },
        { charge_type: 'On Item Quantity', rate: '1.5', account_head: eco },
        { charge_type: 'On Net Total', rate: 5, is_deducted: 1, account_head: tax },
      ],
    }),
  )
  assert.equal(String(made.grand_total), '268')
  const after = await balances()
  const moved = (number: string) => Number(after[number] ?? 0) - Number(before[number] ?? 0)
  assert.deepEqual([moved('1300'), moved('4100'), moved('2100'), moved('2200')], [268, -200, -45, -23])
})

test('foreign money is booked at the rate of the day, to the last cent', async () => {
  await make('Currency Exchange', {
    organization: 'North',
    date: '2026-11-01',
    from_currency: 'USD',
    to_currency: 'EUR',
    exchange_rate: 0.9371,
  })
  const made = await submitted(
    'Sales Invoice',
    invoice({ currency: 'USD', items: [{ ...work, qty: 3, rate: '33.37' }], taxes: [{ ...vat[0], rate: 8.1 }] }),
  )
  assert.deepEqual([made.conversion_rate, made.grand_total, made.base_grand_total].map(String), ['0.9371', '108.22', '101.41'])
  const own = (await entries('GL Entry')).filter((entry) => entry.voucher_no === made.name)
  const receivable = own.find((entry) => entry.party)
  assert.deepEqual([receivable?.debit, receivable?.debit_in_account_currency, receivable?.account_currency].map(String), [
    '101.41',
    '108.22',
    'USD',
  ])
  await refused(draft({ currency: 'JPY' }), ExchangeRateNeeded, 'conversion_rate')
  await refused(draft({ conversion_rate: 2 }), CurrencyMismatch, 'conversion_rate')
})

test('a total to be paid in coins is rounded, and the rest is booked', async () => {
  await asSystem((ctx) => setValue(ctx, 'Company', 'North', { rounding_unit: '0.05' }))
  const made = await submitted('Sales Invoice', invoice({ items: [{ ...work, rate: '99.98' }] }))
  assert.deepEqual([made.grand_total, made.rounding_adjustment, made.rounded_total, made.outstanding_amount].map(String), [
    '99.98',
    '0.02',
    '100',
    '100',
  ])
  const exact = await draft({ items: [{ ...work, rate: '99.98' }], disable_rounded_total: 1 })
  assert.deepEqual([exact.grand_total, exact.rounded_total].map(String), ['99.98', '0'])
  await asSystem((ctx) => setValue(ctx, 'Company', 'North', { rounding_unit: 0 }))
})

test('numbers are drawn at submission, without gaps, each company for itself', async () => {
  for (const company of ['North', 'South'])
    await asSystem((ctx) =>
      setValue(ctx, 'Company', company, { invoice_number_series: 'INV-.YYYY.-.####', credit_note_number_series: 'CN-.###' }),
    )
  await draft()
  const first = await submitted('Sales Invoice', invoice())
  await assert.rejects(
    as(people.fin, async (ctx) => {
      await insert(ctx, 'Sales Invoice', { ...invoice(), docstatus: 1 })
      throw new Error('undone')
    }),
    /undone/,
  )
  const second = await submitted('Sales Invoice', invoice())
  const theirs = await submitted('Sales Invoice', { organization: 'South', customer: town.theirs, items: [work] }, people.otto)
  assert.deepEqual(
    [first, second, theirs].map((one) => one.invoice_number),
    ['INV-2026-0001', 'INV-2026-0002', 'INV-2026-0001'],
  )
  const credit = await submit('Sales Invoice', await made('Sales Invoice', String(first.name), 'make_return'))
  assert.equal(credit.invoice_number, 'CN-001')
  await refused(
    asSystem((ctx) => setValue(ctx, 'Company', 'North', { invoice_number_series: 'INV' })),
    BadBillingValue,
    'invoice_number_series',
  )
})

test('a credit note settles its invoice as far as that is open, and is never for more than was charged', async () => {
  const charged = await submitted('Sales Invoice', invoice({ items: [{ ...work, qty: 4 }], taxes: vat }))
  const name = await made('Sales Invoice', String(charged.name), 'make_return')
  const half = await as(people.fin, async (ctx) => {
    const credit = await openForWrite(ctx, 'Sales Invoice', name)
    return save(ctx, credit, { items: [{ ...(credit.items as Record<string, unknown>[])[0], qty: -1 }] })
  })
  assert.equal(String(half.grand_total), '-120')
  const credit = await submit('Sales Invoice', name)
  assert.deepEqual([credit.status, String(credit.outstanding_amount)], ['Credit Note Issued', '0'])
  const open = await stored('Sales Invoice', String(charged.name))
  assert.deepEqual([open.status, String(open.outstanding_amount)], ['Partly Paid', '360'])
  await refused(made('Sales Invoice', String(charged.name), 'make_return'), MoreThanThere, 'items[0].qty')
  await refused(cancelled('Sales Invoice', String(charged.name)), StillLinked, '')
  await cancelled('Sales Invoice', name)
  assert.equal(String((await stored('Sales Invoice', String(charged.name))).outstanding_amount), '480')
  await cancelled('Sales Invoice', String(charged.name))
})

test('bad input is refused with its field, and nothing is left behind', async () => {
  const count = async () =>
    (await asSystem((ctx) => list(ctx, 'Sales Invoice', { limit: 0, wire: { version: 1, zone: 'UTC' } }))).rows.length
  const before = await count()
  await refused(draft({ grand_total: 5 }), WrongTotal, 'grand_total')
  await refused(draft({ items: [{ ...work, amount: 99 }] }), WrongTotal, 'items[0].amount')
  await refused(draft({ items: [work, { ...work, qty: -1 }] }), BadBillingValue, 'items[1].qty')
  await refused(draft({ items: [{ ...work, qty: 0 }] }), BadBillingValue, 'items[0].qty')
  await assert.rejects(draft({ items: [{ ...work, rate: -1 }] }), { field: 'items[0].rate' })
  await refused(draft({ items: [{ ...work, price_list_rate: 10, discount_percentage: 120 }] }), BadTotals, 'items[0].discount_percentage')
  await refused(draft({ posting_date: '2026-11-20', due_date: '2026-11-19' }), BadBillingValue, 'due_date')
  await refused(draft({ items: [] }), MandatoryMissing, 'items')
  await refused(
    draft({ taxes: [{ charge_type: 'On Previous Row Total', row_id: '1', rate: 1, account_head: tax }] }),
    BadTotals,
    'taxes[0].row_id',
  )
  await refused(draft({ discount_amount: 101 }), BadTotals, 'discount_amount')
  await refused(draft({ customer: town.theirs }), LinkNotFound, 'customer')
  const uma = (values: Record<string, unknown>) => draft(values, people.uma)
  await refused(uma({ customer: town.theirs }), ElsewhereInBooks, 'customer')
  await refused(uma({ taxes: [{ ...vat[0], account_head: await account('2100', 'South') }] }), ElsewhereInBooks, 'taxes[0].account_head')
  await refused(uma({ company: 'South' }), ElsewhereInBooks, 'company')
  await refused(draft({ items: Array.from({ length: 10_001 }, () => work) }), TooManyRows, 'items')
  await refused(draft({ return_against: 'SINV-2026-00001' }), BadBillingValue, 'return_against')
  assert.equal(await count(), before)
})

test('what is submitted stays as it is, and is submitted once', async () => {
  const made = await submitted('Sales Invoice', invoice())
  const name = String(made.name)
  const change = (values: Record<string, unknown>) =>
    as(people.fin, async (ctx) => save(ctx, await openForWrite(ctx, 'Sales Invoice', name), values))
  await refused(change({ due_date: '2027-01-01' }), SubmittedIsFixed, 'due_date')
  await refused(change({ items: [work, work] }), SubmittedIsFixed, 'items')
  await refused(change({ outstanding_amount: 0 }), SubmittedIsFixed, 'outstanding_amount')
  await assert.rejects(change({ docstatus: 0 }), TransitionRefused.is)
  const waiting = String((await draft()).name)
  const twice = await Promise.allSettled([submit('Sales Invoice', waiting), submit('Sales Invoice', waiting)])
  const own = (await entries('GL Entry')).filter((entry) => entry.voucher_no === waiting)
  assert.ok(twice.some((one) => one.status === 'fulfilled'))
  assert.equal(own.length, 2, 'booked once')
})

test('a closed period takes neither postings nor cancellations', async () => {
  const made = await submitted('Sales Invoice', invoice({ posting_date: '2026-10-31' }))
  await as(people.fin, (ctx) => setValue(ctx, 'Company', 'North', { accounts_frozen_till_date: '2026-10-31' }))
  await refused(submitted('Sales Invoice', invoice({ posting_date: '2026-10-31' })), PeriodClosed, 'posting_date')
  await refused(cancelled('Sales Invoice', String(made.name)), PeriodClosed, 'posting_date')
  assert.equal((await stored('Sales Invoice', String(made.name))).docstatus, 1)
  await as(people.fin, (ctx) => setValue(ctx, 'Company', 'North', { accounts_frozen_till_date: null }))
  await cancelled('Sales Invoice', String(made.name))
})

test('payment terms make the parts in which is paid; the last day is the invoice’s', async () => {
  const template = await make('Payment Terms Template', {
    organization: 'North',
    template_name: 'Half and half',
    terms: [
      { invoice_portion: 50, due_date_based_on: 'Day(s) after invoice date', credit_days: 10 },
      { invoice_portion: 50, due_date_based_on: 'Day(s) after the end of the invoice month', credit_days: 15 },
    ],
  })
  const made = await submitted(
    'Sales Invoice',
    invoice({ posting_date: '2026-11-20', items: [{ ...work, rate: '100.01' }], payment_terms_template: template }),
  )
  const parts = made.payment_schedule as { due_date: string; payment_amount: unknown }[]
  assert.deepEqual(
    parts.map((part) => [part.due_date, String(part.payment_amount)]),
    [
      ['2026-11-30', '50.01'],
      ['2026-12-15', '50'],
    ],
  )
  assert.equal(made.due_date, '2026-12-15')
  await refused(
    draft({ payment_schedule: [{ due_date: '2026-12-01', payment_amount: 99 }] }),
    BadTotals,
    'payment_schedule[0].payment_amount',
  )
})

test('an invoice is overdue when its day has passed where the organization is', async () => {
  const made = await submitted('Sales Invoice', invoice({ due_date: '2026-11-21' }))
  const status = async () => (await stored('Sales Invoice', String(made.name))).status
  const before = now
  now = Date.UTC(2026, 10, 21, 22, 30)
  await asSystem(markOverdue)
  assert.equal(await status(), 'Unpaid', '23:30 in Berlin')
  now = Date.UTC(2026, 10, 21, 23, 30)
  await asSystem(markOverdue)
  assert.equal(await status(), 'Overdue')
  now = before
})

test('people see invoices as their roles say; customers their own that were submitted', async () => {
  const made = await submitted('Sales Invoice', invoice())
  await draft()
  const names = async (user: string, doctype = 'Sales Invoice') =>
    (await as(user, (ctx) => list(ctx, doctype, { limit: 0, fields: ['name', 'docstatus'], wire: { version: 1, zone: 'UTC' } }))).rows
  assert.ok((await names(people.sue)).some((row) => row.name === made.name))
  const seen = await names(people.ada)
  assert.ok(seen.some((row) => row.name === made.name) && seen.every((row) => row.docstatus === 1))
  assert.ok(!(await names(people.otto)).some((row) => row.name === made.name))
  await assert.rejects(names(people.tim), PermissionDenied.is)
  await assert.rejects(names(people.ada, 'GL Entry'), PermissionDenied.is)
  await assert.rejects(draft({}, people.sue), PermissionDenied.is)
  await assert.rejects(
    as(people.sam, (ctx) => insert(ctx, 'Sales Invoice', invoice())),
    PermissionDenied.is,
  )
  await assert.rejects(cancelled('Sales Invoice', String(made.name), people.ann), PermissionDenied.is)
})

test('a cancelled invoice is amended; a discarded draft is cancelled', async () => {
  const first = await submitted('Sales Invoice', invoice({ taxes: vat }))
  await cancelled('Sales Invoice', String(first.name))
  const again = await as(people.fin, async (ctx) => {
    const copy = await amend(ctx, await getDocument(ctx, 'Sales Invoice', String(first.name)))
    return insert(ctx, 'Sales Invoice', { ...copy, docstatus: 1 })
  })
  assert.deepEqual(
    [again.name, again.amended_from, String(again.outstanding_amount), again.status],
    [`${first.name}-1`, first.name, '120', 'Unpaid'],
  )
  const dropped = await draft()
  await as(people.fin, (ctx) => discard(ctx, dropped))
  assert.equal((await stored('Sales Invoice', String(dropped.name))).status, 'Cancelled')
})
