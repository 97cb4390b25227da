import { hash } from 'node:crypto'
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { setTimeout as pause } from 'node:timers/promises'
import { readRetryAfter } from '#kernel/external/outcome.ts'
import { counter, histogram } from '#kernel/metrics/metrics.ts'
import { StoreUnavailable } from './errors.ts'
import type { S3Settings } from './s3-settings.ts'
import { encodePart, presignedUrl, queryText, signedHeaders } from './s3-sign.ts'

/** One request for an object, or for the bucket where there is no key. */
export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Statuses that are an answer, too, beside those of success. */
  readonly alsoFine?: readonly number[]
}

/** An answer whose body is still to be read: `drained` or streamed, or the connection stays busy. */
export interface S3Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: IncomingMessage
}

/** Attempts in all, and milliseconds before the second; doubled after each, with a random part. */
const attempts = 4
const firstPauseMs = 200
const mostPauseMs = 5000
/** Milliseconds without a byte in either direction after which a connection counts as dead. */
const silenceMs = 30_000
const longestText = 2_000_000

// Connections are the process's, whichever site uses them; idle ones do not keep it alive.
const agents = {
  'http:': new HttpAgent({ keepAlive: true, maxSockets: 64 }),
  'https:': new HttpsAgent({ keepAlive: true, maxSockets: 64 }),
}

const requests = counter({ name: 'px_file_store_requests_total', help: 'Requests to the store of files', labels: ['method', 'outcome'] })
const durations = histogram(
  { name: 'px_file_store_request_duration_seconds', help: 'Until the store of files began to answer', labels: ['method'] },
  [0.01, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
)

/** Speaks to an S3 service: signs, repeats what may pass, and makes one error of whatever does not. */
export class S3Client {
  readonly #settings: S3Settings

  constructor(settings: S3Settings) {
    this.#settings = settings
  }

  /** @throws StoreUnavailable after the last attempt, or at once for what will not pass */
  async send(asked: S3Request): Promise<S3Answer> {
    for (let attempt = 1; ; attempt++) {
      const failure = await this.#try(asked)
      if (!(failure instanceof Failure)) return failure
      requests.inc({ method: asked.method, outcome: failure.mayPass ? 'transient' : 'failed' })
      if (!failure.mayPass || attempt === attempts)
        throw new StoreUnavailable({ reason: failure.reason, mayPass: failure.mayPass }, { cause: failure.cause })
      const wait = Math.min(mostPauseMs, failure.waitMs ?? firstPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random()))
      await pause(wait)
    }
  }

  /** As `send`, for answers that are short texts. */
  async sendForText(asked: S3Request): Promise<{ status: number; headers: IncomingMessage['headers']; text: string }> {
    const { status, headers, body } = await this.send(asked)
    return { status, headers, text: await textOf(body) }
  }

  /** @param query what the service shall say of the object in its answer, such as response-content-type */
  presigned(key: string, query: Readonly<Record<string, string>>, seconds: number): string {
    return presignedUrl(this.#settings, this.#url(this.#settings.publicEndpoint, key, query), seconds, Date.now())
  }

  /** `/bucket/key`, encoded, as the source of a copy is named. */
  copySource(key: string): string {
    return `/${this.#settings.bucket}/${key.split('/').map(encodePart).join('/')}`
  }

  async #try(asked: S3Request): Promise<S3Answer | Failure> {
    const began = performance.now()
    try {
      const answer = await this.#exchange(asked)
      durations.observe({ method: asked.method }, (performance.now() - began) / 1000)
      if ((answer.status >= 200 && answer.status < 300) || asked.alsoFine?.includes(answer.status)) {
        requests.inc({ method: asked.method, outcome: 'ok' })
        return answer
      }
      const code = /<Code>([A-Za-z0-9]{1,60})<\/Code>/.exec(await textOf(answer.body))?.[1]
      const mayPass =
        answer.status >= 500 ? answer.status !== 501 : [408, 409, 425, 429].includes(answer.status) || code === 'RequestTimeout'
      const waitMs = readRetryAfter(answer.headers['retry-after'], Date.now())
      return new Failure(`it answered ${answer.status}${code ? ` ${code}` : ''}`, mayPass, undefined, waitMs)
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? (cause as Error).name
      return new Failure(`no answer (${code})`, !/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(code), cause)
    }
  }

  #exchange({ method, key, query = {}, headers = {}, body }: S3Request): Promise<S3Answer> {
    const url = this.#url(this.#settings.endpoint, key, query)
    const signed = signedHeaders(this.#settings, method, url, headers, hash('sha256', body ?? ''), Date.now())
    const { promise, resolve, reject } = Promise.withResolvers<S3Answer>()
    const isSecure = url.protocol === 'https:'
    const request = (isSecure ? httpsRequest : httpRequest)(
      {
        method,
        agent: agents[isSecure ? 'https:' : 'http:'],
        hostname: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port,
        path: url.pathname + (url.search === '' ? '' : `?${queryText(url.searchParams)}`),
        headers: { ...signed, ...((body || method === 'PUT' || method === 'POST') && { 'content-length': String(body?.byteLength ?? 0) }) },
        maxHeaderSize: 32_768,
      },
      (response) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response }),
    )
    request.once('error', reject)
    request.setTimeout(silenceMs, () => request.destroy(Object.assign(new Error('The store of files fell silent.'), { code: 'ETIMEDOUT' })))
    request.end(body)
    return promise
  }

  #url(endpoint: URL, key: string | undefined, query: Readonly<Record<string, string>>): URL {
    const { bucket, isPathStyle } = this.#settings
    const url = new URL(endpoint)
    if (!isPathStyle) url.hostname = `${bucket}.${url.hostname}`
    const parts = [
      ...url.pathname.split('/').filter(Boolean),
      ...(isPathStyle ? [bucket] : []),
      ...(key === undefined ? [] : key.split('/').map(encodePart)),
    ]
    url.pathname = `/${parts.join('/')}`
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    return url
  }
}

class Failure {
  readonly reason: string
  /** Another attempt may go better. */
  readonly mayPass: boolean
  readonly cause: unknown
  readonly waitMs: number | undefined

  constructor(reason: string, mayPass: boolean, cause?: unknown, waitMs?: number) {
    this.reason = reason
    this.mayPass = mayPass
    this.cause = cause
    this.waitMs = waitMs
  }
}

async function textOf(body: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of body as AsyncIterable<Buffer>) {
    size += part.length
    if (size > longestText) {
      body.destroy()
      break
    }
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}
