import { lookup as systemLookup } from 'node:dns/promises'
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Site } from '#kernel/sites/site.ts'
import { addressKind } from './addresses.ts'
import { AddressRefused, AnswerRefused, UrlInvalid } from './errors.ts'
import { unlessAborted } from './unless-aborted.ts'

/** What `safeFetch` is asked to do. */
export interface FetchOptions {
  /** Default GET. */
  readonly method?: string
  /** The host and the length are set by the call itself. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** For all of it: name, connection, redirects, the last byte. Default 10,000. */
  readonly timeoutMs?: number
  /** Bytes that the answer may have; default 10 MB. */
  readonly maxBytes?: number
  /** Redirects to follow, 0–3; default 3. */
  readonly redirects?: number
  readonly signal?: AbortSignal
  /** Finds the addresses of a name; default: the system's. For tests. */
  readonly resolve?: Resolve
}

/** Finds the addresses of a name. */
export type Resolve = (host: string) => Promise<readonly { address: string; family: number }[]>

/** An answer as it came. A status of 400 and above is an answer, too. */
export interface FetchAnswer {
  readonly status: number
  /** By lower-case name; several of one name are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** The IP address that answered. */
  readonly address: string
}

const defaultTimeoutMs = 10_000
const defaultMaxBytes = 10 * 1024 * 1024
const mostRedirects = 3
/** Set by the connection itself: a caller's could cut one request into two, or speak to another host than the one that was checked. */
const ownHeaders = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'upgrade', 'te', 'trailer', 'expect'])
/** All that goes along to another origin: any other header may be a credential. */
const harmlessHeaders = new Set(['accept', 'accept-language', 'user-agent'])

/**
 * Calls an address outside that somebody typed in. The name is resolved once; every address it has must be public, and the connection
 * goes to the one that was checked, so that a name cannot change its mind in between. Redirects are checked alike; another origin gets
 * neither credentials nor a body, and nothing goes from https to http. No proxy of the environment is used.
 *
 * The site's `external_allow` lists hosts (`name` or `name:port`) that may be on the inside.
 * @throws UrlInvalid, AddressRefused, AnswerRefused; the signal's reason; the system's error where no connection came about
 */
export async function safeFetch(site: Pick<Site, 'config'>, url: string, options: FetchOptions = {}): Promise<FetchAnswer> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? defaultTimeoutMs)
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
  let sending: Sending = {
    url: readUrl(url),
    method: (options.method ?? 'GET').toUpperCase(),
    headers: readHeaders(options.headers ?? {}),
    body: typeof options.body === 'string' ? Buffer.from(options.body, 'utf8') : options.body,
  }
  const redirects = Math.min(options.redirects ?? mostRedirects, mostRedirects)
  for (let hop = 0; ; hop++) {
    const address = await checkedAddress(site, sending.url, options.resolve ?? fromSystem, signal)
    const answer = await exchange(sending, address, options.maxBytes ?? defaultMaxBytes, signal)
    const { location } = answer.headers
    if (!isRedirect(answer.status) || location === undefined || redirects === 0) return answer
    if (hop === redirects) throw new AnswerRefused({ host: sending.url.host, reason: `it redirects more than ${redirects} times.` })
    sending = redirected(sending, answer.status, location)
  }
}

interface Sending {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | undefined
}

interface Address {
  readonly address: string
  readonly family: number
}

/** Reads what somebody typed. Spellings such as 0x7f.1 or 2130706433 come out as the address they mean. @throws UrlInvalid */
export function readUrl(text: string, field = 'url'): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url) throw new UrlInvalid({ field, reason: 'it is no complete address such as https://example.com/path.' })
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new UrlInvalid({ field, reason: 'it must begin with https:// or http://.' })
  if (url.username !== '' || url.password !== '') throw new UrlInvalid({ field, reason: 'it carries a user name or password.' })
  if (text.length > 2000) throw new UrlInvalid({ field, reason: 'it is longer than 2000 characters.' })
  return url
}

function readHeaders(given: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = { 'user-agent': 'Orchestrator', accept: '*/*' }
  for (const [name, value] of Object.entries(given)) {
    const key = name.toLowerCase()
    if (ownHeaders.has(key)) continue
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(key))
      throw new UrlInvalid({ field: 'headers', reason: `"${name.slice(0, 80)}" is no name of a header.` })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get in
    if (/[\u0000-\u0008\u000a-\u001f\u007f]|[^\u0000-\u00ff]/.test(value))
      throw new UrlInvalid({ field: 'headers', reason: `the header "${name.slice(0, 80)}" has characters that no header may have.` })
    headers[key] = value
  }
  headers['accept-encoding'] = 'identity'
  return headers
}

