import { defineCache } from '#kernel/cache/cache.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'

const table = ident('tabDepartment')

/** Names of the departments that a user manages, by user; those below included. */
export const managedCache = defineCache<string, readonly string[]>({
  name: 'company/managed-departments',
  scope: 'site',
  level: 'process',
  ttlMs: 600_000,
  load: async (ctx, user) => {
    const rows = await ctx.db.query<{ name: string }>(
      ctx.db.dialect.compile(sql`select distinct below.name as name from ${table} above
        join ${table} below on below.lft >= above.lft and below.rgt <= above.rgt
        where above.manager = ${user} and coalesce(above.disabled, 0) = 0 order by below.name`),
    )
    return rows.map((row) => String(row.name))
  },
})

/** The departments that a user manages and all below them, by name. A disabled department gives its manager nothing. */
export async function managedDepartments(ctx: Context, user: string): Promise<readonly string[]> {
  return (await managedCache.get(ctx, user)) ?? []
}
