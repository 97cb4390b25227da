import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { configuredRule, demandRate } from '#kernel/limits/rate-limit.ts'
import { sessionIdOf } from './authenticate.ts'
import { BadIdentityInput, LinkUsedOrExpired, NotSignedIn } from './errors.ts'
import { keyedHash } from './keyed-hash.ts'
import { queueMail } from './mail-out.ts'
import { dropAllTokens, makeToken, peekToken, spendToken, type TokenKind } from './one-time-tokens.ts'
import { checkNewPassword, hashPassword, storePassword } from './passwords.ts'
import { guestName } from './principals.ts'
import { endSessions, type Session, startSession } from './sessions.ts'
import { identitySettings } from './settings.ts'
import { clearFailures, networkOf } from './sign-in-failures.ts'
import { checkOwnPassword } from './sign-in.ts'
import { findUser, siteAddress, type UserRow } from './users.ts'

const invitationMs = 24 * 3_600_000
const resetsPerAddress = { limit: 30, windowMs: 3_600_000 }
/** Thrown to undo the work done for nobody. */
const undone = new Error('undone')

/**
 * Mails a link with which the password can be set anew. The same happens, and takes as long, whether or not there is such a user.
 * @throws RateLimitExceeded, as much for accounts that do not exist
 */
export async function requestPasswordReset(ctx: Context, login: string): Promise<void> {
  const settings = identitySettings(ctx.site)
  await demandRate(ctx.site, `reset:${networkOf(ctx.request.ip)}`, configuredRule(ctx.site.config.reset_rate_limit, resetsPerAddress))
  const account = keyedHash(ctx.site, 'reset-rate', login.trim().toLowerCase())
  await demandRate(ctx.site, `reset:${account}`, { limit: settings.resetsPerHour, windowMs: 3_600_000 })
  const user = await findUser(ctx, login)
  const address = user?.enabled ? addressOf(user) : undefined
  try {
    await ctx.db.savepoint(async () => {
      await mailLink(ctx, 'reset-password', user?.name ?? guestName, address ?? 'nobody@example.invalid', settings.resetLinkMs)
      if (!user || !address) throw undone
    })
  } catch (error) {
    if (error !== undone) throw error
  }
}

/** Mails a new user the link with which to choose a password. @returns false when the user has no address */
export async function sendInvitation(ctx: Context, userName: string): Promise<boolean> {
  const user = await findUser(ctx, userName)
  const address = user && addressOf(user)
  if (!user || !address) return false
  await mailLink(ctx, 'invitation', user.name, address, invitationMs)
  return true
}

/** A link to choose a new password, for a sign-in that is refused until that happened. */
export async function newPasswordPath(ctx: Context, user: string): Promise<string> {
  return linkPath(await makeToken(ctx, 'reset-password', user, identitySettings(ctx.site).resetLinkMs))
}

async function mailLink(ctx: Context, kind: TokenKind, user: string, to: string, lifetimeMs: number): Promise<void> {
  const link = `${siteAddress(ctx)}${linkPath(await makeToken(ctx, kind, user, lifetimeMs))}`
  const hours = Math.max(1, Math.round(lifetimeMs / 3_600_000))
  const lifetime = `The link works once, within ${hours === 1 ? 'one hour' : `${hours} hours`}.`
  const paragraphs =
    kind === 'invitation'
      ? [`You have been invited to ${ctx.site.host}. Choose a password to begin:`, link, lifetime]
      : [
          `Somebody asked to reset your password on ${ctx.site.host}. Choose a new one here:`,
          link,
          `${lifetime} If it was not you, do nothing.`,
        ]
  await queueMail(ctx, { to, subject: kind === 'invitation' ? `Welcome to ${ctx.site.host}` : 'Reset your password', paragraphs, user })
}

function linkPath(token: string): string {
  return `/update-password?key=${token}`
}

function addressOf(user: UserRow): string | undefined {
  return user.email || (user.name.includes('@') ? user.name : undefined)
}

/**
 * Sets a password with the key of a mailed link. Every session of the user ends, and every other link; nobody is signed in by it, so a
 * second factor is not bypassed.
 * @returns the user
 * @throws LinkUsedOrExpired, PasswordRefused
 */
export async function setPasswordByLink(ctx: Context, key: string, password: string): Promise<string> {
  const token = (await peekToken(ctx, 'reset-password', key)) ?? (await peekToken(ctx, 'invitation', key))
  const user = token && (await findUser(ctx, token.user))
  if (!token || !user?.enabled) throw new LinkUsedOrExpired({})
  checkNewPassword(ctx, user.name, password)
  // Hashed before the transaction opens: 40 ms during which nobody should wait for us.
  const phc = await hashPassword(password)
  if (!(await spendToken(ctx, token))) throw new LinkUsedOrExpired({})
  await replacePassword(ctx, user.name, phc, 'by link')
  await endSessions(ctx, user.name)
  await clearFailures(ctx, user.name)
  return user.name
}

/**
 * Changes the caller's own password. Every session ends; the one in use is replaced by a new one.
 * @returns the new session when the caller had one
 * @throws ConfirmationNeeded when the old password is wrong, PasswordRefused, LockedOut
 */
export async function changeOwnPassword(
  ctx: Context,
  oldPassword: string | undefined,
  password: string,
): Promise<{ sid: string; session: Session } | undefined> {
  if (ctx.user.name === guestName) throw new NotSignedIn({})
  await checkOwnPassword(ctx, oldPassword, 'old_password')
  if (oldPassword === password) throw new BadIdentityInput({ field: 'new_password', reason: 'The new password is the old one.' })
  checkNewPassword(ctx, ctx.user.name, password)
  const phc = await hashPassword(password)
  await replacePassword(ctx, ctx.user.name, phc, 'by the user')
  await endSessions(ctx, ctx.user.name)
  return sessionIdOf(ctx.user) ? startSession(ctx, ctx.user.name) : undefined
}

/** Stores a hash, notes the day, ends open links, and leaves a trace. */
export async function replacePassword(ctx: Context, user: string, phc: string, how: string): Promise<void> {
  await storePassword(ctx, user, phc)
  await dropAllTokens(ctx, user)
  const today = new Date(ctx.clock.now()).toISOString().slice(0, 10)
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${sql.id('tabUser')} set last_password_reset_date = ${today} where name = ${user}`),
  )
  await recordAudit(ctx, {
    action: 'set-password',
    doctype: 'User',
    name: user,
    changes: { how },
    user: ctx.user.name === guestName ? user : ctx.user.name,
  })
}
