import { setTimeout as pause } from 'node:timers/promises'
import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { uuidv7 } from '#kernel/documents/uuid.ts'
import { counter, gauge, histogram } from '#kernel/metrics/metrics.ts'
import type { Site } from '#kernel/sites/site.ts'
import { type Admission, admit, noteFailure, noteSuccess, releaseProbe } from './circuit.ts'
import { CalledWhileWriting, ServiceUnavailable } from './errors.ts'
import { asServiceError, isPassing, type Outcome, outcomeOf } from './outcome.ts'
import type { Service } from './service.ts'
import { unlessAborted } from './unless-aborted.ts'

/** What an attempt knows of its call. */
export interface Attempt {
  /** 1 for the first. */
  readonly number: number
  /** The same for all attempts of a call: send it as the idempotency key, so that an attempt whose answer was lost is not done twice. */
  readonly key: string
}

export interface CallOptions {
  /** One attempt only: for what must not be done twice and has no idempotency key. */
  readonly once?: boolean
  /** What stands for the call across restarts, such as a job's id; default: made up. */
  readonly key?: string
  readonly signal?: AbortSignal
  /** Services of one name at different addresses fail apart: the address, or whose account it is. Up to 69 characters. */
  readonly circuit?: string
}

const requests = counter({ name: 'px_external_requests_total', help: 'Attempts to call services outside', labels: ['service', 'outcome'] })
const durations = histogram(
  { name: 'px_external_request_duration_seconds', help: 'How long services outside took to answer', labels: ['service'] },
  [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
)
const retries = counter({ name: 'px_retries_total', help: 'Repeated attempts to call services outside', labels: ['service'] })
const states = gauge({ name: 'px_circuit_state', help: 'Circuits as last seen: 0 closed, 1 half open, 2 open', labels: ['service'] })

/**
 * Calls a service outside: bounded in time, repeated where that may help, refused at once while the service is known to be down. What is
 * known of it is shared by all processes of the site.
 * @param attempt does the call; heeds the signal; throws what `demandSuccess` or the network throws
 * @throws CalledWhileWriting inside a write transaction; ServiceUnavailable while the circuit is open; else the last attempt's error
 */
export async function callService<T>(
  from: Context | Site,
  service: Service,
  operation: string,
  attempt: (signal: AbortSignal, call: Attempt) => Promise<T>,
  options: CallOptions = {},
): Promise<T> {
  const site = 'site' in from ? from.site : from
  if ('site' in from && from.db.isWriting) throw new CalledWhileWriting({ service: service.name, operation })
  const circuit = options.circuit ? `${service.name}:${options.circuit}`.slice(0, 140) : service.name
  const key = options.key ?? uuidv7(site.clock.now())
  for (let number = 1; ; number++) {
    // One attempt may take all its time, and its outcome a moment to be written down.
    const admission = await admit(site, circuit, service.timeoutMs + 5000)
    states.set({ service: service.name }, { closed: 0, probe: 1, refused: 2 }[admission.kind])
    if (admission.kind === 'refused')
      throw new ServiceUnavailable({ service: service.name, operation, until: admission.until, degraded: service.degraded })
    const result = await tryOnce(site, service, operation, (signal) => attempt(signal, { number, key }), options.signal)
    if (result.outcome === 'ok') {
      await noteSuccess(site, circuit, admission)
      states.set({ service: service.name }, 0)
      return result.value
    }
    const isOpen = await noteEnd(site, service, circuit, admission, result)
    const isLast = options.once || number >= service.retry.attempts || admission.kind === 'probe' || isOpen
    const wait = isLast || !isPassing(result.outcome) ? undefined : waitBefore(service, number, result.error)
    if (wait === undefined) throw result.error
    retries.inc({ service: service.name })
    await pause(wait, undefined, options.signal && { signal: options.signal })
  }
}

/** What `callServiceOr` gives back. */
export interface Degradable<T> {
  readonly value: T
  /** Why the service's own answer is not it; undefined: it is. */
  readonly because: AppError | undefined
}

/**
 * As `callService`, with what to do while the service is down. Only outages lead there: a refusal of the input or of the credentials
 * is thrown, so that nobody takes a wrong setting for an outage.
 * @public
 */
export async function callServiceOr<T>(
  from: Context | Site,
  service: Service,
  operation: string,
  attempt: (signal: AbortSignal, call: Attempt) => Promise<T>,
  instead: (error: AppError) => Promise<T> | T,
  options: CallOptions = {},
): Promise<Degradable<T>> {
  try {
    return { value: await callService(from, service, operation, attempt, options), because: undefined }
  } catch (error) {
    if (!isOutage(error)) throw error
    return { value: await instead(error), because: error }
  }
}

/** Whether an error says that the service is down or overloaded, not that the call was wrong. */
export function isOutage(error: unknown): error is AppError {
  return error instanceof AppError && (ServiceUnavailable.is(error) || isPassing(outcomeOf(error)))
}

type Result<T> = { readonly outcome: 'ok'; readonly value: T } | { readonly outcome: Exclude<Outcome, 'ok'>; readonly error: unknown }

async function tryOnce<T>(
  site: Site,
  service: Service,
  operation: string,
  attempt: (signal: AbortSignal) => Promise<T>,
  outer: AbortSignal | undefined,
): Promise<Result<T>> {
  const timeout = AbortSignal.timeout(service.timeoutMs)
  const signal = outer ? AbortSignal.any([outer, timeout]) : timeout
  const started = performance.now()
  const result = await ended(unlessAborted(signal, () => attempt(signal))).then((end): Result<T> => {
    if ('value' in end) return { outcome: 'ok', value: end.value }
    if (outer?.aborted) return { outcome: 'cancelled', error: outer.reason }
    const error = asServiceError(end.error, { service: service.name, operation }, service.timeoutMs)
    return { outcome: outcomeOf(error) as Exclude<Outcome, 'ok'>, error }
  })
  const seconds = (performance.now() - started) / 1000
  requests.inc({ service: service.name, outcome: result.outcome })
  durations.observe({ service: service.name }, seconds)
  const facts = { service: service.name, operation, ms: Math.round(seconds * 1000), outcome: result.outcome }
  if (result.outcome === 'ok') site.log.debug(facts, 'a service outside was called')
  else site.log.warn({ ...facts, err: result.error }, 'a service outside failed')
  return result
}

async function ended<T>(work: Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await work }
  } catch (error) {
    return { error }
  }
}

