import type { SharedCondition } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, type Sql, sql } from '#kernel/database/sql.ts'

/** Whether some document of a DocType is shared with the user, or with everybody who signs in. */
export async function hasShares(ctx: Context, doctype: string, share: SharedCondition): Promise<boolean> {
  return exists(ctx, doctype, share, sql`${ident('share_name')} is not null`)
}

/** Whether one document is. */
export async function isShared(ctx: Context, doctype: string, name: string, share: SharedCondition): Promise<boolean> {
  return exists(ctx, doctype, share, sql`${ident('share_name')} = ${name}`)
}

async function exists(ctx: Context, doctype: string, share: SharedCondition, condition: Sql): Promise<boolean> {
  const toUser = sql`(${ident('user')} = ${share.user} or ${ident('everyone')} = 1)`
  const rows = await ctx.db.query(
    ctx.db.dialect.compile(
      sql`select 1 from ${ident('tabDocShare')} where ${ident('share_doctype')} = ${doctype} and ${condition} and ${toUser} and ${ident(share.shared)} = 1 limit 1`,
    ),
  )
  return rows.length > 0
}
