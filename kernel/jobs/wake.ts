import { redisUrl, wireOf } from '#kernel/redis/wire.ts'
import type { Site } from '#kernel/sites/site.ts'

/** Who in this process wants to know that a site got work. */
const listeners = new WeakMap<Site, Set<() => void>>()
/** Sites of which others are about to be told. */
const telling = new WeakSet<Site>()

/** Tells workers that the site has work for them: those of this process at once, and those of others where they share a Redis. */
export function wakeWorkers(site: Site): void {
  for (const listener of listeners.get(site) ?? []) listener()
  if (redisUrl(site) === undefined || telling.has(site)) return
  telling.add(site)
  // Once for all that a transaction asked for. Nobody hears it while Redis is away: workers look by themselves, too.
  setImmediate(() => {
    telling.delete(site)
    void wireOf(site)
      ?.then((wire) => wire.publish(channelOf(site), ''))
      .catch(() => undefined)
  })
}

/** @returns how to stop listening */
export function onWork(site: Site, listener: () => void): () => void {
  const known = listeners.get(site) ?? new Set()
  listeners.set(site, known.add(listener))
  let hasStopped = false
  let stop: (() => void) | undefined
  void wireOf(site)?.then(
    (wire) => {
      if (!hasStopped) stop = wire.listen(channelOf(site), listener)
    },
    () => undefined,
  )
  return () => {
    hasStopped = true
    known.delete(listener)
    stop?.()
  }
}

function channelOf(site: Site): string {
  return `orc:${site.host}:work`
}
