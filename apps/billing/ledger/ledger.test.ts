import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import fc from 'fast-check'
import { Decimal, sumDecimals } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import { insert } from '#kernel/documents/save.ts'
import { findRows, type FoundRow } from '#kernel/query/find-rows.ts'
import { runReport } from '#kernel/reports/run-report.ts'
import { setValue } from '#kernel/documents/values.ts'
import { type BillingTown, billingTown } from '#testing/billing.ts'
import { testDatabases } from '#testing/services.ts'
import { AlreadyBilled, MoreThanThere, OverAllocated } from '../errors.ts'

type Step =
  | { do: 'invoice'; lines: { qty: number; cents: number }[]; rate: number; tax: number; coin: boolean; cash: boolean }
  | { do: 'pay'; which: number; share: number; more: number; rate: number }
  | { do: 'return' | 'cancel' | 'use' | 'lose'; which: number }

const cents = fc.integer({ min: 1, max: 500_000 })
const which = fc.nat(1000)
const rate = fc.constantFrom(1, 0.9371, 1.1234567)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('invoice' as const),
      lines: fc.array(fc.record({ qty: fc.constantFrom(1, 2, 0.333, 7), cents }), { minLength: 1, maxLength: 3 }),
      rate,
      tax: fc.constantFrom(0, 19, 8.1),
      coin: fc.boolean(),
      cash: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('pay' as const),
      which,
      share: fc.constantFrom(0.1, 0.5, 1),
      more: fc.constantFrom(0, 0, 12.5),
      rate,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('return' as const, 'cancel' as const, 'use' as const, 'lose' as const), which }),
  },
)

