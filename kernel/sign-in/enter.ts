import { isEmail } from '#client/rules/formats.ts'
import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert, save } from '#kernel/documents/save.ts'
import { sessionIdOf } from '#kernel/identity/authenticate.ts'
import { administratorName, principalOf } from '#kernel/identity/principals.ts'
import { type SecondFactorAsked, type SignedIn, signInVouched } from '#kernel/identity/sign-in.ts'
import { findUser, type UserRow } from '#kernel/identity/users.ts'
import { AccountNotLinked, IdentityTaken, OutsideSignInFailed } from './errors.ts'
import { type EntryRules, type OutsideIdentity, unmappableRoles } from './identity.ts'
import { addLink, linkedUser, noteOutsideSession, subjectHash, touchLink } from './links.ts'

/** What came of it. A second factor may still be asked for, by the rules of the account. */
export type Entered = SignedIn | SecondFactorAsked

/**
 * Lets somebody in whom a provider vouches for. The account is the one that the identity is linked to; else, by a verified address, the
 * one of that address, unless it is an administrator's; else a new one where the provider's settings allow it. An address that is not
 * verified leads nowhere: whoever could choose it would choose somebody else's.
 * @param details kept with the session for signing out at the provider
 * @param found   by what a sign-out of the provider finds the session; default: the identity
 * @throws AccountNotLinked, OutsideSignInFailed, SignInRestricted, LockedOut
 */
export async function enter(
  ctx: Context,
  rules: EntryRules,
  identity: OutsideIdentity,
  details: Readonly<Record<string, string>>,
  found = subjectHash(identity),
): Promise<Entered> {
  demandDomain(rules, identity)
  const user = await accountOf(ctx, rules, identity)
  await followRoles(ctx, rules, identity, user)
  const outcome = await signInVouched(ctx, user, { by: rules.name, isSecondFactor: rules.isSecondFactor, device: 'browser' })
  if (outcome.kind === 'signed-in')
    await noteOutsideSession(ctx, outcome.session.id, {
      kind: rules.kind,
      provider: rules.name,
      subjectHash: found,
      details,
    })
  return outcome
}

/**
 * Links an identity to the account of whoever is signed in. The person asked for it in this very session, with the password.
 * @throws IdentityTaken, OutsideSignInFailed
 */
export async function linkIdentity(
  ctx: Context,
  rules: EntryRules,
  identity: OutsideIdentity,
  linkTo: { user: string; session: string },
): Promise<void> {
  if (ctx.user.name !== linkTo.user || sessionIdOf(ctx.user) !== linkTo.session)
    throw new OutsideSignInFailed({ provider: rules.title, reason: 'the session in which you began is over' })
  demandDomain(rules, identity)
  const known = await linkedUser(ctx, identity)
  if (known === linkTo.user) return
  if (known !== undefined || !(await addLink(ctx, identity, linkTo.user))) throw new IdentityTaken({ provider: rules.title })
  await recordAudit(ctx, { action: 'link-identity', doctype: 'User', name: linkTo.user, changes: { provider: rules.name } })
}

function demandDomain(rules: EntryRules, { email, isEmailVerified }: OutsideIdentity): void {
  // Of SAML the domains say what it is believed about, not who may come in.
  if (rules.domains.length === 0 || rules.kind === 'saml') return
  const domain = email?.split('@').at(-1)?.toLowerCase() ?? ''
  // An address that is not verified may be of any domain.
  if (!isEmailVerified || !rules.domains.includes(domain))
    throw new OutsideSignInFailed({ provider: rules.title, reason: 'addresses of this kind are not admitted' })
}

async function accountOf(ctx: Context, rules: EntryRules, identity: OutsideIdentity): Promise<string> {
  const linked = await linkedUser(ctx, identity)
  if (linked !== undefined) {
    await touchLink(ctx, identity)
    return linked
  }
  const email = identity.isEmailVerified ? identity.email?.trim().toLowerCase() : undefined
  if (!email || !isEmail(email)) throw new AccountNotLinked({ provider: rules.title })
  const known = await userOfAddress(ctx, email)
  const user = known ? await accountByAddress(ctx, rules, known) : await newAccount(ctx, rules, identity, email)
  if (!(await addLink(ctx, identity, user))) throw new OutsideSignInFailed({ provider: rules.title, reason: 'it was under way twice' })
  await recordAudit(ctx, {
    action: 'link-identity',
    doctype: 'User',
    name: user,
    user,
    changes: { provider: rules.name, by: 'verified address' },
  })
  return user
}

/** By the address alone: names that people gave themselves do not count here. */
async function userOfAddress(ctx: Context, email: string): Promise<UserRow | undefined> {
  const [row] = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(
      sql`select name from ${sql.id('tabUser')} where name = ${email} or email = ${email} order by name = ${email} desc limit 1`,
    ),
  )
  return row && findUser(ctx, row.name)
}

async function accountByAddress(ctx: Context, rules: EntryRules, user: UserRow): Promise<string> {
  if (!rules.linksByEmail || !user.enabled || user.name === administratorName) throw new AccountNotLinked({ provider: rules.title })
  const { roles, unrestricted } = await principalOf(ctx, user.name)
  if (unrestricted || roles.has('System Manager')) throw new AccountNotLinked({ provider: rules.title })
  return user.name
}

async function newAccount(ctx: Context, rules: EntryRules, identity: OutsideIdentity, email: string): Promise<string> {
  if (!rules.allowsSignUp) throw new AccountNotLinked({ provider: rules.title })
  const user = await insert(ctx.asSystem(`sign-up with ${rules.name}`), 'User', {
    email,
    first_name: (identity.firstName || email.split('@')[0] || email).slice(0, 140),
    last_name: identity.lastName.slice(0, 140) || null,
    enabled: 1,
    send_welcome_email: 0,
    roles: [],
  })
  return String(user.name)
}

/** Gives the roles that the provider's groups bring and takes those that they bring no longer. Roles that no group brings stay as they are. */
async function followRoles(ctx: Context, rules: EntryRules, identity: OutsideIdentity, userName: string): Promise<void> {
  if (rules.roles.size === 0 || userName === administratorName) return
  const governed = new Set([...rules.roles.values()].flat().filter((role) => !unmappableRoles.has(role)))
  const due = new Set(identity.groups.flatMap((group) => rules.roles.get(group) ?? []).filter((role) => governed.has(role)))
  const system = ctx.asSystem(`roles that ${rules.name} gives ${userName}`)
  const user = await getDocument(system, 'User', userName)
  const held = ((user.roles ?? []) as { role: string }[]).map((row) => row.role)
  const wanted = [...held.filter((role) => !governed.has(role) || due.has(role)), ...[...due].filter((role) => !held.includes(role))]
  if (wanted.length === held.length && wanted.every((role) => held.includes(role))) return
  await save(system, user, { roles: wanted.map((role) => ({ role })) })
}
