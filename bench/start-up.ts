import { cp, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pino } from 'pino'
import { createSite } from '#kernel/sites/create-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import { load, rawRequest } from './load.ts'
import { startProcess } from './measured-process.ts'
import { median } from './compare.ts'
import type { Finding } from './report.ts'
import { appFolders, temporarySites } from './world.ts'

const siteCount = 20

/**
 * What a process with 20 idle sites needs until it listens with all of them open, and until each has answered once. The compile cache is
 * warm, as it is from the second start on.
 */
export async function startUp(starts: number): Promise<Finding[]> {
  const sitesFolder = await temporarySites()
  try {
    const hosts = await manySites(sitesFolder)
    const settings = { sitesFolder, appFolders, open: hosts }
    const cpu: number[] = []
    const wall: number[] = []
    const rss: number[] = []
    const rssAfter: number[] = []
    for (let start = -1; start < starts; start++) {
      const server = await startProcess('our-server.ts', settings)
      if (start >= 0) {
        cpu.push(server.atStart.cpu / 1000)
        wall.push(server.atStart.wall)
        rss.push(server.atStart.rss / 1e6)
        await load(
          server.port,
          1,
          (number) => rawRequest('GET', '/api/method/ping', { 'X-Frappe-Site-Name': hosts[number] ?? '' }),
          (sent) => sent >= hosts.length,
        )
        rssAfter.push((await server.usage()).rss / 1e6)
      }
      await server.stop()
    }
    const facts = { engine: 'sqlite' } as const
    return [
      { ...facts, what: `ready with ${siteCount} idle sites`, unit: 'ms of CPU', ours: median(cpu), limit: 1000, compares: 'at most' },
      { ...facts, what: 'the same by the clock (a second start)', unit: 'ms', ours: median(wall), limit: 2000, compares: 'at most' },
      { ...facts, what: `memory when ready, ${siteCount} idle sites`, unit: 'MB', ours: median(rss), limit: 150, compares: 'at most' },
      { ...facts, what: 'memory after each site answered once', unit: 'MB', ours: median(rssAfter), limit: 150, compares: 'at most' },
    ]
  } finally {
    await rm(dirname(sitesFolder), { recursive: true, force: true })
  }
}

/** One site that is made, and copies of it. */
async function manySites(sitesFolder: string): Promise<string[]> {
  const hosts = Array.from({ length: siteCount }, (_, number) => `idle-${number}.localhost`)
  const [first = '', ...others] = hosts
  const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
  try {
    await createSite(runtime, { host: first, adminPassword: 'fake-Administrator-pass-1' })
  } finally {
    await runtime.close()
  }
  for (const host of others) await cp(join(sitesFolder, first), join(sitesFolder, host), { recursive: true })
  return hosts
}
