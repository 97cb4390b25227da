import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { DatabaseUnavailable } from '#kernel/database/errors.ts'
import type { Site } from '#kernel/sites/site.ts'
import { DatabaseQueue } from './database-queue.ts'
import { JobFenced } from './errors.ts'
import { type JobRow, type QueueName, queueNames } from './job.ts'
import type { JobQueue } from './job-queue.ts'
import { runJob } from './run-job.ts'
import { onWork } from './wake.ts'

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
  /** Milliseconds until work that another process enqueued is noticed; default 1,000. */
  readonly pollMs?: number
  /** Milliseconds that jobs get to end when the worker is told to; default 10,000. */
  readonly patienceMs?: number
}

interface Running {
  readonly row: JobRow
  readonly control: AbortController
  readonly ended: Promise<void>
}

/** A site as the worker sees it. */
interface Post {
  readonly site: Site
  readonly queue: JobQueue
  readonly running: Map<string, Running>
  readonly stopListening: () => void
  /** Something happened since the last look. */
  isDirty: boolean
  version: number | undefined
  /** When the next thing becomes due, as far as was known at the last look. */
  nextAt: number
  /** Not looked at before: something is wrong with it. */
  quietUntil: number
}

const sitesEvery = 5_000
/** Times a job may lose its worker before a person must look. */
const mostLost = 5
/** How long a site that cannot be read is left alone, in milliseconds. */
const quietMs = 15_000

/**
 * Runs jobs of many sites in one process. Sites take turns: while several have work, none gets more than its share of the free slots.
 * Work enqueued in this process is noticed at once, that of others by looking: on SQLite at a counter, elsewhere at an index.
 */
export class Worker {
  readonly id = `${hostname().slice(0, 80)}:${process.pid}:${randomBytes(6).toString('hex')}`
  readonly #options: Required<WorkerOptions>
  readonly #posts = new Map<Site, Post>()
  readonly #timers: NodeJS.Timeout[] = []
  #sitesAt = 0
  #turn = 0
  #pumping: Promise<void> | undefined
  #again = false
  #isStopping = false
  #beating: Promise<void> | undefined

