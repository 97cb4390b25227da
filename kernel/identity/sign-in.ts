import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context, Principal } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { sql } from '#kernel/database/sql.ts'
import { configuredRule, demandRate } from '#kernel/limits/rate-limit.ts'
import { sessionIdOf } from './authenticate.ts'
import { ConfirmationNeeded, InvalidLogin, InvalidOneTimeCode, NotSignedIn, SignInInsideTransaction, SignInRestricted } from './errors.ts'
import { keyedHash } from './keyed-hash.ts'
import { countAttempt, makeToken, type OneTimeToken, peekToken, spendToken } from './one-time-tokens.ts'
import { hashPassword, isNobodysPassword, isPassword, needsRehash, storePassword, storedPassword } from './passwords.ts'
import { administratorName, guestName, principalOf } from './principals.ts'
import { endSession, type Session, startSession } from './sessions.ts'
import { identitySettings } from './settings.ts'
import { checkNotLocked, clearFailures, countFailure, networkOf } from './sign-in-failures.ts'
import { beginTwoFactor, confirmTwoFactor, hasTwoFactor, useSecondFactor } from './two-factor.ts'
import { findUser, type UserRow } from './users.ts'

/** Someone is in: what the cookies are made of. */
export interface SignedIn {
  readonly kind: 'signed-in'
  readonly sid: string
  readonly session: Session
  readonly principal: Principal
  readonly userImage: string
  /** Given once, when a second factor was set up on the way in. */
  readonly recoveryCodes?: readonly string[]
}

/** The password was right; now a code is asked for. */
export interface SecondFactorAsked {
  readonly kind: 'second-factor'
  readonly tmpId: string
  /** What to put into an authenticator app, when the user must have a second factor and has none yet. */
  readonly enrolment?: { secret: string; otpauth_uri: string }
}

const secondFactorMs = 5 * 60_000
const secondFactorAttempts = 5
/** Sign-ins of one address, and of one account from one address; site config `login_rate_limit`, `login_user_rate_limit`. */
const perAddress = { limit: 300, windowMs: 60_000 }
const perAccount = { limit: 60, windowMs: 60_000 }

/**
 * Checks a password and opens a session, or asks for the second factor. Whatever is wrong, the answer and the time it takes are the same.
 * @throws InvalidLogin, LockedOut, RateLimitExceeded, SignInRestricted, SignInInsideTransaction
 */
export async function signIn(ctx: Context, login: string, password: string, device?: string): Promise<SignedIn | SecondFactorAsked> {
  await limitSignIns(ctx, login)
  const user = await findUser(ctx, login)
  const account = user?.name ?? login
  await checkNotLocked(ctx, account)
  const stored = user ? await storedPassword(ctx, user.name) : undefined
  const isRight = stored ? await isPassword(password, stored) : await isNobodysPassword(password)
  const isClosed = identitySettings(ctx.site).passwordLoginDisabled && user?.name !== administratorName
  if (!user || !stored || !isRight || !user.enabled || isClosed) return refuse(ctx, account, user?.name)
  // Many guesses may have been under way at once; what the others found out counts.
  await checkNotLocked(ctx, account)
  checkRestrictions(ctx, user)
  const fresh = needsRehash(stored) ? await hashPassword(password) : undefined
  if (fresh) await storePassword(ctx, user.name, fresh)
  return (await askSecondFactor(ctx, user)) ?? open(ctx, user, device)
}

/**
 * The second step: a code of the app, or a recovery code. Works in any process; five tries in five minutes.
 * @throws InvalidOneTimeCode, LockedOut, RateLimitExceeded
 */
export async function signInWithCode(ctx: Context, tmpId: string, code: string, device?: string): Promise<SignedIn> {
  await limitSignIns(ctx, tmpId)
  const token = await peekToken(ctx, 'second-factor', tmpId)
  if (!token) throw new InvalidOneTimeCode({})
  await checkNotLocked(ctx, token.user)
  if (!(await countAttempt(ctx, token, secondFactorAttempts))) throw new InvalidOneTimeCode({})
  const user = await findUser(ctx, token.user)
  if (!user?.enabled) throw new InvalidOneTimeCode({})
  const recoveryCodes = await acceptCode(ctx, token, code)
  if (!(await spendToken(ctx, token))) throw new InvalidOneTimeCode({})
  const signedIn = await open(ctx, user, device)
  return recoveryCodes.length > 0 ? { ...signedIn, recoveryCodes } : signedIn
}

