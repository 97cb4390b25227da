import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import * as dates from './dates.ts'
import { DateOutOfRange } from './dates.ts'

const day = fc.integer({ min: dates.dayNumber('0001-01-01'), max: dates.dayNumber('9999-12-31') }).map(dates.dayFromNumber)

test('only real calendar days are days', () => {
  for (const text of ['2026-02-28', '2024-02-29', '2000-02-29', '0001-01-01', '9999-12-31']) assert.equal(dates.parseDate(text), text)
  assert.equal(dates.parseDate('2026-2-3'), '2026-02-03')
  for (const text of [
    '',
    '2026-02-29',
    '1900-02-29',
    '2026-13-01',
    '2026-00-10',
    '2026-01-00',
    '2026-04-31',
    '0000-01-01',
    '26-01-01',
    '20-11-2026',
    '2026-01-01 ',
    '2026/01/01',
    '12026-01-01',
    '2026-01-01T00:00',
  ]) {
    assert.equal(dates.parseDate(text), undefined, text)
  }
})

test('times of day are read with or without seconds and leading zero', () => {
  assert.equal(dates.parseTime('9:05'), '09:05:00.000000')
  assert.equal(dates.parseTime('09:05:07'), '09:05:07.000000')
  assert.equal(dates.parseTime('23:59:59.1234567'), '23:59:59.123456')
  for (const text of ['', '24:00', '9', '9:5', '09:60', '09:05:60', '09:05:07.', '-1:00', '9:05 PM'])
    assert.equal(dates.parseTime(text), undefined, text)
})

test('time stamps are read in both spellings, with and without an offset', () => {
  const at = (naive: string, offsetMinutes?: number) => ({ naive, offsetMinutes })
  assert.deepEqual(dates.parseDatetime('2026-11-20'), at('2026-11-20 00:00:00.000000'))
  assert.deepEqual(dates.parseDatetime('2026-11-20 09:05:00.5'), at('2026-11-20 09:05:00.500000'))
  assert.deepEqual(dates.parseDatetime('2026-11-20T09:05'), at('2026-11-20 09:05:00.000000'))
  assert.deepEqual(dates.parseDatetime('2026-11-20T09:05:00Z'), at('2026-11-20 09:05:00.000000', 0))
  assert.deepEqual(dates.parseDatetime('2026-11-20T09:05:00.25-03:30'), at('2026-11-20 09:05:00.250000', -210))
  assert.deepEqual(dates.parseDatetime('2026-11-20 09:05:00+0200'), at('2026-11-20 09:05:00.000000', 120))
  assert.deepEqual(dates.parseDatetime('2026-11-20 09:05:00-00:00'), at('2026-11-20 09:05:00.000000', 0))
  for (const text of [
    '',
    '2026-02-30 10:00:00',
    '2026-11-20 25:00:00',
    '2026-11-20T',
    '2026-11-20  09:05',
    '2026-11-20T09:05:00+24:00',
    '2026-11-20T09:05:00+02:60',
    '2026-11-20Z',
    '09:05:00',
    'now',
    ' 2026-11-20',
  ]) {
    assert.equal(dates.parseDatetime(text), undefined, text)
  }
})

test('the wire form drops the leading zero of hours and a zero fraction', () => {
  assert.equal(dates.formatTimeWire('09:05:00.000000'), '9:05:00')
  assert.equal(dates.formatTimeWire('00:00:00.000000'), '0:00:00')
  assert.equal(dates.formatTimeWire('10:05:00.100000'), '10:05:00.100000')
  assert.equal(dates.formatDatetimeWire('2026-11-20 09:05:00.000000'), '2026-11-20 09:05:00')
  assert.equal(dates.formatDatetimeWire('2026-11-20 09:05:00.000001'), '2026-11-20 09:05:00.000001')
})

test('day numbers count calendar days, and come back', () => {
  assert.equal(dates.dayNumber('1970-01-01'), 0)
  assert.equal(dates.dayNumber('2000-03-01'), 11_017)
  fc.assert(
    fc.property(day, fc.integer({ min: -400, max: 400 }), (date, offset) => {
      const calendar = Temporal.PlainDate.from(date)
      assert.equal(dates.dayFromNumber(dates.dayNumber(date)), date)
      assert.equal(dates.weekday(date), calendar.dayOfWeek)
      const moved = calendar.add({ days: offset })
      if (moved.year < 1 || moved.year > 9999) assert.throws(() => dates.addDays(date, offset), DateOutOfRange.is)
      else {
        assert.equal(dates.addDays(date, offset), moved.toString())
        assert.equal(dates.daysBetween(date, moved.toString()), offset)
      }
      const months = calendar.add({ months: offset })
      if (months.year < 1 || months.year > 9999) assert.throws(() => dates.addMonths(date, offset), DateOutOfRange.is)
      else assert.equal(dates.addMonths(date, offset), months.toString())
    }),
    { numRuns: 500 },
  )
  assert.throws(() => dates.addDays('2026-01-01', Number.NaN), DateOutOfRange.is)
})

test('adding months keeps the day or takes the last one', () => {
  assert.equal(dates.addMonths('2026-01-31', 1), '2026-02-28')
  assert.equal(dates.addMonths('2024-01-31', 1), '2024-02-29')
  assert.equal(dates.addMonths('2026-03-31', -13), '2025-02-28')
})

test('first and last days of week, month, quarter and year', () => {
  assert.equal(dates.firstDayOfWeek('2026-11-20'), '2026-11-16')
  assert.equal(dates.lastDayOfWeek('2026-11-20'), '2026-11-22')
  assert.equal(dates.firstDayOfWeek('2026-11-20', 7), '2026-11-15')
  assert.equal(dates.firstDayOfWeek('2026-11-15', 7), '2026-11-15')
  assert.equal(dates.lastDayOfMonth('2024-02-10'), '2024-02-29')
  assert.equal(dates.firstDayOfMonth('2024-02-10'), '2024-02-01')
  assert.equal(dates.firstDayOfQuarter('2026-12-31'), '2026-10-01')
  assert.equal(dates.lastDayOfQuarter('2026-01-01'), '2026-03-31')
  assert.equal(dates.firstDayOfYear('2026-05-05'), '2026-01-01')
  assert.equal(dates.lastDayOfYear('2026-05-05'), '2026-12-31')
})
