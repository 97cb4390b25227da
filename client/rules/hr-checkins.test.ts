import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AttendanceRules, minutesBetween, readAttendance, type ShiftTimes, shiftWindow, windowOf, workedTime } from './hr-checkins.ts'
import { addMinutes, zoneToUtc } from './time-zone.ts'

const zone = 'Europe/Berlin'
const shift = (start_time: string, end_time: string): ShiftTimes => ({
  start_time,
  end_time,
  begin_check_in_before_shift_start_time: 60,
  allow_check_out_after_shift_end_time: 60,
})
const at = (wall: string) => zoneToUtc(`${wall}:00.000000`, zone)
const rules: AttendanceRules = {
  pairing: 'alternating',
  counting: 'every pair',
  break_minutes: 0,
  break_after_hours: 0,
  working_hours_threshold_for_half_day: 4,
  working_hours_threshold_for_absent: 2,
  lateGrace: 15,
  earlyGrace: 10,
}

test('five check-ins: 6.5 hours from first to last, 4.5 in pairs', () => {
  const now = '2026-06-01 18:00:00.000000'
  const minutes = [-390, -300, -270, -90, 0]
  const logs = minutes.map((minute, index) => ({ time: addMinutes(now, minute), log_type: index % 2 === 0 ? 'IN' : 'OUT' }))
  assert.equal(workedTime(logs, 'alternating', 'first and last').minutes, 390)
  assert.equal(workedTime(logs.toReversed(), 'alternating', 'every pair').minutes, 270)
  assert.equal(workedTime(logs, 'by type', 'every pair').minutes, 270)
  // A coming at the end has no going: by type, the last going counts.
  assert.equal(workedTime(logs, 'by type', 'first and last').minutes, 300)
})

test('logs that say nothing, or only one thing, count for nothing', () => {
  const time = '2026-06-01 08:00:00.000000'
  assert.deepEqual(workedTime([], 'alternating', 'every pair'), { minutes: 0, in: undefined, out: undefined })
  assert.equal(workedTime([{ time }], 'alternating', 'first and last').minutes, 0)
  assert.equal(workedTime([{ time, log_type: 'OUT' }], 'by type', 'first and last').minutes, 0)
})

test('a shift from 8 to 12 takes check-ins from 7:00 to 13:00', () => {
  const window = shiftWindow(shift('08:00:00', '12:00:00'), '2026-06-01', zone)
  assert.ok(windowOf(at('2026-06-01 07:00'), [window]))
  assert.ok(windowOf(at('2026-06-01 13:00'), [window]))
  assert.equal(windowOf(at('2026-06-01 13:01'), [window]), undefined)
  assert.equal(windowOf(at('2026-06-01 06:59'), [window]), undefined)
})

test('a shift from 23 to 1 belongs to the day on which it begins', () => {
  const windows = ['2026-05-31', '2026-06-01', '2026-06-02'].map((day) => shiftWindow(shift('23:00:00', '01:00:00'), day, zone))
  assert.equal(windowOf(at('2026-06-02 00:30'), windows)?.day, '2026-06-01')
  assert.equal(windowOf(at('2026-06-01 22:10'), windows)?.day, '2026-06-01')
})

test('between two shifts a check-in belongs to the nearer one', () => {
  const windows = [shift('06:00:00', '14:00:00'), shift('14:00:00', '22:00:00')].map((one) => shiftWindow(one, '2026-06-01', zone))
  assert.equal(windowOf(at('2026-06-01 13:59'), windows)?.start, at('2026-06-01 06:00'))
  assert.equal(windowOf(at('2026-06-01 14:01'), windows)?.start, at('2026-06-01 14:00'))
})

test('when the clocks change, a night shift is an hour longer or shorter', () => {
  const night = shift('22:00:00', '06:00:00')
  const length = (day: string) => {
    const window = shiftWindow(night, day, zone)
    return minutesBetween(window.start, window.end)
  }
  assert.equal(length('2026-06-01'), 480)
  assert.equal(length('2026-10-24'), 540)
  assert.equal(length('2026-03-28'), 420)
})

test('thresholds, grace, break and overtime', () => {
  const window = shiftWindow(shift('08:00:00', '16:00:00'), '2026-06-01', zone)
  const logs = (from: string, to: string) => [{ time: at(`2026-06-01 ${from}`) }, { time: at(`2026-06-01 ${to}`) }]
  const read = (from: string, to: string, more: Partial<AttendanceRules> = {}) =>
    readAttendance(logs(from, to), window, { ...rules, ...more })
  assert.deepEqual(
    [read('08:15', '15:50').status, read('08:15', '15:50').isLate, read('08:15', '15:50').isEarly],
    ['Present', false, false],
  )
  assert.deepEqual([read('08:16', '15:49').isLate, read('08:16', '15:49').isEarly], [true, true])
  assert.equal(read('08:00', '11:59').status, 'Half Day')
  assert.equal(read('08:00', '09:59').status, 'Absent')
  assert.equal(read('08:16', '15:00', { lateGrace: undefined }).isLate, false)
  const withBreak = read('08:00', '17:00', { counting: 'first and last', break_minutes: 30, break_after_hours: 6 })
  assert.deepEqual([withBreak.hours, withBreak.overtime], [8.5, 1])
  assert.equal(read('08:00', '12:00', { counting: 'first and last', break_minutes: 30, break_after_hours: 6 }).hours, 4)
})
