import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstPart, hoursOf, intervalsOn, shiftIntervals, withChanges } from './schedule-days.ts'

const week = {
  timezone: 'UTC',
  business_hours: {
    mon: [
      ['09:00', '12:00'],
      ['13:00', '18:00'],
    ],
  },
  holidays: ['2026-01-12'],
} as const

test('half a day is its first half, around the lunch', () => {
  assert.deepEqual(firstPart(week.business_hours.mon, 0.5), [
    ['09:00', '12:00'],
    ['13:00', '14:00'],
  ])
  assert.deepEqual(firstPart([['22:00', '06:00']], 0.5), [['22:00', '02:00']])
})

test('a shift has its break in the middle, and loses it at the end where the middle lies behind midnight', () => {
  assert.deepEqual(shiftIntervals('08:00:00', '16:30:00', 30), [
    ['08:00', '12:00'],
    ['12:30', '16:30'],
  ])
  assert.deepEqual(shiftIntervals('22:00', '06:00', 60), [['22:00', '05:00']])
  assert.equal(hoursOf(shiftIntervals('14:00', '22:00')), 8)
})

test('shifts replace the hours of their days, leave takes from them, holidays stay free', () => {
  const own = withChanges(week, {
    shifts: new Map([['2026-01-06', [['06:00', '14:00']]]]),
    away: new Map([
      ['2026-01-05', 1],
      ['2026-01-06', 0.5],
      ['2026-01-12', 0.5],
    ]),
  })
  assert.deepEqual(intervalsOn(own, '2026-01-05'), [])
  assert.deepEqual(intervalsOn(own, '2026-01-06'), [['06:00', '10:00']])
  assert.deepEqual(intervalsOn(own, '2026-01-12'), [])
  assert.equal(hoursOf(intervalsOn(own, '2026-01-19')), 8)
})
