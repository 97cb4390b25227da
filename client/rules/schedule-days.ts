import { type CalendarDefinition, type DayInterval, type Weekday, weekdays } from './business-calendar.ts'
import { weekday } from './dates.ts'

/** What makes somebody's days differ from the week. */
export interface DayChanges {
  /** Hours of the shift on single days; none: free. They hold on holidays, too. */
  readonly shifts?: ReadonlyMap<string, readonly DayInterval[]>
  /** Share of a day that is free, 0.5 or 1: leave, half holidays. */
  readonly away?: ReadonlyMap<string, number>
}

/** A calendar in which single days are other than usual. Of a day that is half free the first half is worked. */
export function withChanges(calendar: CalendarDefinition, { shifts = new Map(), away = new Map() }: DayChanges): CalendarDefinition {
  const special: Record<string, readonly DayInterval[]> = { ...calendar.special_days }
  const holidays = new Set(calendar.holidays)
  for (const [day, intervals] of shifts) {
    special[day] = intervals
    holidays.delete(day)
  }
  for (const [day, share] of away) {
    if (holidays.has(day)) continue
    const usual = special[day] ?? calendar.business_hours?.[weekdays[weekday(day) - 1] as Weekday] ?? []
    special[day] = share >= 1 ? [] : firstPart(usual, 1 - share)
  }
  return { ...calendar, special_days: special, holidays: [...holidays].sort() }
}

/** The intervals of a day up to a share of their time on the wall. */
export function firstPart(intervals: readonly DayInterval[], share: number): DayInterval[] {
  const sorted = intervals.map(minutesOf).sort((a, b) => a.open - b.open)
  let left = Math.round(sorted.reduce((sum, { open, close }) => sum + close - open, 0) * share)
  const kept: DayInterval[] = []
  for (const { open, close } of sorted) {
    if (left <= 0) break
    const until = Math.min(close, open + left)
    kept.push([wall(open), wall(until)])
    left -= until - open
  }
  return kept
}

/** A shift as intervals, its break in the middle. `HH:MM`; an end at or before the beginning is on the next day. */
export function shiftIntervals(start: string, end: string, breakMinutes = 0): DayInterval[] {
  const { open, close } = minutesOf([start.slice(0, 5), end.slice(0, 5)])
  if (breakMinutes <= 0 || breakMinutes >= close - open) return [[wall(open), wall(close)]]
  const middle = open + Math.floor((close - open - breakMinutes) / 2)
  const after = middle + breakMinutes
  // Whatever begins after midnight belongs to the night before; a day cannot say that, so the break is taken at the end instead.
  if (after >= 1440) return [[wall(open), wall(close - breakMinutes)]]
  return [
    [wall(open), wall(middle)],
    [wall(after), wall(close)],
  ]
}

/** Hours on the wall between opening and closing. */
export function hoursOf(intervals: readonly DayInterval[]): number {
  return intervals.map(minutesOf).reduce((sum, { open, close }) => sum + close - open, 0) / 60
}

/** The intervals with which a local day begins by a calendar. */
export function intervalsOn(calendar: CalendarDefinition, day: string): readonly DayInterval[] {
  if (calendar.holidays?.includes(day)) return []
  if (calendar.calendar === '24x7') return [['00:00', '24:00']]
  return calendar.special_days?.[day] ?? calendar.business_hours?.[weekdays[weekday(day) - 1] as Weekday] ?? []
}

function minutesOf([from, to]: DayInterval): { open: number; close: number } {
  const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3, 5))
  const [open, close] = [minutes(from), minutes(to)]
  return { open, close: close <= open ? close + 1440 : close }
}

function wall(minutes: number): string {
  const within = minutes === 1440 ? 1440 : minutes % 1440
  return `${String(Math.floor(within / 60)).padStart(2, '0')}:${String(within % 60).padStart(2, '0')}`
}
