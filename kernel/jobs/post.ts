import type { Site } from '#kernel/sites/site.ts'
import { Endings } from './endings.ts'
import { type JobRow, type QueueName, queueNames } from './job.ts'
import type { JobQueue } from './job-queue.ts'

/** A job under way. */
interface Running {
  readonly row: JobRow
  readonly control: AbortController
  readonly ended: Promise<void>
}

/** What was claimed of one queue and has not begun. */
interface Line {
  rows: JobRow[]
  /** How many may be claimed beyond the free slots. */
  ahead: number
  /** When the last claim came in, and how many rows it had. */
  filledAt: number
  filled: number
  atWork: number
}

/** How much work is claimed ahead: what is done in so many milliseconds, and so many jobs at most. */
const aheadMs = 80
const mostAhead = 600
/** Jobs that begin within so many milliseconds of each other share one look at what has changed. */
const freshMs = 20

/** A site as a worker sees it. */
export class Post {
  readonly site: Site
  readonly queue: JobQueue
  readonly endings: Endings
  readonly stopListening: () => void
  readonly running = new Map<string, Running>()
  /** Queues that gave all that was asked for at the last claim. */
  readonly surely = new Set<QueueName>()
  readonly #lines = new Map<QueueName, Line>()
  /** Something happened since the last look. */
  isDirty = true
  version: number | undefined
  /** When the next thing becomes due, as far as was known at the last look. */
  nextAt = 0
  /** When that was, by `performance.now()`. */
  lookedAt = Number.NEGATIVE_INFINITY
  /** Not looked at before: something is wrong with it. */
  quietUntil = 0
  /** Jobs begun so far. */
  begun = 0
  readyTimer: NodeJS.Timeout | undefined
  #fresh: Promise<void> | undefined
  #freshAt = 0

  constructor(site: Site, queue: JobQueue, stopListening: () => void) {
    this.site = site
    this.queue = queue
    this.endings = new Endings(queue)
    this.stopListening = stopListening
    for (const name of queueNames) this.#lines.set(name, { rows: [], ahead: 0, filledAt: 0, filled: 0, atWork: 0 })
  }

  /** Nothing is under way or waits here to begin. */
  get isIdle(): boolean {
    return this.running.size === 0 && !this.hasReady
  }

  get hasReady(): boolean {
    for (const { rows } of this.#lines.values()) if (rows.length > 0) return true
    return false
  }

  ready(queue: QueueName): JobRow[] {
    return this.#line(queue).rows
  }

  ahead(queue: QueueName): number {
    return this.#line(queue).ahead
  }

  /** Jobs that use a slot. */
  atWork(queue: QueueName): number {
    return this.#line(queue).atWork
  }

  /** Takes claimed jobs in. How fast the ones before them went says how many may be claimed next time. */
  takeIn(rows: readonly JobRow[]): void {
    // Whoever changed a right and then asked for a job finds it changed in the job.
    this.#fresh = undefined
    for (const [queue, claimed] of Map.groupBy(rows, (row) => row.queue)) {
      const line = this.#line(queue)
      const now = performance.now()
      if (line.filled > 0) {
        const pace = line.filled / Math.max(1, now - line.filledAt)
        line.ahead = Math.min(mostAhead, Math.floor(pace * aheadMs), Math.max(8, line.ahead * 2))
      }
      line.filled = claimed.length
      line.filledAt = now
      line.rows.push(...claimed)
    }
  }

  /** Settles when everything is known that was committed before the jobs at hand were claimed, and up to a moment ago. */
  freshen(): Promise<void> {
    const now = performance.now()
    if (this.#fresh && now - this.#freshAt < freshMs) return this.#fresh
    this.#freshAt = now
    this.#fresh = Promise.resolve(this.site.freshen())
    // Whoever shares it hears of a failure.
    this.#fresh.catch(() => undefined)
    return this.#fresh
  }

  /** Takes out what has not begun. */
  clearReady(): JobRow[] {
    return [...this.#lines.values()].flatMap((line) => {
      line.ahead = 0
      line.filled = 0
      return line.rows.splice(0)
    })
  }

  /** Notes that a job uses a slot. @returns how to free it; true the first time */
  begin(queue: QueueName): () => boolean {
    const line = this.#line(queue)
    line.atWork++
    this.begun++
    let isFree = false
    return () => {
      if (isFree) return false
      isFree = true
      line.atWork--
      return true
    }
  }

  #line(queue: QueueName): Line {
    return this.#lines.get(queue) as Line
  }
}
