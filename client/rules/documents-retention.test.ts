import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { retainedUntil } from './documents-retention.ts'

test('months that are too short end with their last day', () => {
  const vectors = [
    ['2026-01-31', 1, 'Months', '2026-02-28'],
    ['2028-01-31', 1, 'Months', '2028-02-29'],
    ['2028-02-29', 1, 'Years', '2029-02-28'],
    ['2028-02-29', 4, 'Years', '2032-02-29'],
    ['2026-12-31', 2, 'Months', '2027-02-28'],
    ['2026-11-20', 10, 'Years', '2036-11-20'],
    ['2026-12-31', 1, 'Days', '2027-01-01'],
    ['2026-12-31', 100_000, 'Years', '9999-12-31'],
  ] as const
  for (const [start, count, unit, end] of vectors) assert.equal(retainedUntil(start, { count, unit }), end, `${start} + ${count} ${unit}`)
})

test('longer is never earlier, and always after the beginning', () => {
  const day = fc
    .date({ min: new Date('1970-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10))
  const unit = fc.constantFrom('Days' as const, 'Months' as const, 'Years' as const)
  fc.assert(
    fc.property(day, unit, fc.integer({ min: 1, max: 1200 }), (start, unit, count) => {
      const end = retainedUntil(start, { count, unit })
      assert.ok(end > start)
      assert.ok(retainedUntil(start, { count: count + 1, unit }) >= end)
    }),
  )
})
