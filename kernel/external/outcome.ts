import { AppError } from '#client/rules/errors.ts'
import {
  AnswerRefused,
  ServiceFailed,
  type ServiceFailure,
  ServiceInputRefused,
  ServiceNotAuthorised,
  ServiceRateLimited,
  ServiceTargetMissing,
  ServiceTimedOut,
  ServiceTransient,
} from './errors.ts'
import type { FetchAnswer } from './safe-fetch.ts'

/** How a call ended, as the metrics say it. */
export type Outcome = 'ok' | 'transient' | 'rate-limited' | 'not-authorised' | 'refused' | 'not-found' | 'failed' | 'cancelled'

/** Refuses an answer that is no success, by the class of its status; the body is never quoted, for it may hold secrets. @throws one of errors.ts */
export function demandSuccess(answer: FetchAnswer, call: ServiceFailure, now: number): FetchAnswer {
  const failure = failureOfStatus(answer, call, now)
  if (failure) throw failure
  return answer
}

function failureOfStatus({ status, headers }: FetchAnswer, call: ServiceFailure, now: number): AppError | undefined {
  const facts = { ...call, http: status }
  if (status >= 200 && status < 300) return undefined
  if (status === 429) {
    const retryAfterMs = readRetryAfter(headers['retry-after'], now)
    return new ServiceRateLimited({ ...facts, ...(retryAfterMs !== undefined && { retryAfterMs }) })
  }
  if (status === 401 || status === 403) return new ServiceNotAuthorised(facts)
  if (status === 404 || status === 410) return new ServiceTargetMissing(facts)
  if (status === 408 || status === 425) return new ServiceTransient({ ...facts, reason: `status ${status}` })
  // 501 and 505: it cannot do this, today or tomorrow.
  if (status >= 500 && status !== 501 && status !== 505) {
    const retryAfterMs = status === 503 ? readRetryAfter(headers['retry-after'], now) : undefined
    if (retryAfterMs !== undefined) return new ServiceRateLimited({ ...facts, retryAfterMs })
    return new ServiceTransient({ ...facts, reason: `status ${status}` })
  }
  if (status >= 400 && status < 500) return new ServiceInputRefused(facts)
  return new ServiceFailed({ ...facts, reason: `status ${status}` })
}

/** `Retry-After` as milliseconds from now: whole seconds or an HTTP date. Undefined where it says neither. */
export function readRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? ''
  if (/^\d{1,10}$/.test(text)) return Number(text) * 1000
  if (!/^[A-Z][a-z]{2,8},? .*GMT$/.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

/** Whatever an attempt threw as one of the classes of errors.ts; what is none of the network's doing stays as it is. */
export function asServiceError(error: unknown, call: ServiceFailure, timeoutMs: number): unknown {
  if (AnswerRefused.is(error)) return new ServiceFailed({ ...call, reason: (error as Error).message.replace(/\.$/, '') }, { cause: error })
  if (error instanceof AppError) return error
  if (!(error instanceof Error)) return error
  if (error.name === 'TimeoutError') return new ServiceTimedOut({ ...call, timeoutMs }, { cause: error })
  const code = networkCode(error)
  if (code === undefined) return error
  // A certificate that does not fit may be somebody in between: not to be tried until it passes.
  if (/CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO/.test(code))
    return new ServiceFailed({ ...call, reason: `its certificate was not accepted (${code})` }, { cause: error })
  return new ServiceTransient({ ...call, reason: `no connection (${code})` }, { cause: error })
}

/** The code of the system's or the parser's error, which says that the network and not our code failed. */
function networkCode(error: Error): string | undefined {
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && /^(E(?!RR_)[A-Z0-9_]+|ERR_(SSL|TLS)_\w+|HPE_\w+|[A-Z_]*CERT[A-Z_]*|UNABLE_TO_\w+)$/.test(code))
    return code
  return error.cause instanceof Error ? networkCode(error.cause) : undefined
}

/** The metric's word for an error. */
export function outcomeOf(error: unknown): Outcome {
  if (ServiceTransient.is(error) || ServiceTimedOut.is(error)) return 'transient'
  if (ServiceRateLimited.is(error)) return 'rate-limited'
  if (ServiceNotAuthorised.is(error)) return 'not-authorised'
  if (ServiceTargetMissing.is(error)) return 'not-found'
  if (ServiceInputRefused.is(error)) return 'refused'
  // An address that may not be called says nothing of the service, which never heard of it.
  return 'failed'
}

/** Whether another attempt may go better. */
export function isPassing(outcome: Outcome): boolean {
  return outcome === 'transient' || outcome === 'rate-limited'
}
