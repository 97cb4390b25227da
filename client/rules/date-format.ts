import { parseDate, parseTime } from './dates.ts'

/** Frappe's patterns of System Settings and Language. */
export const dateFormats = ['yyyy-mm-dd', 'dd-mm-yyyy', 'dd/mm/yyyy', 'dd.mm.yyyy', 'mm/dd/yyyy', 'mm-dd-yyyy'] as const
export type DateFormat = (typeof dateFormats)[number]
export type TimeFormat = 'HH:mm:ss' | 'HH:mm'

/** The pattern if it is one, else the ISO form. */
export function dateFormat(pattern: string | null | undefined): DateFormat {
  return dateFormats.find((known) => known === pattern) ?? 'yyyy-mm-dd'
}

/** A day `YYYY-MM-DD` as people read it. */
export function formatDate(day: string, format: DateFormat): string {
  return format.replace('yyyy', day.slice(0, 4)).replace('mm', day.slice(5, 7)).replace('dd', day.slice(8, 10))
}

/** A time `HH:MM:SS[.ffffff]` as people read it. */
export function formatTime(time: string, format: TimeFormat): string {
  const padded = /^\d:/.test(time) ? `0${time}` : time
  return padded.slice(0, format === 'HH:mm' ? 5 : 8)
}

/** A naive time stamp `YYYY-MM-DD HH:MM:SS[.ffffff]`, in the zone of whoever reads it. */
export function formatDatetime(naive: string, date: DateFormat, time: TimeFormat): string {
  return `${formatDate(naive.slice(0, 10), date)} ${formatTime(naive.slice(11), time)}`
}

/**
 * The day that people wrote, as `YYYY-MM-DD`: in ISO form or in the format, whatever stands between its parts (`.`, `/`, `-`). Undefined for what
 * is none, also for a year of two digits, whose century nobody knows.
 */
export function parseDateIn(text: string, format: DateFormat): string | undefined {
  const bare = text.trim()
  const iso = parseDate(bare)
  if (iso) return iso
  const parts = /^(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})$/.exec(bare)
  if (!parts) return undefined
  const [first = '', , second = '', third = ''] = parts.slice(1)
  const order = format.startsWith('yyyy') ? 'ymd' : format.startsWith('mm') ? 'mdy' : 'dmy'
  // A year in front leaves one order only.
  const [year, month, day] = first.length === 4 ? [first, second, third] : order === 'mdy' ? [third, first, second] : [third, second, first]
  return year.length === 4 ? parseDate(`${year}-${month}-${day}`) : undefined
}

/** A time stamp as `parseDateIn` reads days, with an optional time; midnight without one. */
export function parseDatetimeIn(text: string, format: DateFormat): string | undefined {
  const [, date = '', time] = /^(\S+)(?:[ T]+(\S+))?$/.exec(text.trim()) ?? []
  const day = parseDateIn(date, format)
  const moment = time === undefined ? '00:00:00.000000' : parseTime(time)
  return day && moment ? `${day} ${moment}` : undefined
}
