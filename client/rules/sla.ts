import { BusinessCalendar, type CalendarDefinition, type Span } from './business-calendar.ts'
import { defineError } from './errors.ts'

export const BadSla = defineError<{ field: string; reason: string }>({
  code: 'sla/bad-input',
  status: 417,
  excType: 'ValidationError',
  message: (d) => d.reason,
})

/** Minutes of business time in which a ticket of a priority is to be answered and resolved. Missing: no such promise. */
export interface SlaTarget {
  readonly response_minutes?: number
  readonly resolution_minutes?: number
}

/** A promise as data: when the organisation works, and what it promises by priority. */
export interface SlaPolicy extends CalendarDefinition {
  readonly targets: Readonly<Record<string, SlaTarget>>
  /** Which clocks stand still while a ticket waits for its customer; default `both`. */
  readonly pause_applies_to?: 'both' | 'response' | 'resolution'
}

/** What happened to a ticket, the only thing from which deadlines derive. `at`: milliseconds since 1970. */
export type SlaEvent =
  | { readonly at: number; readonly type: 'pause' | 'resume' | 'first_response' | 'resolved' | 'reopened' }
  | { readonly at: number; readonly type: 'priority'; readonly to: string }

export interface SlaHistory {
  readonly policy: SlaPolicy
  readonly priority: string
  /** Milliseconds since 1970. */
  readonly created: number
  readonly events: readonly SlaEvent[]
}

/** `met`: done in time. `none`: nothing is promised. Breached clocks that are not done go on counting. */
export type ClockState = 'running' | 'paused' | 'met' | 'breached' | 'none'

/** One promise of a ticket at an instant. Times in milliseconds. */
export interface SlaClock {
  readonly state: ClockState
  /** Business time promised; undefined: none. */
  readonly target: number | undefined
  /** Business time used. */
  readonly elapsed: number
  /** Share of the target that is used, in percent; 0 where nothing is promised. */
  readonly percent: number
  /** The instant at which the target is reached; null while a clock stands still that has not reached it, or where that never comes. */
  readonly due: number | null
  /** Business time left, never below 0. */
  readonly remaining: number
  /** When it was done; null: not yet. */
  readonly stopped: number | null
  /** The spans of business time that count, up to `due` or, past it, to the instant asked for: their lengths add up to `elapsed` or `target`. */
  readonly counted: readonly Span[]
}

export interface SlaClocks {
  readonly response: SlaClock
  readonly resolution: SlaClock
}

const minute = 60_000

/**
 * The clocks of a ticket, derived from what happened up to `now` and from nothing else: counted anew each time, they cannot drift.
 * @param calendar the policy's, where it was made before
 * @param now      events after it have not happened; default: the last event
 * @throws BadSla, BadCalendar
 */
export function slaClocks(history: SlaHistory, now = lastInstant(history), calendar = new BusinessCalendar(history.policy)): SlaClocks {
  const { response, resolution } = replay(history, now)
  return { response: read(calendar, response, now), resolution: read(calendar, resolution, now) }
}

/** The instant at which a clock will have used this share of its target if nothing happens: for warnings before the deadline. */
export function instantOfShare(
  history: SlaHistory,
  clock: keyof SlaClocks,
  percent: number,
  calendar = new BusinessCalendar(history.policy),
): number | null {
  const now = lastInstant(history)
  const replayed = replay(history, now)[clock]
  return replayed.target === undefined ? null : reached(calendar, replayed, (replayed.target * percent) / 100)
}

function lastInstant({ created, events }: SlaHistory): number {
  return events.reduce((last, event) => Math.max(last, event.at), created)
}

/** A clock as its events left it: stretches on the wall in which it ran, the last one open while it runs. */
interface Replayed {
  target: number | undefined
  /** Wall time in which business time counts; `to` undefined: still. */
  readonly ran: { from: number; to: number | undefined }[]
  stopped: number | null
  isPaused: boolean
}

