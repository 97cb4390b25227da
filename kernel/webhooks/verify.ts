import { createHmac, hash, timingSafeEqual } from 'node:crypto'
import type { EndpointSecrets, HandshakeAnswer, ReceivedWebhook } from './provider.ts'

/** @returns what is wrong, for the log alone; undefined: the sender knew one of the secrets. @param now milliseconds since 1970 */
export type Verify = (webhook: ReceivedWebhook, secrets: readonly string[], now: number) => string | undefined

/** Seconds by which a signed time may differ from ours, either way. */
const tolerance = 300

/** Whether two texts are the same, in a time that tells nothing about where they differ. Empty ones never are. */
export function isSame(given: string | undefined, expected: string): boolean {
  if (!given || expected === '') return false
  const a = Buffer.from(given)
  const b = Buffer.from(expected)
  return a.length === b.length && timingSafeEqual(a, b)
}

function hmac(algorithm: string, secret: string | Buffer, parts: readonly (string | Buffer)[], encoding: 'hex' | 'base64'): string {
  const sum = createHmac(algorithm, secret)
  for (const part of parts) sum.update(part)
  return sum.digest(encoding)
}

/** Tries each secret; an endpoint without one believes nobody. */
function anySecret(secrets: readonly string[], fits: (secret: string) => boolean): string | undefined {
  // Of 'whsec_' and nothing else a key would come that anybody could guess.
  const usable = secrets.filter((secret) => secret !== '' && secret !== 'whsec_')
  if (usable.length === 0) return 'the endpoint has no secret'
  // All are tried, so that the time does not tell which one it was.
  return usable.map(fits).includes(true) ? undefined : 'the signature does not fit'
}

function ageComplaint(seconds: string | undefined, now: number): string | undefined {
  if (!seconds || !/^\d{1,12}$/.test(seconds)) return 'it has no time'
  const apart = Math.abs(Math.floor(now / 1000) - Number(seconds))
  return apart > tolerance ? `its time is ${apart} seconds off` : undefined
}

/** How a plain signature of the body is written down. */
export interface HmacForm {
  /** Lower case. */
  readonly header: string
  /** What stands before the signature, such as `sha256=`. */
  readonly prefix?: string
  /** Default sha256. */
  readonly algorithm?: 'sha256' | 'sha512' | 'sha1'
  /** Default hex. */
  readonly encoding?: 'hex' | 'base64'
}

/** A signature of the raw body, with no time in it: what protects from replays is the event's key. */
export function hmacOfBody({ header, prefix = '', algorithm = 'sha256', encoding = 'hex' }: HmacForm): Verify {
  return ({ body, headers }, secrets) =>
    anySecret(secrets, (secret) => isSame(headers[header], prefix + hmac(algorithm, secret, [body], encoding)))
}

/** GitHub, Meta, and those who do as they do: `X-Hub-Signature-256: sha256=`. Escapes in the body count as they were sent. */
export const verifyHubSignature: Verify = hmacOfBody({ header: 'x-hub-signature-256', prefix: 'sha256=' })

/** Another Frappe or Orchestrator: `X-Frappe-Webhook-Signature`. */
export const verifyFrappe: Verify = hmacOfBody({ header: 'x-frappe-webhook-signature', encoding: 'base64' })

/** `Stripe-Signature: t=…,v1=…[,v1=…]`; other schemes, such as the test scheme v0, prove nothing. */
export const verifyStripe: Verify = ({ body, headers }, secrets, now) => {
  const parts = (headers['stripe-signature'] ?? '').split(',').map((part) => part.trim().split('=', 2) as [string, string?])
  const time = parts.find(([name]) => name === 't')?.[1]
  const given = parts.filter(([name]) => name === 'v1').map(([, value]) => value)
  if (given.length === 0 || given.length > 20) return 'it is not signed'
  return (
    anySecret(secrets, (secret) => {
      const expected = hmac('sha256', secret, [`${time}.`, body], 'hex')
      return given.map((one) => isSame(one, expected)).includes(true)
    }) ?? ageComplaint(time, now)
  )
}

/** `X-Slack-Signature: v0=…` over `v0:time:body`. */
export const verifySlack: Verify = ({ body, headers }, secrets, now) => {
  const time = headers['x-slack-request-timestamp']
  const complaint = anySecret(secrets, (secret) =>
    isSame(headers['x-slack-signature'], `v0=${hmac('sha256', secret, [`v0:${time}:`, body], 'hex')}`),
  )
  return complaint ?? ageComplaint(time, now)
}

