import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { RateLimiter } from '#kernel/limits/rate-limiter.ts'

/** What every rate limiter promises. @param open makes one that shares its counts with others made in the same test run */
export function rateLimitContract(driver: string, open: () => RateLimiter): void {
  const limiter = open()
  const key = (name: string) => `${name}-${process.pid}-${performance.now()}`
  test.after(() => limiter.close())

  test(`${driver}: lets a burst of the whole limit through and refuses the next call`, async () => {
    const name = key('burst')
    const rule = { limit: 5, windowMs: 60_000 }
    for (const left of [4, 3, 2, 1, 0]) {
      const decision = await limiter.take(name, rule)
      assert.deepEqual([decision.allowed, decision.limit, decision.remaining, decision.retryMs], [true, 5, left, 0])
    }
    const refused = await limiter.take(name, rule)
    assert.deepEqual([refused.allowed, refused.remaining], [false, 0])
    assert.ok(refused.retryMs > 11_000 && refused.retryMs <= 12_000, `one call comes back each 12 s, got ${refused.retryMs}`)
    assert.ok(refused.resetMs > 59_000 && refused.resetMs <= 60_000, `all come back in 60 s, got ${refused.resetMs}`)
  })

  test(`${driver}: gives calls back as time passes`, async () => {
    const name = key('refill')
    const rule = { limit: 2, windowMs: 400 }
    await limiter.take(name, rule)
    await limiter.take(name, rule)
    assert.equal((await limiter.take(name, rule)).allowed, false)
    await pause(230)
    assert.equal((await limiter.take(name, rule)).allowed, true)
    assert.equal((await limiter.take(name, rule)).allowed, false)
  })

  test(`${driver}: a refused call costs nothing`, async () => {
    const name = key('refused')
    const rule = { limit: 1, windowMs: 300 }
    await limiter.take(name, rule)
    for (let i = 0; i < 20; i++) await limiter.take(name, rule)
    await pause(330)
    assert.equal((await limiter.take(name, rule)).allowed, true)
  })

  test(`${driver}: keys do not touch each other, and one can be forgotten`, async () => {
    const [one, other] = [key('one'), key('other')]
    const rule = { limit: 1, windowMs: 60_000 }
    await limiter.take(one, rule)
    assert.equal((await limiter.take(other, rule)).allowed, true)
    assert.equal((await limiter.take(one, rule)).allowed, false)
    await limiter.forget(one)
    assert.equal((await limiter.take(one, rule)).allowed, true)
  })

  test(`${driver}: of many calls at once exactly the limit is let through`, async () => {
    const name = key('race')
    const decisions = await Promise.all(Array.from({ length: 100 }, () => limiter.take(name, { limit: 30, windowMs: 600_000 })))
    assert.equal(decisions.filter((decision) => decision.allowed).length, 30)
  })

  test(`${driver}: a limit of hundreds per second is let through to the last call`, async () => {
    const name = key('many')
    let allowed = 0
    for (let i = 0; i < 600; i++) if ((await limiter.take(name, { limit: 600, windowMs: 600_000 })).allowed) allowed++
    assert.equal(allowed, 600)
  })
}
