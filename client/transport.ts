import { ClientError, isRecord, localFailure, readFailure } from './client-error.ts'
import type { Session } from './session.ts'

export type Verb = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/**
 * When a call that failed may be sent again. `freely`: also when it is not known whether it was done. `with-key`: the same, and the server
 * sees by an idempotency key that it is the same call. `if-refused`: only when the server said that it did nothing. `never`: not at all.
 */
export type Repeat = 'freely' | 'with-key' | 'if-refused' | 'never'

/** One call before it is sent. */
export interface Call {
  verb: Verb
  /** From the server's root, already encoded: `/api/v2/document/Lead`. */
  path: string
  /** Undefined values are left out. */
  query?: Readonly<Record<string, string | number | boolean | undefined>>
  /** Sent as JSON. A form is sent as it is. */
  body?: object | FormData
  headers?: Readonly<Record<string, string>>
  signal?: AbortSignal
  /** See Repeat. Default: `freely` for GET, else `with-key`. */
  repeat?: Repeat
}

export interface Answer {
  status: number
  /** The parsed JSON; undefined when the answer was empty. */
  body: unknown
  headers: Headers
}

export interface Patience {
  /** How often a call is sent again after it failed on the way. Default 3. */
  retries?: number
  /** The longest first pause in milliseconds; each further one may be twice as long. Default 200. */
  firstPauseMs?: number
  /** No pause is longer, also where the server asks for more. Default 30,000. */
  longestPauseMs?: number
  /** How long to wait for each answer. Default 60,000; 0 waits for ever. */
  timeoutMs?: number
}

export interface TransportOptions {
  url: string
  session: Session
  fetch: typeof fetch
  patience: Patience
  headers: Readonly<Record<string, string>>
}

/** Sends calls. @throws ClientError for every refusal and failure; the signal's reason when the caller aborted */
export type Transport = (call: Call) => Promise<Answer>

/** Statuses that say: not now, nothing was done. */
const notNow = new Set([429, 503])

export function openTransport(options: TransportOptions): Transport {
  return async (call) => {
    // One key for all attempts: whatever the first of them did is done once, and its answer is given again.
    const repeat = call.repeat ?? (call.verb === 'GET' ? 'freely' : 'with-key')
    const key = repeat === 'with-key' ? { 'Idempotency-Key': crypto.randomUUID() } : undefined
    const keyed = { ...call, repeat, headers: { ...key, ...call.headers } }
    try {
      return await sendPatiently(options, keyed)
    } catch (error) {
      // The page has been open longer than its token lived, or none was needed so far. The refused call did nothing.
      if (!options.session.usesCookies || !(error instanceof ClientError) || error.type !== 'CSRFTokenError') throw error
      options.session.setCsrfToken(await askCsrfToken(options, call.signal))
      return sendPatiently(options, keyed)
    }
  }
}

async function sendPatiently(options: TransportOptions, call: Call): Promise<Answer> {
  const { retries = 3, firstPauseMs = 200, longestPauseMs = 30_000 } = options.patience
  for (let attempt = 0; ; attempt += 1) {
    const outcome = await send(options, call)
    if (!(outcome instanceof Refusal)) return outcome
    if (attempt >= retries || !mayRepeat(outcome, call)) throw outcome.error
    // A random share of a growing pause, so that clients that failed together do not come back together.
    const pause = outcome.retryAfterMs ?? Math.random() * firstPauseMs * 2 ** attempt
    await sleep(Math.min(pause, longestPauseMs), call.signal)
  }
}

/** A failure together with what decides whether to try again. */
class Refusal {
  readonly error: ClientError
  readonly retryAfterMs: number | undefined
  constructor(error: ClientError, retryAfterMs?: number) {
    this.error = error
    this.retryAfterMs = retryAfterMs
  }
}

function mayRepeat({ error }: Refusal, { repeat }: Call): boolean {
  if (repeat === 'never') return false
  if (notNow.has(error.status)) return true
  // The first attempt is still at work; its answer will be ours.
  if (error.code === 'http/idempotency-key-in-use') return true
  return repeat !== 'if-refused' && error.status === 0 && error.code !== 'client/bad-answer'
}

async function send(options: TransportOptions, call: Call): Promise<Answer | Refusal> {
  const timeoutMs = options.patience.timeoutMs ?? 60_000
  const timer = timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : undefined
  const signals = [call.signal, timer].filter((signal) => signal !== undefined)
  let answer: Response
  let content: string
  try {
    answer = await options.fetch(addressOf(options.url, call), {
      method: call.verb,
      credentials: options.session.usesCookies ? 'include' : 'omit',
      headers: {
        Accept: 'application/json',
        ...(call.body !== undefined && !(call.body instanceof FormData) ? { 'Content-Type': 'application/json' } : {}),
        ...options.headers,
        ...options.session.headers(call.verb !== 'GET'),
        ...call.headers,
      },
      ...(call.body === undefined ? {} : { body: call.body instanceof FormData ? call.body : JSON.stringify(call.body) }),
      ...(signals.length > 0 ? { signal: AbortSignal.any(signals) } : {}),
    })
    content = await answer.text()
  } catch (cause) {
    call.signal?.throwIfAborted()
    if (timer?.aborted)
      return new Refusal(localFailure('client/timeout', `The server did not answer within ${timeoutMs / 1000} seconds.`, { cause }))
    return new Refusal(localFailure('client/unreachable', 'The server cannot be reached.', { cause }))
  }
  options.session.remember(answer.headers)
  const body = parse(content)
  if (answer.ok && body !== unreadable) return { status: answer.status, body, headers: answer.headers }
  if (answer.status === 304) return { status: 304, body: undefined, headers: answer.headers }
  if (answer.ok) return new Refusal(localFailure('client/bad-answer', 'The server’s answer is not JSON.'))
  const requestId = answer.headers.get('X-Request-Id') ?? answer.headers.get('X-Frappe-Request-Id') ?? ''
  return new Refusal(readFailure(answer.status, body, requestId), retryAfterMs(answer.headers))
}

function addressOf(url: string, { path, query = {} }: Call): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
  const text = parameters.toString()
  return `${url}${path}${text === '' ? '' : `?${text}`}`
}

const unreadable = Symbol('not JSON')

function parse(content: string): unknown {
  if (content === '') return undefined
  try {
    return JSON.parse(content)
  } catch {
    return unreadable
  }
}

function retryAfterMs(headers: Headers): number | undefined {
  const value = headers.get('Retry-After')
  if (value === null) return undefined
  const wait = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined
}

async function askCsrfToken(options: TransportOptions, signal: AbortSignal | undefined): Promise<string | undefined> {
  const answer = await sendPatiently(options, {
    verb: 'GET',
    repeat: 'freely',
    path: '/api/method/frappe.sessions.get_csrf_token',
    ...(signal ? { signal } : {}),
  })
  const token = isRecord(answer.body) ? answer.body.message : undefined
  return typeof token === 'string' ? token : undefined
}

function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done, fail) => {
    const stop = (): void => {
      clearTimeout(timer)
      fail(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      done()
    }, milliseconds)
    if (signal?.aborted) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}
