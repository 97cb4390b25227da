import { cp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pino } from 'pino'
import { Scheduler } from '#kernel/schedule/scheduler.ts'
import { createSite } from '#kernel/sites/create-site.ts'
import type { OpenSite } from '#kernel/sites/open-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import type { Finding } from './report.ts'
import { appFolders, temporarySites } from './world.ts'

/** How long the scheduler takes to enqueue what is due on every one of many sites, and to find that nothing is. */
export async function schedulerTick(sites: number): Promise<Finding[]> {
  const sitesFolder = await temporarySites()
  let ahead = 0
  const clock = { now: () => Date.now() + ahead }
  const runtime = await openRuntime({ sitesFolder, appFolders, clock, log: pino({ level: 'silent' }) })
  try {
    const hosts = Array.from({ length: sites }, (_, number) => `tick-${number}.localhost`)
    const [first = '', ...others] = hosts
    await createSite(runtime, { host: first, adminPassword: 'fake-Administrator-pass-1', installApps: ['bench'] })
    await runtime.release(first)
    for (const host of others) await cp(join(sitesFolder, first), join(sitesFolder, host), { recursive: true })
    const opened: OpenSite[] = []
    for (const host of hosts) opened.push(await runtime.site(host))
    const scheduler = new Scheduler({ sites: async () => opened })
    const look = async (): Promise<{ seconds: number; ticks: number }> => {
      const started = performance.now()
      let ticks = 0
      for (const site of opened) ticks += (await scheduler.tick(site)).length
      return { seconds: (performance.now() - started) / 1000, ticks }
    }
    // The first look notes the schedules, which begin with their next tick.
    await look()
    ahead = 5 * 60_000
    const due = await look()
    if (due.ticks < sites) throw new Error(`Only ${due.ticks} ticks came on ${sites} sites.`)
    const idle = await look()
    const what = `scheduler over ${sites.toLocaleString('en')} sites`
    const facts = { engine: 'sqlite', unit: 's', compares: 'at most' } as const
    return [
      { ...facts, what: `${what}: all have something due`, ours: due.seconds, limit: 10 },
      { ...facts, what: `${what}: nothing is due`, ours: idle.seconds },
    ]
  } finally {
    await runtime.close()
    await rm(dirname(sitesFolder), { recursive: true, force: true })
  }
}
