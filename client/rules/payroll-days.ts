import { dayFromNumber, dayNumber } from './dates.ts'

/** How an organization tells the days that are paid. */
export interface DayRules {
  readonly basedOn: 'Leave' | 'Attendance'
  /** Holidays are working days, and paid as such. */
  readonly includeHolidays: boolean
  /** A day without attendance counts as absence. */
  readonly unmarkedIsAbsent: boolean
  /** Absence counts on holidays, too. */
  readonly absentOnHolidays: boolean
  /** What is paid of half a day, 0 to 1. */
  readonly halfDayFraction: number
}

/** What is not paid, or not in full, by a leave type. */
export interface UnpaidLeave {
  readonly isUnpaid: boolean
  /** Part of a day's pay that partly paid leave leaves; undefined: all of it. */
  readonly paidFraction: number | undefined
  readonly includesHolidays: boolean
}

/** Approved leave. */
export interface LeaveSpan {
  readonly from: string
  readonly to: string
  readonly halfDayOn: string | undefined
  readonly leave: UnpaidLeave
}

export interface AttendanceMark {
  readonly day: string
  readonly status: 'Present' | 'Absent' | 'On Leave' | 'Half Day' | 'Work From Home'
  /** The other half of half a day. */
  readonly otherHalf?: 'Present' | 'Absent' | undefined
  readonly leave?: UnpaidLeave | undefined
}

export interface DaysInput {
  readonly start: string
  readonly end: string
  readonly joining: string
  readonly relieving: string | undefined
  readonly holidays: ReadonlySet<string>
  readonly leaves: readonly LeaveSpan[]
  readonly attendance: readonly AttendanceMark[]
}

/** A day, or part of one, that is not paid. */
export interface UnpaidDay {
  readonly day: string
  readonly why: 'before joining' | 'after leaving' | 'leave' | 'absent' | 'unmarked'
  /** 0 to 1. */
  readonly part: number
}

export interface PaymentDays {
  readonly totalWorkingDays: number
  readonly paymentDays: number
  readonly leaveWithoutPay: number
  readonly absentDays: number
  readonly unmarkedDays: number
  readonly unpaid: readonly UnpaidDay[]
}

/** Parts of days are told to the ten-thousandth: enough for any fraction that people write, without the noise of doubles. */
const tidy = (days: number): number => Math.round(days * 10_000) / 10_000

/**
 * The days of a period for which somebody is paid: working days less those before joining and after leaving, unpaid leave, and absence.
 * Each day is looked at once, and every part that is not paid is listed with its reason.
 */
export function paymentDays(input: DaysInput, rules: DayRules): PaymentDays {
  const unpaid: UnpaidDay[] = []
  const marks = new Map(input.attendance.map((mark) => [mark.day, mark]))
  let total = 0
  let unmarked = 0
  const last = dayNumber(input.end)
  for (let number = dayNumber(input.start); number <= last; number++) {
    const day = dayFromNumber(number)
    const isHoliday = input.holidays.has(day)
    const isWorkingDay = !isHoliday || rules.includeHolidays
    if (isWorkingDay) total++
    if (day < input.joining || (input.relieving !== undefined && day > input.relieving)) {
      if (isWorkingDay) unpaid.push({ day, why: day < input.joining ? 'before joining' : 'after leaving', part: 1 })
      continue
    }
    if (rules.basedOn === 'Leave') {
      const part = Math.min(1, Math.max(0, ...input.leaves.map((span) => unpaidOn(span, day, isHoliday, rules))))
      if (part > 0) unpaid.push({ day, why: 'leave', part })
      continue
    }
    const mark = marks.get(day)
    if (mark) unpaid.push(...unpaidByMark(mark, isHoliday, rules))
    else if (!isHoliday) {
      unmarked++
      if (rules.unmarkedIsAbsent) unpaid.push({ day, why: 'unmarked', part: 1 })
    }
  }
  const sum = (...reasons: UnpaidDay['why'][]) =>
    tidy(unpaid.filter(({ why }) => reasons.includes(why)).reduce((days, { part }) => days + part, 0))
  const lost = sum('before joining', 'after leaving', 'leave', 'absent', 'unmarked')
  return {
    totalWorkingDays: total,
    paymentDays: tidy(Math.max(0, total - lost)),
    leaveWithoutPay: sum('leave'),
    absentDays: sum('absent', 'unmarked'),
    unmarkedDays: unmarked,
    unpaid,
  }
}

function unpaidPart(leave: UnpaidLeave, isHalf: boolean, rules: DayRules): number {
  const days = isHalf ? 1 - rules.halfDayFraction : 1
  if (leave.isUnpaid) return days
  return leave.paidFraction === undefined ? 0 : days * (1 - leave.paidFraction)
}

function unpaidOn(span: LeaveSpan, day: string, isHoliday: boolean, rules: DayRules): number {
  if (day < span.from || day > span.to) return 0
  if (isHoliday && !span.leave.includesHolidays) return 0
  return unpaidPart(span.leave, span.halfDayOn === day, rules)
}

function unpaidByMark(mark: AttendanceMark, isHoliday: boolean, rules: DayRules): UnpaidDay[] {
  const found: UnpaidDay[] = []
  const { day } = mark
  const isHalf = mark.status === 'Half Day'
  if ((mark.status === 'On Leave' || isHalf) && mark.leave && (!isHoliday || mark.leave.includesHolidays)) {
    const part = unpaidPart(mark.leave, isHalf, rules)
    if (part > 0) found.push({ day, why: 'leave', part })
  }
  if (isHoliday && !rules.absentOnHolidays) return found
  if (mark.status === 'Absent') found.push({ day, why: 'absent', part: 1 })
  // Half a day of leave says nothing about its other half; half a day without leave is one half that was not worked.
  if (isHalf && (mark.leave ? mark.otherHalf === 'Absent' : mark.otherHalf !== 'Present'))
    found.push({ day, why: 'absent', part: mark.leave ? rules.halfDayFraction : 1 - rules.halfDayFraction })
  return found
}
