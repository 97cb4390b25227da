import { Cron } from 'croner'

/** What the words mean, as cron fields: minute, hour, day of month, month, day of week. */
const words: Readonly<Record<string, string>> = {
  all: '*/4 * * * *',
  hourly: '0 * * * *',
  daily: '0 0 * * *',
  weekly: '0 0 * * 0',
  monthly: '0 0 1 * *',
  yearly: '0 0 1 1 *',
}

/** @param every a word such as `daily`, or five cron fields @returns five cron fields */
export function cronFields(every: string): string {
  return Object.hasOwn(words, every) ? (words[every] as string) : every
}

/** Why a rhythm cannot be read; undefined when it can, and comes round at least once. */
export function rhythmComplaint(every: string): string | undefined {
  try {
    return cronOf(every, 'UTC').nextRun(new Date(0)) === null ? `"${every}" names a time that never comes.` : undefined
  } catch (error) {
    return `"${every}" is neither ${Object.keys(words).join(', ')} nor five cron fields (${(error as Error).message})`
  }
}

/**
 * The first tick after an instant. In the night in which clocks go forward, a time that does not exist is taken for the first moment
 * after the gap; in the one in which they go back, a fixed hour comes once (the first time), and every-so-often comes in both.
 * @param zone IANA name @returns milliseconds since 1970; `Infinity`: never
 */
export function nextTick(every: string, zone: string, after: number): number {
  const spans = spansOf(every, zone)
  const span = spans.find(({ from, next }) => from <= after && after < next)
  if (span) return span.next
  const next = cronOf(every, zone).nextRun(new Date(after))?.getTime() ?? Number.POSITIVE_INFINITY
  // The schedules of a thousand sites ask about the same two spans: the one that has just ended, and the present one.
  spans.unshift({ from: after, next })
  spans.splice(spansKept)
  return next
}

interface Span {
  readonly from: number
  readonly next: number
}

const spansKept = 3
const rhythmsKept = 500
/** Spans without a tick in between, by rhythm and zone. */
const known = new Map<string, Span[]>()

function spansOf(every: string, zone: string): Span[] {
  const key = `${every} ${zone}`
  const spans = known.get(key) ?? []
  if (known.size >= rhythmsKept) known.clear()
  known.set(key, spans)
  return spans
}

/** The last tick at or before an instant; undefined: none. */
export function lastTick(every: string, zone: string, at: number): number | undefined {
  const [tick] = cronOf(every, zone).previousRuns(1, new Date(Math.floor(at / 1000) * 1000 + 1000))
  return tick?.getTime()
}

function cronOf(every: string, timezone: string): Cron {
  return new Cron(cronFields(every), { timezone, mode: '5-part', paused: true })
}
