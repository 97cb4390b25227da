import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { isSameText, randomToken, tokenHash } from '#kernel/identity/keyed-hash.ts'
import { makeToken, type OneTimeToken, peekToken, type TokenKind } from '#kernel/identity/one-time-tokens.ts'
import { guestName } from '#kernel/identity/principals.ts'
import { decrypt, encrypt } from '#kernel/identity/secrets.ts'
import { textOfInstant } from '#kernel/context/time.ts'

/** A sign-in under way at a provider. Kept here; the browser holds the state's cookie, the provider the state. */
export interface Attempt {
  readonly kind: 'oidc' | 'saml'
  readonly provider: string
  /** PKCE. */
  readonly verifier?: string
  readonly nonce?: string
  /** The ID of the SAML request that must be answered. */
  readonly requestId?: string
  readonly redirectTo: string
  /** Who links an identity to their account, and in which session; absent: somebody signs in. */
  readonly linkTo?: { readonly user: string; readonly session: string }
}

/** What a browser is given when an attempt begins: both must come back. */
export interface AttemptTickets {
  readonly state: string
  readonly cookie: { readonly name: string; readonly value: string }
}

const attemptMs = 10 * 60_000
const table = sql.id('__Token')
const purpose = 'sign-in-attempt'

/** The cookie of an attempt: one each, so that two tabs do not disturb each other. */
export function attemptCookie(state: string): string {
  return `orc_sign_in_${tokenHash(state).slice(0, 12)}`
}

/** Begins an attempt in the caller's transaction. It works once, for ten minutes, in one browser. */
export async function beginAttempt(ctx: Context, attempt: Attempt): Promise<AttemptTickets> {
  const secret = randomToken()
  const data = encrypt(ctx.site, purpose, JSON.stringify({ ...attempt, browser: tokenHash(secret) }))
  const state = await makeToken(ctx, 'sign-in-attempt', guestName, attemptMs, { data, keepOthers: true })
  return { state, cookie: { name: attemptCookie(state), value: secret } }
}

/**
 * Ends an attempt when its provider has answered: at once and for good, so that a state is worth nothing the second time whatever
 * becomes of the first.
 * @param browserSecret the cookie's value; undefined where the answer comes without cookies, and the caller checks it later
 * @returns undefined when it is unknown, used, too old, or another browser's
 */
export async function endAttempt(
  ctx: Context,
  state: string,
  browserSecret: string | undefined | 'checked later',
): Promise<(Attempt & { readonly browser: string }) | undefined> {
  const token = await peekToken(ctx, 'sign-in-attempt', state)
  if (!token) return undefined
  const attempt = JSON.parse(decrypt(ctx.site, purpose, token.data)) as Attempt & { browser: string }
  if (browserSecret !== 'checked later' && !isBrowser(attempt, browserSecret)) return undefined
  return (await spendNow(ctx, token)) ? attempt : undefined
}

/** Whether a browser is the one in which an attempt began. */
export function isBrowser(attempt: { readonly browser: string }, secret: string | undefined): boolean {
  return secret !== undefined && isSameText(attempt.browser, tokenHash(secret))
}

/** Uses a token up in a transaction of its own: what follows calls others, which no open transaction may wait for. @returns false: somebody was first */
export async function spendNow(ctx: Context, token: OneTimeToken): Promise<boolean> {
  const { database } = ctx.site
  return database.transaction(async (tx) => {
    const { changes } = await tx.execute(database.dialect.compile(sql`delete from ${table} where token_hash = ${token.hash}`))
    return changes === 1
  })
}

/**
 * Takes the id of a message that must not be taken twice, in the caller's transaction.
 * @returns false when somebody has taken it before
 */
export async function claimOnce(ctx: Context, kind: TokenKind, id: string, lifetimeMs: number): Promise<boolean> {
  const { dialect } = ctx.db
  const [into, onKnown] = dialect.name === 'mariadb' ? ['insert ignore into', ''] : ['insert into', 'on conflict do nothing']
  const now = ctx.clock.now()
  const { changes } = await ctx.db.execute(
    dialect.compile(sql`${sql.raw(into)} ${table} (token_hash, kind, ${sql.id('user')}, created, expires, attempts, data)
      values (${tokenHash(`${kind}\n${id}`)}, ${kind}, ${guestName}, ${textOfInstant(now)}, ${textOfInstant(now + lifetimeMs)}, 0, '') ${sql.raw(onKnown)}`),
  )
  return changes === 1
}
