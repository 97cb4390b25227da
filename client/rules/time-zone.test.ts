import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DateOutOfRange } from './dates.ts'
import { addMinutes, isTimeZone, offsetText, UnknownTimeZone, utcToZone, zoneToUtc } from './time-zone.ts'

const zones = [
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'America/St_Johns',
  'Africa/Casablanca',
  'UTC',
]
const second = fc.integer({ min: Date.UTC(1975, 0) / 1000, max: Date.UTC(2080, 0) / 1000 })
const naiveOf = (text: string) => `${text.slice(0, 10)} ${text.slice(11, 19)}.000000`

test('UTC is the identity', () => {
  assert.equal(utcToZone('2026-11-20 10:00:00.123456', 'UTC'), '2026-11-20 10:00:00.123456')
  assert.equal(zoneToUtc('2026-11-20 10:00:00.123456', 'UTC'), '2026-11-20 10:00:00.123456')
})

test('instants and wall clocks agree with the platform, at random and around every kind of change', () => {
  fc.assert(
    fc.property(second, fc.constantFrom(...zones), (at, zone) => {
      const instant = Temporal.Instant.fromEpochMilliseconds(at * 1000)
      const utc = naiveOf(instant.toString())
      const there = instant.toZonedDateTimeISO(zone)
      assert.equal(utcToZone(utc, zone), naiveOf(there.toPlainDateTime().toString({ fractionalSecondDigits: 0 })))
      assert.equal(offsetText(utc, zone), there.offset)
      // Around the nearest change of the clock, where all the trouble is.
      const change = there.getTimeZoneTransition('next')
      const wall = (change ?? there)
        .toPlainDateTime()
        .add({ seconds: at % 7200 })
        .subtract({ hours: 1 })
      const expected = wall.toZonedDateTime(zone, { disambiguation: 'compatible' }).toInstant()
      const plain = (value: Temporal.PlainDateTime) => naiveOf(value.toString({ fractionalSecondDigits: 0 }))
      assert.equal(zoneToUtc(plain(wall), zone), naiveOf(expected.toString({ fractionalSecondDigits: 0 })))
      assert.equal(
        utcToZone(naiveOf(expected.toString({ fractionalSecondDigits: 0 })), zone),
        plain(expected.toZonedDateTimeISO(zone).toPlainDateTime()),
      )
    }),
    { numRuns: 300 },
  )
})

test('an hour that comes twice means its first coming, a skipped one moves forward', () => {
  assert.equal(zoneToUtc('2026-10-25 02:30:00.000000', 'Europe/Berlin'), '2026-10-25 00:30:00.000000')
  assert.equal(zoneToUtc('2026-03-29 02:30:00.000001', 'Europe/Berlin'), '2026-03-29 01:30:00.000001')
  assert.equal(utcToZone('2026-03-29 01:30:00.000001', 'Europe/Berlin'), '2026-03-29 03:30:00.000001')
})

test('offsets read as text, west and half hours too', () => {
  assert.equal(offsetText('2026-07-01 00:00:00.000000', 'Europe/Berlin'), '+02:00')
  assert.equal(offsetText('2026-07-01 00:00:00.000000', 'America/St_Johns'), '-02:30')
  assert.equal(offsetText('2026-07-01 00:00:00.000000', 'UTC'), '+00:00')
})

test('the edges of the calendar are kept on the way out and refused on the way in', () => {
  assert.equal(utcToZone('0001-01-01 00:00:00.000000', 'America/New_York'), '0001-01-01 00:00:00.000000')
  assert.equal(utcToZone('9999-12-31 23:59:59.000000', 'Asia/Kolkata'), '9999-12-31 23:59:59.999999')
  assert.throws(() => zoneToUtc('0001-01-01 00:00:00.000000', 'Asia/Kolkata'), DateOutOfRange.is)
  assert.throws(() => addMinutes('9999-12-31 23:59:00.000000', 1), DateOutOfRange.is)
})

test('minutes move a time stamp over midnight and keep the fraction', () => {
  assert.equal(addMinutes('2026-12-31 23:30:00.000007', 90), '2027-01-01 01:00:00.000007')
  assert.equal(addMinutes('2026-01-01 00:10:00.000000', -30), '2025-12-31 23:40:00.000000')
})

test('only names the platform knows are zones', () => {
  for (const zone of zones) assert.ok(isTimeZone(zone), zone)
  for (const zone of ['', 'Mars/Olympus', '+02:00', '../etc/passwd', 'Europe/Berlin\0', 'x'.repeat(100)]) {
    assert.equal(isTimeZone(zone), false, zone)
    if (zone !== '+02:00') assert.throws(() => utcToZone('2026-01-01 00:00:00.000000', zone), UnknownTimeZone.is)
  }
})
