import { LRUCache } from 'lru-cache'
import type { CacheStore, StoreFigures } from '#kernel/cache/store.ts'

/** What a shared store must do, at its simplest: the model that Redis is held against, without Redis. */
export class ProcessStore implements CacheStore {
  readonly name = 'process'
  readonly #texts: LRUCache<string, string>
  readonly #leases = new Map<string, number>()
  #evictions = 0

  /** @param bytes that the texts may take together, about */
  constructor(bytes: number) {
    this.#texts = new LRUCache({
      maxSize: bytes,
      sizeCalculation: (text, key) => 2 * (text.length + key.length) + 100,
      dispose: (_text, _key, reason) => {
        if (reason === 'evict') this.#evictions++
      },
    })
  }

  async get(key: string): Promise<string | undefined> {
    return this.#texts.get(key)
  }

  async set(key: string, text: string, ttlMs: number): Promise<void> {
    this.#texts.set(key, text, { ttl: ttlMs })
  }

  async lease(key: string, ms: number): Promise<boolean> {
    const now = performance.now()
    if ((this.#leases.get(key) ?? 0) > now) return false
    this.#leases.set(key, now + ms)
    return true
  }

  async release(key: string): Promise<void> {
    this.#leases.delete(key)
  }

  async figures(): Promise<StoreFigures> {
    return { entries: this.#texts.size, bytes: this.#texts.calculatedSize, evictions: this.#evictions }
  }

  async close(): Promise<void> {
    this.#texts.clear()
  }
}
