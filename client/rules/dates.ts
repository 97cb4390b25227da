import { defineError } from './errors.ts'

/**
 * Calendar arithmetic on ISO text, without time zones: a day is `YYYY-MM-DD` (years 0001 to 9999), a naive time stamp is
 * `YYYY-MM-DD HH:MM:SS.ffffff`, a time of day `HH:MM:SS.ffffff`; these are the forms of columns.
 */

export const DateOutOfRange = defineError<{ value: string; field?: string }>({
  code: 'value/date-out-of-range',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.value} lies outside the calendar of the years 1 to 9999.`,
})

const dayShape = /^(\d{4})-(\d{1,2})-(\d{1,2})$/
const timeShape = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?$/
const zoneShape = /(?:[Zz]|([+-])(\d{2}):?(\d{2}))$/

const pad = (value: number, width = 2) => String(value).padStart(width, '0')

/** The canonical day, or undefined when the text is no real calendar day. Month and day may lack their leading zero. */
export function parseDate(text: string): string | undefined {
  const parts = dayShape.exec(text)
  if (!parts) return undefined
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])]
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined
  return isoDay(year, month, day)
}

/** The canonical time of day with six digits, from `H:MM`, `HH:MM:SS` or `HH:MM:SS.f…`; digits past the sixth are cut off. */
export function parseTime(text: string): string | undefined {
  const parts = timeShape.exec(text)
  if (!parts) return undefined
  const [hour, minute, second] = [Number(parts[1]), Number(parts[2]), Number(parts[3] ?? 0)]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  return `${pad(hour)}:${pad(minute)}:${pad(second)}.${(parts[4] ?? '').slice(0, 6).padEnd(6, '0')}`
}

export interface ParsedDatetime {
  /** `YYYY-MM-DD HH:MM:SS.ffffff` as written, before any shift to another zone. */
  naive: string
  /** Minutes east of UTC when the text named an offset (`Z` is 0). */
  offsetMinutes: number | undefined
}

/**
 * Reads `YYYY-MM-DD`, `YYYY-MM-DD HH:MM[:SS[.f…]]`, and ISO 8601 with `T` and an optional `Z`, `±hh:mm` or `±hhmm`.
 * Undefined for anything else, and for days and times that do not exist.
 */
export function parseDatetime(text: string): ParsedDatetime | undefined {
  if (text.length > 40) return undefined
  const gap = text.search(/[ T]/)
  const date = parseDate(gap < 0 ? text : text.slice(0, gap))
  if (!date) return undefined
  if (gap < 0) return { naive: `${date} 00:00:00.000000`, offsetMinutes: undefined }
  const rest = text.slice(gap + 1)
  const zone = zoneShape.exec(rest)
  const time = parseTime(zone ? rest.slice(0, zone.index) : rest)
  if (!time) return undefined
  if (!zone) return { naive: `${date} ${time}`, offsetMinutes: undefined }
  const [hours, minutes] = [Number(zone[2] ?? 0), Number(zone[3] ?? 0)]
  if (hours > 23 || minutes > 59) return undefined
  const size = hours * 60 + minutes
  return { naive: `${date} ${time}`, offsetMinutes: zone[1] === '-' && size > 0 ? -size : size }
}

/** A column's time as Frappe sends it: the hour without a leading zero, a zero fraction left out (`9:05:00`). */
export function formatTimeWire(time: string): string {
  const text = time.startsWith('0') ? time.slice(1) : time
  return text.endsWith('.000000') ? text.slice(0, -7) : text
}

/** A column's time stamp as Frappe sends it: a zero fraction left out. */
export function formatDatetimeWire(naive: string): string {
  return naive.endsWith('.000000') ? naive.slice(0, -7) : naive
}

/** Days since 1970-01-01. The day must be canonical (see `parseDate`). */
export function dayNumber(day: string): number {
  const year = Number(day.slice(0, 4))
  const month = Number(day.slice(5, 7))
  // Counting years from March puts the leap day at the end, so every month's start is a straight line.
  const shifted = month > 2 ? year : year - 1
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + Number(day.slice(8, 10)) - 1
  return shifted * 365 + Math.floor(shifted / 4) - Math.floor(shifted / 100) + Math.floor(shifted / 400) + dayOfYear - 719_468
}

/** The day with that number. @throws DateOutOfRange */
export function dayFromNumber(number: number): string {
  const fromMarch = number + 719_468
  const era = Math.floor(fromMarch / 146_097)
  const dayOfEra = fromMarch - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return isoDay(year, month, dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1)
}

function isoDay(year: number, month: number, day: number): string {
  if (!(year >= 1 && year <= 9999)) throw new DateOutOfRange({ value: `The day ${day} of month ${month} in year ${year}` })
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}`
}

/** @param month  1 to 12 */
export function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** @throws DateOutOfRange */
export function addDays(day: string, days: number): string {
  return dayFromNumber(dayNumber(day) + days)
}

/** The same day of another month, or that month's last day where it is shorter (31 January + 1 is 28 or 29 February). @throws DateOutOfRange */
export function addMonths(day: string, months: number): string {
  const total = Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1 + months
  const year = Math.floor(total / 12)
  const month = total - year * 12 + 1
  return isoDay(year, month, Math.min(Number(day.slice(8, 10)), daysInMonth(year, month)))
}

/** Days from the first to the second; negative when the second is earlier. */
export function daysBetween(from: string, to: string): number {
  return dayNumber(to) - dayNumber(from)
}

/** ISO weekday: Monday is 1, Sunday 7. */
export function weekday(day: string): number {
  return ((((dayNumber(day) + 3) % 7) + 7) % 7) + 1
}

/** @param startsOn  the ISO weekday on which weeks start; Monday unless said otherwise */
export function firstDayOfWeek(day: string, startsOn = 1): string {
  return addDays(day, -((weekday(day) - startsOn + 7) % 7))
}

/** @param startsOn  the ISO weekday on which weeks start; Monday unless said otherwise */
export function lastDayOfWeek(day: string, startsOn = 1): string {
  return addDays(firstDayOfWeek(day, startsOn), 6)
}

export function firstDayOfMonth(day: string): string {
  return `${day.slice(0, 8)}01`
}

export function lastDayOfMonth(day: string): string {
  return `${day.slice(0, 8)}${pad(daysInMonth(Number(day.slice(0, 4)), Number(day.slice(5, 7))))}`
}

/** First day of the calendar quarter. */
export function firstDayOfQuarter(day: string): string {
  const month = Number(day.slice(5, 7))
  return `${day.slice(0, 5)}${pad(month - ((month - 1) % 3))}-01`
}

/** Last day of the calendar quarter. */
export function lastDayOfQuarter(day: string): string {
  return lastDayOfMonth(addMonths(firstDayOfQuarter(day), 2))
}

export function firstDayOfYear(day: string): string {
  return `${day.slice(0, 4)}-01-01`
}

export function lastDayOfYear(day: string): string {
  return `${day.slice(0, 4)}-12-31`
}
