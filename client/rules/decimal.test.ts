import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  CannotSplit,
  canonicalDecimal,
  Decimal,
  DivisionByZero,
  fitsStorage,
  isDecimalText,
  NotANumber,
  type Rounding,
  splitAmount,
  sumDecimals,
} from './decimal.ts'

const d = Decimal.from
const decimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: 0, max: 12 }))
  .map(([size, scale]) => d(`${size}e-${scale}`))

test('reading gives the canonical text', () => {
  const cases: [string | number | bigint, string][] = [
    ['1.50', '1.5'],
    ['-0', '0'],
    ['-0.00', '0'],
    ['007', '7'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['+3', '3'],
    ['1e3', '1000'],
    ['1.25E-3', '0.00125'],
    ['-1e-2', '-0.01'],
    [0.1, '0.1'],
    [-0, '0'],
    [1e21, '1000000000000000000000'],
    [1e-7, '0.0000001'],
    [5n, '5'],
    ['12345678901234567890.123', '12345678901234567890.123'],
    [100, '100'],
    ['100', '100'],
  ]
  for (const [input, expected] of cases) {
    assert.equal(d(input).toString(), expected, String(input))
    assert.equal(canonicalDecimal(input), expected, String(input))
  }
})

test('what is no number is refused', () => {
  for (const text of [
    '',
    ' ',
    '1 ',
    '1,5',
    'NaN',
    'Infinity',
    '0x10',
    '1e',
    '1e9999',
    '--1',
    '1.2.3',
    '.',
    '-',
    '1_000',
    '٣',
    '1'.repeat(401),
    '1\n',
  ]) {
    assert.equal(isDecimalText(text), false, text)
    assert.throws(() => d(text), NotANumber.is)
    assert.throws(() => canonicalDecimal(text), NotANumber.is)
  }
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, null, undefined, {}, true])
    assert.throws(() => d(value as number), NotANumber.is)
})

test('arithmetic is exact', () => {
  assert.equal(d(0.1).plus(0.2).toString(), '0.3')
  assert.equal(d('1.1').times('1.1').toString(), '1.21')
  assert.equal(d(1).minus('0.9').toString(), '0.1')
  assert.equal(sumDecimals(Array.from({ length: 10_000 }, () => 0.1)).toString(), '1000')
  assert.equal(sumDecimals([null, undefined, '', '2.5']).toString(), '2.5')
  fc.assert(
    fc.property(decimal, decimal, decimal, (a, b, c) => {
      assert.deepEqual(a.plus(b).minus(b), a)
      assert.deepEqual(a.times(b.plus(c)), a.times(b).plus(a.times(c)))
      assert.deepEqual(d(a.toString()), a)
      assert.equal(a.compare(b), -b.compare(a))
      assert.equal(a.compare(b), Math.sign(a.minus(b).isNegative() ? -1 : a.minus(b).isZero() ? 0 : 1))
    }),
  )
})

test('equal numbers are equal parts, however they were written', () => {
  assert.deepEqual(d('1.500'), d(1.5))
  assert.ok(d('2.0').equals(2))
  assert.notDeepEqual(d('1.5'), d('1.6'))
})

test('rounding treats ties as its name says, on both sides of zero', () => {
  const table: [Rounding, string[]][] = [
    ['half-even', ['0', '2', '2', '3', '1', '0', '-2', '-2']],
    ['half-up', ['1', '2', '3', '3', '1', '-1', '-2', '-3']],
    ['down', ['0', '1', '2', '2', '0', '0', '-1', '-2']],
    ['up', ['1', '2', '3', '3', '1', '-1', '-2', '-3']],
  ]
  const inputs = ['0.5', '1.5', '2.5', '2.51', '0.51', '-0.5', '-1.5', '-2.5']
  for (const [rounding, expected] of table) {
    assert.deepEqual(
      inputs.map((text) => d(text).round(0, rounding).toString()),
      expected,
      rounding,
    )
    assert.deepEqual(
      inputs.map((text) => d(text).dividedBy(1, 0, rounding).toString()),
      expected,
      rounding,
    )
    assert.deepEqual(
      inputs.map((text) => d(text).times(-3).dividedBy(-3, 0, rounding).toString()),
      expected,
      rounding,
    )
  }
  assert.equal(d('2.675').round(2, 'half-up').toString(), '2.68')
  assert.equal(d('1.005').round(5).toString(), '1.005')
})

test('division rounds once from the exact quotient', () => {
  assert.equal(d(1).dividedBy(3, 5).toString(), '0.33333')
  assert.equal(d(2).dividedBy(3, 2).toString(), '0.67')
  assert.equal(d('0.0001').dividedBy('1000', 2, 'up').toString(), '0.01')
  assert.throws(() => d(1).dividedBy('0.00', 2), DivisionByZero.is)
  fc.assert(
    fc.property(decimal, decimal, fc.integer({ min: 0, max: 10 }), (a, b, scale) => {
      if (b.isZero()) return
      const off = a.minus(a.dividedBy(b, scale).times(b)).abs()
      assert.ok(off.times(2).compare(b.abs().times(`1e-${scale}`)) <= 0)
    }),
  )
})

test('printing keeps the places and JSON keeps the digits', () => {
  assert.equal(d('1.5').toFixed(2), '1.50')
  assert.equal(d(7).toFixed(2), '7.00')
  assert.equal(d('-0.004').toFixed(2), '0.00')
  assert.equal(d('1.5').toFixed(0), '2')
  assert.equal(JSON.stringify({ a: d('12345678901234567890.12') }), '{"a":12345678901234567890.12}')
  assert.equal(d('0.1').toNumber(), 0.1)
})

test('storage takes twelve digits before and nine after the point', () => {
  assert.ok(fitsStorage('999999999999.999999999'))
  assert.ok(fitsStorage('-999999999999'))
  assert.equal(fitsStorage('1000000000000'), false)
  assert.equal(fitsStorage('0.0000000001'), false)
  assert.ok(fitsStorage('0.1000000000000'))
})

test('the parts of a split sum to the whole and differ by at most one unit, the larger first', () => {
  assert.deepEqual(splitAmount(100, 3).map(String), ['33.34', '33.33', '33.33'])
  assert.deepEqual(splitAmount('-0.05', 3).map(String), ['-0.02', '-0.02', '-0.01'])
  assert.deepEqual(splitAmount(100, 3, 0).map(String), ['34', '33', '33'])
  fc.assert(
    fc.property(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.integer({ min: 1, max: 50 }), (cents, count) => {
      const whole = d(cents).dividedBy(100, 2)
      const parts = splitAmount(whole, count)
      assert.deepEqual(sumDecimals(parts), whole)
      const sizes = parts.map((part) => part.abs())
      assert.ok((sizes[0] as Decimal).minus(sizes.at(-1) as Decimal).compare('0.01') <= 0)
      assert.ok(sizes.every((size, index) => index === 0 || size.compare(sizes[index - 1] as Decimal) <= 0))
    }),
  )
  for (const parts of [0, -1, 1.5, Number.NaN, 100_001]) assert.throws(() => splitAmount(1, parts), CannotSplit.is)
  assert.throws(() => splitAmount('0.005', 2, 2), CannotSplit.is)
})
