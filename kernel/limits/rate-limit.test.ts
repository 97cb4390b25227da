import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rateLimitContract } from '#testing/contracts/rate-limit.ts'
import { testRedisUrl } from '#testing/services.ts'
import { MemoryRateLimiter } from './memory-rate-limiter.ts'
import { configuredRule, rateHeaders } from './rate-limit.ts'
import type { RateDecision } from './rate-limiter.ts'
import { RedisRateLimiter } from './redis-rate-limiter.ts'

rateLimitContract('memory', () => new MemoryRateLimiter(Date))
const redisUrl = testRedisUrl()
if (redisUrl) {
  rateLimitContract('redis', () => new RedisRateLimiter(redisUrl, `orc-test:${process.pid}:`))

  test('two processes on one Redis count together', async (t) => {
    const prefix = `orc-test:${process.pid}:${Date.now()}:`
    const [one, other] = [new RedisRateLimiter(redisUrl, prefix), new RedisRateLimiter(redisUrl, prefix)]
    t.after(() => Promise.all([one.close(), other.close()]))
    const rule = { limit: 10, windowMs: 600_000 }
    const decisions: RateDecision[] = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? one : other).take('k', rule)))
    assert.equal(decisions.filter((decision) => decision.allowed).length, 10)
  })
}

test('without its Redis a process counts by itself instead of letting everything through', async (t) => {
  const limiter = new RedisRateLimiter('redis://127.0.0.1:1', 'x:')
  t.after(() => limiter.close())
  const rule = { limit: 2, windowMs: 600_000 }
  const decisions: boolean[] = []
  for (let i = 0; i < 3; i++) decisions.push((await limiter.take('k', rule)).allowed)
  assert.deepEqual(decisions, [true, true, false])
})

test('a rule from the site config counts seconds; nonsense falls back', () => {
  const fallback = { limit: 1, windowMs: 1 }
  assert.deepEqual(configuredRule({ limit: 5, window: 60 }, fallback), { limit: 5, windowMs: 60_000 })
  for (const nonsense of [undefined, null, 'x', {}, { limit: '5', window: 60 }, { limit: 0, window: 60 }, { limit: 5, window: -1 }]) {
    assert.equal(configuredRule(nonsense, fallback), fallback)
  }
})

test('the headers of a refusal say when to come back, in whole seconds', () => {
  const refused: RateDecision = { allowed: false, limit: 10, remaining: 0, resetMs: 9500, retryMs: 120 }
  assert.deepEqual(rateHeaders(refused), {
    'x-ratelimit-limit': '10',
    'x-ratelimit-remaining': '0',
    'x-ratelimit-reset': '10',
    'retry-after': '1',
  })
  assert.equal(rateHeaders({ ...refused, allowed: true })['retry-after'], undefined)
})
