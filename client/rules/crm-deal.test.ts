import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Decimal, sumDecimals } from './decimal.ts'
import { BadDealFigures, dealFigures, weighted } from './crm-deal.ts'

test('lines, their discounts and the discount on the whole add up to the cent', () => {
  const figures = dealFigures(
    [
      { qty: 3, rate: '19.99', discount_percentage: 10 },
      { qty: '1.5', rate: '70.33' },
    ],
    { percentage: 5 },
  )
  assert.deepEqual(
    figures.lines.map((line) => [line.amount, line.discountAmount, line.netAmount].map(String)),
    [
      ['59.97', '6', '53.97'],
      ['105.5', '0', '105.5'],
    ],
  )
  assert.deepEqual([figures.total, figures.discountAmount, figures.netTotal].map(String), ['159.47', '7.97', '151.5'])
})

test('wrong figures are refused with their place', () => {
  const refused = (field: string, work: () => unknown) =>
    assert.throws(work, (error) => BadDealFigures.is(error) && error.field === field, field)
  refused('products[1].qty', () =>
    dealFigures([
      { qty: 1, rate: 1 },
      { qty: -1, rate: 1 },
    ]),
  )
  refused('products[0].rate', () => dealFigures([{ qty: 1, rate: '-0.01' }]))
  refused('products[0].discount_percentage', () => dealFigures([{ qty: 1, rate: 1, discount_percentage: 101 }]))
  refused('additional_discount_percentage', () => dealFigures([], { percentage: 200 }))
  refused('discount_amount', () => dealFigures([{ qty: 1, rate: 10 }], { amount: '10.01' }))
  refused('discount_amount', () => dealFigures([{ qty: 1, rate: 10 }], { amount: -1 }))
})

test('the net total is always the sum of the net lines less the discount', () => {
  const line = fc.record({
    qty: fc.integer({ min: 0, max: 9999 }),
    rate: fc.integer({ min: 0, max: 10_000_000 }).map((cents) => Decimal.from(cents).times('0.01')),
    discount_percentage: fc.integer({ min: 0, max: 100 }),
  })
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), fc.integer({ min: 0, max: 100 }), (lines, percentage) => {
      const figures = dealFigures(lines, { percentage })
      const net = sumDecimals(figures.lines.map((one) => one.netAmount))
      assert.equal(String(figures.netTotal.plus(figures.discountAmount)), String(net))
      assert.ok(!figures.netTotal.isNegative())
    }),
  )
})

test('a value is turned into the own currency before it is weighted', () => {
  assert.deepEqual(Object.values(weighted('1000', '1.0837', 25)).map(String), ['1083.7', '270.93'])
})
