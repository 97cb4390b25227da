import * as dates from './dates.ts'

/** First and last day, both included. */
export type DayRange = readonly [from: string, to: string]

type Period = 'week' | 'month' | 'quarter' | '6 months' | 'year'

const fixed: Record<string, readonly [from: number, to: number]> = {
  yesterday: [-1, -1],
  today: [0, 0],
  tomorrow: [1, 1],
  'last 7 days': [-7, 0],
  'last 14 days': [-14, 0],
  'last 30 days': [-30, 0],
  'last 90 days': [-90, 0],
  'next 7 days': [0, 7],
  'next 14 days': [0, 14],
  'next 30 days': [0, 30],
}

const turns: Record<string, readonly [turn: -1 | 0 | 1, period: Period]> = {
  'last week': [-1, 'week'],
  'last month': [-1, 'month'],
  'last quarter': [-1, 'quarter'],
  'last 6 months': [-1, '6 months'],
  'last year': [-1, 'year'],
  'this week': [0, 'week'],
  'this month': [0, 'month'],
  'this quarter': [0, 'quarter'],
  'this year': [0, 'year'],
  'next week': [1, 'week'],
  'next month': [1, 'month'],
  'next quarter': [1, 'quarter'],
  'next 6 months': [1, '6 months'],
  'next year': [1, 'year'],
}

/** Values of the `timespan` filter, in lower case. */
export const timespanNames: readonly string[] = [...Object.keys(fixed), ...Object.keys(turns)]

const periodOfLength: Record<string, Period> = {
  '1 week': 'week',
  '1 month': 'month',
  '3 months': 'quarter',
  '6 months': '6 months',
  '1 year': 'year',
}

/** Values of the `previous` and `next` filters: they name the whole calendar period before or after the present one. */
export const relativeLengths: readonly string[] = Object.keys(periodOfLength)

/**
 * The days that a timespan filter names.
 * @param name          one of `timespanNames`, or `previous …`/`next …` with one of `relativeLengths`; case and extra spaces do not matter
 * @param today         canonical day, in the zone of whoever asks
 * @param weekStartsOn  ISO weekday, Monday (1) unless said otherwise
 * @returns             undefined for an unknown name
 */
export function timespanRange(name: string, today: string, weekStartsOn = 1): DayRange | undefined {
  const key = name.trim().toLowerCase().replaceAll(/\s+/g, ' ')
  const days = Object.hasOwn(fixed, key) ? fixed[key] : undefined
  if (days) return [dates.addDays(today, days[0]), dates.addDays(today, days[1])]
  const turn = Object.hasOwn(turns, key) ? turns[key] : relativeTurn(key)
  return turn && periodRange(turn[0], turn[1], today, weekStartsOn)
}

function relativeTurn(key: string): readonly [-1 | 1, Period] | undefined {
  const gap = key.indexOf(' ')
  const [direction, length] = [key.slice(0, gap), key.slice(gap + 1)]
  if ((direction !== 'previous' && direction !== 'next') || !Object.hasOwn(periodOfLength, length)) return undefined
  return [direction === 'previous' ? -1 : 1, periodOfLength[length] as Period]
}

function periodRange(turn: -1 | 0 | 1, period: Period, today: string, weekStartsOn: number): DayRange {
  switch (period) {
    case 'week': {
      const day = dates.addDays(today, 7 * turn)
      return [dates.firstDayOfWeek(day, weekStartsOn), dates.lastDayOfWeek(day, weekStartsOn)]
    }
    case 'month': {
      const day = dates.addMonths(today, turn)
      return [dates.firstDayOfMonth(day), dates.lastDayOfMonth(day)]
    }
    case 'quarter': {
      const day = dates.addMonths(today, 3 * turn)
      return [dates.firstDayOfQuarter(day), dates.lastDayOfQuarter(day)]
    }
    case '6 months': {
      // Frappe means the two whole quarters beside the present one.
      const [from, to] = turn < 0 ? [-6, -3] : [3, 6]
      return [dates.firstDayOfQuarter(dates.addMonths(today, from)), dates.lastDayOfQuarter(dates.addMonths(today, to))]
    }
    case 'year': {
      const day = dates.addMonths(today, 12 * turn)
      return [dates.firstDayOfYear(day), dates.lastDayOfYear(day)]
    }
  }
}
