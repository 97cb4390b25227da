import { addDays, addMonths, dayNumber, daysInMonth, firstDayOfMonth, lastDayOfMonth, weekday } from '#client/rules/dates.ts'

/** How often something comes again. */
export interface Recurrence {
  /** First day on which it may come, `YYYY-MM-DD`. */
  readonly start: string
  /** Last day; absent: for ever. */
  readonly end?: string | undefined
  readonly frequency: 'Daily' | 'Weekly' | 'Monthly' | 'Quarterly' | 'Half-yearly' | 'Yearly'
  /** ISO weekdays (Monday is 1) of a weekly one; none: the weekday of the start. */
  readonly weekdays?: readonly number[]
  /** Day of the month; months that are shorter have it on their last day. 0: that of the start. */
  readonly dayOfMonth?: number
  readonly onLastDay?: boolean
}

const monthsIn = { Monthly: 1, Quarterly: 3, 'Half-yearly': 6, Yearly: 12 } as const

/**
 * The first day after `day` on which it comes; undefined when there is none. Months are counted from the start, so that the 31st comes
 * on 28 February and on 31 March again.
 */
export function nextDay(rule: Recurrence, day: string): string | undefined {
  const after = day >= rule.start ? day : addDays(rule.start, -1)
  const next =
    rule.frequency === 'Daily' ? addDays(after, 1) : rule.frequency === 'Weekly' ? nextWeekly(rule, after) : nextMonthly(rule, after)
  return rule.end !== undefined && next > rule.end ? undefined : next
}

function nextWeekly({ start, weekdays = [] }: Recurrence, after: string): string {
  const wanted = weekdays.length > 0 ? weekdays : [weekday(start)]
  let day = addDays(after, 1)
  while (!wanted.includes(weekday(day))) day = addDays(day, 1)
  return day
}

function nextMonthly(rule: Recurrence, after: string): string {
  const step = monthsIn[rule.frequency as keyof typeof monthsIn]
  const first = firstDayOfMonth(rule.start)
  // A guess that is never too late: no month is longer than 31 days.
  let count = Math.max(0, Math.floor((dayNumber(after) - dayNumber(first)) / (31 * step)))
  let day = dayIn(rule, addMonths(first, count * step))
  while (day <= after || day < rule.start) day = dayIn(rule, addMonths(first, ++count * step))
  return day
}

function dayIn({ start, dayOfMonth = 0, onLastDay = false }: Recurrence, month: string): string {
  if (onLastDay) return lastDayOfMonth(month)
  const wanted = dayOfMonth > 0 ? dayOfMonth : Number(start.slice(8))
  const length = daysInMonth(Number(month.slice(0, 4)), Number(month.slice(5, 7)))
  return `${month.slice(0, 8)}${String(Math.min(wanted, length)).padStart(2, '0')}`
}
