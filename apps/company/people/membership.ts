import { type Predicate, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { hashName } from '#kernel/documents/naming.ts'
import { insertRows } from '#kernel/documents/rows.ts'
import { findRows } from '#kernel/query/find-rows.ts'

/** The table on User that holds a user's organizations. */
export const membershipField = 'organizations'

const permissions = ident('tabUser Permission')
const members = ident('tabOrganization Member')
const holdsForUsers = sql`allow = ${'Organization'} and (apply_to_all_doctypes = 1 or applicable_for = ${'User'})`

/** The organizations that a user belongs to, as User Permissions say, in the order of their names. */
export async function organizationsOf(ctx: Context, user: string): Promise<string[]> {
  const rows = await ctx.db.query<{ organization: string }>(
    ctx.db.dialect.compile(
      sql`select distinct for_value as organization from ${permissions} where ${ident('user')} = ${user} and ${holdsForUsers} order by for_value`,
    ),
  )
  return rows.map((row) => String(row.organization))
}

/** Whether a user belongs to an organization. */
export async function isMember(ctx: Context, user: string, organization: string): Promise<boolean> {
  return (await organizationsOf(ctx, user)).includes(organization)
}

/** A User Permission was made, changed or deleted: the rows of its user (and of the one whose it was) follow. */
export const followPermission: DocumentListener = async (ctx, permission, extra) => {
  const before = extra?.before as AnyDocument | undefined
  const concerned = [permission, before].filter((one) => one?.allow === 'Organization').map((one) => String(one?.user ?? ''))
  for (const user of new Set(concerned)) await writeMembership(ctx, user)
}

/** A user was saved: whatever was sent along about organizations, User Permissions decide. */
export const followUser: DocumentListener = (ctx, user) => writeMembership(ctx, String(user.name))

/** Brings the rows of one user to what the User Permissions say. Nothing is written when they say it already. */
async function writeMembership(ctx: Context, user: string): Promise<void> {
  const meta = await ctx.site.meta.get('Organization Member')
  const known = await findRows(ctx, meta, memberRows(user), { fields: ['name', 'organization'], orderBy: [['organization', 'asc']] })
  const wanted = await organizationsOf(ctx, user)
  if (known.length === wanted.length && known.every((row, at) => row.organization === wanted[at])) return
  const { dialect } = ctx.db
  await ctx.db.execute(dialect.compile(sql`delete from ${members} where parent = ${user} and parenttype = ${'User'}`))
  await insertMembers(
    ctx,
    wanted.map((organization, at) => ({ user, organization, idx: at + 1 })),
  )
}

interface Member {
  readonly user: string
  readonly organization: string
  readonly idx: number
}

async function insertMembers(ctx: Context, wanted: readonly Member[]): Promise<void> {
  if (wanted.length === 0) return
  const now = nowText(ctx)
  const rows = wanted.map(({ user, organization, idx }) => ({
    doctype: 'Organization Member',
    name: hashName(),
    owner: 'Administrator',
    modified_by: 'Administrator',
    creation: now,
    modified: now,
    docstatus: 0,
    idx,
    parent: user,
    parenttype: 'User',
    parentfield: membershipField,
    organization,
  }))
  await insertRows(ctx.db, await ctx.site.meta.get('Organization Member'), rows as unknown as AnyDocument[])
}

function memberRows(user: string): Predicate {
  return { all: [where('parent', '=', user), where('parenttype', '=', 'User')] }
}

/** Fills the rows of users who were permitted to organizations before there were rows. Safe to run twice. */
export async function fillMembership(ctx: Context): Promise<void> {
  const users = await ctx.db.query<{ user: string }>(
    ctx.db.dialect.compile(sql`select distinct ${ident('user')} as ${ident('user')} from ${permissions} where ${holdsForUsers}`),
  )
  for (const row of users) await writeMembership(ctx, String(row.user))
}
