import { dayFromNumber, dayNumber } from './dates.ts'
import { defineError } from './errors.ts'
import { isTimeZone, offsetText, utcToZone, zoneToUtc } from './time-zone.ts'

export const BadCalendar = defineError<{ field: string; reason: string }>({
  code: 'calendar/bad',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The business hours cannot be used: ${d.reason}`,
})

/** Opening and closing time on the wall, `HH:MM` or `HH:MM:SS`. A close at or before its opening lies on the next day; `24:00` is midnight. */
export type DayInterval = readonly [open: string, close: string]

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof weekdays)[number]

/** When an organisation works, as data. */
export interface CalendarDefinition {
  /** IANA name. */
  readonly timezone: string
  /** Open always: the other keys do not count. */
  readonly calendar?: '24x7'
  readonly business_hours?: Readonly<Partial<Record<Weekday, readonly DayInterval[]>>>
  /** Local dates `YYYY-MM-DD` that are closed from midnight to midnight; an interval that begins on one does not open at all. */
  readonly holidays?: readonly string[]
  /** Local dates with intervals of their own. */
  readonly special_days?: Readonly<Record<string, readonly DayInterval[]>>
}

/** Instants in milliseconds since 1970, the end not included. */
export interface Span {
  readonly from: number
  readonly to: number
}

const dayMs = 86_400_000
const daySeconds = 86_400
/** Days that a search goes on: past that, a target is never reached. */
const horizonDays = 366 * 50
/** Days whose intervals are remembered. */
const rememberedDays = 5_000

interface Wall {
  /** Seconds since local midnight. */
  readonly open: number
  /** May lie past midnight, up to twice the day. */
  readonly close: number
}

/**
 * Counts time while an organisation is open, in real elapsed milliseconds: a night shift is an hour shorter or longer when the clocks
 * change. Immutable; remembers the days it has worked out, so make one per definition and keep it.
 */
export class BusinessCalendar {
  readonly timezone: string
  readonly #always: boolean
  readonly #week: readonly (readonly Wall[])[]
  readonly #holidays: ReadonlySet<number>
  readonly #special: ReadonlyMap<number, readonly Wall[]>
  /** The last day that may differ from the week, and whether the week opens at all. */
  readonly #lastSpecial: number
  readonly #opensWeekly: boolean
  readonly #days = new Map<number, readonly Span[]>()

  /** @throws BadCalendar with the path of what is wrong */
  constructor(definition: CalendarDefinition) {
    if (!isTimeZone(definition.timezone)) throw new BadCalendar({ field: 'timezone', reason: `"${definition.timezone}" is no time zone.` })
    this.timezone = definition.timezone
    this.#always = definition.calendar === '24x7'
    const hours = definition.business_hours ?? {}
    for (const day of Object.keys(hours))
      if (!(weekdays as readonly string[]).includes(day))
        throw new BadCalendar({ field: `business_hours.${day}`, reason: `"${day}" is no day.` })
    this.#week = weekdays.map((day) => (hours[day] ?? []).map((interval, index) => wallOf(interval, `business_hours.${day}[${index}]`)))
    this.#opensWeekly = this.#week.some((day) => day.length > 0)
    this.#holidays = new Set((definition.holidays ?? []).map((date, index) => dateOf(date, `holidays[${index}]`)))
    this.#special = new Map(
      Object.entries(definition.special_days ?? {}).map(([date, intervals]) => [
        dateOf(date, `special_days.${date}`),
        intervals.map((interval, index) => wallOf(interval, `special_days.${date}[${index}]`)),
      ]),
    )
    this.#lastSpecial = Math.max(Number.NEGATIVE_INFINITY, ...this.#special.keys())
  }

  /** Whether it is open at an instant. */
  isOpen(at: number): boolean {
    if (this.#always) return true
    return this.#openOn(this.#dayAt(at)).some((span) => span.from <= at && at < span.to)
  }

  /** Milliseconds open between two instants; 0 when the second is not later. */
  between(from: number, to: number): number {
    if (to <= from) return 0
    if (this.#always) return to - from
    let sum = 0
    for (const span of this.spans(from, to)) sum += span.to - span.from
    return sum
  }

  /**
   * The earliest instant by which so much time was open since `from`; used up exactly at closing time, that is the closing time.
   * @param ms 0: the first instant at which time could count
   * @returns undefined when that never comes
   */
  after(from: number, ms: number): number | undefined {
    if (this.#always) return from + ms
    const first = this.#dayAt(from)
    let left = ms
    for (let day = first; day < first + horizonDays; day++) {
      if (!this.#opensWeekly && day > this.#lastSpecial + 1) return undefined
      for (const span of this.#openOn(day)) {
        const start = Math.max(span.from, from)
        if (start >= span.to) continue
        if (start + left <= span.to) return start + left
        left -= span.to - start
      }
    }
    return undefined
  }

  /** The open spans between two instants, in order, touching ones joined. */
  *spans(from: number, to: number): Generator<Span> {
    if (to <= from) return
    if (this.#always) return void (yield { from, to })
    let held: Span | undefined
    const last = this.#dayAt(to)
    for (let day = this.#dayAt(from); day <= last; day++)
      for (const span of this.#openOn(day)) {
        const cut = { from: Math.max(span.from, from), to: Math.min(span.to, to) }
        if (cut.from >= cut.to) continue
        if (held && held.to === cut.from) held = { from: held.from, to: cut.to }
        else {
          if (held) yield held
          held = cut
        }
      }
    if (held) yield held
  }

  /** The instant as the organisation's clock shows it: ISO 8601 with the offset of that moment. */
  local(at: number): string {
    const utc = naiveOf(at)
    const wall = utcToZone(utc, this.timezone)
    const fraction = wall.slice(20, 23)
    return `${wall.slice(0, 10)}T${wall.slice(11, 19)}${fraction === '000' ? '' : `.${fraction}`}${offsetText(utc, this.timezone)}`
  }

  #dayAt(at: number): number {
    return dayNumber(utcToZone(naiveOf(at), this.timezone))
  }

  /** What is open within a local date: its own intervals up to midnight, and what runs over from the day before. */
  #openOn(day: number): readonly Span[] {
    const known = this.#days.get(day)
    if (known) return known
    const spans = this.#holidays.has(day) ? [] : this.#workOut(day)
    if (this.#days.size >= rememberedDays) this.#days.clear()
    this.#days.set(day, spans)
    return spans
  }

  #workOut(day: number): Span[] {
    const tails = this.#own(day - 1)
      .filter((wall) => wall.close > daySeconds)
      .map((wall) => ({ open: 0, close: wall.close - daySeconds }))
    const own = this.#own(day).map((wall) => ({ open: wall.open, close: Math.min(wall.close, daySeconds) }))
    const walls = [...tails, ...own].sort((a, b) => a.open - b.open)
    const spans: Span[] = []
    for (const wall of walls) {
      const span = { from: this.#instant(day, wall.open), to: this.#instant(day, wall.close) }
      const before = spans.at(-1)
      if (before && span.from <= before.to) spans[spans.length - 1] = { from: before.from, to: Math.max(before.to, span.to) }
      else if (span.from < span.to) spans.push(span)
    }
    return spans
  }

  #own(day: number): readonly Wall[] {
    if (this.#holidays.has(day)) return []
    // Day 0 was a Thursday.
    return this.#special.get(day) ?? (this.#week[(((day + 3) % 7) + 7) % 7] as readonly Wall[])
  }

  #instant(day: number, seconds: number): number {
    const isNext = seconds === daySeconds
    const wall = isNext ? 0 : seconds
    const text = [Math.floor(wall / 3600), Math.floor(wall / 60) % 60, wall % 60].map((part) => String(part).padStart(2, '0')).join(':')
    return instantOf(zoneToUtc(`${dayFromNumber(isNext ? day + 1 : day)} ${text}.000000`, this.timezone))
  }
}

/** `YYYY-MM-DD HH:MM:SS.ffffff` in UTC of an instant. */
function naiveOf(at: number): string {
  const day = Math.floor(at / dayMs)
  const rest = at - day * dayMs
  const seconds = Math.floor(rest / 1000)
  const text = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((part) => String(part).padStart(2, '0'))
    .join(':')
  return `${dayFromNumber(day)} ${text}.${String(Math.floor(rest % 1000)).padStart(3, '0')}000`
}

function instantOf(naiveUtc: string): number {
  const [hours, minutes, seconds] = [naiveUtc.slice(11, 13), naiveUtc.slice(14, 16), naiveUtc.slice(17, 19)].map(Number) as [
    number,
    number,
    number,
  ]
  return dayNumber(naiveUtc) * dayMs + ((hours * 60 + minutes) * 60 + seconds) * 1000 + Number(naiveUtc.slice(20, 23))
}

function wallOf(interval: DayInterval, field: string): Wall {
  if (!Array.isArray(interval) || interval.length !== 2)
    throw new BadCalendar({ field, reason: 'an interval is a pair of opening and closing time.' })
  const open = secondsOf(interval[0], field)
  const close = secondsOf(interval[1], field)
  if (open >= daySeconds) throw new BadCalendar({ field, reason: 'an interval opens before midnight.' })
  return { open, close: close <= open ? close + daySeconds : close }
}

function secondsOf(text: string, field: string): number {
  const match = typeof text === 'string' ? /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text) : null
  const [hours, minutes, seconds] = (match ?? []).slice(1).map((part) => Number(part ?? 0)) as [number, number, number]
  const total = hours * 3600 + minutes * 60 + seconds
  if (!match || minutes > 59 || seconds > 59 || total > daySeconds)
    throw new BadCalendar({ field, reason: `"${String(text).slice(0, 20)}" is no time of day.` })
  return total
}

function dateOf(date: string, field: string): number {
  const isDate = typeof date === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(date)
  const day = isDate ? dayNumber(date) : Number.NaN
  if (!isDate || Number.isNaN(day) || dayFromNumber(day) !== date)
    throw new BadCalendar({ field, reason: `"${String(date).slice(0, 20)}" is no date.` })
  return day
}
