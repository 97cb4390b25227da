import { randomUUID } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import { DatabaseUnavailable } from '#kernel/database/errors.ts'
import { sql } from '#kernel/database/sql.ts'
import { enqueueTick } from '#kernel/jobs/enqueue.ts'
import type { Site } from '#kernel/sites/site.ts'
import { lastLook, ledSites } from './figures.ts'
import { lastTick, nextTick } from './rhythm.ts'
import { noteTick, type Schedule, schedulesOf } from './schedules.ts'

const leases = sql.id('__Lease')
const leaseName = 'scheduler'
/** How long a leader leads without a sign of life, in milliseconds. */
const leaseMs = 30_000
/** A site is looked at after so many milliseconds though nothing is due: its apps, its time zone, its pause may have changed. */
const lookAgainMs = 30_000
const lookEvery = 1_000

export interface SchedulerOptions {
  readonly sites: () => Promise<readonly Site[]>
  /** Milliseconds between looks; default 1,000. */
  readonly lookMs?: number
}

/** Whether the site's schedules stand still, by `pause_scheduler` in its configuration. */
export function isPaused(site: Site): boolean {
  return site.config.pause_scheduler === true
}

/**
 * Enqueues the jobs of schedules when their time has come. Of several schedulers one leads a site at a time; each tick becomes one job
 * at most, whoever leads.
 */
export class Scheduler {
  readonly holder = randomUUID()
  readonly #sites: SchedulerOptions['sites']
  readonly #lookMs: number
  readonly #nextAt = new WeakMap<Site, number>()
  readonly #fences = new WeakMap<Site, number>()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #sitesAt = 0
  #known: readonly Site[] = []

  constructor({ sites, lookMs = lookEvery }: SchedulerOptions) {
    this.#sites = sites
    this.#lookMs = lookMs
  }

  start(): this {
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined
      })
    }, this.#lookMs)
    return this
  }

  /** Ends, and lets the next scheduler lead at once. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
    for (const site of this.#known) {
      const fence = this.#fences.get(site)
      if (fence === undefined) continue
      const statement = site.database.dialect.compile(
        sql`update ${leases} set until = 0 where name = ${leaseName} and holder = ${this.holder} and fence = ${fence}`,
      )
      await site.database
        .transaction((tx) => tx.execute(statement))
        .catch((error) => site.log.debug({ err: error }, 'the lead was not given back; it runs out'))
    }
  }

  async #look(): Promise<void> {
    if (Date.now() - this.#sitesAt >= 5 * this.#lookMs) {
      this.#sitesAt = Date.now()
      this.#known = await this.#sites().catch(() => this.#known)
    }
    lastLook.set(Date.now() / 1000)
    ledSites.set(this.#known.filter((site) => this.#fences.has(site)).length)
    for (const site of this.#known) {
      if (site.clock.now() < (this.#nextAt.get(site) ?? 0)) continue
      try {
        await this.tick(site)
      } catch (error) {
        this.#nextAt.set(site, site.clock.now() + lookAgainMs)
        // A site that was dropped, or made again: the next look knows better.
        const isClosed = DatabaseUnavailable.is(error) && error.data.reason === 'closed'
        if (isClosed) this.#sitesAt = 0
        site.log[isClosed ? 'debug' : 'warn']({ err: error }, 'schedules could not be looked at; they are again in a moment')
      }
    }
  }

  /**
   * Enqueues what is due on a site. Of the ticks that nobody was there for, the last one only: a process that slept for a week makes up
   * for each schedule once. @returns names of the schedules that ticked
   */
  async tick(site: Site): Promise<string[]> {
    await site.freshen()
    const now = site.clock.now()
    this.#nextAt.set(site, now + lookAgainMs)
    if (isPaused(site)) return []
    const schedules = await schedulesOf(site)
    if (!schedules.some((schedule) => isNew(schedule) || dueTick(site, schedule, now) !== undefined)) {
      this.#nextAt.set(site, Math.min(now + lookAgainMs, ...schedules.map((one) => following(site, one, now))))
      return []
    }
    return site.asSystem('schedules', (ctx) => this.#tickAsLeader(ctx, now))
  }

  async #tickAsLeader(ctx: Context, now: number): Promise<string[]> {
    if (!(await this.#leads(ctx, now))) return []
    const ticked: string[] = []
    const { site } = ctx
    // Read again behind the lease: another leader may have been here a moment ago.
    const schedules = await schedulesOf(site, ctx.db)
    for (const schedule of schedules) {
      const tick = isNew(schedule) ? now : dueTick(site, schedule, now)
      if (tick === undefined) continue
      await noteTick(ctx, schedule.name, tick, !isNew(schedule))
      // A schedule that has just come with its app begins with its next tick.
      if (isNew(schedule)) continue
      await enqueueTick(ctx, schedule, `tick ${schedule.name} ${tick}`)
      ticked.push(schedule.name)
    }
    ctx.afterCommit(() => void this.#nextAt.set(site, Math.min(now + lookAgainMs, ...schedules.map((one) => following(site, one, now)))))
    return ticked
  }

  /**
   * Takes or keeps the lead, with the lease's row locked until the commit. A leader that was thought dead finds another fence than its
   * own, and writes nothing.
   */
  async #leads(ctx: Context, now: number): Promise<boolean> {
    const { compile, forUpdate } = ctx.db.dialect
    await ctx.db.begin()
    const [lease] = await ctx.db.query<{ holder: string; until: number; fence: number }>(
      compile(sql`select holder, until, fence from ${leases} where name = ${leaseName} ${sql.raw(forUpdate)}`),
    )
    if (!lease) {
      await ctx.db.execute(
        compile(sql`insert into ${leases} (name, holder, until, fence) values (${leaseName}, ${this.holder}, ${now + leaseMs}, 1)`),
      )
      ctx.afterCommit(() => void this.#fences.set(ctx.site, 1))
      return true
    }
    const isOwn = lease.holder === this.holder && Number(lease.fence) === this.#fences.get(ctx.site)
    if (!isOwn && Number(lease.until) > now) return false
    const fence = isOwn ? Number(lease.fence) : Number(lease.fence) + 1
    await ctx.db.execute(
      compile(sql`update ${leases} set holder = ${this.holder}, until = ${now + leaseMs}, fence = ${fence} where name = ${leaseName}`),
    )
    ctx.afterCommit(() => void this.#fences.set(ctx.site, fence))
    return true
  }
}

function isNew(schedule: Schedule): boolean {
  return schedule.lastTick === undefined
}

/** The tick to make up for; undefined: none since the last one. */
function dueTick(site: Site, { every, lastTick: last = 0, isStopped }: Schedule, now: number): number | undefined {
  if (isStopped || nextTick(every, site.timeZone, last) > now) return undefined
  const tick = lastTick(every, site.timeZone, now)
  return tick !== undefined && tick > last ? tick : undefined
}

function following(site: Site, schedule: Schedule, now: number): number {
  return schedule.isStopped ? Number.POSITIVE_INFINITY : nextTick(schedule.every, site.timeZone, now)
}
