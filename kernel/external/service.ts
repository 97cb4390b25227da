import type { Site } from '#kernel/sites/site.ts'

/** A service outside, as an app declares it with `defineService` under `services`. */
export interface Service {
  /** Lower case, digits, `-`, `_`; unique on the site. */
  readonly name: string
  /** Milliseconds for one attempt. */
  readonly timeoutMs: number
  readonly retry: RetryRule
  readonly breaker: BreakerRule
  /** One sentence: what people get while it is down. Shown to callers and in the health report. */
  readonly degraded: string
}

export interface RetryRule {
  /** Calls at most, the first included. */
  readonly attempts: number
  /** Milliseconds: the wait before the n-th repetition is a random part of `firstMs * 2 ** (n - 1)`, and never more than `mostMs`. */
  readonly firstMs: number
  readonly mostMs: number
}

export interface BreakerRule {
  /** Failures in a row after which nobody calls any more. */
  readonly failures: number
  /** Milliseconds until one call is tried; doubled each time it fails, up to ten times as long. */
  readonly openMs: number
  /** Failures further apart than so many milliseconds do not count as in a row. */
  readonly windowMs: number
}

/** What `defineService` is told; the rest has defaults. */
export interface ServiceDeclaration {
  readonly name: string
  readonly degraded: string
  /** Default 10,000. */
  readonly timeoutMs?: number
  /** Default: three attempts, waits from half a second to 30 s. */
  readonly retry?: Partial<RetryRule>
  /** Default: five failures, open for a minute, a window of ten. */
  readonly breaker?: Partial<BreakerRule>
}

/** Declares a service. @throws Error where the declaration cannot be meant: it is code, not input */
export function defineService(declaration: ServiceDeclaration): Service {
  const service: Service = {
    name: declaration.name,
    degraded: declaration.degraded,
    timeoutMs: declaration.timeoutMs ?? 10_000,
    retry: { attempts: 3, firstMs: 500, mostMs: 30_000, ...declaration.retry },
    breaker: { failures: 5, openMs: 60_000, windowMs: 600_000, ...declaration.breaker },
  }
  if (!/^[a-z][a-z0-9_-]{0,69}$/.test(service.name)) throw new Error(`"${service.name}" cannot be the name of a service.`)
  if (service.degraded.trim() === '') throw new Error(`The service ${service.name} does not say what people get while it is down.`)
  const { retry, breaker } = service
  const numbers = [service.timeoutMs, retry.attempts, retry.firstMs, retry.mostMs, breaker.failures, breaker.openMs, breaker.windowMs]
  if (numbers.some((number) => !Number.isInteger(number) || number < 1))
    throw new Error(`A limit of the service ${service.name} is no whole number above 0.`)
  return Object.freeze(service)
}

/** The services that the site's apps declare, by name. */
export function servicesOf(site: Site): ReadonlyMap<string, Service> {
  return new Map(site.apps.all.flatMap((app) => app.services ?? []).map((service) => [service.name, service]))
}