  constructor(options: WorkerOptions) {
    const leaseMs = options.leaseMs ?? 20_000
    this.#options = {
      queues: queueNames,
      slots: 4,
      leaseMs,
      heartbeatMs: leaseMs / 4,
      pollMs: 1_000,
      patienceMs: 10_000,
      ...options,
    }
  }

  start(): this {
    this.#timers.push(setInterval(() => void this.#pump(), this.#options.pollMs))
    this.#keepAlive()
    void this.#pump()
    return this
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
        for (const post of this.#posts.values()) post.isDirty = true
        await this.#pump()
        const running = this.#allRunning()
        // Nothing to run here, and yet something due: another worker is about to take it.
        await (running.length > 0 ? Promise.race(running.map(({ ended }) => ended)) : pause(5))
      } while (this.#allRunning().length > 0 || (await this.#hasDue()))
    } finally {
      await this.stop()
    }
  }

  async #hasDue(): Promise<boolean> {
    for (const post of this.#posts.values()) {
      const outlook = await this.#guarded(post, () => post.queue.outlook(post.site.clock.now(), this.#options.queues))
      if (outlook && (outlook.due.length > 0 || outlook.hasOrphans)) return true
    }
    return false
  }

  /** Takes no more jobs, lets those under way end, and puts back what takes too long. */
  async stop(): Promise<void> {
    this.#isStopping = true
    for (const timer of this.#timers.splice(0)) clearInterval(timer)
    await this.#pumping
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
    for (const post of this.#posts.values()) {
      const left = [...post.running.values()]
      await post.queue
        .giveBack(left.map(({ row }) => ({ id: row.id, fence: row.fence })))
        .catch((error) => post.site.log.warn({ err: error }, 'jobs were not put back; their leases run out'))
      for (const { row, control } of left) control.abort(new JobFenced({ job: row.id }))
      await Promise.all(left.map(({ ended }) => ended))
      post.stopListening()
    }
    await this.#beating
    this.#posts.clear()
  }

  #allRunning(): Running[] {
    return [...this.#posts.values()].flatMap((post) => [...post.running.values()])
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
    const [post] = this.#posts.values()
    post?.site.log.error({ err: error }, 'the worker stumbled')
  }

  async #round(): Promise<void> {
    if (Date.now() - this.#sitesAt >= sitesEvery || this.#posts.size === 0) await this.#visitSites()
    const due = new Map<Post, Set<QueueName>>()
    for (const post of this.#inTurn()) {
      const queues = await this.#guarded(post, () => this.#look(post))
      if (queues && queues.size > 0) due.set(post, queues)
    }
    while (due.size > 0 && !this.#isStopping) {
      for (const [post, queues] of due) {
        const take = this.#share(queues, due)
        const rows = take.size === 0 ? [] : await this.#guarded(post, () => this.#claim(post, take))
        for (const row of rows ?? []) this.#launch(post, row)
        // Whoever got less than its share has no more; whoever found no free slot is looked at again when one becomes free.
        for (const queue of queues) {
          const got = (rows ?? []).filter((row) => row.queue === queue).length
          if (got < (take.get(queue) ?? 1)) queues.delete(queue)
        }
        if (queues.size === 0) due.delete(post)
      }
    }
  }

  async #visitSites(): Promise<void> {
    this.#sitesAt = Date.now()
    const sites = new Set(await this.#options.sites())
    for (const [site, post] of this.#posts)
      if (!sites.has(site) && post.running.size === 0) {
        post.stopListening()
        this.#posts.delete(site)
      }
    for (const site of sites) if (!this.#posts.has(site)) this.#posts.set(site, this.#newPost(site))
  }

  #newPost(site: Site): Post {
    const stopListening = onWork(site, () => {
      const post = this.#posts.get(site)
      if (post) post.isDirty = true
      if (!this.#isStopping) void this.#pump()
    })
    const queue = new DatabaseQueue(site)
    return { site, queue, running: new Map(), stopListening, isDirty: true, version: undefined, nextAt: 0, quietUntil: 0 }
  }

  /** The sites, each round beginning with another one. */
  #inTurn(): Post[] {
    const posts = [...this.#posts.values()]
    const from = posts.length === 0 ? 0 : this.#turn++ % posts.length
    return [...posts.slice(from), ...posts.slice(0, from)]
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
      if (isClosed) this.#sitesAt = 0
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
    const roomy = this.#options.queues.filter((name) => this.#free(name) > 0)
    if (roomy.length === 0) return new Set()
    post.isDirty = roomy.length < this.#options.queues.length
    post.version = version
    let outlook = await queue.outlook(now, roomy)
    if (outlook.hasOrphans && (await queue.recover(now, mostLost)) > 0) outlook = await queue.outlook(now, roomy)
    post.nextAt = outlook.nextAt
    return new Set(outlook.due)
  }

  #free(queue: QueueName): number {
    const busy = this.#allRunning().filter(({ row }) => row.queue === queue).length
    return Math.max(0, this.#options.slots - busy)
  }

  /** How many of each queue a site may take now, the others that want some being there too. */
  #share(queues: ReadonlySet<QueueName>, due: ReadonlyMap<Post, ReadonlySet<QueueName>>): Map<QueueName, number> {
    const take = new Map<QueueName, number>()
    for (const queue of queues) {
      const free = this.#free(queue)
      const rivals = [...due.values()].filter((wanted) => wanted.has(queue)).length
      if (free > 0) take.set(queue, Math.max(1, Math.floor(free / rivals)))
    }
    return take
  }

  #claim(post: Post, take: ReadonlyMap<QueueName, number>): Promise<JobRow[]> {
    post.isDirty = true
    return post.queue.claim(this.id, take, post.site.clock.now(), this.#options.leaseMs)
  }

  #launch(post: Post, row: JobRow): void {
    const control = new AbortController()
    const ended = runJob(post.site, post.queue, row, control)
      .then(
        () => undefined,
        (error) => post.site.log.error({ err: error, job: row.id }, 'how a job ended was not written down; it runs again'),
      )
      .then(() => {
        post.running.delete(row.id)
        post.isDirty = true
        if (!this.#isStopping) void this.#pump()
      })
    post.running.set(row.id, { row, control, ended })
  }

  /** Tells every site that this worker lives, and its jobs when they are no longer its own. */
  async #beat(): Promise<void> {
    for (const { site, queue, running } of this.#posts.values()) {
      if (running.size === 0) continue
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
