import { Redis } from 'ioredis'
import { MemoryRateLimiter } from './memory-rate-limiter.ts'
import type { RateDecision, RateLimiter, RateRule } from './rate-limiter.ts'

/**
 * The bucket of memory-rate-limiter.ts, poured inside Redis in one step so that no two processes count past each other. Times are
 * those of the Redis server, in ms with a fraction: {allowed, filled}.
 */
const pourScript = `
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local window = tonumber(ARGV[1])
local each = window / tonumber(ARGV[2])
local filled = math.max(tonumber(redis.call('GET', KEYS[1]) or '0') - now, 0)
if filled + each - window > 0.000001 then return {0, tostring(filled)} end
filled = filled + each
redis.call('SET', KEYS[1], string.format('%.3f', now + filled), 'PX', math.ceil(filled) + 1)
return {1, tostring(filled)}
`

/** How long a call waits for Redis before this process counts by itself. */
const patienceMs = 500
/** How long it then counts by itself before it asks Redis again, so that an outage does not slow every call. */
const restMs = 2000

interface WithPour {
  pour(key: string, windowMs: number, limit: number): Promise<[number, string]>
}

/** Counts in Redis, for all processes of a site together. */
export class RedisRateLimiter implements RateLimiter {
  readonly #redis: Redis & WithPour
  readonly #prefix: string
  readonly #meanwhile = new MemoryRateLimiter({ now: () => performance.now() })
  #restUntil = 0

  /** Connects at the first call, and again by itself when the connection is lost. @param prefix put before each key */
  constructor(url: string, prefix: string) {
    const redis = new Redis(url, {
      lazyConnect: true,
      maxRetriesPerRequest: 1,
      commandTimeout: patienceMs,
      connectTimeout: patienceMs,
      enableOfflineQueue: true,
      retryStrategy: (times) => Math.min(times * 200, 5000),
    })
    redis.defineCommand('pour', { numberOfKeys: 1, lua: pourScript })
    // Every failed call is answered from memory; an event without a listener would end the process.
    redis.on('error', () => undefined)
    this.#redis = redis as Redis & WithPour
    this.#prefix = prefix
  }

  async take(key: string, rule: RateRule): Promise<RateDecision> {
    if (performance.now() < this.#restUntil) return this.#meanwhile.take(key, rule)
    try {
      const [allowed, text] = await this.#redis.pour(this.#prefix + key, rule.windowMs, rule.limit)
      const filled = Number(text)
      const each = rule.windowMs / rule.limit
      if (allowed === 0) return { allowed: false, limit: rule.limit, remaining: 0, resetMs: filled, retryMs: filled + each - rule.windowMs }
      return {
        allowed: true,
        limit: rule.limit,
        remaining: Math.floor((rule.windowMs - filled) / each + 1e-6),
        resetMs: filled,
        retryMs: 0,
      }
    } catch {
      this.#restUntil = performance.now() + restMs
      return this.#meanwhile.take(key, rule)
    }
  }

  async forget(key: string): Promise<void> {
    this.#meanwhile.forget(key)
    await this.#redis.del(this.#prefix + key).catch(() => undefined)
  }

  async close(): Promise<void> {
    this.#redis.disconnect()
    await this.#meanwhile.close()
  }
}
