import { readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { collectDefaultMetrics } from 'prom-client'
import { sql } from '#kernel/database/sql.ts'
import { counter, gauge, registry } from '#kernel/metrics/metrics.ts'
import type { Runtime } from '#kernel/sites/runtime.ts'
import type { Site } from '#kernel/sites/site.ts'

const jobs = sql.id('__Job')

/**
 * Figures that are read when somebody asks for them: the process, the disk, the pools, the queues of the sites that are open here.
 * A process asks for them once, for its one runtime.
 */
export function registerProcessFigures(runtime: Runtime, version: string): void {
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 20 })
  gauge({ name: 'px_build_info', help: 'The running version', labels: ['version'] }).set({ version }, 1)
  gauge({ name: 'px_memory_limit_bytes', help: 'Memory that the process may use' }, (figure) => figure.set(memoryLimit()))
  registerDisk(runtime.sitesFolder)
  const failures = counter({ name: 'px_site_figures_failed_total', help: 'Sites whose figures could not be read' })
  const sizes = poolFigures()
  const queues = queueFigures()
  gauge({ name: 'px_site_up', help: 'Whether the database of an open site answers', labels: ['site'] }, async (up) => {
    for (const figure of [up, ...Object.values(sizes), ...Object.values(queues)]) figure.reset()
    const sites = await runtime.opened()
    for (const site of sites) {
      try {
        await readQueues(site, queues)
        up.set({ site: site.host }, 1)
      } catch {
        failures.inc()
        up.set({ site: site.host }, 0)
      }
    }
    readPools(sites, sizes)
  })
}

function poolFigures() {
  return {
    connections: gauge({ name: 'px_db_pool_connections', help: 'Connections to databases', labels: ['state'] }),
    most: gauge({ name: 'px_db_pool_max', help: 'Connections at most' }),
    waiting: gauge({ name: 'px_db_pool_waiting', help: 'Units of work that wait for a connection or their turn to write' }),
  }
}

function readPools(sites: readonly Site[], { connections, most, waiting }: ReturnType<typeof poolFigures>): void {
  const sum = { inUse: 0, idle: 0, most: 0, waiting: 0 }
  for (const site of sites) {
    const load = site.database.load()
    for (const key of ['inUse', 'idle', 'most', 'waiting'] as const) sum[key] += load[key]
  }
  connections.set({ state: 'in_use' }, sum.inUse)
  connections.set({ state: 'idle' }, sum.idle)
  most.set(sum.most)
  waiting.set(sum.waiting)
}

function queueFigures() {
  return {
    counts: gauge({ name: 'px_jobs', help: 'Jobs that are not done', labels: ['queue', 'state'] }),
    ages: gauge({ name: 'px_job_oldest_age_seconds', help: 'How long the oldest due job has been due', labels: ['queue'] }),
    dead: gauge({ name: 'px_jobs_dead', help: 'Jobs that a person must look at', labels: ['site'] }),
  }
}

interface QueueRow {
  queue: string
  state: string
  number: number
  oldest: number
}

async function readQueues(site: Site, { counts, ages, dead }: ReturnType<typeof queueFigures>): Promise<void> {
  // Finished jobs are many and nobody's concern; the index begins with the state.
  const rows = await site.database.query<QueueRow>(
    site.database.dialect.compile(sql`select queue, state, count(*) as number, min(run_at) as oldest from ${jobs}
      where state in ('queued', 'waiting', 'running', 'failed') group by state, queue`),
  )
  const known = await ages.get()
  for (const { queue, state, number, oldest } of rows) {
    counts.inc({ queue, state }, Number(number))
    if (state === 'failed') dead.inc({ site: site.host }, Number(number))
    const age = (site.clock.now() - Number(oldest)) / 1000
    const before = known.values.find((value) => value.labels.queue === queue)?.value ?? 0
    if (state === 'queued' && age > before) ages.set({ queue }, age)
  }
}

function registerDisk(folder: string): void {
  const used = gauge({ name: 'px_disk_used_bytes', help: 'Bytes in use where the sites are', labels: ['mount'] })
  gauge({ name: 'px_disk_size_bytes', help: 'Size of the disk where the sites are', labels: ['mount'] }, async (size) => {
    const disk = await statfs(folder).catch(() => undefined)
    if (!disk) return
    // As df counts it: what only the system's own user may fill is no room.
    const inUse = (disk.blocks - disk.bfree) * disk.bsize
    used.set({ mount: 'sites' }, inUse)
    size.set({ mount: 'sites' }, inUse + disk.bavail * disk.bsize)
  })
}

/** Bytes: the limit of the container, else what the machine has. */
export function memoryLimit(): number {
  for (const file of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    try {
      const limit = Number(readFileSync(file, 'utf8'))
      if (limit > 0 && limit < totalmem()) return limit
    } catch {
      // Not in such a container.
    }
  }
  return totalmem()
}
