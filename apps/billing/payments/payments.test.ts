import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StillLinked } from '#kernel/documents/errors.ts'
import { insert } from '#kernel/documents/save.ts'
import { LinkNotFound, PermissionDenied } from '#kernel/permissions/errors.ts'
import { runReport } from '#kernel/reports/run-report.ts'
import { billingTown } from '#testing/billing.ts'
import { BadBillingValue, CreditLimitExceeded, CurrencyMismatch, LedgerUnbalanced, NotOpenForPayment, OverAllocated } from '../errors.ts'

const town = await billingTown({ clock: { now: () => Date.UTC(2026, 10, 20, 9) } })
const { as, make, submitted, submit, cancelled, made, stored, balances, account, customer, people } = town
const invoice = async (rate: unknown, values: Record<string, unknown> = {}): Promise<string> =>
  String((await submitted('Sales Invoice', { customer, items: [{ item_name: 'Work', qty: 1, rate }], ...values })).name)
const pay = (paid_amount: unknown, references: Record<string, unknown>[] = [], values: Record<string, unknown> = {}) =>
  submitted('Payment Entry', { party: customer, paid_amount, references, ...values })
const on = (reference_name: string, allocated_amount: unknown, reference_doctype = 'Sales Invoice') => ({
  reference_doctype,
  reference_name,
  allocated_amount,
})
const state = async (name: string) => {
  const { status, outstanding_amount } = await stored('Sales Invoice', name)
  return [status, String(outstanding_amount)]
}
const refused = async (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
  assert.rejects(work, (error) => {
    assert.ok(kind.is(error), String(error))
    assert.equal((error as { field: string }).field, field)
    return true
  })

test('payments settle invoices in parts, and what they settled is open again when they are cancelled', async () => {
  const name = await invoice(100)
  const first = await pay(30, [on(name, 30)])
  assert.deepEqual(await state(name), ['Partly Paid', '70'])
  await pay(100, [on(name, 70)], { mode_of_payment: undefined })
  assert.deepEqual(await state(name), ['Paid', '0'])
  await cancelled('Payment Entry', String(first.name))
  assert.deepEqual(await state(name), ['Partly Paid', '30'])
  await refused(cancelled('Sales Invoice', name), StillLinked, '')
})

test('nothing is allocated that is not there', async () => {
  const name = await invoice(100)
  const foreign = await submitted(
    'Sales Invoice',
    { organization: 'South', customer: town.theirs, items: [{ item_name: 'x', qty: 1, rate: 1 }] },
    people.otto,
  )
  const draft = await as(people.fin, (ctx) =>
    insert(ctx, 'Sales Invoice', { organization: 'North', customer, items: [{ item_name: 'x', qty: 1, rate: 5 }] }),
  )
  await refused(pay(200, [on(name, 101)]), OverAllocated, 'references[0].allocated_amount')
  await refused(pay(50, [on(name, 60)]), OverAllocated, 'total_allocated_amount')
  await refused(pay(50, [on(name, -10)]), OverAllocated, 'references[0].allocated_amount')
  await refused(pay(50, [on(name, 10), on(name, 10)]), BadBillingValue, 'references[1].reference_name')
  await refused(pay(50, [on(String(draft.name), 5)]), NotOpenForPayment, 'references[0].reference_name')
  await assert.rejects(
    pay(50, [on(String(foreign.name), 1)]),
    (error) => (error as { field: string }).field === 'references[0].reference_name',
  )
  await refused(pay(50, [], { party: town.theirs }), LinkNotFound, 'party')
  await refused(pay(0), BadBillingValue, 'paid_amount')
  await assert.rejects(pay(-5), { field: 'paid_amount' })
  await refused(pay('50.001'), BadBillingValue, 'paid_amount')
  await refused(pay(50, [on(name, '0.005')]), BadBillingValue, 'references[0].allocated_amount')
  await refused(pay(50, [], { received_amount: 40 }), BadBillingValue, 'received_amount')
  await refused(
    pay(50, [on(name, 50)], { paid_from_account_currency: 'USD', source_exchange_rate: 0.9 }),
    CurrencyMismatch,
    'references[0].reference_name',
  )
  await refused(pay(50, [], { paid_to: await account('1300') }), BadBillingValue, 'paid_to')
  assert.deepEqual(await state(name), ['Unpaid', '100'])
  await assert.rejects(submitted('Payment Entry', { party: customer, paid_amount: 5 }, people.sue), PermissionDenied.is)
})

test('what a bank keeps back is a cost, and the invoice is paid in full', async () => {
  const name = await invoice(100)
  const before = await balances()
  await pay(100, [on(name, 100)], { received_amount: 98, deductions: [{ account: await account('5400'), amount: 2 }] })
  assert.deepEqual(await state(name), ['Paid', '0'])
  const after = await balances()
  const moved = (number: string) => Number(after[number] ?? 0) - Number(before[number] ?? 0)
  assert.deepEqual([moved('1200'), moved('5400'), moved('1300')], [98, 2, -100])
})

test('a payment in foreign money at another rate leaves a gain or a loss', async () => {
  const name = await invoice(100, { currency: 'USD', conversion_rate: 0.9 })
  const before = await balances()
  const payment = await pay(100, [on(name, 100)], { paid_from_account_currency: 'USD', source_exchange_rate: 0.95, received_amount: 95 })
  assert.deepEqual(await state(name), ['Paid', '0'])
  const after = await balances()
  const moved = (number: string) => (Number(after[number] ?? 0) - Number(before[number] ?? 0)).toFixed(2)
  assert.deepEqual([moved('1200'), moved('1300'), moved('5200')], ['95.00', '-90.00', '-5.00'])
  assert.equal(String((await stored('Payment Entry', String(payment.name))).difference_amount), '-5')
  await cancelled('Payment Entry', String(payment.name))
  assert.deepEqual(await balances(), before)
})

test('what was paid in advance is used by invoices, of an order first, and later by an allocation', async () => {
  const order = await submitted('Sales Order', { customer, items: [{ item_name: 'Job', qty: 1, rate: 80 }], skip_delivery_note: 1 })
  const older = await pay(50, [], { posting_date: '2026-11-01' })
  const advance = await pay(30, [on(String(order.name), 30, 'Sales Order')])
  assert.equal(String((await stored('Sales Order', String(order.name))).advance_paid), '30')
  const name = await made('Sales Order', String(order.name), 'make_sales_invoice')
  const billed = await submit('Sales Invoice', name)
  assert.deepEqual(
    (billed.advances as { payment_entry: string; allocated_amount: unknown }[]).map((row) => [
      row.payment_entry,
      String(row.allocated_amount),
    ]),
    [
      [advance.name, '30'],
      [older.name, '50'],
    ],
  )
  assert.deepEqual(await state(name), ['Paid', '0'])
  await refused(cancelled('Payment Entry', String(advance.name)), StillLinked, '')
  await cancelled('Sales Invoice', name)
  assert.equal(String((await stored('Payment Entry', String(older.name))).unallocated_amount), '50')
  const other = await invoice(120)
  const allocation = await submitted('Payment Allocation', {
    customer,
    source_name: older.name,
    sales_invoice: other,
    allocated_amount: 20,
  })
  assert.deepEqual(await state(other), ['Partly Paid', '100'])
  const more = (allocated_amount: number) =>
    submitted('Payment Allocation', { customer, source_name: older.name, sales_invoice: other, allocated_amount })
  await refused(more(31), OverAllocated, 'allocated_amount')
  await cancelled('Payment Allocation', String(allocation.name))
  assert.deepEqual(await state(other), ['Unpaid', '120'])
})

test('a credit note is paid back', async () => {
  const name = await invoice(60)
  await pay(60, [on(name, 60)])
  const credit = String((await submit('Sales Invoice', await made('Sales Invoice', name, 'make_return'))).name)
  assert.deepEqual(await state(credit), ['Return', '-60'])
  const back = await submit('Payment Entry', await made('Sales Invoice', credit, 'make_payment_entry'))
  assert.equal(back.payment_type, 'Pay')
  assert.deepEqual(await state(credit), ['Credit Note Issued', '0'])
})

test('what is not paid any more is written off', async () => {
  const name = await invoice(45)
  const entry = await made('Sales Invoice', name, 'write_off', { amount: 5 })
  assert.deepEqual(await state(name), ['Partly Paid', '40'])
  await refused(made('Sales Invoice', name, 'write_off', { amount: 41 }), OverAllocated, 'accounts[1].credit_in_account_currency')
  await cancelled('Journal Entry', entry)
  assert.deepEqual(await state(name), ['Unpaid', '45'])
})

test('a posting by hand needs two equal sides', async () => {
  const [cash, equity] = [await account('1100'), await account('3100')]
  const rows = (debit: number, credit: number) => [
    { account: cash, debit_in_account_currency: debit },
    { account: equity, credit_in_account_currency: credit },
  ]
  await refused(submitted('Journal Entry', { accounts: rows(100, 99) }), LedgerUnbalanced, 'total_debit')
  await refused(
    submitted('Journal Entry', { accounts: [{ account: cash }, ...rows(1, 1)] }),
    BadBillingValue,
    'accounts[0].debit_in_account_currency',
  )
  await refused(
    submitted('Journal Entry', { accounts: [{ account: await account('1000'), debit_in_account_currency: 1 }, rows(1, 1)[1]] }),
    BadBillingValue,
    'account',
  )
  const entry = await submitted('Journal Entry', { accounts: rows(100, 100) })
  assert.equal(String(entry.total_debit), '100')
})

test('a request to pay is for no more than is open, and follows what is paid', async () => {
  const name = await invoice(100)
  const request = await made('Sales Invoice', name, 'make_payment_request')
  await submit('Payment Request', request)
  const status = async () => (await stored('Payment Request', request)).status
  assert.equal(await status(), 'Requested')
  await pay(40, [on(name, 40)])
  assert.equal(await status(), 'Partially Paid')
  await pay(60, [on(name, 60)])
  assert.equal(await status(), 'Paid')
  await refused(made('Sales Invoice', name, 'make_payment_request'), NotOpenForPayment, 'reference_name')
  const other = await invoice(10)
  await refused(
    submitted('Payment Request', { reference_doctype: 'Sales Invoice', reference_name: other, grand_total: 11 }),
    OverAllocated,
    'grand_total',
  )
})

test('nobody owes more than the limit, orders counted in', async () => {
  const poor = await make('Customer', { customer_name: 'Poor Ltd', organization: 'North' })
  await make('Customer Credit Limit', { organization: 'North', customer: poor, credit_limit: 100 })
  const of = (doctype: string, rate: number) =>
    submitted(doctype, { customer: poor, items: [{ item_name: 'x', qty: 1, rate }], skip_delivery_note: 1 })
  const sell = (rate: number) => submitted('Sales Invoice', { customer: poor, items: [{ item_name: 'x', qty: 1, rate }] })
  await sell(40)
  await refused(of('Sales Order', 61), CreditLimitExceeded, 'customer')
  const order = await of('Sales Order', 60)
  await refused(sell(1), CreditLimitExceeded, 'customer')
  await submit('Sales Invoice', await made('Sales Order', String(order.name), 'make_sales_invoice'))
})

test('two who allocate the same at once never take more than there is', async () => {
  const name = await invoice(100)
  const results = await Promise.allSettled([70, 70, 70].map((amount) => pay(amount, [on(name, amount)])))
  assert.equal(results.filter((one) => one.status === 'fulfilled').length, 1)
  assert.ok(
    results.every((one) => one.status === 'fulfilled' || OverAllocated.is(one.reason)),
    String(results.map((one) => 'reason' in one && one.reason)),
  )
  assert.deepEqual(await state(name), ['Partly Paid', '30'])
})

test('reports of the books show what was open on a day, how long, and that both sides are equal', async () => {
  const late = await make('Customer', { customer_name: 'Late Ltd', organization: 'North' })
  const old = await submitted('Sales Invoice', {
    customer: late,
    posting_date: '2026-09-01',
    due_date: '2026-09-15',
    items: [{ item_name: 'x', qty: 1, rate: 100 }],
  })
  await submitted('Sales Invoice', {
    customer: late,
    posting_date: '2026-11-10',
    due_date: '2026-12-10',
    items: [{ item_name: 'x', qty: 1, rate: 50 }],
  })
  await submitted('Payment Entry', { party: late, posting_date: '2026-11-15', paid_amount: 30, references: [on(String(old.name), 30)] })
  const run = (report: string, filters: Record<string, unknown>, user = people.fin) =>
    as(user, (ctx) => runReport(ctx, report, { organization: 'North', ...filters }))
  const shown = async (report_date: string) =>
    (await run('Accounts Receivable', { customer: late, report_date })).rows.map((row) => [
      row.voucher_no,
      Number(row.outstanding),
      row.age,
      Number(row.range3),
      Number(row.not_due),
    ])
  assert.deepEqual(
    (await shown('2026-11-20')).map((row) => row.slice(1)),
    [
      [70, 66, 70, 0],
      [50, -20, 0, 50],
    ],
  )
  assert.deepEqual(
    (await shown('2026-11-12')).map((row) => row[1]),
    [100, 50],
    'before the payment',
  )
  const { rows } = await run('Customer Statement', { customer: late, from_date: '2026-11-01' })
  assert.deepEqual(
    rows.map((row) => Number(row.balance)),
    [100, 150, 120],
  )
  const trial = await run('Trial Balance', { from_date: '2026-11-01', to_date: '2026-11-30' })
  const total = trial.total as Record<string, unknown>
  for (const side of ['opening', 'closing']) assert.equal(String(total[`${side}_debit`]), String(total[`${side}_credit`]))
  assert.equal(String(total.debit), String(total.credit))
  assert.ok(Number(total.debit) > 0)
  const ledger = await run('General Ledger', { account: await account('1300'), customer: late })
  assert.equal(Number(ledger.rows.at(-1)?.balance), 120)
  await assert.rejects(run('Trial Balance', {}, people.tim))
  assert.deepEqual((await run('Trial Balance', {}, people.otto).catch(() => ({ rows: [] }))).rows, [], 'another organization')
})
