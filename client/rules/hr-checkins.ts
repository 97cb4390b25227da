import { addDays } from './dates.ts'
import { addMinutes, zoneToUtc } from './time-zone.ts'

/** A shift as its type says it: times on the wall, and how far around it check-ins still count. */
export interface ShiftTimes {
  /** `HH:MM[:SS]`. */
  readonly start_time: string
  /** Not later than the start: the shift ends on the next day. */
  readonly end_time: string
  /** Minutes. */
  readonly begin_check_in_before_shift_start_time: number
  /** Minutes. */
  readonly allow_check_out_after_shift_end_time: number
}

/** One shift of one day. Times are UTC without an offset, as documents hold them. */
export interface ShiftWindow {
  /** The local day on which it begins, and to which it belongs. */
  readonly day: string
  readonly start: string
  readonly end: string
  /** From and until when check-ins count, both included. */
  readonly from: string
  readonly until: string
}

/** The shift that begins on a day. Where the clocks are put back or forward in it, it is longer or shorter. @param zone IANA name */
export function shiftWindow(shift: ShiftTimes, day: string, zone: string): ShiftWindow {
  const endDay = shift.end_time <= shift.start_time ? addDays(day, 1) : day
  const start = zoneToUtc(`${day} ${wallTime(shift.start_time)}`, zone)
  const end = zoneToUtc(`${endDay} ${wallTime(shift.end_time)}`, zone)
  return {
    day,
    start,
    end,
    from: addMinutes(start, -shift.begin_check_in_before_shift_start_time),
    until: addMinutes(end, shift.allow_check_out_after_shift_end_time),
  }
}

/** The shift to which a check-in belongs: the one it lies in, else the one whose begin or end is nearest. Undefined: none. */
export function windowOf<Window extends ShiftWindow>(time: string, windows: readonly Window[]): Window | undefined {
  const open = windows.filter((one) => time >= one.from && time <= one.until)
  const distance = (one: Window): number =>
    time >= one.start && time <= one.end ? 0 : Math.min(Math.abs(minutesBetween(time, one.start)), Math.abs(minutesBetween(one.end, time)))
  return open.sort((a, b) => distance(a) - distance(b) || (a.start < b.start ? -1 : 1))[0]
}

/** Somebody came or went. */
export interface Log {
  readonly time: string
  readonly log_type?: string | null
}

export type Pairing = 'alternating' | 'by type'
export type Counting = 'first and last' | 'every pair'

/** What check-ins of one shift add up to. */
export interface WorkedTime {
  readonly minutes: number
  readonly in: string | undefined
  readonly out: string | undefined
}

/**
 * Time worked, by the check-ins of one shift in any order. A coming without a going counts for nothing.
 * @param pairing  `alternating`: first in, then out, and so on; `by type`: what the log says it is
 * @param counting  `first and last`: from the first coming to the last going; `every pair`: only the stretches between
 */
export function workedTime(logs: readonly Log[], pairing: Pairing, counting: Counting): WorkedTime {
  const sorted = [...logs].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
  const typed = sorted.map((log, index) => ({ time: log.time, isIn: pairing === 'alternating' ? index % 2 === 0 : log.log_type === 'IN' }))
  if (pairing === 'alternating' && counting === 'first and last') {
    const [first] = sorted
    const last = sorted.length > 1 ? sorted.at(-1) : undefined
    return { minutes: first && last ? minutesBetween(first.time, last.time) : 0, in: first?.time, out: last?.time }
  }
  const usable = pairing === 'by type' ? typed.filter((_, index) => ['IN', 'OUT'].includes(String(sorted[index]?.log_type))) : typed
  const came = usable.find((log) => log.isIn)?.time
  const gone = usable.findLast((log) => !log.isIn && came !== undefined && log.time >= came)?.time
  if (counting === 'first and last') return { minutes: came && gone ? minutesBetween(came, gone) : 0, in: came, out: gone }
  let minutes = 0
  let since: string | undefined
  for (const log of usable) {
    if (log.isIn) since ??= log.time
    else if (since !== undefined) {
      minutes += minutesBetween(since, log.time)
      since = undefined
    }
  }
  return { minutes, in: came, out: gone }
}

/** What a shift type says about reading attendance. */
export interface AttendanceRules {
  readonly pairing: Pairing
  readonly counting: Counting
  /** Unpaid minutes, taken off where only the first and the last check-in count. */
  readonly break_minutes: number
  /** The break is taken off beyond this many hours only. */
  readonly break_after_hours: number
  /** Hours; 0: no such threshold. */
  readonly working_hours_threshold_for_half_day: number
  readonly working_hours_threshold_for_absent: number
  /** Minutes of grace; undefined: nobody looks. */
  readonly lateGrace: number | undefined
  readonly earlyGrace: number | undefined
}

/** A day as its check-ins tell it. */
export interface ReadAttendance {
  readonly status: 'Present' | 'Half Day' | 'Absent'
  /** Hours, three decimals. */
  readonly hours: number
  readonly in: string | undefined
  readonly out: string | undefined
  readonly isLate: boolean
  readonly isEarly: boolean
  /** Hours beyond the length of the shift, breaks considered. */
  readonly overtime: number
}

/** Reads the check-ins of one shift as attendance. */
export function readAttendance(logs: readonly Log[], window: ShiftWindow, rules: AttendanceRules): ReadAttendance {
  const worked = workedTime(logs, rules.pairing, rules.counting)
  const takesBreak = rules.counting === 'first and last' && worked.minutes > rules.break_after_hours * 60
  const minutes = Math.max(0, worked.minutes - (takesBreak ? rules.break_minutes : 0))
  const hours = Math.round((minutes * 1000) / 60) / 1000
  const planned = minutesBetween(window.start, window.end) - rules.break_minutes
  const isBelow = (threshold: number): boolean => threshold > 0 && hours < threshold
  return {
    status: isBelow(rules.working_hours_threshold_for_absent)
      ? 'Absent'
      : isBelow(rules.working_hours_threshold_for_half_day)
        ? 'Half Day'
        : 'Present',
    hours,
    in: worked.in,
    out: worked.out,
    isLate: rules.lateGrace !== undefined && worked.in !== undefined && worked.in > addMinutes(window.start, rules.lateGrace),
    isEarly: rules.earlyGrace !== undefined && worked.out !== undefined && worked.out < addMinutes(window.end, -rules.earlyGrace),
    overtime: Math.max(0, Math.round(((minutes - planned) * 1000) / 60) / 1000),
  }
}

/** Minutes from the first to the second, UTC without an offset. */
export function minutesBetween(from: string, to: string): number {
  return (instant(to) - instant(from)) / 60_000
}

const instant = (naive: string): number => Date.parse(`${naive.slice(0, 10)}T${naive.slice(11, 23)}Z`)
const wallTime = (time: string): string => `${time.slice(0, 8)}${time.length === 5 ? ':00' : ''}.000000`
