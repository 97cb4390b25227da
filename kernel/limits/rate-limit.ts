import { defineError } from '#client/rules/errors.ts'
import type { Site } from '#kernel/sites/site.ts'
import { MemoryRateLimiter } from './memory-rate-limiter.ts'
import type { RateDecision, RateLimiter, RateRule } from './rate-limiter.ts'

export const RateLimitExceeded = defineError<{ limit: number; windowSeconds: number; retryAfterSeconds: number; resetSeconds: number }>({
  code: 'limits/rate-limit-exceeded',
  status: 429,
  excType: 'RateLimitExceededError',
  message: (d) => `Too many requests: ${d.limit} in ${d.windowSeconds} seconds are allowed. Try again in ${d.retryAfterSeconds} seconds.`,
})

/**
 * Generous: an integration that imports data makes thousands of calls, and what is dear has limits of its own. Whoever has not signed in
 * gets less. Site config `rate_limit` {limit, window in seconds} sets both.
 */
const requestDefault: RateRule = { limit: 30_000, windowMs: 10_000 }
const strangerDefault: RateRule = { limit: 5_000, windowMs: 10_000 }

/** Never set back or forward, unlike the time of day. */
const steadyClock = { now: () => performance.now() }

const limiters = new WeakMap<Site, Promise<RateLimiter> | RateLimiter>()

/** The site's limiter: Redis when the site config has `redis_url` or Frappe's `redis_cache`, so that all processes count together; else memory. */
export function rateLimiterOf(site: Site): Promise<RateLimiter> | RateLimiter {
  const known = limiters.get(site)
  if (known) return known
  const url = site.config.redis_url ?? site.config.redis_cache
  const made = typeof url === 'string' && url !== '' ? openRedisLimiter(site, url) : new MemoryRateLimiter(steadyClock)
  limiters.set(site, made)
  return made
}

async function openRedisLimiter(site: Site, url: string): Promise<RateLimiter> {
  // Loaded on demand: most sites never need the client.
  const { RedisRateLimiter } = await import('./redis-rate-limiter.ts')
  const limiter = new RedisRateLimiter(url, `orc:${site.host}:rate:`)
  limiters.set(site, limiter)
  return limiter
}

/** Lets go of the site's connection, if it has one; part of closing a site. */
export async function closeRateLimiter(site: Site): Promise<void> {
  const limiter = limiters.get(site)
  limiters.delete(site)
  await (await limiter)?.close()
}

/**
 * Takes one request of a credential, or of an address where nobody signed in.
 * @param caller `principal.credential`, or the address of the socket
 * @throws RateLimitExceeded
 */
export async function takeRequest(site: Site, caller: string): Promise<RateDecision> {
  const isSignedIn = caller.startsWith('session:') || caller.startsWith('key:') || caller.startsWith('oauth:')
  const rule = configuredRule(site.config.rate_limit, isSignedIn ? requestDefault : strangerDefault)
  const decision = await (await rateLimiterOf(site)).take(`request:${caller}`, rule)
  if (!decision.allowed) throw exceeded(decision, rule)
  return decision
}

/**
 * Takes one call of a costly or guessable thing, such as `login` by address.
 * @throws RateLimitExceeded
 */
export async function demandRate(site: Site, key: string, rule: RateRule): Promise<void> {
  const decision = await (await rateLimiterOf(site)).take(key, rule)
  if (!decision.allowed) throw exceeded(decision, rule)
}

/** A rule as written in the site config, `{limit, window}` with the window in seconds; the default where it is absent or nonsense. */
export function configuredRule(value: unknown, fallback: RateRule): RateRule {
  if (typeof value !== 'object' || value === null) return fallback
  const { limit, window } = value as { limit?: unknown; window?: unknown }
  const isRule = typeof limit === 'number' && typeof window === 'number' && limit >= 1 && window > 0
  return isRule ? { limit: Math.floor(limit), windowMs: window * 1000 } : fallback
}

/** The headers that tell a caller how it stands. */
export function rateHeaders(decision: RateDecision): Record<string, string> {
  const headers: Record<string, string> = {
    'x-ratelimit-limit': String(decision.limit),
    'x-ratelimit-remaining': String(decision.remaining),
    'x-ratelimit-reset': String(Math.ceil(decision.resetMs / 1000)),
  }
  if (!decision.allowed) headers['retry-after'] = String(Math.max(1, Math.ceil(decision.retryMs / 1000)))
  return headers
}

function exceeded(decision: RateDecision, rule: RateRule): Error {
  return new RateLimitExceeded({
    limit: rule.limit,
    windowSeconds: Math.ceil(rule.windowMs / 1000),
    retryAfterSeconds: Math.max(1, Math.ceil(decision.retryMs / 1000)),
    resetSeconds: Math.ceil(decision.resetMs / 1000),
  })
}
