import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { administratorName, guestName } from './principals.ts'
import { identitySettings } from './settings.ts'

/** What sign-in and mails need to know of a User. */
export interface UserRow {
  readonly name: string
  readonly enabled: number | null
  readonly email: string | null
  readonly full_name: string | null
  readonly user_image: string | null
  readonly restrict_ip: string | null
  readonly login_after: number | null
  readonly login_before: number | null
  readonly two_factor_required: number | null
  readonly last_password_reset_date: string | null
  readonly last_login: string | null
  readonly creation: string | null
}

const columns = sql`name, enabled, email, full_name, user_image, restrict_ip, login_after, login_before, two_factor_required,
  last_password_reset_date, last_login, creation`

/**
 * The user somebody means by an e-mail address, or by username or mobile number where System Settings allow it.
 * Guest is nobody's account. @returns undefined when there is none, or more than one
 */
export async function findUser(ctx: Context, login: string): Promise<UserRow | undefined> {
  const typed = login.trim()
  if (typed === '' || typed.length > 140 || typed.includes('\0') || !typed.isWellFormed()) return undefined
  const lower = typed.toLowerCase()
  const name = lower === administratorName.toLowerCase() ? administratorName : lower
  const settings = identitySettings(ctx.site)
  const conditions = [sql`name = ${name}`, sql`email = ${lower}`]
  if (settings.loginWithUserName) conditions.push(sql`username = ${typed}`)
  if (settings.loginWithMobile) conditions.push(sql`mobile_no = ${typed}`)
  const rows = await ctx.db.query<UserRow>(
    ctx.db.dialect.compile(sql`select ${columns} from ${sql.id('tabUser')} where ${sql.join(conditions, sql` or `)} limit 3`),
  )
  // A name always wins over somebody else's username or number.
  const user = rows.find((row) => row.name === name) ?? (rows.length === 1 ? rows[0] : undefined)
  return user?.name === guestName ? undefined : user
}

/** The address at which people reach the site, without a slash at the end. Never taken from a request: a forged Host would lead links astray. */
export function siteAddress(ctx: Context): string {
  const configured = ctx.site.config.host_name
  const address = typeof configured === 'string' && configured !== '' ? configured : ctx.site.host
  return (/^https?:\/\//.test(address) ? address : `http://${address}`).replace(/\/+$/, '')
}
