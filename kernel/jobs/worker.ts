import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { DatabaseUnavailable } from '#kernel/database/errors.ts'
import type { Site } from '#kernel/sites/site.ts'
import { JobFenced } from './errors.ts'
import { jobRuns, workers } from './figures.ts'
import { type JobRow, type QueueName, queueNames } from './job.ts'
import type { Post } from './post.ts'
import { Posts } from './posts.ts'
import { runJob } from './run-job.ts'

export interface WorkerOptions {
  /** The sites to work for, asked again every few seconds. */
  readonly sites: () => Promise<readonly Site[]>
  readonly queues?: readonly QueueName[]
  /** Jobs of one queue at a time, over all sites; default 4. */
  readonly slots?: number
  /** Milliseconds a claim holds without a sign of life; default 20,000: a vanished worker's jobs are taken over within 30 s. */
  readonly leaseMs?: number
  /** Milliseconds between signs of life; default a quarter of the lease. */
  readonly heartbeatMs?: number
  /**
   * Milliseconds until work that another process enqueued is noticed without a word from it. Default: ten on SQLite, whose counter costs next
   * to nothing; elsewhere a tenth of a second for few sites and up to a second for many.
   */
  readonly pollMs?: number
  /** Milliseconds that jobs get to end when the worker is told to; default 10,000. */
  readonly patienceMs?: number
}

const glanceMs = 10
/** A glance at so many sites is worth one millisecond of waiting for the next. */
const sitesPerGlanceMs = 2
/** Times a job may lose its worker before a person must look. */
const mostLost = 5
/** How long a site that cannot be read is left alone, in milliseconds. */
const quietMs = 15_000
/** Jobs that were claimed ahead and wait longer than this for a free slot are given back, in milliseconds. */
const patienceAheadMs = 150
/** A site that goes on having work is asked what else waits there so often, in milliseconds. */
const lookAgainMs = 100

/**
 * Runs jobs of many sites in one process. Sites take turns: while several have work, none gets more than its share of the free slots.
 * Work enqueued in this process is noticed at once, that of others by looking: on SQLite at a counter, elsewhere at an index.
 */
export class Worker {
  readonly id = `${hostname().slice(0, 80)}:${process.pid}:${randomBytes(6).toString('hex')}`
  readonly #options: Required<Omit<WorkerOptions, 'pollMs'>>
  readonly #pollMs: number | undefined
  readonly #posts: Posts
  readonly #timers: NodeJS.Timeout[] = []
  #polledAt = 0
  #glancedAt = 0
  #pumping: Promise<void> | undefined
  #again = false
  #isStopping = false
  #isStarted = false
  #beating: Promise<void> | undefined

