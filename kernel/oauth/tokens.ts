import { hash } from 'node:crypto'
import { recordAudit } from '#kernel/audit/audit.ts'
import { instantOfText, textOfInstant } from '#kernel/context/time.ts'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { insert } from '#kernel/documents/save.ts'
import { isSameText, randomToken, tokenHash } from '#kernel/identity/keyed-hash.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { isRedirectUri, type OAuthClient } from './clients.ts'
import { idToken } from './id-token.ts'
import { prepareKey } from './keys.ts'

/** What the token endpoint answers, by OAuth's names. */
export interface TokenAnswer {
  access_token: string
  token_type: 'Bearer'
  /** Seconds. */
  expires_in: number
  scope: string
  refresh_token?: string
  id_token?: string
}

/** A refusal by OAuth's names. It is a value, not thrown, because what led to it must last: a token that came twice ends its family. */
export interface OAuthRefusal {
  error: 'invalid_request' | 'invalid_grant' | 'invalid_scope' | 'unauthorized_client' | 'unsupported_grant_type'
  error_description: string
}

const accessMs = 3_600_000
/** A refresh token that nobody used for so long is over. */
const refreshMs = 30 * 24 * 3_600_000
const codeMs = 120_000
const tokens = sql.id('tabOAuth Bearer Token')
const codes = sql.id('tabOAuth Authorization Code')
const userColumn = sql.id('user')

/** What somebody agreed to, at the moment the code is made. */
export interface Consent {
  readonly client: OAuthClient
  readonly user: string
  readonly scopes: readonly string[]
  readonly redirectUri: string
  readonly challenge: string | undefined
  readonly nonce: string | undefined
  /** Milliseconds since 1970 at which the user signed in. */
  readonly signedInAt: number
}

/** Makes the code that a client exchanges for tokens: once, within two minutes. @returns the code; only its hash is stored */
export async function issueCode(ctx: Context, consent: Consent): Promise<string> {
  const code = randomToken()
  await insert(ctx.asSystem(`OAuth code for ${consent.client.id}`), 'OAuth Authorization Code', {
    client: consent.client.id,
    user: consent.user,
    scopes: consent.scopes.join(' '),
    authorization_code: tokenHash(code),
    expiration_time: textOfInstant(ctx.clock.now() + codeMs),
    redirect_uri_bound_to_authorization_code: consent.redirectUri,
    validity: 'Valid',
    nonce: consent.nonce ?? null,
    code_challenge: consent.challenge ?? null,
    code_challenge_method: consent.challenge ? 'S256' : null,
    signed_in_at: textOfInstant(consent.signedInAt),
  })
  await recordAudit(ctx, {
    action: 'oauth-consent',
    doctype: 'User',
    name: consent.user,
    changes: { client: consent.client.id, scopes: consent.scopes.join(' ') },
  })
  return code
}

interface CodeRow {
  name: string
  client: string
  user: string
  scopes: string | null
  expiration_time: string
  redirect_uri: string
  validity: string
  nonce: string | null
  code_challenge: string | null
  signed_in_at: string | null
}