function replay(history: SlaHistory, now: number): { response: Replayed; resolution: Replayed } {
  const { policy, created } = history
  const events = [...history.events].filter((event) => event.at <= now).sort((a, b) => a.at - b.at)
  const first = events[0]
  if (first && first.at < created) throw new BadSla({ field: 'events', reason: 'An event lies before the ticket was created.' })
  let priority = history.priority
  const clock = (key: keyof SlaTarget): Replayed => ({
    target: targetOf(policy, priority, key),
    ran: [{ from: created, to: undefined }],
    stopped: null,
    isPaused: false,
  })
  const response = clock('response_minutes')
  const resolution = clock('resolution_minutes')
  const pausable = { both: [response, resolution], response: [response], resolution: [resolution] }[policy.pause_applies_to ?? 'both']
  for (const event of events) {
    if (event.type === 'pause') for (const one of pausable) pause(one, event.at)
    else if (event.type === 'resume') for (const one of pausable) resume(one, event.at)
    else if (event.type === 'first_response') stop(response, event.at)
    else if (event.type === 'resolved') stop(resolution, event.at)
    else if (event.type === 'reopened') restart(resolution, event.at, targetOf(policy, priority, 'resolution_minutes'))
    else if (event.type === 'priority') {
      priority = event.to
      // What is done was done under the promise of its time.
      if (response.stopped === null) response.target = targetOf(policy, priority, 'response_minutes')
      if (resolution.stopped === null) resolution.target = targetOf(policy, priority, 'resolution_minutes')
    } else throw new BadSla({ field: 'events', reason: `"${String((event as { type: unknown }).type)}" is no event of a ticket.` })
  }
  return { response, resolution }
}

function targetOf(policy: SlaPolicy, priority: string, key: keyof SlaTarget): number | undefined {
  if (!Object.hasOwn(policy.targets, priority))
    throw new BadSla({ field: 'priority', reason: `The policy promises nothing for the priority "${priority}".` })
  const minutes = policy.targets[priority]?.[key]
  if (minutes === undefined || minutes === null) return undefined
  if (typeof minutes !== 'number' || !(minutes >= 0) || minutes > 60 * 24 * 366 * 10)
    throw new BadSla({ field: `targets.${priority}.${key}`, reason: 'A target is a number of minutes, 0 or more.' })
  return minutes * minute
}

function close(clock: Replayed, at: number): void {
  const running = clock.ran.at(-1)
  if (running && running.to === undefined) running.to = at
}

/** A pause while paused and a resume while running say nothing new. */
function pause(clock: Replayed, at: number): void {
  if (clock.stopped !== null || clock.isPaused) return
  clock.isPaused = true
  close(clock, at)
}

function resume(clock: Replayed, at: number): void {
  if (clock.stopped !== null || !clock.isPaused) return
  clock.isPaused = false
  clock.ran.push({ from: at, to: undefined })
}

function stop(clock: Replayed, at: number): void {
  if (clock.stopped !== null) return
  close(clock, at)
  clock.stopped = at
  clock.isPaused = false
}

/** Goes on counting where it stopped; the time between does not count. */
function restart(clock: Replayed, at: number, target: number | undefined): void {
  if (clock.stopped === null) return
  clock.stopped = null
  clock.target = target
  clock.ran.push({ from: at, to: undefined })
}

/**
 * When so much business time is used: within the stretches that ran, or, of a clock that runs or is done, after them. A deadline that
 * was kept stands where it would have been.
 */
function reached(calendar: BusinessCalendar, clock: Replayed, target: number): number | null {
  let left = target
  for (const { from, to } of clock.ran) {
    const at = calendar.after(from, left)
    if (at !== undefined && (to === undefined || at <= to)) return at
    if (to === undefined) return null
    left -= calendar.between(from, to)
  }
  if (clock.stopped === null) return null
  return calendar.after(clock.stopped, left) ?? null
}

function read(calendar: BusinessCalendar, clock: Replayed, now: number): SlaClock {
  const spans = clock.ran.flatMap(({ from, to }) => [...calendar.spans(from, Math.min(to ?? now, now))])
  const elapsed = spans.reduce((sum, span) => sum + span.to - span.from, 0)
  const { target, stopped } = clock
  if (target === undefined) return { state: 'none', target, elapsed, percent: 0, due: null, remaining: 0, stopped, counted: spans }
  const due = reached(calendar, clock, target)
  const remaining = Math.max(0, target - elapsed)
  return {
    state: stateOf(clock, due, now),
    target,
    elapsed,
    percent: target === 0 ? (elapsed > 0 ? 100 : 0) : (elapsed / target) * 100,
    due,
    remaining,
    stopped,
    counted: due !== null && due > now && stopped === null ? [...spans, ...calendar.spans(now, due)] : spans,
  }
}

/** A deadline is missed only after it: done at its very instant is in time, also when the hours that follow do not count. */
function stateOf({ stopped, isPaused }: Replayed, due: number | null, now: number): ClockState {
  if (due !== null && (stopped ?? now) > due) return 'breached'
  if (stopped !== null) return 'met'
  return isPaused ? 'paused' : 'running'
}
