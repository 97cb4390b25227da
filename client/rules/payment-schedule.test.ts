import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { Decimal, sumDecimals } from './decimal.ts'
import { ageingBuckets, bucketOf } from './payment-schedule-ageing.ts'
import { checkPortions, checkSchedule, dueDate, dueDateRules, paymentSchedule, portionsOf, unpaidParts } from './payment-schedule.ts'

suite('payment schedule', () => {
  test('due dates are counted from the day, or from the end of its month', () => {
    const days = (due_date_based_on: (typeof dueDateRules)[number], count: number) =>
      dueDate('2028-01-31', { due_date_based_on, credit_days: count, credit_months: count })
    assert.equal(days('Day(s) after invoice date', 30), '2028-03-01')
    assert.equal(days('Day(s) after the end of the invoice month', 10), '2028-02-10')
    assert.equal(days('Month(s) after the end of the invoice month', 1), '2028-02-29')
  })

  test('what rounding leaves over is in the last part', () => {
    assert.deepEqual(portionsOf('100', ['33.333333', '33.333333', '33.333334']).map(String), ['33.33', '33.33', '33.34'])
  })

  test('portions that do not make a hundred are refused by their row', () => {
    assert.throws(() => checkPortions([60, 30]), { field: 'terms[1].invoice_portion' })
    assert.throws(() => checkPortions([110, -10]), { field: 'terms[0].invoice_portion' })
    assert.throws(() => paymentSchedule(1, '2026-01-01', []), { field: 'terms[-1].invoice_portion' })
    checkPortions(['33.3', '66.7'])
  })

  test('parts before the document, out of order or of another sum are refused', () => {
    const refuses = (rows: [string | null, number][], field: string) =>
      assert.throws(
        () =>
          checkSchedule(
            rows.map(([due_date, payment_amount]) => ({ due_date, payment_amount })),
            100,
            '2026-11-20',
          ),
        { field },
      )
    refuses([['2026-11-19', 100]], 'payment_schedule[0].due_date')
    refuses([[null, 100]], 'payment_schedule[0].due_date')
    refuses(
      [
        ['2026-12-01', 50],
        ['2026-11-30', 50],
      ],
      'payment_schedule[1].due_date',
    )
    refuses(
      [
        ['2026-12-01', 50],
        ['2026-12-02', 49],
      ],
      'payment_schedule[1].payment_amount',
    )
  })

  test('the earliest part is paid first', () => {
    assert.deepEqual(unpaidParts([50, 30, 20], 45).map(String), ['0', '25', '20'])
    assert.deepEqual(unpaidParts([50, 30, 20], 0).map(String), ['0', '0', '0'])
  })

  test('parts always make the whole, and what is unpaid of them what is open', () => {
    const cents = fc.integer({ min: -10_000_000, max: 10_000_000 })
    const portions = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 8 }).map((weights) => {
      const whole = weights.reduce((sum, weight) => sum + weight, 0)
      const parts = weights.slice(1).map((weight) => Decimal.from(weight * 100).dividedBy(whole, 6, 'down'))
      return [Decimal.from(100).minus(sumDecimals(parts)), ...parts]
    })
    fc.assert(
      fc.property(cents, portions, fc.integer({ min: 0, max: 100 }), fc.constantFrom(0, 2, 3), (amount, parts, share, digits) => {
        const total = Decimal.from(amount).dividedBy(100, 2).round(digits)
        const schedule = paymentSchedule(
          total,
          '2026-11-20',
          parts.map((invoice_portion) => ({ invoice_portion, due_date_based_on: dueDateRules[0], credit_days: 5 })),
          digits,
        )
        const amounts = schedule.map((part) => part.amount)
        assert.equal(sumDecimals(amounts).toString(), total.toString())
        const open = total.times(share).dividedBy(100, digits, 'down')
        if (amounts.every((part) => part.isNegative() === total.isNegative() || part.isZero()))
          assert.equal(sumDecimals(unpaidParts(amounts, open)).toString(), open.toString())
      }),
    )
  })

  test('age falls into one range, and on the day itself nothing is late', () => {
    assert.deepEqual(bucketOf('2026-11-20', '2026-11-20'), { age: 0, bucket: 'not_due' })
    assert.deepEqual(
      [1, 30, 31, 60, 61, 90, 91, 4000].map(
        (days) => bucketOf('2000-01-01', new Date(Date.UTC(2000, 0, 1 + days)).toISOString().slice(0, 10)).bucket,
      ),
      ['range1', 'range1', 'range2', 'range2', 'range3', 'range3', 'range4', 'range4'],
    )
    assert.equal(ageingBuckets.length, 5)
  })
})
