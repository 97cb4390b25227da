import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { instantOfText, textOfInstant } from '#kernel/context/time.ts'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { randomToken } from '#kernel/identity/keyed-hash.ts'
import { decrypt, encrypt } from '#kernel/identity/secrets.ts'

/** How ID tokens are signed. */
export type SigningAlgorithm = 'RS256' | 'ES256'

interface KeyRow {
  kid: string
  alg: SigningAlgorithm
  public_jwk: string
  private_key: string
  created: string
}

const table = sql.id('__Signing_Key')
const dayMs = 24 * 3_600_000
/** A key signs for ninety days, and is shown for another seven: what it signed has long expired then. */
const signsForMs = 90 * dayMs
const shownForMs = signsForMs + 7 * dayMs
const purpose = 'oauth-signing-key'
const generate = promisify(generateKeyPair)

/**
 * Signs claims as a JWT with the site's current key of that kind; the first use, and the first after ninety days, makes a new key.
 * @param claims times in seconds since 1970
 */
export async function signClaims(ctx: Context, alg: SigningAlgorithm, claims: Readonly<Record<string, unknown>>): Promise<string> {
  const row = (await currentKey(ctx, alg)) ?? (await newKey(ctx, alg))
  const key = createPrivateKey(decrypt(ctx.site, purpose, row.private_key))
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value), 'utf8').toString('base64url')
  const body = `${part({ alg, kid: row.kid, typ: 'JWT' })}.${part(claims)}`
  return `${body}.${signature(alg, key, body)}`
}

/** Makes the key that `signClaims` will need, before a transaction opens: an RSA key takes a moment in which nobody should wait for us. */
export async function prepareKey(ctx: Context, alg: SigningAlgorithm): Promise<void> {
  if (!(await currentKey(ctx, alg))) await newKey(ctx, alg)
}

function signature(alg: SigningAlgorithm, key: KeyObject, body: string): string {
  return sign('sha256', Buffer.from(body), alg === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' } : key).toString('base64url')
}

/** The public keys with which the site's signatures are checked. */
export async function publicKeys(ctx: Context): Promise<{ keys: Record<string, unknown>[] }> {
  const rows = await ctx.db.query<Pick<KeyRow, 'kid' | 'alg' | 'public_jwk'>>(
    ctx.db.dialect.compile(
      sql`select kid, alg, public_jwk from ${table} where created > ${textOfInstant(ctx.clock.now() - shownForMs)} order by created desc`,
    ),
  )
  return { keys: rows.map((row) => ({ ...JSON.parse(row.public_jwk), kid: row.kid, alg: row.alg, use: 'sig' })) }
}

/** Forgets keys that nothing valid is signed with; a daily job. */
export async function forgetOldKeys(ctx: Context): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${table} where created < ${textOfInstant(ctx.clock.now() - shownForMs)}`))
}

async function currentKey(ctx: Context, alg: SigningAlgorithm): Promise<KeyRow | undefined> {
  const [row] = await ctx.db.query<KeyRow>(
    ctx.db.dialect.compile(
      sql`select kid, alg, public_jwk, private_key, created from ${table} where alg = ${alg} order by created desc limit 1`,
    ),
  )
  return row && instantOfText(row.created) > ctx.clock.now() - signsForMs ? row : undefined
}

async function newKey(ctx: Context, alg: SigningAlgorithm): Promise<KeyRow> {
  const { privateKey } = alg === 'ES256' ? await generate('ec', { namedCurve: 'P-256' }) : await generate('rsa', { modulusLength: 2048 })
  const row: KeyRow = {
    kid: randomToken().slice(0, 16),
    alg,
    public_jwk: JSON.stringify(createPublicKey(privateKey).export({ format: 'jwk' })),
    private_key: encrypt(ctx.site, purpose, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    created: textOfInstant(ctx.clock.now()),
  }
  const write = ctx.db.dialect.compile(sql`insert into ${table} (kid, alg, public_jwk, private_key, created)
    values (${row.kid}, ${row.alg}, ${row.public_jwk}, ${row.private_key}, ${row.created})`)
  // Of its own where it can be: what is refused after all must not take the key along.
  if (ctx.db.isWriting) await ctx.db.execute(write)
  else await ctx.site.database.transaction((tx) => tx.execute(write))
  return row
}
