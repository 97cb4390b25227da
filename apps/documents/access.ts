import { and, never, or, type Predicate, where } from '#client/rules/predicate.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { accessOf } from '#kernel/permissions/access.ts'
import { valuesFor } from '#kernel/permissions/permitted.ts'

/** They see every document of their organizations; what they may do with it their rows say. */
const overseers = ['System Manager', 'Super Admin', 'Documents Manager', 'Records Manager', 'Auditor']

const oversees = ({ user }: Context): boolean => user.unrestricted || overseers.some((role) => user.roles.has(role))

/**
 * The folders that lie open to a user: their own, those that were shared with them or with everybody, and all below these. A share on a folder
 * is thereby inherited, however deep.
 */
async function openFolders(ctx: Context, right: 'read' | 'write'): Promise<readonly string[]> {
  const key = `documents:folders:${right}`
  const known = ctx.memo.get(key) as readonly string[] | undefined
  if (known && !ctx.db.isWriting) return known
  const folders = ident('tabDocument Folder')
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(sql`select distinct below.name as name from ${folders} above
      join ${folders} below on below.lft >= above.lft and below.rgt <= above.rgt and below.organization = above.organization
      where above.owner = ${ctx.user.name} or exists (select 1 from ${ident('tabDocShare')} s where s.share_doctype = ${'Document Folder'}
        and s.share_name = above.name and (s.${ident('user')} = ${ctx.user.name} or s.everyone = 1) and s.${ident(right)} = 1)
      order by below.name`),
  )
  const found = rows.map((row) => String(row.name))
  if (!ctx.db.isWriting) ctx.memo.set(key, found)
  return found
}

/** What a writing right needs: to read something in a folder is not yet to change it. */
const reading: ReadonlySet<Action> = new Set(['select', 'read', 'print', 'email', 'report', 'export'])

export const folderPermissions: PermissionHooks = {
  rows: async (ctx, action) => {
    if (oversees(ctx)) return undefined
    if (action === 'create')
      return or(where('parent_document_folder', 'not set'), where('parent_document_folder', 'in', await openFolders(ctx, 'write')))
    return where('name', 'in', await openFolders(ctx, reading.has(action) ? 'read' : 'write'))
  },
}

export const documentPermissions: PermissionHooks = {
  rows: async (ctx, action) => {
    if (oversees(ctx)) return undefined
    const mine = where('owner', '=', ctx.user.name)
    if (reading.has(action)) return or(mine, where('folder', 'in', await openFolders(ctx, 'read')))
    const writable = where('folder', 'in', await openFolders(ctx, 'write'))
    if (action === 'create') return or(where('folder', 'not set'), writable)
    return or(mine, writable)
  },
}

/** Records that only those who oversee see as such; others meet them through verbs. */
export const overseersOnly: PermissionHooks = { rows: (ctx) => (oversees(ctx) ? undefined : never) }

/** Rows of one's own, for those who do not oversee. */
export const ownOnly: PermissionHooks = { rows: (ctx) => (oversees(ctx) ? undefined : where('owner', '=', ctx.user.name)) }

export const acknowledgementPermissions: PermissionHooks = {
  rows: (ctx) => (oversees(ctx) ? undefined : or(where('user', '=', ctx.user.name), where('owner', '=', ctx.user.name))),
}

/** People outside: whatever roles they hold, a vault is theirs only as their customer's. */
export const isOutside = ({ user }: Context): boolean => !user.unrestricted && !user.roles.has('Desk User')

/** The vaults that the user may enter through the portal: of an organization of theirs AND of a customer of theirs, open, not expired. */
export async function portalVaults(ctx: Context): Promise<Predicate> {
  const organizations = valuesFor((await accessOf(ctx)).permitted, 'Organization', 'Document Vault')
  const customers = await customersOf(ctx)
  if (organizations.length === 0 || customers.length === 0) return never
  return and(where('organization', 'in', organizations), where('customer', 'in', customers), where('portal_access', '=', 1))
}

async function customersOf(ctx: Context): Promise<string[]> {
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(
      sql`select distinct c.name from ${ident('tabCustomer')} c join ${ident('tabPortal User')} p on p.parent = c.name and p.parenttype = ${'Customer'}
        where p.${ident('user')} = ${ctx.user.name} and c.portal_enabled = 1 and c.disabled = 0 order by c.name`,
    ),
  )
  return rows.map((row) => String(row.name))
}

export const vaultPermissions: PermissionHooks = {
  // The portal has its own door, which shows what is meant for customers only.
  rows: (ctx) => (isOutside(ctx) ? never : undefined),
}
