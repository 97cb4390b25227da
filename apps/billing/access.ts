import { type Predicate, where } from '#client/rules/predicate.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'

/** The customers in whose portal the user is; undefined for those who work at a desk. */
async function ownCustomers(ctx: Context): Promise<string[] | undefined> {
  if (ctx.user.unrestricted || ctx.user.roles.has('Desk User')) return undefined
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(
      sql`select distinct c.name from ${ident('tabCustomer')} c join ${ident('tabPortal User')} p on p.parent = c.name and p.parenttype = ${'Customer'}
        where p.${ident('user')} = ${ctx.user.name} and c.portal_enabled = 1 and c.disabled = 0 order by c.name`,
    ),
  )
  return rows.map((row) => String(row.name))
}

/** Customers see what was submitted for them; drafts are nobody's business but the organization's. */
const own = (field: string): PermissionHooks => ({
  rows: async (ctx): Promise<Predicate | undefined> => {
    const customers = await ownCustomers(ctx)
    return customers && { all: [where(field, 'in', customers), where('docstatus', '=', 1)] }
  },
})

/** Row conditions of the documents that customers may see. */
export const customerPermissions: Readonly<Record<string, PermissionHooks>> = {
  Quotation: own('customer'),
  'Sales Order': own('customer'),
  'Delivery Note': own('customer'),
  'Sales Invoice': own('customer'),
  'Payment Request': own('party'),
}
