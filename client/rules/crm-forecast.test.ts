import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DealState, forecastAt } from './crm-forecast.ts'

const state = (deal: string, values: Partial<DealState> = {}): DealState => ({
  deal,
  at: '2026-01-01 00:00:00.000000',
  sequence: 1,
  status: 'Open',
  probability: 50,
  deal_value: '100',
  exchange_rate: 1,
  close_date: '2026-03-15',
  ...values,
})
const always = '9999-12-31 00:00:00.000000'

test('10,000 at 10 %, 50,000 at 50 % and 20,000 at 90 % are forecast as 44,000', () => {
  const [month] = forecastAt(
    [
      state('a', { deal_value: '10000', probability: 10 }),
      state('b', { deal_value: '50000', probability: 50 }),
      state('c', { deal_value: '20000', probability: 90 }),
    ],
    always,
  )
  assert.equal(String(month?.weighted), '44000')
  assert.equal(String(month?.open), '80000')
})

test('what is won counts apart, what is lost, deleted or later not at all, what has no date under an empty month', () => {
  const months = forecastAt(
    [
      state('won', { status: 'Won', probability: 10 }),
      state('lost', { status: 'Lost' }),
      state('gone', { status: 'Deleted' }),
      state('later', { at: '2026-02-02 00:00:00.000000' }),
      state('undated', { close_date: null }),
    ],
    '2026-02-01 00:00:00.000000',
  )
  assert.deepEqual(
    months.map(({ month, weighted, open, won }) => [month, String(weighted), String(open), String(won)]),
    [
      ['', '50', '100', '0'],
      ['2026-03', '0', '0', '100'],
    ],
  )
})

test('each line tells every event that led to it, the oldest first', () => {
  const [month] = forecastAt(
    [state('a', { sequence: 2, probability: 80, at: '2026-01-05 00:00:00.000000' }), state('a', { probability: 20 })],
    always,
  )
  assert.deepEqual(
    month?.lines[0]?.events.map((event) => event.probability),
    [20, 80],
  )
  assert.equal(String(month?.weighted), '80')
})

test('a deal that got the number of a deleted one has a history of its own', () => {
  const [month] = forecastAt(
    [
      state('a'),
      state('a', { sequence: 2, status: 'Deleted' }),
      state('a', { sequence: 3, deal_value: '7' }),
      state('b', { status: 'Deleted' }),
    ],
    always,
  )
  assert.deepEqual(
    month?.lines.map(({ deal, events }) => [deal, events.map(({ sequence }) => sequence)]),
    [['a', [3]]],
  )
})

test('whatever happens later, a past moment keeps its figures', () => {
  const event = fc.record({
    deal: fc.constantFrom('a', 'b', 'c'),
    day: fc.integer({ min: 1, max: 28 }),
    status: fc.constantFrom('Open', 'Ongoing', 'On Hold', 'Won', 'Lost', 'Deleted') as fc.Arbitrary<DealState['status']>,
    probability: fc.integer({ min: 0, max: 100 }),
    deal_value: fc.integer({ min: 0, max: 100_000 }),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 30 }), fc.integer({ min: 1, max: 28 }), (given, day) => {
      const sorted = [...given].sort((one, other) => one.day - other.day)
      const events = sorted.map((one, index) =>
        state(one.deal, { ...one, at: `2026-01-${String(one.day).padStart(2, '0')} 00:00:00.000000`, sequence: index + 1 }),
      )
      const at = `2026-01-${String(day).padStart(2, '0')} 12:00:00.000000`
      const known = events.filter((one) => one.at <= at)
      assert.deepEqual(forecastAt(events.toReversed(), at), forecastAt(known, at))
    }),
  )
})