/** A word that both sides know; nothing is signed. */
export const verifyTelegram: Verify = ({ headers }, secrets) =>
  anySecret(secrets, (secret) => /^[\w-]{1,256}$/.test(secret) && isSame(headers['x-telegram-bot-api-secret-token'], secret))

/** Standard Webhooks, as our own outgoing ones: `id.time.body`, several signatures apart by blanks, `whsec_` secrets in base64. */
export const verifyStandard: Verify = ({ body, headers }, secrets, now) => {
  const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signatures = '' } = headers
  if (!id) return 'it has no id'
  const given = signatures.split(' ').slice(0, 20)
  return (
    anySecret(secrets, (secret) => {
      const expected = standardSignature(secret, id, time ?? '', body)
      return given.map((one) => isSame(one, expected)).includes(true)
    }) ?? ageComplaint(time, now)
  )
}

/** `v1,…` over the id, the time in seconds and the raw body. @param secret `whsec_` and base64, or any text */
export function standardSignature(secret: string, id: string, time: string, body: string | Buffer): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : secret
  return `v1,${hmac('sha256', key, [`${id}.${time}.`, body], 'base64')}`
}

/**
 * `X-Twilio-Signature`: the address, for a form followed by its sorted names and values; for anything else the address holds the hash of
 * the body. The address is tried with and without its port, as Twilio's own libraries do.
 */
export const verifyTwilio: Verify = ({ body, headers, url, query }, secrets) => {
  const given = headers['x-twilio-signature']
  const bodyHash = query.bodySHA256
  const isForm = (headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')
  if (typeof bodyHash === 'string') {
    if (!isSame(bodyHash.toLowerCase(), hash('sha256', body, 'hex'))) return 'the body is not the one that was signed'
  } else if (!isForm) return 'the body is not signed'
  const suffix = typeof bodyHash === 'string' ? '' : formText(body)
  const addresses = twilioAddresses(url)
  return anySecret(secrets, (secret) =>
    addresses.map((address) => isSame(given, hmac('sha1', secret, [address + suffix], 'base64'))).includes(true),
  )
}

function formText(body: Buffer): string {
  const values = new Map<string, Set<string>>()
  for (const [name, value] of new URLSearchParams(body.toString('utf8'))) {
    const known = values.get(name) ?? new Set()
    values.set(name, known.add(value))
  }
  const names = [...values.keys()].sort()
  return names
    .map((name) =>
      [...(values.get(name) as Set<string>)]
        .sort()
        .map((value) => name + value)
        .join(''),
    )
    .join('')
}

/** The address as it is, without a port, and with the usual one. */
function twilioAddresses(address: string): string[] {
  const [, scheme = '', host = '', rest = ''] = /^(https?:\/\/)([^/?#]+)(.*)$/.exec(address) ?? []
  const bare = host.replace(/:\d+$/, '')
  return [...new Set([address, `${scheme}${bare}${rest}`, `${scheme}${bare}:${scheme === 'https://' ? 443 : 80}${rest}`])]
}

/** Meta's first call: the token that was agreed on, and a word to repeat. */
export function metaHandshake({ query, body }: ReceivedWebhook, { verifyToken }: EndpointSecrets): HandshakeAnswer | undefined {
  const challenge = query['hub.challenge']
  if (body.length > 0 || query['hub.mode'] !== 'subscribe' || typeof challenge !== 'string' || !verifyToken) return undefined
  const token = query['hub.verify_token']
  // What is sent back is plain text of letters and digits, so that nobody can make a page of it.
  if (typeof token !== 'string' || !isSame(token, verifyToken) || !/^[\w.-]{1,200}$/.test(challenge)) return undefined
  return { type: 'text/plain; charset=utf-8', body: challenge }
}

/** Slack's first call, which is signed like any other. */
export function slackHandshake({ body }: ReceivedWebhook, _secrets: EndpointSecrets, isVerified: boolean): HandshakeAnswer | undefined {
  if (!isVerified || body.length > 1000 || !body.includes('url_verification')) return undefined
  try {
    const { type, challenge } = JSON.parse(body.toString('utf8')) as Record<string, unknown>
    if (type !== 'url_verification' || typeof challenge !== 'string' || !/^[\w.-]{1,200}$/.test(challenge)) return undefined
    return { type: 'text/plain; charset=utf-8', body: challenge }
  } catch {
    return undefined
  }
}
