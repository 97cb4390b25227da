import { instantOfText, textOfInstant } from '#kernel/context/time.ts'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { randomToken, tokenHash } from './keyed-hash.ts'

/** What a token is for; one made for one purpose is worthless for another. */
export type TokenKind =
  | 'reset-password'
  | 'invitation'
  | 'second-factor'
  | 'change-email'
  | 'workflow-action'
  | 'sign-in-attempt'
  | 'sign-in-link'
  | 'saml-ticket'
  | 'saml-message'

export interface OneTimeToken {
  readonly hash: string
  readonly user: string
  /** Whatever the maker put in. */
  readonly data: string
}

const table = sql.id('__Token')
const userColumn = sql.id('user')

/**
 * Makes a token that works once, for `lifetimeMs`; earlier ones of the same user and kind end unless `keepOthers`.
 * @returns the token itself; only its hash is stored
 */
export async function makeToken(
  ctx: Context,
  kind: TokenKind,
  user: string,
  lifetimeMs: number,
  options: { data?: string; keepOthers?: boolean } = {},
): Promise<string> {
  const token = randomToken()
  const now = ctx.clock.now()
  if (!options.keepOthers) await dropTokens(ctx, kind, user)
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`insert into ${table} (token_hash, kind, ${userColumn}, created, expires, attempts, data)
      values (${tokenHash(token)}, ${kind}, ${user}, ${textOfInstant(now)}, ${textOfInstant(now + lifetimeMs)}, 0, ${options.data ?? ''})`),
  )
  return token
}

/** Looks without using it up; undefined when it is unknown, used, expired or of another kind. */
export async function peekToken(ctx: Context, kind: TokenKind, token: string): Promise<OneTimeToken | undefined> {
  const hash = tokenHash(token.slice(0, 200))
  const [row] = await ctx.db.query<{ user: string; expires: string; data: string | null }>(
    ctx.db.dialect.compile(sql`select ${userColumn}, expires, data from ${table} where token_hash = ${hash} and kind = ${kind}`),
  )
  if (!row || instantOfText(row.expires) <= ctx.clock.now()) return undefined
  return { hash, user: row.user, data: row.data ?? '' }
}

/** Uses a token up in the caller's transaction. Of two that come at once with the same token one gets `false`. */
export async function spendToken(ctx: Context, token: OneTimeToken): Promise<boolean> {
  return (await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${table} where token_hash = ${token.hash}`))).changes === 1
}

/**
 * Counts one try of what the token asks for, at once and whatever becomes of the caller's transaction.
 * @returns false when more than `allowed` tries were made; the token is then gone
 */
export async function countAttempt(ctx: Context, token: OneTimeToken, allowed: number): Promise<boolean> {
  const { database } = ctx.site
  const { compile } = database.dialect
  return database.transaction(async (tx) => {
    const { changes } = await tx.execute(
      compile(sql`update ${table} set attempts = attempts + 1 where token_hash = ${token.hash} and attempts < ${allowed}`),
    )
    if (changes === 0) await tx.execute(compile(sql`delete from ${table} where token_hash = ${token.hash}`))
    return changes === 1
  })
}

/** Ends a user's tokens of one kind. */
export async function dropTokens(ctx: Context, kind: TokenKind, user: string): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${table} where kind = ${kind} and ${userColumn} = ${user}`))
}

/** Ends every token of a user who goes, is disabled, or whose password changed. */
export async function dropAllTokens(ctx: Context, user: string): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${table} where ${userColumn} = ${user}`))
}

/** Deletes what has expired; a daily job. */
export async function deleteExpiredTokens(ctx: Context): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${table} where expires < ${textOfInstant(ctx.clock.now())}`))
}