/** Exchanges a code for tokens. A code that comes a second time ends all that the first brought. */
export async function redeemAuthorizationCode(
  ctx: Context,
  client: OAuthClient,
  given: { code: string; redirectUri: string; verifier: string },
): Promise<TokenAnswer | OAuthRefusal> {
  const [row] = await ctx.db.query<CodeRow>(
    ctx.db.dialect.compile(sql`select name, client, ${userColumn}, scopes, expiration_time,
      redirect_uri_bound_to_authorization_code as redirect_uri, validity, nonce, code_challenge, signed_in_at
      from ${codes} where authorization_code = ${tokenHash(given.code)}`),
  )
  if (row?.client !== client.id) return refusal('invalid_grant', "The code is unknown, or another client's.")
  await prepareKey(ctx, client.signsWith)
  const { changes } = await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${codes} set validity = ${'Invalid'} where name = ${row.name} and validity = ${'Valid'}`),
  )
  if (changes !== 1) {
    await revokeFamily(ctx, row.name, 'a code came twice')
    return refusal('invalid_grant', 'The code has been used.')
  }
  if (instantOfText(row.expiration_time) <= ctx.clock.now()) return refusal('invalid_grant', 'The code is too old.')
  if (row.redirect_uri !== given.redirectUri || !isRedirectUri(client, given.redirectUri))
    return refusal('invalid_grant', 'The redirect address is not the one of the request.')
  if (!isVerifier(row.code_challenge, given.verifier)) return refusal('invalid_grant', 'The code verifier is not the one of the request.')
  const scopes = (row.scopes ?? '').split(' ').filter((scope) => scope !== '')
  const user = row.user
  if (!(await isUsable(ctx, client, user))) return refusal('invalid_grant', 'The user may not use this client any more.')
  const answer = await issueTokens(ctx, client, user, scopes, row.name, true)
  if (!scopes.includes('openid')) return answer
  const token = await idToken(ctx, client, user, scopes, {
    nonce: row.nonce ?? undefined,
    signedInAt: instantOfText(row.signed_in_at ?? row.expiration_time),
    accessToken: answer.access_token,
  })
  return { ...answer, id_token: token }
}

function isVerifier(challenge: string | null, verifier: string): boolean {
  // A verifier without a challenge means that somebody cut the challenge out of the request.
  if (!challenge) return verifier === ''
  return /^[A-Za-z0-9._~-]{43,128}$/.test(verifier) && isSameText(hash('sha256', verifier, 'base64url'), challenge)
}

interface TokenRow {
  name: string
  client: string
  user: string
  scopes: string | null
  status: string
  family: string | null
  refresh_expires: string | null
  expiration_time: string
  creation: string
}

/** Exchanges a refresh token for new tokens; the old ones end. One that comes a second time was stolen from somebody: its family ends. */
export async function refreshTokens(
  ctx: Context,
  client: OAuthClient,
  given: { refreshToken: string; scope: string },
): Promise<TokenAnswer | OAuthRefusal> {
  const row = await tokenRow(ctx, 'refresh_token', given.refreshToken)
  if (row?.client !== client.id) return refusal('invalid_grant', "The refresh token is unknown, or another client's.")
  const old = (row.scopes ?? '').split(' ').filter((scope) => scope !== '')
  const wanted = given.scope === '' ? old : given.scope.split(' ').filter((scope) => scope !== '')
  if (wanted.some((scope) => !old.includes(scope)))
    return refusal('invalid_scope', 'A refreshed token has no scopes that the first had not.')
  const { changes } = await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${tokens} set status = ${'Revoked'} where name = ${row.name} and status = ${'Active'}`),
  )
  if (changes !== 1) {
    await revokeFamily(ctx, row.family ?? row.name, 'a refresh token came twice')
    return refusal('invalid_grant', 'The refresh token has been used or revoked.')
  }
  await bumpEpoch(ctx, 'access')
  if (!row.refresh_expires || instantOfText(row.refresh_expires) <= ctx.clock.now())
    return refusal('invalid_grant', 'The refresh token is too old.')
  if (!(await isUsable(ctx, client, row.user))) return refusal('invalid_grant', 'The user may not use this client any more.')
  return issueTokens(ctx, client, row.user, wanted, row.family ?? row.name, true)
}

/** Gives a client a token for its own service user. */
export async function clientCredentials(ctx: Context, client: OAuthClient, scope: string): Promise<TokenAnswer | OAuthRefusal> {
  if (client.serviceUser === undefined || client.isPublic) return refusal('unauthorized_client', 'This client has no user of its own.')
  const wanted = scope === '' ? client.scopes.filter((one) => !['openid', 'profile', 'email'].includes(one)) : scope.split(' ')
  if (wanted.some((one) => !client.scopes.includes(one) || one === 'openid'))
    return refusal('invalid_scope', 'The client may not ask for these scopes.')
  if (!(await isUsable(ctx, client, client.serviceUser))) return refusal('invalid_grant', "The client's user is disabled.")
  return issueTokens(ctx, client, client.serviceUser, wanted, undefined, false)
}

/** Whether a user exists, is enabled, and holds one of the client's roles. */
export async function isUsable(ctx: Context, client: OAuthClient, userName: string): Promise<boolean> {
  try {
    const { roles, unrestricted } = await principalOf(ctx, userName)
    return client.roles.length === 0 || unrestricted || client.roles.some((role) => roles.has(role))
  } catch {
    return false
  }
}

async function issueTokens(
  ctx: Context,
  client: OAuthClient,
  user: string,
  scopes: readonly string[],
  family: string | undefined,
  isRefreshable: boolean,
): Promise<TokenAnswer> {
  const access = randomToken()
  const refresh = isRefreshable ? randomToken() : undefined
  const now = ctx.clock.now()
  await insert(ctx.asSystem(`OAuth token for ${client.id}`), 'OAuth Bearer Token', {
    client: client.id,
    user,
    scopes: scopes.join(' '),
    access_token: tokenHash(access),
    refresh_token: refresh ? tokenHash(refresh) : null,
    expiration_time: textOfInstant(now + accessMs),
    refresh_expires: refresh ? textOfInstant(now + refreshMs) : null,
    expires_in: accessMs / 1000,
    status: 'Active',
    family: family ?? null,
  })
  return {
    access_token: access,
    token_type: 'Bearer',
    expires_in: accessMs / 1000,
    scope: scopes.join(' '),
    ...(refresh && { refresh_token: refresh }),
  }
}

