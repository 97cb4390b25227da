import { formatDatetimeWire, formatTimeWire, parseDate, parseDatetime, parseTime } from '#client/rules/dates.ts'
import { addMinutes, offsetText, utcToZone, zoneToUtc } from '#client/rules/time-zone.ts'
import type { FieldType, Wire } from '../field-type.ts'
import { badValue, isBlank } from '../refusals.ts'

const column = {
  check() {},
  toColumn: (value) => value as string | null,
  fromColumn: (stored) => (stored === null || stored === undefined ? null : String(stored)),
} as const satisfies Partial<FieldType>

/** The instant that a text names, in UTC; text without an offset is in the site's zone. Undefined when it is none. */
function readInstant(text: string, wire: Wire): string | undefined {
  const parsed = parseDatetime(text)
  if (!parsed) return undefined
  try {
    return parsed.offsetMinutes === undefined ? zoneToUtc(parsed.naive, wire.zone) : addMinutes(parsed.naive, -parsed.offsetMinutes)
  } catch {
    return undefined // the shift left the calendar
  }
}

/** A day of the calendar, without a zone. A time stamp counts as its day in the site's zone. */
export const dateType: FieldType = {
  ...column,
  name: 'Date',
  kind: 'date',
  storage: () => ({ kind: 'date' }),
  cast(value, field, wire, path) {
    if (isBlank(value)) return null
    if (typeof value === 'string') {
      const text = value.trim()
      const day = parseDate(text)
      if (day) return day
      const parsed = parseDatetime(text)
      if (parsed?.offsetMinutes === undefined) {
        if (parsed) return parsed.naive.slice(0, 10)
      } else {
        const instant = readInstant(text, wire)
        if (instant) return utcToZone(instant, wire.zone).slice(0, 10)
      }
    }
    throw badValue(field, path, 'a day such as 2026-11-20')
  },
  toWire: (value) => value,
}

/** A moment, kept in UTC. v1 speaks the site's clock, v2 names the offset. */
export const datetimeType: FieldType = {
  ...column,
  name: 'Datetime',
  kind: 'datetime',
  storage: () => ({ kind: 'datetime' }),
  cast(value, field, wire, path) {
    if (isBlank(value)) return null
    const instant = typeof value === 'string' ? readInstant(value.trim(), wire) : undefined
    if (instant === undefined) throw badValue(field, path, 'a time stamp such as 2026-11-20 15:30:00')
    return instant
  },
  toWire(value, wire) {
    if (value === null) return null
    const local = formatDatetimeWire(utcToZone(value as string, wire.zone))
    return wire.version === 1 ? local : `${local.replace(' ', 'T')}${offsetText(value as string, wire.zone)}`
  },
}

/** A time of day, without a zone. v1 sends the hour without a leading zero, as Frappe does. */
export const timeType: FieldType = {
  ...column,
  name: 'Time',
  kind: 'time',
  storage: () => ({ kind: 'time' }),
  cast(value, field, _wire, path) {
    if (isBlank(value)) return null
    const time = typeof value === 'string' ? parseTime(value.trim()) : undefined
    if (time === undefined) throw badValue(field, path, 'a time of day such as 15:30:00')
    return time
  },
  toWire(value, wire) {
    if (value === null) return null
    return wire.version === 1 ? formatTimeWire(value as string) : formatDatetimeWire(value as string)
  },
}
