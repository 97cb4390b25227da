import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addDays, weekday } from '#client/rules/dates.ts'
import { nextDay, type Recurrence } from './recurrence.ts'

function days(rule: Recurrence, after: string, count: number): (string | undefined)[] {
  const found: (string | undefined)[] = []
  let day: string | undefined = after
  while (found.length < count && day) {
    day = nextDay(rule, day)
    found.push(day)
  }
  return found
}

test('a month without the 31st has its last day, and the next one the 31st again', () => {
  const rule: Recurrence = { start: '2027-01-31', frequency: 'Monthly' }
  assert.deepEqual(days(rule, '2027-01-30', 5), ['2027-01-31', '2027-02-28', '2027-03-31', '2027-04-30', '2027-05-31'])
  assert.deepEqual(days({ start: '2028-02-29', frequency: 'Yearly' }, '2028-02-29', 4), [
    '2029-02-28',
    '2030-02-28',
    '2031-02-28',
    '2032-02-29',
  ])
  assert.deepEqual(days({ start: '2026-11-30', frequency: 'Quarterly' }, '2026-11-30', 2), ['2027-02-28', '2027-05-30'])
})

test('a day of the month before that of the start begins in the month after', () => {
  assert.deepEqual(days({ start: '2026-11-20', frequency: 'Monthly', dayOfMonth: 5 }, '2026-01-01', 2), ['2026-12-05', '2027-01-05'])
  assert.deepEqual(days({ start: '2027-01-10', frequency: 'Half-yearly', onLastDay: true }, '2027-01-10', 2), ['2027-01-31', '2027-07-31'])
})

test('weeks come on the days that are listed, or on that of the start', () => {
  assert.deepEqual(days({ start: '2026-11-20', frequency: 'Weekly', weekdays: [1, 5] }, '2026-11-19', 3), [
    '2026-11-20',
    '2026-11-23',
    '2026-11-27',
  ])
  assert.deepEqual(days({ start: '2026-11-20', frequency: 'Weekly' }, '2026-11-20', 2), ['2026-11-27', '2026-12-04'])
})

test('after the last day nothing comes', () => {
  assert.deepEqual(days({ start: '2026-11-20', end: '2026-11-22', frequency: 'Daily' }, '2026-11-20', 3), [
    '2026-11-21',
    '2026-11-22',
    undefined,
  ])
})

test('whatever the rule, the next day is later, not before the start, and no day between would do', () => {
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 48271) % 2147483647
    return seed % below
  }
  for (let round = 0; round < 300; round++) {
    const start = addDays('2026-01-01', random(1200))
    const frequency = (['Daily', 'Weekly', 'Monthly', 'Quarterly', 'Half-yearly', 'Yearly'] as const)[random(6)] as Recurrence['frequency']
    const weekdays = random(2) ? [1 + random(7), 1 + random(7)] : []
    const rule: Recurrence = { start, frequency, weekdays, dayOfMonth: random(32), onLastDay: random(4) === 0 }
    const after = addDays(start, random(800) - 100)
    const next = nextDay(rule, after)
    assert.ok(next !== undefined && next > after && next >= start, JSON.stringify({ rule, after, next }))
    // Asked from any day between, the answer is the same.
    assert.equal(nextDay(rule, addDays(next, -1)), next)
    if (frequency === 'Weekly') assert.ok((weekdays.length > 0 ? weekdays : [weekday(start)]).includes(weekday(next)))
  }
})
