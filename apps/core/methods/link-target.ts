import type { Context } from '#kernel/context/context.ts'
import { rowMatches } from '#kernel/permissions/row-matches.ts'
import { find } from '#kernel/documents/load.ts'
import { grantFor } from '#kernel/permissions/grants.ts'

/** The stored name of a document that the user may choose in a link; undefined where there is none, or none for this user. */
export async function searchable(ctx: Context, doctype: string, name: string): Promise<string | undefined> {
  const meta = await ctx.site.meta.get(doctype)
  const grant = await grantFor(ctx, meta.name, 'select')
  if (!grant.allowed || meta.isTable) return undefined
  const document = await find(ctx, meta, name)
  if (!document) return undefined
  return ctx.user.unrestricted || (await rowMatches(ctx, grant, document)) ? String(document.name) : undefined
}
