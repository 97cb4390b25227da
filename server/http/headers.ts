import type { IncomingHttpHeaders } from 'node:http'
import type { Site } from '#kernel/sites/site.ts'

/** What every answer carries. JSON is data: nothing in it may load, run or be framed. */
export const answerHeaders: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
  'referrer-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store,no-cache,must-revalidate,max-age=0',
}

/** Behind TLS: browsers come back by TLS only, for two years. */
export const strictTransport: Readonly<Record<string, string>> = { 'strict-transport-security': 'max-age=63072000; includeSubDomains' }

/**
 * Headers that let a page of another origin read the answer, when the site's `allow_cors` (an origin, a list of them, or `*`) names it.
 * Cookies go along only for origins that are named; `*` is for callers with keys.
 */
export function corsHeaders(site: Site, headers: IncomingHttpHeaders): Record<string, string> | undefined {
  const { origin } = headers
  const allowed = site.config.allow_cors
  if (!origin || !allowed) return undefined
  const isNamed = Array.isArray(allowed) ? allowed.includes(origin) : allowed === origin
  const isOpen = allowed === '*' || (Array.isArray(allowed) && allowed.includes('*'))
  if (!isNamed && !isOpen) return undefined
  return {
    'access-control-allow-origin': isNamed ? origin : '*',
    ...(isNamed && { 'access-control-allow-credentials': 'true' }),
    'access-control-expose-headers':
      'ETag, X-Request-Id, X-Frappe-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After',
    vary: 'Origin',
  }
}

/** What a preflight adds. */
export const preflightHeaders: Readonly<Record<string, string>> = {
  'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE, OPTIONS',
  'access-control-allow-headers':
    'Authorization, Content-Type, X-Frappe-CSRF-Token, X-Frappe-Site-Name, X-Requested-With, Idempotency-Key, If-Match, If-None-Match, Accept',
  'access-control-max-age': '600',
}

/** Content-Disposition with a name in any script: plain ASCII for old readers, percent-encoded UTF-8 for the others. */
export function dispositionHeader(kind: 'inline' | 'attachment', name: string): string {
  const ascii = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_')
  const encoded = encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encoded}`
}
