import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from '#client/rules/decimal.ts'
import { canonicalText, comparableDecimal, divideScaled, fromSortable, sortableDecimal } from './decimal-text.ts'

const limit = 10n ** 21n - 1n
const stored = fc.bigInt({ min: -limit, max: limit }).map((scaled) => Decimal.from(scaled).times('0.000000001').toString())

test('sortable decimals come back, all are 22 digits, and their order is the numeric one', () => {
  fc.assert(
    fc.property(stored, stored, (a, b) => {
      const [left, right] = [sortableDecimal(a), sortableDecimal(b)]
      assert.equal(fromSortable(left), a)
      assert.match(left, /^\d{22}$/)
      assert.equal(Math.sign(left < right ? -1 : left > right ? 1 : 0), Math.sign(Decimal.from(a).compare(b)))
    }),
  )
})

test('any decimal compares rightly with stored ones, also with more digits than a column holds', () => {
  const any = fc
    .tuple(fc.bigInt({ min: -(10n ** 27n), max: 10n ** 27n }), fc.integer({ min: 0, max: 14 }))
    .map(([n, scale]) => Decimal.from(n).times(`1e-${scale}`))
  fc.assert(
    fc.property(stored, any, (a, other) => {
      const [left, right] = [sortableDecimal(a), comparableDecimal(other.toString())]
      assert.equal(left < right ? -1 : left > right ? 1 : 0, Math.sign(Decimal.from(a).compare(other)))
    }),
  )
})

test('a decimal that does not fit a column is refused', () => {
  for (const text of ['1000000000000', '-1000000000000', '0.0000000001']) assert.throws(() => sortableDecimal(text), RangeError)
  for (const text of ['', '.', '1e5', 'abc', '1.2.3', '--1', '٣']) assert.throws(() => sortableDecimal(text))
})

test('the canonical form has no needless signs or zeros', () => {
  const forms = { '-0.00': '0', '00012.500': '12.5', '.5': '0.5', '-5.': '-5', '0': '0', '100': '100', '-0.10': '-0.1' }
  for (const [given, expected] of Object.entries(forms)) assert.equal(canonicalText(given), expected)
})

test('an average rounds half away from zero', () => {
  assert.deepEqual([divideScaled(5n, 2n), divideScaled(-5n, 2n), divideScaled(4n, 3n), divideScaled(-4n, 3n)], [3n, -3n, 1n, -1n])
})
