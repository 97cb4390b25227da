import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pino } from 'pino'
import { sql } from '#kernel/database/sql.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { readJobs } from '#kernel/jobs/manage.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { createSite, dropSite } from '#kernel/sites/create-site.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import { bossRate } from './jobs-floor.ts'
import { startProcess } from './measured-process.ts'
import type { Engine, Finding } from './report.ts'
import { appFolders, temporarySites } from './world.ts'

export interface JobsWorld {
  readonly engine: Engine
  /** A server on which the database is made; absent for SQLite. */
  readonly url?: string
  /** Puts the driver for Redis before the database. */
  readonly redis?: string
}

interface Open {
  readonly site: OpenSite
  readonly sitesFolder: string
}

/** Jobs that do nothing, per second, and how long one waits where nothing else happens. */
export async function jobSpeed(world: JobsWorld, count: number): Promise<Finding[]> {
  return inSite(world, async ({ site, sitesFolder }) => {
    const driver = world.redis ? ', queue on Redis' : ''
    const about = { engine: world.engine } as const
    // First, because what a burst leaves in the tables takes the database a while to clear away.
    const [here, there] = [await waits(site, 200), await waitsElsewhere(site, sitesFolder, 100)]
    await drained(site, Math.min(count, 2000))
    const rates: number[] = []
    const bossRates: number[] = []
    for (let round = 0; round < 3; round++) {
      rates.push(await drained(site, count))
      if (world.engine === 'postgres' && world.url && !world.redis) bossRates.push(await bossRate(world.url, count))
    }
    const ours = Math.max(...rates)
    const compared = bossRates.length > 0 ? { floor: Math.max(...bossRates), limit: Math.max(...bossRates) } : {}
    const promised = world.engine === 'sqlite' && !world.redis ? { limit: 5000 } : {}
    return [
      { ...about, what: `jobs that do nothing${driver}`, unit: 'per second', ours, ...compared, ...promised, compares: 'at least' },
      { ...about, what: `enqueued to started, idle${driver}: half`, unit: 'ms', ours: at(here, 0.5), limit: 10, compares: 'at most' },
      {
        ...about,
        what: `enqueued to started, idle${driver}: slowest hundredth`,
        unit: 'ms',
        ours: at(here, 0.99),
        limit: 100,
        compares: 'at most',
      },
      { ...about, what: `the same in another process${driver}: half`, unit: 'ms', ours: at(there, 0.5), compares: 'at most' },
      { ...about, what: `the same in another process${driver}: slowest hundredth`, unit: 'ms', ours: at(there, 0.99), compares: 'at most' },
    ]
  })
}

async function inSite<T>({ engine, url, redis }: JobsWorld, work: (open: Open) => Promise<T>): Promise<T> {
  const sitesFolder = await temporarySites()
  const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
  const host = `bench-jobs-${process.pid}.localhost`
  try {
    const { site } = await createSite(runtime, {
      host,
      adminPassword: 'fake-Administrator-pass-1',
      dbType: engine,
      installApps: ['bench'],
      // As sites are: what is acknowledged is on the disk.
      config: redis ? { queue: 'redis', redis_url: redis } : {},
      ...(url && { dbUrl: url }),
    })
    return await work({ site, sitesFolder })
  } finally {
    await dropSite(runtime, host)
    await runtime.close()
    await rm(dirname(sitesFolder), { recursive: true, force: true })
  }
}

/** Jobs per second that one worker runs, from the first look to the last end. */
async function drained(site: OpenSite, count: number): Promise<number> {
  for (let made = 0; made < count; made += 1000)
    await site.asSystem('bench', async (ctx) => {
      for (let n = made; n < Math.min(count, made + 1000); n++) await enqueue(ctx, 'bench.nothing')
    })
  const started = performance.now()
  await new Worker({ sites: async () => [site] }).drain()
  const rate = (count / (performance.now() - started)) * 1000
  const { compile } = site.database.dialect
  const [left] = await site.database.query<{ n: number }>(
    compile(sql`select count(*) as n from ${sql.id('__Job')} where state <> ${'finished'}`),
  )
  if (Number(left?.n) > 0) throw new Error(`${left?.n} jobs have not ended well.`)
  await site.database.transaction((tx) => tx.execute(compile(sql`delete from ${sql.id('__Job')}`)))
  return rate
}

/** Milliseconds from the commit that asked for a job to its start, one at a time, in rising order. */
async function waits(site: OpenSite, count: number): Promise<number[]> {
  const worker = new Worker({ sites: async () => [site] }).start()
  const found = await oneByOne(site, count)
  await worker.stop()
  return found
}

/** As `waits`, the worker being a process of its own. */
async function waitsElsewhere(site: OpenSite, sitesFolder: string, count: number): Promise<number[]> {
  const worker = await startProcess('job-server.ts', { sitesFolder, appFolders, site: site.host })
  try {
    return await oneByOne(site, count)
  } finally {
    await worker.stop()
  }
}

async function oneByOne(site: OpenSite, count: number): Promise<number[]> {
  const found: number[] = []
  // The first ones wake up what sleeps and are not counted.
  for (let n = -10; n < count; n++) {
    const { id } = await site.asSystem('bench', (ctx) => enqueue(ctx, 'bench.started'))
    const asked = Date.now()
    for (;;) {
      await new Promise((done) => setTimeout(done, 15))
      const [row] = await readJobs(site, { limit: 1 })
      if (row?.id !== id || row.state !== 'finished') continue
      if (n >= 0) found.push(Math.max(0, Number(row.result) - asked))
      break
    }
  }
  return found.sort((a, b) => a - b)
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
