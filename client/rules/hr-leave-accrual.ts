import { addDays, addMonths, daysBetween, daysInMonth, firstDayOfMonth } from './dates.ts'

export type LeaveFrequency = 'Monthly' | 'Quarterly' | 'Half-Yearly' | 'Yearly'
export type AllocateOn = 'First Day' | 'Last Day' | 'Date of Joining'

/** What earned leave is reckoned from. Days are local. */
export interface Accrual {
  /** Days a year. */
  readonly annual: number
  readonly frequency: LeaveFrequency
  readonly allocateOn: AllocateOn
  readonly joining: string
  /** The period for which it is earned, both ends included. */
  readonly from: string
  readonly to: string
  /** Each part is rounded to a multiple of it, halves upwards; absent: three decimals. */
  readonly rounding?: number
}

/** A part of earned leave. */
export interface AccrualPart {
  /** When it is given. */
  readonly allocation_date: string
  readonly number_of_leaves: number
}

const months: Readonly<Record<LeaveFrequency, number>> = { Monthly: 1, Quarterly: 3, 'Half-Yearly': 6, Yearly: 12 }

/**
 * When earned leave is given, and how much each time. Parts are counted in whole months from the month in which the period begins; of a part
 * that somebody works only in part, they earn the days' share. All parts together are never more than the year's days.
 */
export function accrualSchedule({ annual, frequency, allocateOn, joining, from, to, rounding }: Accrual): AccrualPart[] {
  const step = months[frequency]
  const start = joining > from ? joining : from
  const anchor = firstDayOfMonth(from)
  const most = Math.round(annual * 1000)
  const parts: AccrualPart[] = []
  let given = 0
  for (let index = 0; ; index += 1) {
    const first = addMonths(anchor, index * step)
    if (first > to) break
    const last = addDays(addMonths(anchor, (index + 1) * step), -1)
    const begins = later(first, start)
    const ends = earlier(last, to)
    if (begins > ends) continue
    const worked = daysBetween(begins, ends) + 1
    const length = daysBetween(first, last) + 1
    const share = rounded((most * step * worked) / (12 * length), rounding)
    const milli = Math.min(share, most - given)
    if (milli <= 0) continue
    given += milli
    parts.push({ allocation_date: dayOf(allocateOn, joining, begins, ends), number_of_leaves: milli / 1000 })
  }
  return parts
}

/** Leave given at once to somebody who joins within the period: the days' share, in whole days. */
export function proRated(annual: number, joining: string, from: string, to: string): number {
  if (joining <= from) return annual
  if (joining > to) return 0
  return Math.floor((annual * (daysBetween(joining, to) + 1)) / (daysBetween(from, to) + 1) + 0.5)
}

function dayOf(allocateOn: AllocateOn, joining: string, begins: string, ends: string): string {
  if (allocateOn === 'First Day') return begins
  if (allocateOn === 'Last Day') return ends
  const length = daysInMonth(Number(begins.slice(0, 4)), Number(begins.slice(5, 7)))
  const day = `${begins.slice(0, 8)}${String(Math.min(Number(joining.slice(8, 10)), length)).padStart(2, '0')}`
  return earlier(later(day, begins), ends)
}

function rounded(milli: number, unit: number | undefined): number {
  if (!unit) return Math.round(milli)
  const step = Math.round(unit * 1000)
  return Math.floor(milli / step + 0.5) * step
}

const later = (a: string, b: string): string => (a > b ? a : b)
const earlier = (a: string, b: string): string => (a < b ? a : b)
