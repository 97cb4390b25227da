import { addDays } from './dates.ts'
import type { LeaveDay } from './hr-leave-ledger.ts'

/** What somebody asks for. Days are local, both ends included. */
export interface LeaveWish {
  readonly from: string
  readonly to: string
  /** The one day of which only half is wanted; absent: all are whole. */
  readonly halfDay?: string | null
}

/** Days that are free anyway, by day: 1, or 0.5 where only half the day is. */
export type FreeDays = ReadonlyMap<string, number>

/**
 * The days that count as leave, and how much of each. A day that is free anyway does not count, unless the kind of leave says so.
 */
export function leaveDays({ from, to, halfDay }: LeaveWish, free: FreeDays, { includeHoliday = false } = {}): LeaveDay[] {
  const found: LeaveDay[] = []
  for (let day = from; day <= to; day = addDays(day, 1)) {
    const open = includeHoliday ? 1 : 1 - (free.get(day) ?? 0)
    const leaves = day === halfDay ? Math.min(0.5, open) : open
    if (leaves > 0) found.push({ day, leaves })
  }
  return found
}

/** How many days these are; exact, for they are halves. */
export function sumOfDays(days: readonly LeaveDay[]): number {
  return days.reduce((sum, { leaves }) => sum + leaves, 0)
}
