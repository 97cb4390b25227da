import { BusinessCalendar, type CalendarDefinition } from './business-calendar.ts'
import { defineError } from './errors.ts'

/** A calendar on which nobody ever works cannot carry a plan. */
export const NoWorkingTime = defineError<{ calendar: string; field?: string }>({
  code: 'schedule/no-working-time',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `On the calendar ${d.calendar} there is no working time left in which this could be done.`,
})

const dayMs = 86_400_000
const chunkMs = 128 * dayMs
/** How far from the origin a plan may reach. */
const horizonMs = 60 * 366 * dayMs

/**
 * Working time as a line: each instant has a position, the milliseconds worked between the origin and it, and each position the instants at
 * which so much was worked. Asking is a binary search, so that thousands of tasks are placed in milliseconds. Positions before the origin
 * are negative. All instants are milliseconds since 1970.
 */
export class WorkClock {
  readonly name: string
  readonly #calendar: BusinessCalendar
  readonly #origin: number
  #first: number
  #last: number
  #from: number[] = []
  #to: number[] = []
  /** Position at the beginning of each span. */
  #position: number[] = []
  #end = 0

  /** @param origin an instant in the middle of what will be asked @throws BadCalendar */
  constructor(definition: CalendarDefinition, origin: number, name = 'default') {
    this.#calendar = new BusinessCalendar(definition)
    this.#origin = origin
    this.#first = origin
    this.#last = origin
    this.name = name
  }

  /** The position of an instant. @throws NoWorkingTime */
  position(at: number): number {
    while (at >= this.#last) this.#forward()
    while (at < this.#first) this.#backward()
    const index = lastAtMost(this.#from, at)
    if (index < 0) return this.#position[0] ?? this.#end
    return (this.#position[index] as number) + Math.min(at, this.#to[index] as number) - (this.#from[index] as number)
  }

  /** The first instant with that position: closing time where one day ends and another begins. @throws NoWorkingTime */
  earliest(position: number): number {
    while (this.#end < position) this.#forward()
    while (this.#from.length === 0 || (this.#position[0] as number) >= position) this.#backward()
    // The last span that begins before it; at its end the position is reached already.
    const index = lastBelow(this.#position, position)
    return (this.#from[index] as number) + position - (this.#position[index] as number)
  }

  /** The last instant with that position: when work goes on. @throws NoWorkingTime */
  latest(position: number): number {
    while (this.#end <= position) this.#forward()
    while (this.#from.length === 0 || (this.#position[0] as number) > position) this.#backward()
    const index = lastAtMost(this.#position, position)
    return (this.#from[index] as number) + position - (this.#position[index] as number)
  }

  /** The instant itself if work is done then, else when work begins again. @throws NoWorkingTime */
  begin(at: number): number {
    return Math.max(at, this.latest(this.position(at)))
  }

  /** An instant moved by working time: forwards to the first that suits, backwards to the last. @throws NoWorkingTime */
  shift(at: number, ms: number): number {
    if (ms === 0) return at
    return ms > 0 ? this.earliest(this.position(at) + ms) : this.latest(this.position(at) + ms)
  }

  /** Working time between two instants, negative when the second is earlier. */
  between(from: number, to: number): number {
    return this.position(to) - this.position(from)
  }

  #forward(): void {
    const until = this.#last + chunkMs
    if (until - this.#origin > horizonMs) throw new NoWorkingTime({ calendar: this.name })
    for (const { from, to } of this.#calendar.spans(this.#last, until)) {
      this.#from.push(from)
      this.#to.push(to)
      this.#position.push(this.#end)
      this.#end += to - from
    }
    this.#last = until
  }

  #backward(): void {
    const since = this.#first - chunkMs
    if (this.#origin - since > horizonMs) throw new NoWorkingTime({ calendar: this.name })
    const spans = [...this.#calendar.spans(since, this.#first)]
    let position = this.#position[0] ?? this.#end
    const positions = spans.map(() => 0)
    for (let index = spans.length - 1; index >= 0; index--) {
      const span = spans[index] as { from: number; to: number }
      position -= span.to - span.from
      positions[index] = position
    }
    this.#from = [...spans.map(({ from }) => from), ...this.#from]
    this.#to = [...spans.map(({ to }) => to), ...this.#to]
    this.#position = [...positions, ...this.#position]
    this.#first = since
  }
}

/** Index of the last entry that is not greater; −1 when all are. */
function lastAtMost(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] as number) <= value) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** Index of the last entry that is smaller; −1 when none is. */
function lastBelow(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low - 1
}
