import { isEmail } from '#client/rules/formats.ts'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { Document } from '#kernel/documents/document.ts'
import { remove } from '#kernel/documents/remove.ts'
import { sessionIdOf } from '#kernel/identity/authenticate.ts'
import { BadIdentityInput, ConfirmationNeeded, ProtectedUser } from '#kernel/identity/errors.ts'
import { dropAllTokens } from '#kernel/identity/one-time-tokens.ts'
import { replacePassword, sendInvitation } from '#kernel/identity/password-change.ts'
import { checkNewPassword, hashPassword } from '#kernel/identity/passwords.ts'
import { administratorName, guestName } from '#kernel/identity/principals.ts'
import { endSessions, renameSessions } from '#kernel/identity/sessions.ts'

interface UserFields {
  enabled: number
  email: string
  first_name: string | null
  last_name: string | null
  full_name: string | null
  username: string | null
  send_welcome_email: number
  role_profile_name: string | null
  roles: { role: string }[]
  user_type: 'System User' | 'Website User'
  new_password: string | null
}

/** Hashes of passwords that came with a document, until its row is written. They never touch the row. */
const newPasswords = new WeakMap<User, string>()

/** Somebody who may sign in. The name is the e-mail address; what the person may do follows from the roles. */
export default class User extends Document<UserFields> {
  before_insert(): void {
    this.email = String(this.email ?? '')
      .trim()
      .toLowerCase()
  }

  async validate(ctx: Context): Promise<void> {
    const before = await storedUser(ctx, this.name)
    keepPlatformUsers(ctx, this, before !== undefined)
    this.email = String(this.email ?? '')
      .trim()
      .toLowerCase()
    if (!isEmail(this.email))
      throw new BadIdentityInput({ field: 'email', reason: `"${this.email.slice(0, 140)}" is not an e-mail address.` })
    if (before && before.email !== this.email) refuseOwnRename(ctx, this)
    this.username = this.username?.trim() || null
    if (this.username && isPlatformUser(this.username)) throw new ProtectedUser({ user: this.username })
    if (this.username?.includes('@'))
      throw new BadIdentityInput({ field: 'username', reason: 'A username must not look like an e-mail address.' })
    this.full_name = [this.first_name, this.last_name].filter(Boolean).join(' ') || this.name
    this.user_type = await typeFromRoles(ctx, this)
    await takePassword(ctx, this)
  }

  async after_insert(ctx: Context): Promise<void> {
    if (this.send_welcome_email && this.enabled && !newPasswords.has(this) && this.name.includes('@')) await sendInvitation(ctx, this.name)
  }

  async on_update(ctx: Context, { before }: { before?: UserFields } = {}): Promise<void> {
    const hash = newPasswords.get(this)
    if (hash) {
      newPasswords.delete(this)
      await replacePassword(ctx, this.name, hash, 'by an administrator')
      await endSessions(ctx, this.name)
    }
    if (before?.enabled && !this.enabled) {
      await endSessions(ctx, this.name)
      await dropAllTokens(ctx, this.name)
    }
  }

  before_rename(ctx: Context, extra: { new?: unknown } = {}): void {
    // Whoever is merged into another user brings keys and sessions along, which would be that user's then.
    for (const name of [this.name, String(extra.new ?? '').trim()]) if (isPlatformUser(name)) throw new ProtectedUser({ user: name })
    refuseOwnRename(ctx, this)
  }

  async after_rename(ctx: Context, { old = '', new: name = '' }: { old?: string; new?: string } = {}): Promise<void> {
    await renameSessions(ctx, old, name)
    await dropAllTokens(ctx, old)
    if (isEmail(name))
      await ctx.db.execute(ctx.db.dialect.compile(sql`update ${sql.id('tabUser')} set email = ${name} where name = ${name}`))
  }

  async on_trash(ctx: Context): Promise<void> {
    if (isPlatformUser(this.name) || this.name === ctx.user.name) throw new ProtectedUser({ user: this.name })
    await endSessions(ctx, this.name)
    await dropAllTokens(ctx, this.name)
    const keys = await ctx.db.query<{ name: string }>(
      ctx.db.dialect.compile(sql`select name from ${sql.id('tabUser API Key')} where ${sql.id('user')} = ${this.name}`),
    )
    for (const key of keys) await remove(ctx.asSystem(`user ${this.name} is deleted`), 'User API Key', key.name)
  }
}

/** Administrator and Guest are the platform's: nobody else changes them, and neither can be turned into something else. */
function keepPlatformUsers(ctx: Context, user: User, exists: boolean): void {
  if (!isPlatformUser(user.name)) return
  if (!ctx.user.unrestricted) throw new ProtectedUser({ user: user.name })
  if (user.name === administratorName && exists && !user.enabled) throw new ProtectedUser({ user: user.name })
  if (user.name === guestName && user.roles?.some((row) => row.role !== guestName)) throw new ProtectedUser({ user: user.name })
}

/** People move their own account to another address with their password, through `orchestrator.identity.change_email`. */
function refuseOwnRename(ctx: Context, user: User): void {
  if (ctx.elevation === undefined && ctx.user.name === user.name && needsConfirmation(ctx)) throw new ConfirmationNeeded({ field: 'email' })
}

/** Sessions and narrowed keys can be stolen; and whoever manages no users changes the own account in the ways that ask for the password. */
function needsConfirmation(ctx: Context): boolean {
  if (sessionIdOf(ctx.user) || ctx.user.scopes) return true
  return !ctx.user.unrestricted && !ctx.user.roles.has('System Manager')
}

async function takePassword(ctx: Context, user: User): Promise<void> {
  const given = user.new_password
  user.new_password = null
  if (!given || /^\*+$/.test(given)) return
  // A stolen session must not be enough to lock its owner out; update_password asks for the old password.
  if (ctx.elevation === undefined && ctx.user.name === user.name && needsConfirmation(ctx))
    throw new ConfirmationNeeded({ field: 'new_password' })
  if (user.name === guestName) throw new ProtectedUser({ user: user.name })
  checkNewPassword(ctx, user.name, given)
  newPasswords.set(user, await hashPassword(given))
}

function isPlatformUser(name: string): boolean {
  // Some databases compare names without case.
  return [administratorName, guestName].some((one) => one.toLowerCase() === name?.toLowerCase())
}

async function storedUser(ctx: Context, name: string): Promise<{ email: string | null } | undefined> {
  const [row] = await ctx.db.query<{ email: string | null }>(
    ctx.db.dialect.compile(sql`select email from ${sql.id('tabUser')} where name = ${name ?? ''}`),
  )
  return row
}

/** One role with desk access, the user's own or from the role profile, makes a System User. */
async function typeFromRoles(ctx: Context, user: User): Promise<UserFields['user_type']> {
  if (user.name === administratorName) return 'System User'
  const own = (user.roles ?? []).map((row) => row.role)
  const profile = user.role_profile_name ?? ''
  const [row] = await ctx.db.query<{ n: number }>(
    ctx.db.dialect.compile(sql`select count(*) as n from ${sql.id('tabRole')}
      where desk_access = 1 and coalesce(disabled, 0) = 0 and name <> ${administratorName}
        and (name in (${sql.join(own.length > 0 ? own : [''])})
          or name in (select role from ${sql.id('tabHas Role')} where parenttype = ${'Role Profile'} and parent = ${profile}))`),
  )
  return Number(row?.n ?? 0) > 0 ? 'System User' : 'Website User'
}
