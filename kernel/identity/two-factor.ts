import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { randomInt } from 'node:crypto'
import { BadIdentityInput, InvalidOneTimeCode } from './errors.ts'
import { keyedHash } from './keyed-hash.ts'
import { deleteSecret, getSecret, replaceAuthRow, setSecret } from './secrets.ts'
import { identitySettings } from './settings.ts'
import { matchingStep, newTotpSecret, otpauthUri } from './totp.ts'

const table = sql.id('__Auth')
const secretField = 'totp_secret'
const pendingField = 'totp_pending'
const lastStepField = 'totp_last_step'
const recoveryPrefix = 'recovery_code:'
const recoveryCodes = 10
/** Letters and digits that nobody confuses on paper. */
const recoveryAlphabet = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789'

/** Whether a second factor is set up for this user; it is then asked for at every sign-in. */
export async function hasTwoFactor(ctx: Context, user: string): Promise<boolean> {
  return (await countRows(ctx, user, sql`fieldname = ${secretField}`)) > 0
}

export interface TwoFactorStatus {
  enabled: boolean
  recovery_codes_left: number
}

export async function twoFactorStatus(ctx: Context, user: string): Promise<TwoFactorStatus> {
  return {
    enabled: await hasTwoFactor(ctx, user),
    recovery_codes_left: await countRows(ctx, user, sql`fieldname like ${`${recoveryPrefix}%`}`),
  }
}

/** Begins enrolment: a secret that counts only once a code made with it has been typed. */
export async function beginTwoFactor(ctx: Context, user: string): Promise<{ secret: string; otpauth_uri: string }> {
  if (await hasTwoFactor(ctx, user))
    throw new BadIdentityInput({ field: '', reason: 'A second factor is set up already. Turn it off first.' })
  const secret = newTotpSecret()
  await setSecret(ctx, 'User', user, pendingField, secret)
  return { secret, otpauth_uri: otpauthUri(secret, identitySettings(ctx.site).otpIssuer, user) }
}

/**
 * Ends enrolment with a code from the app.
 * @returns recovery codes, shown this once
 * @throws InvalidOneTimeCode
 */
export async function confirmTwoFactor(ctx: Context, user: string, code: string): Promise<string[]> {
  const secret = await getSecret(ctx, 'User', user, pendingField)
  const step = secret ? matchingStep(secret, code, ctx.clock.now()) : undefined
  if (!secret || step === undefined) throw new InvalidOneTimeCode({})
  await setSecret(ctx, 'User', user, secretField, secret)
  await deleteSecret(ctx, 'User', user, pendingField)
  await replaceAuthRow(ctx, { doctype: 'User', name: user, fieldname: lastStepField, secret: stepText(step), encrypted: 0 })
  await recordAudit(ctx, { action: 'enable-two-factor', doctype: 'User', name: user })
  return newRecoveryCodes(ctx, user)
}

/** Turns the second factor off. The caller has asked for the password. */
export async function disableTwoFactor(ctx: Context, user: string): Promise<void> {
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`delete from ${table} where doctype = ${'User'} and name = ${user}
      and (fieldname in (${secretField}, ${pendingField}, ${lastStepField}) or fieldname like ${`${recoveryPrefix}%`})`),
  )
  await recordAudit(ctx, { action: 'disable-two-factor', doctype: 'User', name: user })
}

/** Makes new recovery codes; the old ones end. @returns the codes, shown this once */
export async function newRecoveryCodes(ctx: Context, user: string): Promise<string[]> {
  await ctx.db.execute(
    ctx.db.dialect.compile(
      sql`delete from ${table} where doctype = ${'User'} and name = ${user} and fieldname like ${`${recoveryPrefix}%`}`,
    ),
  )
  const codes = Array.from({ length: recoveryCodes }, newRecoveryCode)
  for (const code of codes) {
    await replaceAuthRow(ctx, { doctype: 'User', name: user, fieldname: recoveryField(ctx, user, code), secret: '1', encrypted: 0 })
  }
  await recordAudit(ctx, { action: 'new-recovery-codes', doctype: 'User', name: user })
  return codes
}

/**
 * Accepts a code of the authenticator app or a recovery code, each of them once, in the caller's transaction.
 * @returns how it was given; undefined when it is neither, or used before
 */
export async function useSecondFactor(ctx: Context, user: string, code: string): Promise<'app' | 'recovery-code' | undefined> {
  const secret = await getSecret(ctx, 'User', user, secretField)
  if (!secret) return undefined
  const step = matchingStep(secret, code, ctx.clock.now())
  if (step !== undefined) return (await spendStep(ctx, user, step)) ? 'app' : undefined
  return (await spendRecoveryCode(ctx, user, code)) ? 'recovery-code' : undefined
}

/** Steps only go forward: a code seen over somebody's shoulder is worthless once typed. */
async function spendStep(ctx: Context, user: string, step: number): Promise<boolean> {
  const { changes } = await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${table} set secret = ${stepText(step)}
      where doctype = ${'User'} and name = ${user} and fieldname = ${lastStepField} and secret < ${stepText(step)}`),
  )
  return changes === 1
}

async function spendRecoveryCode(ctx: Context, user: string, code: string): Promise<boolean> {
  const { changes } = await ctx.db.execute(
    ctx.db.dialect.compile(
      sql`delete from ${table} where doctype = ${'User'} and name = ${user} and fieldname = ${recoveryField(ctx, user, code)}`,
    ),
  )
  return changes === 1
}

function recoveryField(ctx: Context, user: string, code: string): string {
  const plain = code.toUpperCase().replace(/[^A-Z0-9]/g, '')
  return recoveryPrefix + keyedHash(ctx.site, 'recovery-code', `${user}\n${plain}`)
}

function newRecoveryCode(): string {
  const letters = Array.from({ length: 12 }, () => recoveryAlphabet[randomInt(recoveryAlphabet.length)]).join('')
  return `${letters.slice(0, 4)}-${letters.slice(4, 8)}-${letters.slice(8)}`
}

/** Of fixed width, so that text order is the order of steps. */
function stepText(step: number): string {
  return String(step).padStart(12, '0')
}

async function countRows(ctx: Context, user: string, condition: ReturnType<typeof sql>): Promise<number> {
  const [row] = await ctx.db.query<{ n: number }>(
    ctx.db.dialect.compile(sql`select count(*) as n from ${table} where doctype = ${'User'} and name = ${user} and ${condition}`),
  )
  return Number(row?.n ?? 0)
}
