import { or, type Predicate, where } from '#client/rules/predicate.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'

/** People outside see what concerns them: the customers whose portal they use, the contacts and addresses of these, and themselves. */
const isOutside = ({ user }: Context): boolean => !user.unrestricted && !user.roles.has('Desk User')

/** The customers in whose portal the user is. */
async function customersOf(ctx: Context): Promise<string[]> {
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(
      sql`select distinct c.name from ${ident('tabCustomer')} c join ${ident('tabPortal User')} p on p.parent = c.name and p.parenttype = ${'Customer'}
        where p.${ident('user')} = ${ctx.user.name} and c.portal_enabled = 1 and c.disabled = 0 order by c.name`,
    ),
  )
  return rows.map((row) => String(row.name))
}

export const customerPermissions: PermissionHooks = {
  rows: async (ctx) => (isOutside(ctx) ? where('name', 'in', await customersOf(ctx)) : undefined),
}

export const contactPermissions: PermissionHooks = {
  rows: async (ctx) => (isOutside(ctx) ? or(where('user', '=', ctx.user.name), await linkedToMine(ctx)) : undefined),
}

export const addressPermissions: PermissionHooks = {
  rows: async (ctx) => (isOutside(ctx) ? linkedToMine(ctx) : undefined),
}

async function linkedToMine(ctx: Context): Promise<Predicate> {
  const mine = await customersOf(ctx)
  return { child: 'links', where: { all: [where('link_doctype', '=', 'Customer'), where('link_name', 'in', mine)] } }
}

/** Grants remember whose portal somebody uses. */
export const portalChanged: DocumentListener = async (ctx, customer, extra) => {
  const before = extra?.before as AnyDocument | undefined
  const users = (document: AnyDocument | undefined) =>
    document?.portal_enabled && !document.disabled
      ? ((document.portal_users as { user: string }[] | undefined) ?? [])
          .map(({ user }) => user)
          .sort()
          .join('\n')
      : ''
  if (users(customer) !== users(before) || (extra?.before === customer && users(customer) !== '')) await bumpEpoch(ctx, 'access')
}

/** Names as a condition of a statement. */
export const namesIn = (names: readonly string[]) => join(names.map((name) => sql`${name}`))
