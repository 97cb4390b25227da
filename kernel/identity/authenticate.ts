import type { Principal } from '#kernel/context/context.ts'
import type { Site } from '#kernel/sites/site.ts'
import { keyHolder } from './api-keys.ts'
import { InvalidCredential, InvalidCsrfToken, UserUnavailable } from './errors.ts'
import { isSameText } from './keyed-hash.ts'
import { guest, guestName, principalOf } from './principals.ts'
import { findSession, loadSession, type Session } from './sessions.ts'

/** What a request brought along to say who it is from, already picked out of its headers and cookies. */
export interface Credentials {
  /** The Authorization header as sent. */
  readonly authorization?: string | undefined
  /** The DocType named by Frappe-Authorization-Source; only User holds keys here. */
  readonly authorizationSource?: string | undefined
  /** The `sid` cookie (or parameter). */
  readonly sid?: string | undefined
  /** X-Frappe-CSRF-Token, or `csrf_token` of the body. */
  readonly csrfToken?: string | undefined
  /** Address of the socket, or what a configured proxy reports. */
  readonly ip: string
  readonly verb: string
}

export interface Authenticated {
  readonly principal: Principal
  readonly via: 'guest' | 'session' | 'key'
  readonly session?: Session
  /** When a key or token ends, in milliseconds since 1970; `Infinity`: never. */
  readonly expires?: number
  /** The sid sent names no live session: the answer says so (`session_expired`) and goes to a guest. */
  readonly sessionExpired?: boolean
}

const nobody: Authenticated = { principal: guest, via: 'guest' }
const safeVerbs: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Says who a request is from. Call after `site.freshen()`. An Authorization header decides alone and never falls back to Guest; a dead
 * session does. A session that holds a CSRF token must send it with each unsafe verb.
 * @throws InvalidCredential (401), MalformedAuthorization, UnknownScheme, InvalidCsrfToken (400)
 */
export async function authenticate(site: Site, credentials: Credentials): Promise<Authenticated> {
  if (credentials.authorization !== undefined && credentials.authorization !== '') {
    const source = credentials.authorizationSource
    if (source && source !== 'User') throw new InvalidCredential({})
    const { principal, expires } = await keyHolder(site, credentials.authorization, credentials.ip)
    return { principal, via: 'key', expires }
  }
  const { sid } = credentials
  if (!sid || sid === guestName) return nobody
  const session = sid.length > 200 ? undefined : await findSession(site, sid)
  if (!session) return { ...nobody, sessionExpired: true }
  const principal = await sessionPrincipal(site, session)
  if (!principal) return { ...nobody, sessionExpired: true }
  if (!safeVerbs.has(credentials.verb)) await checkCsrfToken(site, session, credentials.csrfToken)
  return { principal, via: 'session', session }
}

async function sessionPrincipal(site: Site, session: Session): Promise<Principal | undefined> {
  const key = `identity:session-principal:${session.id}`
  const known = site.cache.access.get(key)
  if (known) return known as Principal
  const epoch = site.epoch.access
  try {
    const principal: Principal = { ...(await principalOf(site, session.user)), credential: `session:${session.id}` }
    if (site.epoch.access === epoch) site.cache.access.set(key, principal)
    return principal
  } catch (error) {
    if (UserUnavailable.is(error)) return undefined
    throw error
  }
}

async function checkCsrfToken(site: Site, session: Session, sent: string | undefined): Promise<void> {
  // The page that made the token may have been served by another process.
  const expected = session.csrfToken ?? (await loadSession(site, session.id))?.csrfToken
  if (expected && !isSameText(expected, sent ?? '')) throw new InvalidCsrfToken({})
}

/** The id of the session in use; undefined for keys, guests and jobs. */
export function sessionIdOf(principal: Principal): string | undefined {
  return principal.credential?.startsWith('session:') ? principal.credential.slice('session:'.length) : undefined
}
