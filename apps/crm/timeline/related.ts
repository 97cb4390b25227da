import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { can } from '#kernel/permissions/grants.ts'

/** Documents of one kind that add to a timeline, at most; the latest changed come first. */
const most = 50

interface Named {
  readonly doctype: string
  readonly name: string
}

/**
 * The documents whose history belongs to that of another one, as far as the caller may read them: a deal shows its lead's, a customer
 * that of its leads, deals and contacts, a contact that of the leads it came from.
 */
export async function relatedTo(ctx: Context, document: AnyDocument): Promise<Named[]> {
  const found: Named[] = []
  for (const one of await candidates(ctx, document)) {
    if (!(await can(ctx, 'read', one.doctype))) continue
    const related = await find(ctx, await ctx.site.meta.get(one.doctype), one.name)
    if (related && (await can(ctx, 'read', one.doctype, related))) found.push(one)
  }
  return found
}

async function candidates(ctx: Context, document: AnyDocument): Promise<Named[]> {
  const name = String(document.name)
  if (document.doctype === 'Deal')
    return typeof document.lead === 'string' && document.lead ? [{ doctype: 'Lead', name: document.lead }] : []
  if (document.doctype === 'Contact') return pointing(ctx, 'Lead', 'contact', name)
  if (document.doctype !== 'Customer') return []
  return [
    ...(await pointing(ctx, 'Lead', 'customer', name)),
    ...(await pointing(ctx, 'Deal', 'customer', name)),
    ...(await contactsOf(ctx, name)),
  ]
}

async function pointing(ctx: Context, doctype: string, field: string, name: string): Promise<Named[]> {
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(
      sql`select name from ${ident(`tab${doctype}`)} where ${ident(field)} = ${name} order by modified desc limit ${sql.lit(most)}`,
    ),
  )
  return rows.map((row) => ({ doctype, name: String(row.name) }))
}

async function contactsOf(ctx: Context, customer: string): Promise<Named[]> {
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(
      sql`select distinct parent as name from ${ident('tabDynamic Link')} where parenttype = ${'Contact'} and link_doctype = ${'Customer'}
        and link_name = ${customer} order by parent limit ${sql.lit(most)}`,
    ),
  )
  return rows.map((row) => ({ doctype: 'Contact', name: String(row.name) }))
}
