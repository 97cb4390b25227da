import { instantOfText } from '#kernel/context/time.ts'
import type { Principal } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import { InvalidCredential } from './errors.ts'
import { tokenHash } from './keyed-hash.ts'
import { principalOf } from './principals.ts'
import { parseScopes } from './scopes.ts'

/** The scope of a key that lets a token ask who its user is. */
export const profileScope = 'method:frappe.integrations.oauth2.openid_profile'

interface TokenRow {
  name: string
  user: string
  scopes: string | null
  expiration_time: string | null
  status: string | null
}

/**
 * Whom an OAuth access token lets act, and what of it: a token is a key with an end, narrowed to what its user agreed to.
 * @returns `expires` in milliseconds since 1970
 * @throws InvalidCredential  unknown, revoked or expired token, disabled user: all the same
 */
export async function principalOfBearer(site: Site, token: string): Promise<{ principal: Principal; name: string; expires: number }> {
  const [row] = await site.database.query<TokenRow>(
    site.database.dialect.compile(
      sql`select name, ${sql.id('user')}, scopes, expiration_time, status from ${sql.id('tabOAuth Bearer Token')} where access_token = ${tokenHash(token)}`,
    ),
  )
  if (row?.status !== 'Active' || !row.expiration_time) throw new InvalidCredential({})
  const user = await principalOf(site, row.user).catch((error: unknown) => {
    throw new InvalidCredential({}, { cause: error })
  })
  return {
    principal: { ...user, scopes: keyScopes((row.scopes ?? '').split(' ')), credential: `oauth:${row.name}` },
    name: row.name,
    expires: instantOfText(row.expiration_time),
  }
}

/**
 * What OAuth scopes mean as scopes of a key: `all` is everything its user may do except to manage keys and sessions; `openid` is who the
 * user is; `profile` and `email` say more of it; any other is a scope of a key, percent-encoded (`doctype:Sales%20Order:read`).
 * @throws BadIdentityInput for one that is none
 */
export function keyScopes(scopes: readonly string[]): string[] {
  return [...new Set(scopes.filter((scope) => scope !== '').flatMap(keyScope))]
}

function keyScope(scope: string): string[] {
  if (scope === 'all') return ['write', 'method:*']
  if (scope === 'openid') return [profileScope]
  if (scope === 'profile' || scope === 'email') return []
  return parseScopes([decoded(scope)], 'scope')
}

function decoded(scope: string): string {
  try {
    return decodeURIComponent(scope)
  } catch {
    return scope
  }
}
