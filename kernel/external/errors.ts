import { defineError } from '#client/rules/errors.ts'

/** An address outside that must not be called. Never tells what the name resolved to: that would map the network. */
export const AddressRefused = defineError<{ field: string; host: string; reason: string }>({
  code: 'external/address-refused',
  status: 403,
  excType: 'PermissionError',
  message: (d) => `${d.host || 'The address'} may not be called: ${d.reason}`,
})

export const UrlInvalid = defineError<{ field: string; reason: string }>({
  code: 'external/url-invalid',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `This address cannot be called: ${d.reason}`,
})

/** What came back cannot be taken: too many bytes, too many redirects, an encoding that was not asked for. */
export const AnswerRefused = defineError<{ host: string; reason: string }>({
  code: 'external/answer-refused',
  status: 502,
  excType: 'ValidationError',
  message: (d) => `The answer of ${d.host} was not taken: ${d.reason}`,
})

/** A code that calls others while it holds locks of the database. */
export const CalledWhileWriting = defineError<{ service: string; operation: string }>({
  code: 'external/called-while-writing',
  status: 500,
  excType: 'ValidationError',
  message: (d) =>
    `${d.service}.${d.operation} was called inside a write transaction, which would keep others waiting for a stranger. Call before the first write, or in a job.`,
})

/** What every failed call of a service tells. `http`: the status that came back; 0: none did. */
export interface ServiceFailure {
  readonly service: string
  readonly operation: string
  readonly http?: number
}

const of = (d: ServiceFailure): string => `${d.service} (${d.operation})`

/** No answer, a broken one, or 408 and 5xx: worth another try. */
export const ServiceTransient = defineError<ServiceFailure & { reason: string }>({
  code: 'external/transient',
  status: 502,
  excType: 'ValidationError',
  message: (d) => `${of(d)} failed for the moment: ${d.reason}.`,
})

export const ServiceTimedOut = defineError<ServiceFailure & { timeoutMs: number }>({
  code: 'external/timed-out',
  status: 504,
  excType: 'ValidationError',
  message: (d) => `${of(d)} did not answer within ${d.timeoutMs / 1000} s. Whether it did what was asked is unknown.`,
})

/** 429. `retryAfterMs`: what the service asked for; absent: it did not say. */
export const ServiceRateLimited = defineError<ServiceFailure & { retryAfterMs?: number }>({
  code: 'external/rate-limited',
  status: 503,
  excType: 'ValidationError',
  message: (d) =>
    `${of(d)} wants fewer calls${d.retryAfterMs === undefined ? '' : `, and none for ${Math.ceil(d.retryAfterMs / 1000)} s`}.`,
})

/** 401 and 403, or no credentials at all: somebody must look at the settings. */
export const ServiceNotAuthorised = defineError<ServiceFailure & { reason?: string }>({
  code: 'external/not-authorised',
  status: 424,
  excType: 'ValidationError',
  message: (d) => `${of(d)} does not accept the credentials it was given${d.reason ? `: ${d.reason}` : '.'}`,
})

/** 400, 409, 413, 422 …: asking again would not help. */
export const ServiceInputRefused = defineError<ServiceFailure & { reason?: string }>({
  code: 'external/input-refused',
  status: 424,
  excType: 'ValidationError',
  message: (d) => `${of(d)} refused what it was sent${d.reason ? `: ${d.reason}` : '.'}`,
})

export const ServiceTargetMissing = defineError<ServiceFailure>({
  code: 'external/target-missing',
  status: 424,
  excType: 'ValidationError',
  message: (d) => `${of(d)} does not have what was asked for.`,
})

/** Anything else that will not get better by itself. */
export const ServiceFailed = defineError<ServiceFailure & { reason: string }>({
  code: 'external/failed',
  status: 424,
  excType: 'ValidationError',
  message: (d) => `${of(d)} failed: ${d.reason}.`,
})

/** The circuit is open: the service was not called. `until`: milliseconds since 1970, when it will be tried again. */
export const ServiceUnavailable = defineError<ServiceFailure & { until: number; degraded: string }>({
  code: 'external/unavailable',
  status: 503,
  excType: 'ValidationError',
  message: (d) => `${d.service} is down and will be tried again at ${new Date(d.until).toISOString()}. ${d.degraded}`,
})