/** How somebody was vouched for. */
export interface Voucher {
  /** Who did: the name of a provider; goes to the audit log. */
  readonly by: string
  /** Whether it stands for a second factor. */
  readonly isSecondFactor: boolean
  readonly device?: string
}

/**
 * Opens a session for somebody whom a provider outside vouches for. All that holds for a password holds here: locks, hours, addresses,
 * the second factor.
 * @throws InvalidLogin when the account is disabled, LockedOut, SignInRestricted
 */
export async function signInVouched(ctx: Context, userName: string, voucher: Voucher): Promise<SignedIn | SecondFactorAsked> {
  await checkNotLocked(ctx, userName)
  const user = await findUser(ctx, userName)
  if (!user?.enabled) throw new InvalidLogin({})
  checkRestrictions(ctx, user)
  if (voucher.isSecondFactor) return open(ctx, user, voucher.device, voucher.by)
  return (await askSecondFactor(ctx, user)) ?? open(ctx, user, voucher.device, voucher.by)
}

/** The question for a code, where the account must give one. */
async function askSecondFactor(ctx: Context, user: UserRow): Promise<SecondFactorAsked | undefined> {
  if (await hasTwoFactor(ctx, user.name))
    return {
      kind: 'second-factor',
      tmpId: await makeToken(ctx, 'second-factor', user.name, secondFactorMs, { data: 'use', keepOthers: true }),
    }
  if (!(await needsTwoFactor(ctx, user))) return undefined
  const enrolment = await beginTwoFactor(ctx, user.name)
  return { kind: 'second-factor', enrolment, tmpId: await makeToken(ctx, 'second-factor', user.name, secondFactorMs, { data: 'enrol' }) }
}

async function acceptCode(ctx: Context, token: OneTimeToken, code: string): Promise<string[]> {
  try {
    if (token.data === 'enrol') return await confirmTwoFactor(ctx, token.user, code)
    if (await useSecondFactor(ctx, token.user, code)) return []
  } catch (error) {
    if (!InvalidOneTimeCode.is(error)) throw error
  }
  // The failure is counted in a transaction of its own, so ours must not hold the writer meanwhile.
  await ctx.db.rollback()
  await noteFailure(ctx, token.user, token.user)
  throw new InvalidOneTimeCode({})
}

/**
 * Asks the person behind a session for the password again before something grave. API keys and the platform itself have none to give.
 * @throws ConfirmationNeeded, LockedOut, SignInInsideTransaction
 */
export async function confirmPassword(ctx: Context, password: string | undefined, field = 'password'): Promise<void> {
  if (ctx.user.name === guestName) throw new NotSignedIn({})
  if (!sessionIdOf(ctx.user)) return
  await checkOwnPassword(ctx, password, field)
}

/** Like `confirmPassword`, whatever the credential. */
export async function checkOwnPassword(ctx: Context, password: string | undefined, field: string): Promise<void> {
  if (!password) throw new ConfirmationNeeded({ field })
  if (ctx.db.isWriting) throw new SignInInsideTransaction({})
  await checkNotLocked(ctx, ctx.user.name)
  const stored = await storedPassword(ctx, ctx.user.name)
  if (stored && (await isPassword(password, stored))) return
  await noteFailure(ctx, ctx.user.name, ctx.user.name)
  throw new ConfirmationNeeded({ field })
}

/** Whether System Settings ask for a new password after so many days, and they have passed. */
export async function mustRenewPassword(ctx: Context, userName: string): Promise<boolean> {
  const { passwordDays } = identitySettings(ctx.site)
  if (passwordDays === 0) return false
  const user = await findUser(ctx, userName)
  const since = user?.last_password_reset_date ?? user?.creation
  return since ? Date.parse(`${since.slice(0, 10)}T00:00:00Z`) + passwordDays * 86_400_000 <= ctx.clock.now() : false
}

