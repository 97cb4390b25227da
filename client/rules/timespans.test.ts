import assert from 'node:assert/strict'
import { test } from 'node:test'
import { relativeLengths, timespanNames, timespanRange } from './timespans.ts'

const today = '2026-11-20' // a Friday

test('each timespan names its days', () => {
  const expected: Record<string, [string, string]> = {
    yesterday: ['2026-11-19', '2026-11-19'],
    today: [today, today],
    tomorrow: ['2026-11-21', '2026-11-21'],
    'last 7 days': ['2026-11-13', today],
    'last 14 days': ['2026-11-06', today],
    'last 30 days': ['2026-10-21', today],
    'last 90 days': ['2026-08-22', today],
    'next 7 days': [today, '2026-11-27'],
    'next 14 days': [today, '2026-12-04'],
    'next 30 days': [today, '2026-12-20'],
    'last week': ['2026-11-09', '2026-11-15'],
    'this week': ['2026-11-16', '2026-11-22'],
    'next week': ['2026-11-23', '2026-11-29'],
    'last month': ['2026-10-01', '2026-10-31'],
    'this month': ['2026-11-01', '2026-11-30'],
    'next month': ['2026-12-01', '2026-12-31'],
    'last quarter': ['2026-07-01', '2026-09-30'],
    'this quarter': ['2026-10-01', '2026-12-31'],
    'next quarter': ['2027-01-01', '2027-03-31'],
    'last 6 months': ['2026-04-01', '2026-09-30'],
    'next 6 months': ['2027-01-01', '2027-06-30'],
    'last year': ['2025-01-01', '2025-12-31'],
    'this year': ['2026-01-01', '2026-12-31'],
    'next year': ['2027-01-01', '2027-12-31'],
  }
  for (const [name, range] of Object.entries(expected)) assert.deepEqual(timespanRange(name, today), range, name)
  assert.deepEqual([...timespanNames].sort(), Object.keys(expected).sort())
})

test('previous and next name the whole period beside the present one', () => {
  assert.deepEqual(timespanRange('previous 1 week', today), timespanRange('last week', today))
  assert.deepEqual(timespanRange('previous 3 months', today), timespanRange('last quarter', today))
  assert.deepEqual(timespanRange('next 6 months', today), ['2027-01-01', '2027-06-30'])
  assert.deepEqual(timespanRange('next 1 year', today), timespanRange('next year', today))
  for (const length of relativeLengths) assert.ok(timespanRange(`previous ${length}`, today) && timespanRange(`next ${length}`, today))
})

test('weeks may start on another day, and spelling is forgiving', () => {
  assert.deepEqual(timespanRange('This  WEEK ', today, 7), ['2026-11-15', '2026-11-21'])
})

test('month ends do not spill over', () => {
  assert.deepEqual(timespanRange('last month', '2026-03-31'), ['2026-02-01', '2026-02-28'])
  assert.deepEqual(timespanRange('last quarter', '2026-05-31'), ['2026-01-01', '2026-03-31'])
})

test('an unknown name has no days', () => {
  for (const name of ['', 'last eon', 'constructor', 'previous 2 weeks', 'previous', '__proto__', 'next constructor'])
    assert.equal(timespanRange(name, today), undefined)
})