for (const { name: database } of testDatabases())
  suite(`books on ${database}`, () => {
    let town: BillingTown
    before(async () => {
      town = await billingTown({ database, clock: { now: () => Date.UTC(2026, 10, 20, 9) }, closedByCaller: true })
      await town.asSystem((ctx) => setValue(ctx, 'Company', 'North', { rounding_unit: '0.05' }))
    })
    after(() => town?.close())

    const rows = (doctype: string): Promise<FoundRow[]> =>
      town.asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get(doctype), where('organization', '=', 'North')))
    const line = (unit: unknown, qty = 1) => ({ item_name: 'Work', qty, rate: unit })
    const invoice = (values: Record<string, unknown>) => town.submitted('Sales Invoice', { customer: town.customer, ...values })

    async function walk(steps: readonly Step[]): Promise<void> {
      const tax = await town.account('2100')
      for (const one of steps) {
        if (one.do === 'invoice') {
          await invoice({
            items: one.lines.map(({ qty, cents }) => line(Decimal.from(cents).dividedBy(100, 2), qty)),
            ...(one.rate === 1 ? {} : { currency: 'USD', conversion_rate: one.rate }),
            taxes:
              one.tax === 0
                ? []
                : [{ charge_type: 'On Net Total', rate: one.tax, account_head: tax, included_in_print_rate: one.cash ? 1 : 0 }],
            disable_rounded_total: one.coin ? 0 : 1,
          })
          continue
        }
        const open = (await rows('Sales Invoice')).filter((row) => row.docstatus === 1)
        const target = open[one.which % Math.max(1, open.length)]
        if (!target) continue
        const owed = target.outstanding_amount as Decimal
        const name = String(target.name)
        if (one.do === 'pay' && !owed.isZero()) await pay(target, owed, one)
        else if (one.do === 'return' && target.is_return !== 1) {
          const draft = await town.made('Sales Invoice', name, 'make_return').catch((error) => error)
          if (typeof draft === 'string') await town.submit('Sales Invoice', draft)
          else assert.ok(MoreThanThere.is(draft), String(draft))
        } else if (one.do === 'cancel')
          await town.cancelled('Sales Invoice', name).catch((error) => assert.equal(error.code, 'document/still-linked'))
        else if (one.do === 'lose' && !owed.isZero() && !owed.isNegative()) await town.made('Sales Invoice', name, 'write_off')
        else if (one.do === 'use') await use(one.which)
      }
    }

    async function pay(
      target: FoundRow,
      owed: Decimal,
      { share, more, rate }: { share: number; more: number; rate: number },
    ): Promise<void> {
      const part = owed.times(Decimal.from(share)).round(2)
      if (part.isZero()) return
      const currency = String(target.currency)
      const amount = part.abs().plus(Decimal.from(more))
      const foreign = currency === 'USD' ? Decimal.from(rate === 1 ? 0.95 : rate) : Decimal.from(1)
      const received = amount.times(foreign).round(2, 'half-up')
      const reference = [{ reference_doctype: 'Sales Invoice', reference_name: target.name, allocated_amount: part }]
      const made = await town.submitted('Payment Entry', {
        party: town.customer,
        references: reference,
        ...(part.isNegative()
          ? {
              payment_type: 'Pay',
              received_amount: amount,
              paid_to_account_currency: currency,
              target_exchange_rate: foreign,
              paid_amount: received,
            }
          : { paid_amount: amount, paid_from_account_currency: currency, source_exchange_rate: foreign, received_amount: received }),
      })
      if (share === 0.1)
        await town.cancelled('Payment Entry', String(made.name)).catch((error) => assert.equal(error.code, 'document/still-linked'))
    }

    /** Uses what was paid too much for what is open in the same currency. */
    async function use(which: number): Promise<void> {
      const spare = (await rows('Payment Entry')).find(
        (row) => row.docstatus === 1 && row.payment_type === 'Receive' && !(row.unallocated_amount as Decimal).isZero(),
      )
      const open = (await rows('Sales Invoice')).filter(
        (row) => row.docstatus === 1 && row.currency === spare?.paid_from_account_currency && Number(row.outstanding_amount) > 0,
      )
      const target = open[which % Math.max(1, open.length)]
      if (!spare || !target) return
      const [there, owed] = [spare.unallocated_amount as Decimal, target.outstanding_amount as Decimal]
      const made = await town.submitted('Payment Allocation', {
        customer: town.customer,
        source_name: spare.name,
        sales_invoice: target.name,
        allocated_amount: there.compare(owed) < 0 ? there : owed,
      })
      if (which % 3 === 0) await town.cancelled('Payment Allocation', String(made.name))
    }

    const sum = (list: readonly FoundRow[], field: string): Decimal => sumDecimals(list.map((row) => row[field] as Decimal))
    const isSubmitted = (row: FoundRow) => row.docstatus === 1

    /** The documents say what the balance of each account must be; the ledger was written by other code, entry by entry. */
    async function holdBooks(): Promise<void> {
      const gl = await rows('GL Entry')
      for (const [voucher, entries] of Map.groupBy(gl, (entry) => String(entry.voucher_no)))
        assert.equal(sum(entries, 'debit').toString(), sum(entries, 'credit').toString(), voucher)
      const invoices = (await rows('Sales Invoice')).filter(isSubmitted)
      const payments = (await rows('Payment Entry')).filter(isSubmitted)
      const journals = (await rows('Journal Entry')).filter(isSubmitted)
      const received = payments.filter((row) => row.payment_type === 'Receive')
      const paidBack = payments.filter((row) => row.payment_type === 'Pay')
      const expected: Record<string, Decimal> = {
        '1200': sum(received, 'base_received_amount').minus(sum(paidBack, 'base_paid_amount')),
        '1300': sum(invoices, 'base_outstanding_amount')
          .minus(sum(received, 'base_unallocated_amount'))
          .plus(sum(paidBack, 'base_unallocated_amount')),
        '2100': sum(invoices, 'base_total_taxes_and_charges').negate(),
        '4100': sum(invoices, 'base_net_total').negate(),
        '5100': sum(
          invoices.filter((row) => row.disable_rounded_total !== 1),
          'base_rounding_adjustment',
        ).negate(),
        '5300': sum(journals, 'total_debit'),
      }
      expected['5200'] = sumDecimals(Object.values(expected)).negate()
      const kept = Object.entries(expected).filter(([, amount]) => !amount.isZero())
      assert.deepEqual(await town.balances(), Object.fromEntries(kept.map(([number, amount]) => [number, amount.toString()]).sort()))

      const open = Map.groupBy(await rows('Payment Ledger Entry'), (entry) => String(entry.against_voucher_no))
      for (const row of invoices) {
        const own = open.get(row.name) ?? []
        assert.equal(sum(own, 'amount_in_account_currency').toString(), String(row.outstanding_amount), row.name)
        assert.equal(sum(own, 'amount').toString(), String(row.base_outstanding_amount), row.name)
        if ((row.outstanding_amount as Decimal).isZero())
          assert.equal(String(row.base_outstanding_amount), '0', `${row.name} is settled in both`)
        const charged = (row.disable_rounded_total === 1 ? row.grand_total : row.rounded_total) as Decimal
        assert.ok((row.outstanding_amount as Decimal).abs().compare(charged.abs()) <= 0, `${row.name} owes no more than it charges`)
        const taken = own.filter((entry) => entry.voucher_no !== row.name || !(entry.amount_in_account_currency as Decimal).equals(charged))
        assert.equal(
          charged.plus(sum(taken, 'amount_in_account_currency')).toString(),
          String(row.outstanding_amount),
          'total less allocations',
        )
      }
      for (const row of payments) {
        const sign = row.payment_type === 'Receive' ? -1 : 1
        const left = sum(open.get(row.name) ?? [], 'amount_in_account_currency')
        assert.equal(left.toString(), (row.unallocated_amount as Decimal).times(sign).toString(), row.name)
      }
      const { total } = await town.as(town.people.fin, (ctx) => runReport(ctx, 'Trial Balance', { organization: 'North' }))
      assert.equal(String(total?.closing_debit ?? 0), String(total?.closing_credit ?? 0))
    }

    test('the trial balance is the sum of the documents, whatever was submitted, paid, returned, given up and cancelled', async () => {
      const numRuns = database === 'sqlite' ? 8 : 2
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
          await walk(steps)
          await holdBooks()
        }),
        { numRuns, endOnFailure: true },
      )
    })

    test('five who pay one invoice at once never pay more than it is', async () => {
      const name = String((await invoice({ items: [line(100)], disable_rounded_total: 1 })).name)
      // Drafts first: new documents of one series wait for each other anyway, because of their names.
      const drafts = await Promise.all(
        [40, 40, 40, 40, 40].map((allocated_amount) =>
          town.make('Payment Entry', {
            organization: 'North',
            party: town.customer,
            paid_amount: allocated_amount,
            references: [{ reference_doctype: 'Sales Invoice', reference_name: name, allocated_amount }],
          }),
        ),
      )
      const results = await Promise.allSettled(drafts.map((draft) => town.submit('Payment Entry', draft)))
      const failed = results.filter((one) => one.status === 'rejected').map((one) => one.reason)
      assert.deepEqual([results.length - failed.length, failed.every(OverAllocated.is)], [2, true], String(failed))
      assert.equal(String((await town.stored('Sales Invoice', name)).outstanding_amount), '20')
      await holdBooks()
    })

    test('numbers have no gaps, also when several submit at once and some fail', async () => {
      await town.asSystem((ctx) => setValue(ctx, 'Company', 'North', { invoice_number_series: 'G-.####' }))
      const sales = await town.account('4000')
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, (_, index) =>
          // What is booked on a group fails after the number was drawn.
          invoice({ items: [{ ...line(10), ...(index % 3 === 2 && { income_account: sales }) }] }),
        ),
      )
      const numbers = results.flatMap((one) => (one.status === 'fulfilled' ? [String(one.value.invoice_number)] : [])).sort()
      assert.deepEqual(numbers, ['G-0001', 'G-0002', 'G-0003', 'G-0004', 'G-0005', 'G-0006'])
      await town.asSystem((ctx) => setValue(ctx, 'Company', 'North', { invoice_number_series: null }))
    })

    test('an order is billed once, and a draft submitted once, however many try', async () => {
      const customer = await town.make('Customer', { customer_name: 'Bea Ltd', organization: 'North' })
      const order = await town.submitted('Sales Order', { customer, items: [line(10, 2)], skip_delivery_note: 1 })
      const drafts = [1, 2, 3].map(() => town.made('Sales Order', String(order.name), 'make_sales_invoice'))
      const results = await Promise.allSettled((await Promise.all(drafts)).map((draft) => town.submit('Sales Invoice', draft)))
      const failed = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
      assert.deepEqual([results.length - failed.length, failed.every(MoreThanThere.is)], [1, true], String(failed))
      const stored = await town.stored('Sales Order', String(order.name))
      assert.deepEqual([stored.per_billed, stored.status], [100, 'Completed'])
      const billed = (await rows('Sales Invoice')).length
      const draft = await town.asSystem(async (ctx) => {
        return String((await insert(ctx, 'Sales Invoice', { organization: 'North', customer, items: [line(7)] })).name)
      })
      await Promise.allSettled([1, 2, 3].map(() => town.submit('Sales Invoice', draft)))
      assert.equal((await rows('Sales Invoice')).length, billed + 1)
      assert.equal((await rows('GL Entry')).filter((entry) => entry.voucher_no === draft).length, 2)
    })

    test('hours are charged once, however many charge them at once', async () => {
      const employee = await town.make('Employee', {
        first_name: 'Tim',
        employee_name: 'Tim',
        organization: 'North',
        date_of_joining: '2020-01-01',
        status: 'Active',
      })
      const log = { from_time: '2026-11-02 08:00:00', to_time: '2026-11-02 10:00:00', is_billable: 1, billing_rate: 50 }
      const sheet = await town.submitted('Timesheet', { employee, customer: town.customer, time_logs: [log] })
      const drafts = [
        await town.made('Timesheet', String(sheet.name), 'make_sales_invoice'),
        await town.made('Timesheet', String(sheet.name), 'make_sales_invoice'),
      ]
      const results = await Promise.allSettled(drafts.map((draft) => town.submit('Sales Invoice', draft)))
      const failed = results.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
      assert.deepEqual([failed.length, failed.every(AlreadyBilled.is)], [1, true], String(failed))
      const stored = await town.stored('Timesheet', String(sheet.name))
      assert.deepEqual([stored.status, stored.per_billed, String(stored.total_billed_amount)], ['Billed', 100, '100'])
    })
  })
