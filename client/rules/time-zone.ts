import { DateOutOfRange, dayFromNumber, dayNumber } from './dates.ts'
import { defineError } from './errors.ts'

export const UnknownTimeZone = defineError<{ zone: string; field?: string }>({
  code: 'value/unknown-time-zone',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `“${d.zone}” is not a time zone.`,
})

/** Whether the runtime knows the zone by this IANA name, such as `Europe/Berlin`; bare offsets are no names. */
export function isTimeZone(name: string): boolean {
  if (name.length > 64 || !/^[A-Za-z][\w+/-]*$/.test(name)) return false
  return zones.has(name) || formatterFor(name) !== undefined
}

/**
 * The wall clock of a zone at an instant. Both are `YYYY-MM-DD HH:MM:SS.ffffff`; what would leave the years 1 to 9999 stays at their edge.
 * Exact for all changes of the clock that fell on a whole minute of UTC, as all do since clocks follow standard time.
 * @throws UnknownTimeZone
 */
export function utcToZone(naiveUtc: string, zone: string): string {
  if (zone === 'UTC') return naiveUtc
  const seconds = secondsOf(naiveUtc)
  return shifted(naiveUtc, seconds, offsetAt(seconds, zone), true)
}

/**
 * The instant at which a zone's clock shows this. An hour that comes twice means its first coming; one that is skipped moves forward by
 * the length of the gap.
 * @throws UnknownTimeZone, DateOutOfRange
 */
export function zoneToUtc(naive: string, zone: string): string {
  if (zone === 'UTC') return naive
  const local = secondsOf(naive)
  const before = offsetAt(local - secondsPerDay, zone)
  const after = offsetAt(local + secondsPerDay, zone)
  const late = before !== after && offsetAt(local - before, zone) !== before && offsetAt(local - after, zone) === after
  return shifted(naive, local, late ? -after : -before, false)
}

/** The zone's distance from UTC at an instant, as `+02:00`; seconds of historic offsets are cut off. @throws UnknownTimeZone */
export function offsetText(naiveUtc: string, zone: string): string {
  const offset = zone === 'UTC' ? 0 : offsetAt(secondsOf(naiveUtc), zone)
  const minutes = Math.trunc(Math.abs(offset) / 60)
  return `${offset < 0 ? '-' : '+'}${two(Math.trunc(minutes / 60))}:${two(minutes % 60)}`
}

/** A naive time stamp moved by minutes; with the offset a text named, this is the way to UTC (`-offsetMinutes`) and back. @throws DateOutOfRange */
export function addMinutes(naive: string, minutes: number): string {
  return minutes === 0 ? naive : shifted(naive, secondsOf(naive), minutes * 60, false)
}

const secondsPerDay = 86_400
const firstDay = dayNumber('0001-01-01')
const lastDay = dayNumber('9999-12-31')
const two = (value: number) => (value < 10 ? `0${value}` : String(value))

/** Seconds since 1970, the fraction cut off. */
function secondsOf(naive: string): number {
  return (
    dayNumber(naive) * secondsPerDay + Number(naive.slice(11, 13)) * 3600 + Number(naive.slice(14, 16)) * 60 + Number(naive.slice(17, 19))
  )
}

function shifted(naive: string, seconds: number, by: number, clamp: boolean): string {
  if (by === 0) return naive
  const total = seconds + by
  const day = Math.floor(total / secondsPerDay)
  if (day < firstDay || day > lastDay) {
    if (!clamp) throw new DateOutOfRange({ value: naive })
    return day < firstDay ? '0001-01-01 00:00:00.000000' : '9999-12-31 23:59:59.999999'
  }
  const second = total - day * secondsPerDay
  const date = day === Math.floor(seconds / secondsPerDay) ? naive.slice(0, 10) : dayFromNumber(day)
  return `${date} ${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}${naive.slice(19)}`
}

interface Zone {
  format: Intl.DateTimeFormat
  /** Offset in seconds by UTC day, NaN where it changes within the day. */
  days: Map<number, number>
  /** Offset by minute, for the days on which it changes: Newfoundland did so at one minute past midnight. */
  minutes: Map<number, number>
}

const zones = new Map<string, Zone>()
const zoneLimit = 1000
const dayLimit = 20_000

function offsetAt(seconds: number, name: string): number {
  const zone = zones.get(name) ?? openZone(name)
  const day = Math.floor(seconds / secondsPerDay)
  let offset = zone.days.get(day)
  if (offset === undefined) {
    if (zone.days.size >= dayLimit) zone.days.clear()
    const atStart = askOffset(zone, day * secondsPerDay)
    offset = atStart === askOffset(zone, (day + 1) * secondsPerDay) ? atStart : Number.NaN
    zone.days.set(day, offset)
  }
  if (!Number.isNaN(offset)) return offset
  const minute = Math.floor(seconds / 60)
  const known = zone.minutes.get(minute)
  if (known !== undefined) return known
  if (zone.minutes.size >= dayLimit) zone.minutes.clear()
  const asked = askOffset(zone, minute * 60)
  zone.minutes.set(minute, asked)
  return asked
}

function openZone(name: string): Zone {
  const format = formatterFor(name)
  if (!format) throw new UnknownTimeZone({ zone: name.slice(0, 100) })
  const zone = { format, days: new Map<number, number>(), minutes: new Map<number, number>() }
  if (zones.size >= zoneLimit) zones.clear()
  zones.set(name, zone)
  return zone
}

function formatterFor(name: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    return undefined
  }
}

/** The slow way: what the clock on the wall shows, minus the instant. */
function askOffset(zone: Zone, seconds: number): number {
  // The runtime's calendar turns Julian before 1582, and no zone changed its clock then; the offset of 1800 stands for all before it.
  const instant = Math.max(seconds, earliestAsked)
  const parts: Record<string, string> = {}
  for (const part of zone.format.formatToParts(instant * 1000)) parts[part.type] = part.value
  const { year = '', month = '', day = '', hour, minute, second } = parts
  const date = `${year.padStart(4, '0')}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`
  // The last hours of the year 9999 belong to a five-digit year in the east.
  const dayThere = year.length > 4 ? lastDay + 1 : dayNumber(date)
  return dayThere * secondsPerDay + Number(hour) * 3600 + Number(minute) * 60 + Number(second) - instant
}

const earliestAsked = dayNumber('1800-01-01') * secondsPerDay