async function checkedAddress(site: Pick<Site, 'config'>, url: URL, resolve: Resolve, signal: AbortSignal): Promise<Address> {
  const host = bareHost(url)
  const family = isIP(host)
  const found = family !== 0 ? [{ address: host, family }] : await unlessAborted(signal, () => resolve(host))
  const isAllowed = allows(site, host, url)
  for (const { address } of found) {
    const kind = addressKind(address)
    // What an operator lists by name may be on the inside, yet no name may lead to the secrets of the machine.
    if (kind === 'public' || (isAllowed && (kind === 'private' || family !== 0))) continue
    throw new AddressRefused({
      field: 'url',
      host: url.hostname,
      reason: 'it is not a public address, and external_allow does not list it.',
    })
  }
  const [first] = found
  if (!first) throw new AddressRefused({ field: 'url', host: url.hostname, reason: 'it has no address.' })
  return first
}

const fromSystem: Resolve = (host) => systemLookup(host, { all: true, verbatim: false })

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
}

function allows(site: Pick<Site, 'config'>, host: string, url: URL): boolean {
  const list = site.config.external_allow
  if (!Array.isArray(list)) return false
  const name = isIP(host) === 6 ? `[${host}]` : host
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return list.some((entry) => {
    const text = String(entry).toLowerCase()
    return text === name || text === host || text === `${name}:${port}`
  })
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status)
}

function redirected(from: Sending, status: number, location: string): Sending {
  if (!URL.canParse(location, from.url)) throw new AnswerRefused({ host: from.url.host, reason: 'it redirects to what is no address.' })
  const url = readUrl(new URL(location, from.url).href)
  if (from.url.protocol === 'https:' && url.protocol === 'http:')
    throw new AnswerRefused({ host: from.url.host, reason: 'it redirects from https to http.' })
  const keepsMethod = status === 307 || status === 308 || from.method === 'GET' || from.method === 'HEAD'
  const isSameOrigin = url.origin === from.url.origin
  if (keepsMethod && from.body && !isSameOrigin)
    throw new AnswerRefused({ host: from.url.host, reason: 'it wants the content of the request sent to somebody else.' })
  const headers = Object.fromEntries(
    Object.entries(from.headers).filter(
      ([name]) =>
        (isSameOrigin || harmlessHeaders.has(name) || name === 'accept-encoding') && (keepsMethod || !name.startsWith('content-')),
    ),
  )
  return { url, headers, method: keepsMethod ? from.method : 'GET', body: keepsMethod ? from.body : undefined }
}

/** One request to one address. The connection is its own, so that none that was opened before could lead elsewhere. */
function exchange(sending: Sending, to: Address, maxBytes: number, signal: AbortSignal): Promise<FetchAnswer> {
  const { url, method, headers, body } = sending
  const isSecure = url.protocol === 'https:'
  // The name stays in the Host header and in the certificate's check; only where it leads is fixed.
  const lookup: LookupFunction = (_host, { all }, done) => (all ? done(null, [to]) : done(null, to.address, to.family))
  const agent = isSecure ? new HttpsAgent({ keepAlive: false }) : new HttpAgent({ keepAlive: false })
  const { promise, resolve, reject } = Promise.withResolvers<FetchAnswer>()
  const request = (isSecure ? httpsRequest : httpRequest)(url, {
    method,
    agent,
    lookup,
    signal,
    maxHeaderSize: 32_768,
    headers: { ...headers, ...(body && { 'content-length': String(body.byteLength) }) },
  })
  request.once('error', (error) => reject(signal.aborted ? signal.reason : error))
  request.once('response', (response) => {
    readBody(response, url, method === 'HEAD' ? 0 : maxBytes).then(
      (bytes) => resolve({ status: response.statusCode ?? 0, headers: plainHeaders(response), body: bytes, address: to.address }),
      (error) => {
        request.destroy()
        reject(signal.aborted ? signal.reason : error)
      },
    )
  })
  request.end(body)
  return promise.finally(() => agent.destroy())
}

async function readBody(response: IncomingMessage, url: URL, maxBytes: number): Promise<Uint8Array> {
  const encoding = response.headers['content-encoding']
  // Unpacking could make gigabytes of kilobytes.
  if (encoding && encoding !== 'identity')
    throw new AnswerRefused({ host: url.host, reason: `it is packed with ${encoding.slice(0, 40)}.` })
  if (Number(response.headers['content-length'] ?? 0) > maxBytes && maxBytes > 0) throw tooLarge(url, maxBytes)
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.byteLength
    if (length > maxBytes) throw tooLarge(url, maxBytes)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function tooLarge(url: URL, maxBytes: number): Error {
  return new AnswerRefused({ host: url.host, reason: `it has more than ${maxBytes} bytes.` })
}

function plainHeaders(response: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headersDistinct)) if (value) headers[name] = value.join(', ')
  return headers
}
