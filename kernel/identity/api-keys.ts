import { hash, randomBytes } from 'node:crypto'
import { recordAudit } from '#kernel/audit/audit.ts'
import { instantOfText, textOfInstant } from '#kernel/context/time.ts'
import type { Context, Principal } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { insert } from '#kernel/documents/save.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import type { Site } from '#kernel/sites/site.ts'
import { parseAuthorization } from './authorization.ts'
import { principalOfBearer } from './bearer-tokens.ts'
import { InvalidCredential } from './errors.ts'
import { isSameText, randomToken } from './keyed-hash.ts'
import { principalOf } from './principals.ts'
import { parseScopes } from './scopes.ts'

/** What a new key may do and for how long. */
export interface KeyOptions {
  label: string
  scopes?: string | readonly string[]
  /** Milliseconds since 1970; absent: no end. */
  expiresAt?: number
}

/** A key just made. The secret is here for the only time. */
export interface NewKey {
  name: string
  api_key: string
  api_secret: string
}

interface KeyRow {
  name: string
  user: string
  secret_hash: string | null
  scopes: string | null
  expires_at: string | null
  revoked: number | null
}

/** A key that this process has checked. */
interface KnownKey {
  readonly principal: Principal
  readonly name: string
  readonly expires: number
  touched: number
}

const keys = sql.id('tabUser API Key')
const userColumn = sql.id('user')
const touchEveryMs = 60_000
const rememberedKeys = 20_000

/** A text to compare with when no key was found, so that unknown keys take as long as known ones. */
const nobodysHash = hashSecret('nobody', 'AAAAAAAAAAAAAAAA')

/** Makes a key for `user` in the caller's transaction. The caller has checked who may. */
export async function createKey(ctx: Context, user: string, options: KeyOptions): Promise<NewKey> {
  const api_key = randomBytes(10).toString('hex')
  const api_secret = randomToken()
  const document = await insert(ctx.asSystem(`API key "${options.label}" for ${user}`), 'User API Key', {
    user,
    label: options.label,
    api_key,
    secret_hash: hashSecret(api_secret, randomBytes(12).toString('base64url')),
    scopes: parseScopes(options.scopes).join('\n'),
    expires_at: options.expiresAt === undefined ? null : textOfInstant(options.expiresAt),
  })
  return { name: document.name, api_key, api_secret }
}