async function tokenRow(ctx: Context, column: 'access_token' | 'refresh_token', token: string): Promise<TokenRow | undefined> {
  const [row] = await ctx.db.query<TokenRow>(
    ctx.db.dialect.compile(sql`select name, client, ${userColumn}, scopes, status, family, refresh_expires, expiration_time, creation
      from ${tokens} where ${sql.id(column)} = ${tokenHash(token)}`),
  )
  return row
}

/** Ends a token of the client; of a refresh token all that came of the same consent. Unknown ones and others' are passed over in silence. */
export async function revokeToken(ctx: Context, client: OAuthClient, token: string): Promise<void> {
  const refresh = await tokenRow(ctx, 'refresh_token', token)
  if (refresh?.client === client.id) return revokeFamily(ctx, refresh.family ?? refresh.name, 'by the client')
  const access = await tokenRow(ctx, 'access_token', token)
  if (access?.client !== client.id) return
  await ctx.db.execute(ctx.db.dialect.compile(sql`update ${tokens} set status = ${'Revoked'} where name = ${access.name}`))
  await bumpEpoch(ctx, 'access')
}

async function revokeFamily(ctx: Context, family: string, why: string): Promise<void> {
  const { changes } = await ctx.db.execute(
    ctx.db.dialect.compile(
      sql`update ${tokens} set status = ${'Revoked'} where (family = ${family} or name = ${family}) and status = ${'Active'}`,
    ),
  )
  await recordAudit(ctx, { action: 'revoke-tokens', doctype: 'OAuth Bearer Token', name: family, changes: { why, tokens: changes } })
  if (changes > 0) await bumpEpoch(ctx, 'access')
}

/** Ends all that a user allowed a client, or all of the user or of the client, in every process. @returns tokens ended */
export async function revokeTokensOf(ctx: Context, of: { user?: string; client?: string }): Promise<number> {
  const conditions = [
    ...(of.user === undefined ? [] : [sql`${userColumn} = ${of.user}`]),
    ...(of.client === undefined ? [] : [sql`client = ${of.client}`]),
  ]
  if (conditions.length === 0) return 0
  const where = sql.join(conditions, sql` and `)
  const { changes } = await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${tokens} set status = ${'Revoked'} where status = ${'Active'} and ${where}`),
  )
  await ctx.db.execute(ctx.db.dialect.compile(sql`update ${codes} set validity = ${'Invalid'} where validity = ${'Valid'} and ${where}`))
  if (changes > 0) await bumpEpoch(ctx, 'access')
  return changes
}

/** What a client may know of a token of its own; anything else is not active. */
export async function introspect(ctx: Context, client: OAuthClient, token: string): Promise<Record<string, unknown>> {
  const access = await tokenRow(ctx, 'access_token', token)
  const row = access ?? (await tokenRow(ctx, 'refresh_token', token))
  const end = row && (access ? row.expiration_time : row.refresh_expires)
  if (row?.client !== client.id || row.status !== 'Active' || !end || instantOfText(end) <= ctx.clock.now()) return { active: false }
  if (!(await isUsable(ctx, client, row.user))) return { active: false }
  return {
    active: true,
    client_id: client.id,
    username: row.user,
    scope: row.scopes ?? '',
    token_type: access ? 'Bearer' : 'refresh_token',
    exp: Math.floor(instantOfText(end) / 1000),
    iat: Math.floor(instantOfText(row.creation) / 1000),
  }
}

/** Deletes codes and tokens that are over for a week; a daily job. Revoked ones stay as long: they tell when one comes twice. */
export async function deleteOldTokens(ctx: Context): Promise<void> {
  const before = textOfInstant(ctx.clock.now() - 7 * 24 * 3_600_000)
  await ctx.db.execute(
    ctx.db.dialect.compile(
      sql`delete from ${tokens} where expiration_time < ${before} and (refresh_expires is null or refresh_expires < ${before})`,
    ),
  )
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${codes} where expiration_time < ${before}`))
}

function refusal(error: OAuthRefusal['error'], description: string): OAuthRefusal {
  return { error, error_description: description }
}

/** The scopes of a token, by its document's name. */
export async function scopesOfToken(ctx: Context, name: string): Promise<string[]> {
  const [row] = await ctx.db.query<{ scopes: string | null }>(
    ctx.db.dialect.compile(sql`select scopes from ${tokens} where name = ${name}`),
  )
  return (row?.scopes ?? '').split(' ').filter((scope) => scope !== '')
}
