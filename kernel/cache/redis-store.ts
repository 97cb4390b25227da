import { Redis } from 'ioredis'
import type { CacheStore, StoreFigures } from './store.ts'

/** How long a call waits for Redis, in milliseconds: a cache that is slower than the question is none. */
const patienceMs = 250
/** How long Redis is then left alone, so that an outage does not slow every call. */
const restMs = 2000

/** Texts in Redis, for all processes of a site. Out of reach it is an empty store: slower, not wrong. */
export class RedisStore implements CacheStore {
  readonly name = 'redis'
  readonly #redis: Redis
  readonly #prefix: string
  #restUntil = 0
  #failures = 0

  /** Connects at the first call, and again by itself. @param prefix put before each key */
  constructor(url: string, prefix: string) {
    this.#redis = new Redis(url, {
      lazyConnect: true,
      maxRetriesPerRequest: 0,
      commandTimeout: patienceMs,
      connectTimeout: patienceMs,
      retryStrategy: (times) => Math.min(times * 200, 5000),
    })
    // Every failed call is a miss; an event without a listener would end the process.
    this.#redis.on('error', () => undefined)
    this.#prefix = prefix
  }

  get(key: string): Promise<string | undefined> {
    return this.#try(undefined, async () => (await this.#redis.get(this.#prefix + key)) ?? undefined)
  }

  set(key: string, text: string, ttlMs: number): Promise<void> {
    return this.#try(undefined, async () => {
      await this.#redis.set(this.#prefix + key, text, 'PX', Math.max(1, Math.round(ttlMs)))
    })
  }

  lease(key: string, ms: number): Promise<boolean> {
    return this.#try(true, async () => (await this.#redis.set(`${this.#prefix}lease:${key}`, '1', 'PX', Math.round(ms), 'NX')) === 'OK')
  }

  release(key: string): Promise<void> {
    return this.#try(undefined, async () => {
      await this.#redis.del(`${this.#prefix}lease:${key}`)
    })
  }

  figures(): Promise<StoreFigures> {
    return this.#try<StoreFigures>({ failures: this.#failures }, async () => {
      const text = await this.#redis.info()
      const number = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(text)?.[1] ?? 0)
      return {
        entries: await this.#redis.dbsize(),
        bytes: number('used_memory'),
        evictions: number('evicted_keys'),
        clients: number('connected_clients'),
        failures: this.#failures,
      }
    })
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
  }

  async #try<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
    if (performance.now() < this.#restUntil) return otherwise
    try {
      return await work()
    } catch {
      this.#failures++
      this.#restUntil = performance.now() + restMs
      return otherwise
    }
  }
}
