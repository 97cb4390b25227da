import { redisUrl, wireOf } from '#kernel/redis/wire.ts'
import type { Site } from '#kernel/sites/site.ts'
import { DatabaseQueue } from './database-queue.ts'
import type { JobQueue } from './job-queue.ts'

/** Who hands out the site's jobs, by `queue` in its configuration; `redis` needs `redis_url` too. */
export function queueDriver(site: Site): 'database' | 'redis' {
  return site.config.queue === 'redis' && redisUrl(site) !== undefined ? 'redis' : 'database'
}

/** The site's queue for a worker, which closes it at the end. */
export async function openQueue(site: Site): Promise<JobQueue> {
  const wire = queueDriver(site) === 'redis' ? await wireOf(site) : undefined
  if (!wire) return new DatabaseQueue(site)
  // Loaded on demand: BullMQ is for those who asked for it.
  const [{ RedisQueue }, { Tickets }] = await Promise.all([import('./redis-queue.ts'), import('./tickets.ts')])
  return new RedisQueue(site, new Tickets(wire, site.host))
}
