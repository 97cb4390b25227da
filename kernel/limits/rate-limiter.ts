/** So many calls per window; after a pause a caller may use up the whole window at once. */
export interface RateRule {
  readonly limit: number
  /** Milliseconds. */
  readonly windowMs: number
}

/** What became of one call, in the terms of the X-RateLimit headers. */
export interface RateDecision {
  readonly allowed: boolean
  readonly limit: number
  /** Calls left at this moment. */
  readonly remaining: number
  /** Milliseconds until all of `limit` is free again. */
  readonly resetMs: number
  /** Milliseconds until the next call is allowed; 0 when this one was. */
  readonly retryMs: number
}

/**
 * Counts calls by key as a leaking bucket: a key may burst to `limit`, and regains one call each `windowMs / limit`. Refused calls
 * cost nothing, so a caller who keeps knocking is not shut out longer. All drivers sit `testing/contracts/rate-limit.ts`.
 */
export interface RateLimiter {
  /** Takes one call of `key`, or refuses it. Never throws: a driver whose server is away counts in this process meanwhile. */
  take(key: string, rule: RateRule): Promise<RateDecision> | RateDecision
  /** Forgets a key, for example after a successful sign-in. */
  forget(key: string): Promise<void> | void
  close(): Promise<void>
}
