import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { type Circuit, readCircuits } from '#kernel/external/circuit.ts'
import { servicesOf } from '#kernel/external/service.ts'
import { rateLimiterOf } from '#kernel/limits/rate-limit.ts'

type Status = 'healthy' | 'degraded' | 'unhealthy'

interface PartHealth {
  readonly status: Status
  readonly latency_ms?: number
  readonly circuit_state?: 'closed' | 'half-open' | 'open'
  /** Failures in a row. */
  readonly failures?: number
  /** ISO 8601. */
  readonly last_failure?: string
  /** Code of the error, never its words: those may quote the other side. */
  readonly last_error?: string
  readonly retry_at?: string
  /** What people get while it is down. */
  readonly degraded?: string
}

/** The state of a site and of what it depends on. No service outside is called for it. */
export interface Health {
  readonly status: Status
  /** ISO 8601. */
  readonly timestamp: string
  readonly services: Readonly<Record<string, PartHealth>>
}

/** Whether requests can be answered at all; a service outside that is down does not make the site so. */
export async function isUp(ctx: Context): Promise<boolean> {
  return (await databaseHealth(ctx)).status === 'healthy'
}

/** All of it, for operators. */
export async function healthOf(ctx: Context): Promise<Health> {
  const services: Record<string, PartHealth> = { database: await databaseHealth(ctx) }
  if (ctx.site.config.redis_url ?? ctx.site.config.redis_cache) services.redis = await redisHealth(ctx)
  const circuits = new Map((await readCircuits(ctx.site)).map((circuit) => [circuit.service, circuit]))
  for (const [name, service] of servicesOf(ctx.site)) {
    // A service at several addresses has a circuit for each; the worst one speaks for it.
    const own = [...circuits.values()].filter((circuit) => circuit.service === name || circuit.service.startsWith(`${name}:`))
    for (const circuit of own) services[circuit.service] = circuitHealth(ctx, circuit, service.degraded)
    if (own.length === 0) services[name] = { status: 'healthy', circuit_state: 'closed', failures: 0 }
  }
  const all = Object.values(services).map((part) => part.status)
  const status = services.database?.status === 'unhealthy' ? 'unhealthy' : all.some((one) => one !== 'healthy') ? 'degraded' : 'healthy'
  return { status, timestamp: new Date(ctx.clock.now()).toISOString(), services }
}

function circuitHealth(ctx: Context, circuit: Circuit, degraded: string): PartHealth {
  const isOpen = circuit.state === 'open'
  const isHalfOpen = isOpen && circuit.retry_at <= ctx.clock.now()
  return {
    status: isOpen ? (isHalfOpen ? 'degraded' : 'unhealthy') : 'healthy',
    circuit_state: isOpen ? (isHalfOpen ? 'half-open' : 'open') : 'closed',
    failures: circuit.failures,
    ...(circuit.last_failure > 0 && { last_failure: new Date(circuit.last_failure).toISOString() }),
    ...(circuit.last_error && { last_error: circuit.last_error }),
    ...(isOpen && { retry_at: new Date(circuit.retry_at).toISOString(), degraded }),
  }
}

async function databaseHealth(ctx: Context): Promise<PartHealth> {
  return timed(() => ctx.site.database.query(ctx.site.database.dialect.compile(sql`select 1 as one`)))
}

/** One request is counted where all of them are, under a name of its own. */
async function redisHealth(ctx: Context): Promise<PartHealth> {
  return timed(async () => (await rateLimiterOf(ctx.site)).take('health', { limit: 1_000_000, windowMs: 1000 }))
}

async function timed(work: () => Promise<unknown>): Promise<PartHealth> {
  const started = performance.now()
  try {
    await work()
    return { status: 'healthy', latency_ms: Math.round((performance.now() - started) * 100) / 100 }
  } catch {
    return { status: 'unhealthy' }
  }
}
