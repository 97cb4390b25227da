import type { Site } from '#kernel/sites/site.ts'

/** Who in this process wants to know that a site got work. */
const listeners = new WeakMap<Site, Set<() => void>>()

/** Tells the workers of this process that the site has work for them. */
export function wakeWorkers(site: Site): void {
  for (const listener of listeners.get(site) ?? []) listener()
}

/** @returns how to stop listening */
export function onWork(site: Site, listener: () => void): () => void {
  const known = listeners.get(site) ?? new Set()
  listeners.set(site, known.add(listener))
  return () => void known.delete(listener)
}
