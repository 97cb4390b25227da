import type { Clock } from '#kernel/context/context.ts'
import type { RateDecision, RateLimiter, RateRule } from './rate-limiter.ts'

/** More keys than this and the oldest are forgotten: a flood of made-up addresses must not fill the memory. */
const mostKeys = 100_000
const sweepEveryMs = 10_000

/** Counts in this process. */
export class MemoryRateLimiter implements RateLimiter {
  /** For each key the moment at which its bucket will have run empty. */
  readonly #emptyAt = new Map<string, number>()
  readonly #clock: Clock
  #sweepAt = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  take(key: string, rule: RateRule): RateDecision {
    const now = this.#clock.now()
    this.#sweep(now)
    const decision = pour(this.#emptyAt.get(key) ?? 0, now, rule)
    if (decision.allowed) {
      // Taken out first, so that the map stays in order of last use.
      this.#emptyAt.delete(key)
      this.#emptyAt.set(key, now + decision.resetMs)
    }
    return decision
  }

  forget(key: string): void {
    this.#emptyAt.delete(key)
  }

  async close(): Promise<void> {
    this.#emptyAt.clear()
  }

  #sweep(now: number): void {
    if (this.#emptyAt.size >= mostKeys) for (const oldest of this.#emptyAt.keys()) if (this.#emptyAt.delete(oldest)) break
    if (now < this.#sweepAt) return
    this.#sweepAt = now + sweepEveryMs
    for (const [key, emptyAt] of this.#emptyAt) if (emptyAt <= now) this.#emptyAt.delete(key)
  }
}

/** One call poured into a bucket that runs empty at `emptyAt`: whether it fits, and how the bucket stands afterwards. Times in ms. */
function pour(emptyAt: number, now: number, rule: RateRule): RateDecision {
  const each = rule.windowMs / rule.limit
  const filled = Math.max(emptyAt - now, 0)
  const over = filled + each - rule.windowMs
  // A hair's breadth for what division lost, so that the last call of the window still fits.
  if (over > 1e-6) return { allowed: false, limit: rule.limit, remaining: 0, resetMs: filled, retryMs: over }
  const after = filled + each
  return { allowed: true, limit: rule.limit, remaining: Math.floor((rule.windowMs - after) / each + 1e-6), resetMs: after, retryMs: 0 }
}
