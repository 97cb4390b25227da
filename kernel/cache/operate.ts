import { partsOf } from '#kernel/apps/apps.ts'
import type { Context } from '#kernel/context/context.ts'
import { gauge } from '#kernel/metrics/metrics.ts'
import type { Site } from '#kernel/sites/site.ts'
import type { AnyCache } from './cache.ts'
import { CacheNotFound } from './errors.ts'
import { sharedStoreOf } from './stores.ts'

const sizes = gauge({ name: 'px_cache_entries', help: 'Entries that the process holds, as last asked for.', labels: ['cache'] })
const memory = gauge({ name: 'px_cache_memory_bytes', help: 'Memory of the store that processes share, as last asked for.' })

/** How a cache does, for operators; counted since the process began. */
export interface CacheStatus {
  readonly name: string
  readonly level: string
  readonly hits: number
  readonly misses: number
  /** Misses of the process that the shared store answered. */
  readonly shared_hits: number
  readonly loads: number
  /** Milliseconds that a load took on average. */
  readonly load_ms: number
  readonly failures: number
  readonly evictions: number
  readonly entries: number
}

export interface CachesStatus {
  /** `redis`, or `none` where each process remembers for itself. */
  readonly store: string
  readonly memory_used_mb: number | null
  readonly keys_total: number
  /** 0–1; null where nobody has asked yet. */
  readonly hit_rate: number | null
  readonly evicted_keys: number
  readonly connected_clients: number | null
  readonly caches: readonly CacheStatus[]
}

/** The caches that the site's apps declare. */
export function cachesOf(site: Site): readonly AnyCache[] {
  return site.apps.all.flatMap(partsOf).flatMap((part) => part.caches ?? [])
}

/** How the site's caches do in this process, and what the shared store says of itself. */
export async function cachesStatus(site: Site): Promise<CachesStatus> {
  const store = await sharedStoreOf(site)
  const shared = await store.figures()
  const caches = cachesOf(site).map((cache) => statusOf(cache, site))
  for (const { name, entries } of caches) sizes.set({ cache: name }, entries)
  if (shared.bytes !== undefined) memory.set(shared.bytes)
  const sum = (of: (cache: CacheStatus) => number) => caches.reduce((total, cache) => total + of(cache), 0)
  const [hits, misses] = [sum((cache) => cache.hits + cache.shared_hits), sum((cache) => cache.misses - cache.shared_hits)]
  return {
    store: store.name,
    memory_used_mb: shared.bytes === undefined ? null : Math.round(shared.bytes / 10_000) / 100,
    keys_total: shared.entries ?? sum((cache) => cache.entries),
    hit_rate: hits + misses === 0 ? null : Math.round((hits / (hits + misses)) * 1000) / 1000,
    evicted_keys: shared.evictions ?? sum((cache) => cache.evictions),
    connected_clients: shared.clients ?? null,
    caches,
  }
}

function statusOf(cache: AnyCache, site: Site): CacheStatus {
  const { hits, misses, sharedHits, loads, loadMs, failures, evictions } = cache.figuresOf(site)
  return {
    name: cache.name,
    level: cache.level,
    hits,
    misses,
    shared_hits: sharedHits,
    loads,
    load_ms: loads === 0 ? 0 : Math.round((loadMs / loads) * 100) / 100,
    failures,
    evictions,
    entries: cache.sizeOf(site),
  }
}

/** Empties one cache, or all of them, in every process, with the caller's commit. @returns their names @throws CacheNotFound */
export async function clearCaches(ctx: Context, name?: string): Promise<string[]> {
  const caches = cachesOf(ctx.site).filter((cache) => name === undefined || cache.name === name)
  if (name !== undefined && caches.length === 0) throw new CacheNotFound({ cache: name.slice(0, 100) })
  for (const cache of caches) await cache.invalidateAll(ctx)
  return caches.map((cache) => cache.name)
}

/** Fills what the declarations name, for the processes that share a store with this one. @returns entries by cache */
export async function warmCaches(site: Site): Promise<Record<string, number>> {
  const warmed: Record<string, number> = {}
  for (const cache of cachesOf(site)) {
    const count = await site.asSystem(`warm the cache ${cache.name}`, (ctx) => cache.warm(ctx))
    if (count > 0) warmed[cache.name] = count
  }
  return warmed
}
