import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { isCommonPassword } from './common-passwords.ts'
import { PasswordRefused } from './errors.ts'
import { replaceAuthRow } from './secrets.ts'
import { identitySettings } from './settings.ts'

/** Cost of one hash: KiB of memory, passes over it, lanes. As OWASP asks of argon2id at least. */
interface Cost {
  memory: number
  passes: number
  parallelism: number
}

const cost: Cost = { memory: 19_456, passes: 2, parallelism: 1 }
const longestPassword = 128
const derive = promisify(argon2)

/** Hashes a password for storage, off the event loop (about 40 ms of a worker thread). @returns PHC text `$argon2id$v=19$m=…` */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await deriveKey(password, salt, cost, 32)
  return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${unpadded(salt)}$${unpadded(key)}`
}

/** Whether `password` is the one behind `stored`; false for a text that is no argon2id hash. */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const parsed = parsePhc(stored)
  if (!parsed) return false
  const key = await deriveKey(password, parsed.salt, parsed.cost, parsed.key.length)
  return timingSafeEqual(key, parsed.key)
}

/** Takes as long as a real check and is always false: what an unknown user's sign-in runs. */
export async function isNobodysPassword(password: string): Promise<false> {
  await deriveKey(password, Buffer.alloc(16, 7), cost, 32)
  return false
}

/** Whether a stored hash was made at another cost than today's, to be replaced at the next sign-in. */
export function needsRehash(stored: string): boolean {
  const parsed = parsePhc(stored)
  if (!parsed) return true
  return parsed.cost.memory !== cost.memory || parsed.cost.passes !== cost.passes || parsed.cost.parallelism !== cost.parallelism
}

/**
 * The rules for a new password: 8 characters (or what System Settings ask) to 128, not among the commonest, not the user's
 * own name with a little added. No rule about kinds of characters: those make passwords worse.
 * @throws PasswordRefused
 */
export function checkNewPassword(ctx: Context, user: string, password: string, field = 'new_password'): void {
  const refuse = (reason: string) => new PasswordRefused({ field, reason })
  const { minimumPasswordLength } = identitySettings(ctx.site)
  if (password.length < minimumPasswordLength) throw refuse(`it needs at least ${minimumPasswordLength} characters`)
  if (password.length > longestPassword) throw refuse(`it may have at most ${longestPassword} characters`)
  if (password.includes('\0') || !password.isWellFormed()) throw refuse('it holds a character that cannot be typed')
  if (isCommonPassword(password)) throw refuse('it is among the first that are tried')
  const own = user.split('@')[0]?.toLowerCase() ?? ''
  const rest = own.length >= 4 ? password.toLowerCase().replaceAll(own, '') : password
  if (rest.length < minimumPasswordLength && rest.length < password.length) throw refuse('it is little more than the user name')
}

/** The stored hash of a user's password; undefined when the user has none yet. */
export async function storedPassword(ctx: Context, user: string): Promise<string | undefined> {
  const [row] = await ctx.db.query<{ secret: string | null }>(
    ctx.db.dialect.compile(
      sql`select secret from ${sql.id('__Auth')} where doctype = ${'User'} and name = ${user} and fieldname = ${'password'}`,
    ),
  )
  return row?.secret ?? undefined
}

/** Checks the policy, hashes and stores. Ends no session; the caller decides. @throws PasswordRefused */
export async function setPassword(ctx: Context, user: string, password: string, field?: string): Promise<void> {
  checkNewPassword(ctx, user, password, field)
  await storePassword(ctx, user, await hashPassword(password))
}

/** Stores a hash made by `hashPassword`. */
export async function storePassword(ctx: Context, user: string, phc: string): Promise<void> {
  await replaceAuthRow(ctx, { doctype: 'User', name: user, fieldname: 'password', secret: phc, encrypted: 0 })
}

function deriveKey(password: string, nonce: Buffer, { memory, passes, parallelism }: Cost, tagLength: number): Promise<Buffer> {
  // The same characters typed on different keyboards may differ in bytes; normalised they agree.
  const message = Buffer.from(password.normalize('NFKC'), 'utf8')
  return derive('argon2id', { message, nonce, memory, passes, parallelism, tagLength })
}

function parsePhc(text: string): { cost: Cost; salt: Buffer; key: Buffer } | undefined {
  const match = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/.exec(text)
  if (!match) return undefined
  const [, memory, passes, parallelism, salt = '', key = ''] = match
  return {
    cost: { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    key: Buffer.from(key, 'base64'),
  }
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
