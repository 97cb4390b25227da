import type { Site } from '#kernel/sites/site.ts'
import { type CacheStore, noStore } from './store.ts'

const stores = new WeakMap<Site, Promise<CacheStore> | CacheStore>()

/** What the site's processes share: Redis when the site config has `redis_url` or Frappe's `redis_cache`; else nothing. */
export function sharedStoreOf(site: Site): Promise<CacheStore> | CacheStore {
  const known = stores.get(site)
  if (known) return known
  const url = site.config.redis_url ?? site.config.redis_cache
  const made = typeof url === 'string' && url !== '' ? openRedis(site, url) : noStore
  stores.set(site, made)
  return made
}

async function openRedis(site: Site, url: string): Promise<CacheStore> {
  // Loaded on demand: most sites never need the client.
  const { RedisStore } = await import('./redis-store.ts')
  const store = new RedisStore(url, `orc:${site.host}:cache:`)
  stores.set(site, store)
  return store
}

/** Lets go of the site's connection, if it has one; part of closing a site. */
export async function closeCaches(site: Site): Promise<void> {
  const store = stores.get(site)
  stores.delete(site)
  await (await store)?.close()
}

/** Gives a site another store than its configuration says, such as one that several sites of a test share. */
export function useStore(site: Site, store: CacheStore): void {
  stores.set(site, store)
}