async function limitSignIns(ctx: Context, login: string): Promise<void> {
  if (ctx.db.isWriting) throw new SignInInsideTransaction({})
  const network = networkOf(ctx.request.ip)
  await demandRate(ctx.site, `sign-in:${network}`, configuredRule(ctx.site.config.login_rate_limit, perAddress))
  const account = keyedHash(ctx.site, 'sign-in-rate', login.toLowerCase())
  await demandRate(ctx.site, `sign-in:${network}:${account}`, configuredRule(ctx.site.config.login_user_rate_limit, perAccount))
}

async function refuse(ctx: Context, account: string, known: string | undefined): Promise<never> {
  await noteFailure(ctx, account, known)
  throw new InvalidLogin({})
}

/** Counts and records a failure for good: the caller's own unit of work ends with an error and takes nothing along. */
async function noteFailure(ctx: Context, account: string, known: string | undefined): Promise<void> {
  await ctx.site.run(
    ctx.user,
    async (own) => {
      await countFailure(own, account)
      // A name that is no account's may be a password typed into the wrong box: it is not kept.
      await recordAudit(own, { action: 'login-failed', doctype: 'User', ...(known && { name: known }) })
    },
    ctx.request,
  )
}

function checkRestrictions(ctx: Context, user: UserRow): void {
  const allowed = (user.restrict_ip ?? '').split(/[\s,]+/).filter((entry) => entry !== '')
  const address = networkOf(ctx.request.ip)
  if (allowed.length > 0 && !allowed.some((entry) => ctx.request.ip === entry || address === entry || isWithin(ctx.request.ip, entry))) {
    throw new SignInRestricted({ reason: 'from this address' })
  }
  const after = user.login_after ?? 0
  const before = user.login_before ?? 0
  if (after === 0 && before === 0) return
  const hour = hourIn(ctx.site.timeZone, ctx.clock.now())
  if (hour < after || (before > 0 && hour >= before)) throw new SignInRestricted({ reason: 'at this hour' })
}

/** `10.1.` or `10.1` stands for every address below it. */
function isWithin(ip: string, entry: string): boolean {
  const address = networkOf(ip)
  return address.startsWith(/[.:]$/.test(entry) ? entry : `${entry}.`)
}

function hourIn(timeZone: string, now: number): number {
  return Number(new Intl.DateTimeFormat('en-GB', { hour: '2-digit', hourCycle: 'h23', timeZone }).format(now))
}

async function needsTwoFactor(ctx: Context, user: UserRow): Promise<boolean> {
  if (user.two_factor_required) return true
  if (!identitySettings(ctx.site).twoFactor) return false
  const { roles } = await principalOf(ctx, user.name)
  const [row] = await ctx.db.query<{ n: number }>(
    ctx.db.dialect.compile(
      sql`select count(*) as n from ${sql.id('tabRole')} where two_factor_auth = 1 and coalesce(disabled, 0) = 0 and name in (${sql.join([...roles])})`,
    ),
  )
  return Number(row?.n ?? 0) > 0
}

/** The session of the request, if any, ends: a sid that was known before signing in is worthless after. */
async function open(ctx: Context, user: UserRow, device: string | undefined, by?: string): Promise<SignedIn> {
  const before = sessionIdOf(ctx.user)
  if (before) await endSession(ctx, ctx.user.name, before)
  await clearFailures(ctx, user.name)
  const { sid, session } = await startSession(ctx, user.name, device)
  const now = nowText(ctx)
  await ctx.db.execute(
    ctx.db.dialect.compile(
      sql`update ${sql.id('tabUser')} set last_login = ${now}, last_active = ${now}, last_ip = ${ctx.request.ip} where name = ${user.name}`,
    ),
  )
  await recordAudit(ctx, { action: 'login', doctype: 'User', name: user.name, user: user.name, ...(by && { changes: { by } }) })
  return { kind: 'signed-in', sid, session, principal: await principalOf(ctx, user.name), userImage: user.user_image ?? '' }
}
