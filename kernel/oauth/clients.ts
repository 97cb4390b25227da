import type { Context } from '#kernel/context/context.ts'
import { exists, getDocument } from '#kernel/documents/load.ts'
import { isSameText } from '#kernel/identity/keyed-hash.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import type { SigningAlgorithm } from './keys.ts'

/** A program that may ask for tokens: an OAuth Client, read for use. */
export interface OAuthClient {
  readonly id: string
  readonly title: string
  /** It can keep no secret: a program on people's own devices. */
  readonly isPublic: boolean
  readonly redirectUris: readonly string[]
  readonly scopes: readonly string[]
  readonly mayUseCode: boolean
  /** For whom it acts by itself; undefined: for nobody. */
  readonly serviceUser: string | undefined
  readonly skipsConsent: boolean
  /** Roles of which a user needs one; empty: anybody. */
  readonly roles: readonly string[]
  readonly signsWith: SigningAlgorithm
}

/** Reads a client; undefined when there is none. */
export async function oauthClient(ctx: Context, id: string): Promise<OAuthClient | undefined> {
  const system = ctx.asSystem('OAuth')
  if (id === '' || id.length > 140 || !(await exists(system, 'OAuth Client', id))) return undefined
  const client = await getDocument(system, 'OAuth Client', id)
  const uris = words(client.redirect_uris)
  const standard = String(client.default_redirect_uri ?? '').trim()
  return {
    id: String(client.name),
    title: String(client.app_name),
    isPublic: client.token_endpoint_auth_method === 'None',
    redirectUris: standard === '' ? uris : [standard, ...uris.filter((uri) => uri !== standard)],
    scopes: words(client.scopes),
    mayUseCode: client.grant_type !== 'Client Credentials',
    serviceUser: client.grant_type === 'Client Credentials' && client.user ? String(client.user) : undefined,
    skipsConsent: client.skip_authorization === 1,
    roles: ((client.allowed_roles ?? []) as { role: string }[]).map((row) => row.role),
    signsWith: client.id_token_signed_response_alg === 'ES256' ? 'ES256' : 'RS256',
  }
}

/** Whether a secret is the client's. */
export async function isClientSecret(ctx: Context, client: OAuthClient, secret: string): Promise<boolean> {
  const stored = await getSecret(ctx, 'OAuth Client', client.id, 'client_secret')
  return stored !== undefined && secret !== '' && isSameText(stored, secret)
}

/** Words as people type them, by line or space. */
export function words(text: unknown): string[] {
  return String(text ?? '')
    .split(/\s+/)
    .filter((word) => word !== '')
}

/**
 * Whether an address is one of the client's, letter by letter. Only the port of a loopback address may differ, because a program on
 * somebody's computer takes whichever is free.
 */
export function isRedirectUri(client: OAuthClient, uri: string): boolean {
  if (client.redirectUris.includes(uri)) return true
  if (!client.isPublic || !isLoopback(uri)) return false
  return client.redirectUris.some((known) => isLoopback(known) && withoutPort(known) === withoutPort(uri))
}

/** Complaint about an address that no client may have; undefined: it is fine. */
export function redirectUriComplaint(uri: string): string | undefined {
  if (!URL.canParse(uri)) return 'is no complete address.'
  const { protocol, hash, username, password } = new URL(uri)
  if (hash !== '' || uri.includes('#')) return 'must have no fragment.'
  if (username !== '' || password !== '') return 'carries a user name or password.'
  if (/[\s\\*]/.test(uri)) return 'has characters that no address here may have.'
  if (protocol === 'https:' || isLoopback(uri)) return undefined
  // A scheme of one's own is turned round like a domain, so that nobody takes another's.
  return /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:$/.test(protocol)
    ? undefined
    : 'must begin with https://, lead to this computer, or have a scheme such as com.example.app.'
}

function isLoopback(uri: string): boolean {
  if (!URL.canParse(uri)) return false
  const { protocol, hostname } = new URL(uri)
  return protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)
}

function withoutPort(uri: string): string {
  const url = new URL(uri)
  url.port = ''
  return url.href
}
