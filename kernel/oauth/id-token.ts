import { hash } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { sql } from '#kernel/database/sql.ts'
import { randomToken } from '#kernel/identity/keyed-hash.ts'
import { siteAddress, findUser } from '#kernel/identity/users.ts'
import type { OAuthClient } from './clients.ts'
import { signClaims } from './keys.ts'

const links = sql.id('__Sign_In_Link')
const userColumn = sql.id('user')
const lifetimeSeconds = 600

/** What tells an ID token's occasion. */
export interface Occasion {
  readonly nonce: string | undefined
  /** Milliseconds since 1970. */
  readonly signedInAt: number
  readonly accessToken: string
}

/** The ID token that says to a client who its user is. */
export async function idToken(
  ctx: Context,
  client: OAuthClient,
  user: string,
  scopes: readonly string[],
  { nonce, signedInAt, accessToken }: Occasion,
): Promise<string> {
  const now = Math.floor(ctx.clock.now() / 1000)
  return signClaims(ctx, client.signsWith, {
    iss: siteAddress(ctx),
    aud: client.id,
    iat: now,
    exp: now + lifetimeSeconds,
    auth_time: Math.floor(signedInAt / 1000),
    at_hash: hash('sha256', accessToken, 'buffer').subarray(0, 16).toString('base64url'),
    ...(nonce && { nonce }),
    ...(await personClaims(ctx, user, scopes)),
  })
}

/** Who a user is, as far as the scopes tell. */
export async function personClaims(ctx: Context, userName: string, scopes: readonly string[]): Promise<Record<string, unknown>> {
  const user = await findUser(ctx, userName)
  const claims: Record<string, unknown> = { sub: await subjectOf(ctx, userName) }
  // Addresses are given by administrators and changed only by a link that reached them.
  if (scopes.includes('email') && user?.email) Object.assign(claims, { email: user.email, email_verified: true })
  if (scopes.includes('profile')) {
    claims.name = user?.full_name ?? userName
    if (user?.user_image?.startsWith('https://')) claims.picture = user.user_image
  }
  return claims
}

/** What the user is called outside: made up once, and the same when the account moves to another address. */
async function subjectOf(ctx: Context, user: string): Promise<string> {
  const { compile } = ctx.db.dialect
  const read = async (): Promise<string | undefined> => {
    const [row] = await ctx.db.query<{ subject: string }>(
      compile(sql`select subject from ${links} where kind = ${'own'} and ${userColumn} = ${user} order by created, subject_hash limit 1`),
    )
    return row?.subject
  }
  const known = await read()
  if (known) return known
  const subject = randomToken()
  const key = `own:${hash('sha256', user, 'base64url')}:${subject.slice(0, 8)}`
  await ctx.db.execute(
    compile(sql`insert into ${links} (subject_hash, kind, provider, subject, ${userColumn}, email, created, last_used)
      values (${key}, ${'own'}, ${'own'}, ${subject}, ${user}, ${null}, ${nowText(ctx)}, ${null})`),
  )
  return (await read()) ?? subject
}