  constructor(options: WorkerOptions) {
    const leaseMs = options.leaseMs ?? 20_000
    this.#options = {
      queues: queueNames,
      slots: 4,
      leaseMs,
      heartbeatMs: leaseMs / 4,
      patienceMs: 10_000,
      ...options,
    }
    this.#pollMs = options.pollMs
    this.#posts = new Posts(options.sites, () => {
      if (!this.#isStopping) void this.#pump()
    })
  }

  start(): this {
    this.#isStarted = true
    for (const queue of this.#options.queues) workers.inc({ queue })
    this.#timers.push(setInterval(() => this.#glance(), this.#pollMs ?? glanceMs))
    this.#keepAlive()
    void this.#pump()
    return this
  }

  /** Looks where something may have happened that nobody told of. */
  #glance(): void {
    if (this.#pumping) return
    const now = performance.now()
    const known = this.#posts.size
    const pollMs = this.#pollMs ?? Math.min(1_000, 50 + 50 * known)
    const isDue = now - this.#polledAt >= pollMs - 1
    // Many sites are glanced at less often, so that the glances together stay cheap.
    const isGlance = this.#pollMs === undefined && now - this.#glancedAt >= known / sitesPerGlanceMs
    if (isGlance) this.#glancedAt = now
    if (isDue) this.#polledAt = now
    if (isDue || (isGlance && this.#hasNews())) void this.#pump()
  }

  #hasNews(): boolean {
    for (const { site, version, quietUntil } of this.#posts)
      try {
        if (quietUntil <= Date.now() && site.database.dataVersion?.() !== version) return true
      } catch {
        // The next look tells what is wrong with it.
        return true
      }
    return false
  }

  #keepAlive(): void {
    const beat = (): void => {
      this.#beating ??= this.#beat().finally(() => {
        this.#beating = undefined
      })
    }
    this.#timers.push(setInterval(beat, this.#options.heartbeatMs))
  }

  /** Runs what is due now, and what that brings about, then ends. Failed jobs that wait for their next attempt are not waited for. */
  async drain(): Promise<void> {
    this.#keepAlive()
    try {
      do {
        for (const post of this.#posts) post.isDirty = true
        await this.#pump()
        const running = this.#allRunning()
        // Nothing to run here, and yet something due: another worker is about to take it.
        await (running.length > 0 ? Promise.race(running.map(({ ended }) => ended)) : pause(5))
      } while (this.#isBusy || (await this.#hasDue()) || this.#isBusy)
    } finally {
      await this.stop()
    }
  }

  /** Something runs, or is being claimed. */
  get #isBusy(): boolean {
    return this.#pumping !== undefined || [...this.#posts].some((post) => !post.isIdle)
  }

  async #hasDue(): Promise<boolean> {
    for (const post of this.#posts) {
      const outlook = await this.#guarded(post, () => post.queue.outlook(post.site.clock.now(), this.#options.queues))
      if (outlook && (outlook.due.length > 0 || outlook.hasOrphans)) return true
    }
    return false
  }

  /** Takes no more jobs, lets those under way end, and puts back what takes too long. */
  async stop(): Promise<void> {
    // One that drains was never counted.
    if (!this.#isStopping && this.#isStarted) for (const queue of this.#options.queues) workers.dec({ queue })
    this.#isStopping = true
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    await this.#pumping
    for (const post of this.#posts) await this.#giveBackReady(post)
    const running = this.#allRunning()
    if (running.length > 0) {
      this.#keepAlive()
      const patience = new AbortController()
      await Promise.race([
        Promise.all(running.map(({ ended }) => ended)),
        pause(this.#options.patienceMs, undefined, { signal: patience.signal }).catch(() => undefined),
      ])
      patience.abort()
      for (const timer of this.#timers.splice(0)) clearInterval(timer)
    }
    for (const post of this.#posts) {
      const left = [...post.running.values()]
      await post.queue
        .giveBack(left.map(({ row }) => ({ id: row.id, fence: row.fence })))
        .catch((error) => post.site.log.warn({ err: error }, 'jobs were not put back; their leases run out'))
      for (const { row, control } of left) control.abort(new JobFenced({ job: row.id }))
      await Promise.all(left.map(({ ended }) => ended))
      await this.#posts.leave(post)
    }
    await this.#beating
    this.#posts.clear()
  }

  #allRunning() {
    return [...this.#posts].flatMap((post) => [...post.running.values()])
  }

  /** One round over the sites; asked for while one is under way, another follows. */
  #pump(): Promise<void> {
    this.#again = true
    this.#pumping ??= (async () => {
      while (this.#again && !this.#isStopping) {
        this.#again = false
        await this.#round()
      }
    })()
      .catch((error) => this.#log(error))
      .finally(() => {
        this.#pumping = undefined
      })
    return this.#pumping
  }

  #log(error: unknown): void {
    const [post] = this.#posts
    post?.site.log.error({ err: error }, 'the worker stumbled')
  }

  async #round(): Promise<void> {
    await this.#posts.visit()
    const due = new Map<Post, Set<QueueName>>()
    for (const post of this.#posts.inTurn()) {
      const queues = await this.#guarded(post, () => this.#look(post))
      if (queues && queues.size > 0) due.set(post, queues)
    }
    while (due.size > 0 && !this.#isStopping) {
      for (const [post, queues] of due) {
        const take = this.#share(post, queues, due)
        const rows = take.size === 0 ? [] : ((await this.#guarded(post, () => this.#claim(post, take))) ?? [])
        // Whoever got less than its share has no more; whoever found no room is looked at again when there is some.
        for (const queue of queues) {
          const got = rows.filter((row) => row.queue === queue).length
          const wanted = take.get(queue)
          if (wanted !== undefined && got >= wanted) post.surely.add(queue)
          else {
            if (wanted !== undefined) post.surely.delete(queue)
            queues.delete(queue)
          }
        }
        if (queues.size === 0) due.delete(post)
      }
    }
  }

  /** A site that fails is left alone for a while, and the others go on. */
  async #guarded<T>(post: Post, work: () => Promise<T>): Promise<T | undefined> {
    if (post.quietUntil > Date.now()) return undefined
    try {
      return await work()
    } catch (error) {
      post.quietUntil = Date.now() + quietMs
      post.isDirty = true
      // A site that was dropped, or opened anew because it was made again: the next round knows better.
      const isClosed = DatabaseUnavailable.is(error) && error.data.reason === 'closed'
      if (isClosed) this.#posts.doubt()
      post.site.log[isClosed ? 'debug' : 'warn']({ err: error }, 'jobs of this site cannot be read now')
      return undefined
    }
  }

  /** Which queues have something due for which there is room. */
  async #look(post: Post): Promise<Set<QueueName>> {
    const { site, queue } = post
    const now = site.clock.now()
    const version = site.database.dataVersion?.()
    const isChanged = version === undefined || version !== post.version
    if (!post.isDirty && !isChanged && now < post.nextAt) return new Set()
    const roomy = this.#options.queues.filter((name) => this.#room(post, name) > 0)
    if (roomy.length === 0) return new Set()
    const known = roomy.filter((name) => post.surely.has(name))
    if (known.length > 0 && performance.now() - post.lookedAt < lookAgainMs) return new Set(known)
    post.lookedAt = performance.now()
    post.isDirty = roomy.length < this.#options.queues.length
    post.version = version
    let outlook = await queue.outlook(now, roomy)
    if (outlook.hasOrphans && (await queue.recover(now, mostLost)) > 0) outlook = await queue.outlook(now, roomy)
    post.nextAt = outlook.nextAt
    return new Set(outlook.due)
  }

  #free(queue: QueueName): number {
    let busy = 0
    for (const post of this.#posts) busy += post.atWork(queue)
    return Math.max(0, this.#options.slots - busy)
  }

  /** How many of a queue a site may have claimed beside those at work: as many as it gets through in a moment, and at least what begins at once. */
  #room(post: Post, queue: QueueName): number {
    const waiting = post.ready(queue).length
    // Fetched again when half of it is gone, so that there is always something to begin.
    return waiting > post.ahead(queue) / 2 ? 0 : this.#free(queue) + post.ahead(queue) - waiting
  }

  /** How many of each queue a site may take now, the others that want some being there too. */
  #share(post: Post, queues: ReadonlySet<QueueName>, due: ReadonlyMap<Post, ReadonlySet<QueueName>>): Map<QueueName, number> {
    const take = new Map<QueueName, number>()
    for (const queue of queues) {
      const room = this.#room(post, queue)
      const rivals = [...due.values()].filter((wanted) => wanted.has(queue)).length
      if (room > 0) take.set(queue, Math.max(1, Math.floor(room / rivals)))
    }
    return take
  }

  async #claim(post: Post, take: ReadonlyMap<QueueName, number>): Promise<JobRow[]> {
    post.isDirty = true
    const rows = await post.queue.claim(this.id, take, post.site.clock.now(), this.#options.leaseMs)
    post.takeIn(rows)
    this.#begin()
    if (rows.some((row) => Number(row.lost) > 0)) await this.#giveBackReady(post)
    return rows
  }

  /** Begins what was claimed, as far as there are free slots; sites take turns. */
  #begin(): void {
    for (const queue of this.#options.queues) {
      let free = this.#free(queue)
      let posts = free > 0 ? this.#posts.inTurn().filter((post) => post.ready(queue).length > 0) : []
      while (free > 0 && posts.length > 0) {
        for (const post of posts) {
          const row = free > 0 ? post.ready(queue).shift() : undefined
          if (!row) continue
          free--
          this.#launch(post, row)
        }
        posts = posts.filter((post) => post.ready(queue).length > 0)
      }
      for (const post of posts) this.#watchReady(post)
    }
  }

  #launch(post: Post, row: JobRow): void {
    const control = new AbortController()
    const isFree = post.begin(row.queue)
    const onWorked = (): void => {
      if (!isFree()) return
      this.#begin()
      if (!this.#isStopping && this.#room(post, row.queue) > 0) void this.#pump()
    }
    const ended = runJob(post.site, post.queue, row, control, { endings: post.endings, onWorked, fresh: post.freshen() })
      .then(
        (outcome) => jobRuns.inc({ queue: row.queue, outcome }),
        (error) => post.site.log.error({ err: error, job: row.id }, 'how a job ended was not written down; it runs again'),
      )
      .then(() => {
        post.running.delete(row.id)
        post.isDirty = true
        onWorked()
        if (post.isIdle && !this.#isStopping) void this.#pump()
      })
    post.running.set(row.id, { row, control, ended })
  }

  /** Jobs that were claimed ahead of one that takes its time are for others to run. */
  #watchReady(post: Post): void {
    if (post.readyTimer) return
    const before = post.begun
    post.readyTimer = setTimeout(() => {
      post.readyTimer = undefined
      if (!post.hasReady) return
      if (post.begun === before) void this.#giveBackReady(post)
      else this.#watchReady(post)
    }, patienceAheadMs)
  }

  /** Gives back what has not begun; from now on nothing is claimed ahead until jobs prove to be quick again. */
  async #giveBackReady(post: Post): Promise<void> {
    const rows = post.clearReady()
    if (rows.length === 0) return
    await post.queue
      .giveBack(rows.map(({ id, fence }) => ({ id, fence })))
      .catch((error) => post.site.log.warn({ err: error }, 'jobs were not put back; their leases run out'))
  }

  /** Tells every site that this worker lives, and its jobs when they are no longer its own. */
  async #beat(): Promise<void> {
    for (const { site, queue, running, isIdle } of this.#posts) {
      if (isIdle) continue
      const held = [...running.values()]
      try {
        const claims = await queue.renew(this.id, site.clock.now() + this.#options.leaseMs)
        const own = new Set(claims.map(({ id, fence }) => `${id} ${fence}`))
        for (const { row, control } of held) if (!own.has(`${row.id} ${row.fence}`)) control.abort(new JobFenced({ job: row.id }))
      } catch (error) {
        site.log.warn({ err: error }, 'leases could not be renewed')
      }
    }
  }
}