/** Tells the circuit what a failure says of the service. @returns whether nobody should call any more */
async function noteEnd(
  site: Site,
  service: Service,
  circuit: string,
  admission: Admission,
  result: Exclude<Result<unknown>, { outcome: 'ok' }>,
): Promise<boolean> {
  if (isPassing(result.outcome)) {
    const code = result.error instanceof AppError ? result.error.code : 'unknown'
    const isOpen = await noteFailure(site, circuit, service.breaker, admission, code)
    if (isOpen) {
      states.set({ service: service.name }, 2)
      site.log.warn({ service: circuit, code }, 'a circuit is open')
    }
    return isOpen
  }
  // A refusal is an answer: the service is there. Where nothing was heard of it, another may try.
  if (result.outcome === 'cancelled' || result.outcome === 'failed') await releaseProbe(site, circuit, admission)
  else await noteSuccess(site, circuit, admission)
  return false
}

/** Milliseconds until the next attempt; undefined: the service wants to be left alone for longer than anybody should wait. */
function waitBefore({ retry }: Service, number: number, error: unknown): number | undefined {
  const asked = error instanceof AppError ? error.data.retryAfterMs : undefined
  // All of the span is random, so that callers that failed together do not come back together.
  const jitter = Math.random() * Math.min(retry.mostMs, retry.firstMs * 2 ** (number - 1))
  if (typeof asked !== 'number') return jitter
  return asked > retry.mostMs ? undefined : asked + Math.random() * retry.firstMs
}
