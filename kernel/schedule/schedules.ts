import { partsOf } from '#kernel/apps/apps.ts'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { enqueueTick } from '#kernel/jobs/enqueue.ts'
import { recordAudit } from '#kernel/audit/audit.ts'
import type { Site } from '#kernel/sites/site.ts'
import { ScheduleNotFound } from './errors.ts'
import { nextTick } from './rhythm.ts'

const table = sql.id('__Schedule')

/** A schedule of an installed app, with what is known of it. Times in milliseconds since 1970. */
export interface Schedule {
  /** `app.job every`. */
  readonly name: string
  /** `app.job`. */
  readonly job: string
  readonly every: string
  /** What the job is told beside. */
  readonly of?: string
  /** Undefined: never. */
  readonly lastTick: number | undefined
  readonly isStopped: boolean
}

/** Every schedule of the site's apps. @param db the reader; default: committed state */
export async function schedulesOf(site: Site, db: Pick<Context['db'], 'query'> = site.database): Promise<Schedule[]> {
  const rows = await db.query<{ name: string; last_tick: number; stopped: number }>(
    site.database.dialect.compile(sql`select name, last_tick, stopped from ${table}`),
  )
  const known = new Map(rows.map((row) => [row.name, row]))
  const schedules: Schedule[] = []
  for (const app of site.apps.all) {
    const own = await Promise.all(partsOf(app).map((part) => part.siteSchedules?.(site) ?? []))
    for (const { job, every, of } of [...(app.schedules ?? []), ...own.flat()]) {
      const name = `${app.name}.${job} ${of === undefined ? '' : `${of} `}${every}`
      const row = known.get(name)
      const lastTick = row && Number(row.last_tick)
      schedules.push({ name, job: `${app.name}.${job}`, every, ...(of !== undefined && { of }), lastTick, isStopped: row?.stopped === 1 })
    }
  }
  return schedules
}

/** When it comes round next in the site's time zone; `Infinity`: it is stopped. */
export function nextRunOf(site: Site, schedule: Schedule): number {
  if (schedule.isStopped) return Number.POSITIVE_INFINITY
  return nextTick(schedule.every, site.timeZone, Math.max(schedule.lastTick ?? 0, site.clock.now()))
}

/** Writes down when it ticked last. */
export async function noteTick(ctx: Context, name: string, tick: number, isKnown: boolean): Promise<void> {
  const { compile } = ctx.db.dialect
  await ctx.db.execute(
    isKnown
      ? compile(sql`update ${table} set last_tick = ${tick} where name = ${name}`)
      : compile(sql`insert into ${table} (name, last_tick, stopped) values (${name}, ${tick}, 0)`),
  )
}

/** Stops a schedule, or lets it go on; it does not run for the time it stood still. @throws ScheduleNotFound */
export async function stopSchedule(ctx: Context, name: string, isStopped: boolean): Promise<void> {
  await ctx.db.begin()
  const schedule = await findSchedule(ctx, name)
  if (schedule.isStopped === isStopped) return
  await noteTick(ctx, name, ctx.clock.now(), schedule.lastTick !== undefined)
  await ctx.db.execute(ctx.db.dialect.compile(sql`update ${table} set stopped = ${isStopped ? 1 : 0} where name = ${name}`))
  await recordAudit(ctx, { action: isStopped ? 'stop' : 'resume', doctype: 'Scheduled Job Type', name })
}

/** Runs a schedule's job now, beside its ticks. @param name of the schedule, or of the job @returns the job's id @throws ScheduleNotFound */
export async function triggerSchedule(ctx: Context, name: string): Promise<string> {
  const schedule = await findSchedule(ctx, name)
  await recordAudit(ctx, { action: 'trigger', doctype: 'Scheduled Job Type', name: schedule.name })
  const { id } = await enqueueTick(ctx, schedule, `trigger ${ctx.request.id} ${ctx.clock.now()}`)
  return id
}

async function findSchedule(ctx: Context, name: string): Promise<Schedule> {
  const schedules = await schedulesOf(ctx.site, ctx.db)
  const found = schedules.find((one) => one.name === name) ?? schedules.find((one) => one.job === name)
  if (!found) throw new ScheduleNotFound({ name: name.slice(0, 300) })
  return found
}
