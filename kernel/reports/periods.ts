import * as dates from '#client/rules/dates.ts'
import { addMinutes, offsetText, zoneToUtc } from '#client/rules/time-zone.ts'
import { ChartInvalid } from './errors.ts'

export const intervals = ['Daily', 'Weekly', 'Monthly', 'Quarterly', 'Yearly'] as const
export type Interval = (typeof intervals)[number]

/** One bar of a chart: its days, both included, and what people call it. */
export interface Period {
  readonly from: string
  readonly to: string
  readonly label: string
}

const mostPeriods = 5000
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** The first and last day of the period around a day. */
export function periodOf(day: string, interval: Interval, weekStartsOn = 1): readonly [from: string, to: string] {
  switch (interval) {
    case 'Daily':
      return [day, day]
    case 'Weekly':
      return [dates.firstDayOfWeek(day, weekStartsOn), dates.lastDayOfWeek(day, weekStartsOn)]
    case 'Monthly':
      return [dates.firstDayOfMonth(day), dates.lastDayOfMonth(day)]
    case 'Quarterly':
      return [dates.firstDayOfQuarter(day), dates.lastDayOfQuarter(day)]
    case 'Yearly':
      return [dates.firstDayOfYear(day), dates.lastDayOfYear(day)]
  }
}

/**
 * The periods from the one around the first day to the one around the last, without a gap.
 * @throws ChartInvalid for more than 5,000
 */
export function periodsBetween(from: string, to: string, interval: Interval): Period[] {
  const made: Period[] = []
  for (let day = from; day <= to; ) {
    const [first, last] = periodOf(day, interval)
    if (made.length >= mostPeriods)
      throw new ChartInvalid({ chart: '', field: 'time_interval', reason: 'the days are too many for that interval.' })
    made.push({ from: first, to: last, label: labelOf(first, last, interval) })
    day = dates.addDays(last, 1)
  }
  return made
}

function labelOf(first: string, last: string, interval: Interval): string {
  const year = first.slice(0, 4)
  switch (interval) {
    case 'Daily':
    case 'Weekly':
      return last
    case 'Monthly':
      return `${months[Number(first.slice(5, 7)) - 1]} ${year}`
    case 'Quarterly':
      return `Quarter ${Math.ceil(Number(first.slice(5, 7)) / 3)}, ${year}`
    case 'Yearly':
      return year
  }
}

/** A stretch of time in which a zone's clock does not change; `until` is UTC and not part of it, absent for the last. */
export interface SteadyTime {
  readonly until?: string
  readonly offsetMinutes: number
}

/** How a zone's clock stands from the first day to the last: one stretch per change, found to the minute. */
export function steadyTimes(from: string, to: string, zone: string): SteadyTime[] {
  const made: SteadyTime[] = []
  let at = zoneToUtc(`${from} 00:00:00.000000`, zone)
  let offset = offsetMinutes(at, zone)
  const end = zoneToUtc(`${dates.addDays(to, 1)} 00:00:00.000000`, zone)
  while (at < end) {
    const next = addMinutes(at, 1440)
    const after = offsetMinutes(next, zone)
    if (after !== offset) {
      let [low, high] = [0, 1440]
      while (high - low > 1) {
        const middle = Math.floor((low + high) / 2)
        if (offsetMinutes(addMinutes(at, middle), zone) === offset) low = middle
        else high = middle
      }
      made.push({ until: addMinutes(at, high), offsetMinutes: offset })
      offset = after
    }
    at = next
  }
  return [...made, { offsetMinutes: offset }]
}

function offsetMinutes(naiveUtc: string, zone: string): number {
  const text = offsetText(naiveUtc, zone)
  const minutes = Number(text.slice(1, 3)) * 60 + Number(text.slice(4, 6))
  return text.startsWith('-') ? -minutes : minutes
}