/** Ends a key of `user` for every process. @returns whether there was a live one */
export async function revokeKey(ctx: Context, user: string, name: string): Promise<boolean> {
  const now = textOfInstant(ctx.clock.now())
  const { changes } = await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${keys} set revoked = 1, revoked_at = ${now}, modified = ${now}, modified_by = ${ctx.user.name}
      where name = ${name} and ${userColumn} = ${user} and coalesce(revoked, 0) = 0`),
  )
  if (changes === 0) return false
  await recordAudit(ctx, { action: 'revoke-key', doctype: 'User API Key', name, changes: { revoked: [0, 1] } })
  await bumpEpoch(ctx, 'access')
  return true
}

/** Ends all keys of `user` that carry `label`; what making "the" key anew does. */
export async function revokeKeysLabelled(ctx: Context, user: string, label: string): Promise<void> {
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(sql`select name from ${keys} where ${userColumn} = ${user} and label = ${label} and coalesce(revoked, 0) = 0`),
  )
  for (const row of rows) await revokeKey(ctx, user, row.name)
}

/** A key as its owner may see it; times as stored. */
export interface KeyListing {
  name: string
  label: string
  api_key: string
  scopes: string[]
  creation: string
  expires_at: string | null
  last_used_at: string | null
  revoked: boolean
}

/** The keys of `user`, newest first. */
export async function listKeys(ctx: Context, user: string): Promise<KeyListing[]> {
  const rows = await ctx.db.query<KeyRow & { label: string; api_key: string; creation: string; last_used_at: string | null }>(
    ctx.db.dialect.compile(sql`select name, label, api_key, scopes, creation, expires_at, last_used_at, revoked from ${keys}
      where ${userColumn} = ${user} order by creation desc, name`),
  )
  return rows.map((row) => ({
    name: row.name,
    label: row.label,
    api_key: row.api_key,
    scopes: parseScopes(row.scopes),
    creation: row.creation,
    expires_at: row.expires_at,
    last_used_at: row.last_used_at,
    revoked: row.revoked === 1,
  }))
}

/**
 * Who signs in with an Authorization header, and until when. One hash and one Map lookup for a header that this process has checked since the last
 * change of access.
 * @returns `expires` in milliseconds since 1970, `Infinity` for a key without an end
 * @throws InvalidCredential       unknown, revoked or expired key, wrong secret, disabled user: all the same
 * @throws MalformedAuthorization, UnknownScheme
 */
export async function keyHolder(
  site: Site,
  header: string,
  ip: string,
): Promise<{ readonly principal: Principal; readonly expires: number }> {
  const cacheKey = hash('sha256', header, 'base64url')
  const now = site.clock.now()
  const known = remembered(site).get(cacheKey) ?? (await checkKey(site, header, cacheKey))
  if (known.expires <= now) throw new InvalidCredential({})
  if (now - known.touched >= touchEveryMs) touch(site, known, now, ip)
  return known
}

async function checkKey(site: Site, header: string, cacheKey: string): Promise<KnownKey> {
  const parsed = parseAuthorization(header)
  const epoch = site.epoch.access
  if ('bearer' in parsed) {
    // Its uses are not counted: it ends within the hour.
    const known: KnownKey = { ...(await principalOfBearer(site, parsed.bearer)), touched: Number.POSITIVE_INFINITY }
    remember(site, epoch, cacheKey, known)
    return known
  }
  const { key, secret } = parsed
  const [row] = await site.database.query<KeyRow>(
    site.database.dialect.compile(
      sql`select name, ${userColumn}, secret_hash, scopes, expires_at, revoked from ${keys} where api_key = ${key}`,
    ),
  )
  const stored = row?.secret_hash || nobodysHash
  const isRight = isSameText(stored, hashSecret(secret, stored.split('$')[1] ?? ''))
  if (!row || !isRight || row.revoked === 1) throw new InvalidCredential({})
  const user = await principalOf(site, row.user).catch((error: unknown) => {
    throw new InvalidCredential({}, { cause: error })
  })
  const scopes = parseScopes(row.scopes)
  const principal: Principal = { ...user, ...(scopes.length > 0 && { scopes }), credential: `key:${row.name}` }
  const known: KnownKey = {
    principal,
    name: row.name,
    expires: row.expires_at ? instantOfText(row.expires_at) : Number.POSITIVE_INFINITY,
    touched: 0,
  }
  remember(site, epoch, cacheKey, known)
  return known
}

/** @param epoch of access, as it was before the key was looked up: what may be older than a change is not kept */
function remember(site: Site, epoch: number, cacheKey: string, known: KnownKey): void {
  if (site.epoch.access !== epoch) return
  const cache = remembered(site)
  if (cache.size >= rememberedKeys) for (const oldest of cache.keys()) if (cache.delete(oldest)) break
  cache.set(cacheKey, known)
}

/** 256 random bits need no slow hash: guessing is hopeless whatever the hash costs, and each request pays for it. */
function hashSecret(secret: string, salt: string): string {
  return `sha256$${salt}$${hash('sha256', `${salt}$${secret}`, 'base64url')}`
}

function remembered(site: Site): Map<string, KnownKey> {
  let known = site.cache.access.get('identity:keys') as Map<string, KnownKey> | undefined
  if (!known) {
    known = new Map()
    site.cache.access.set('identity:keys', known)
  }
  return known
}

function touch(site: Site, key: KnownKey, now: number, ip: string): void {
  key.touched = now
  const statement = sql`update ${keys} set last_used_at = ${textOfInstant(now)}, last_used_ip = ${ip} where name = ${key.name}`
  site.database
    .transaction((tx) => tx.execute(site.database.dialect.compile(statement)))
    .catch((error: unknown) => site.log.debug({ err: error }, 'the last use of an API key could not be noted'))
}
