import type { Context } from '#kernel/context/context.ts'
import type { MetaField } from '#kernel/meta/meta.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import { can } from '#kernel/permissions/grants.ts'
import { list } from '#kernel/query/list.ts'

/** Names looked up for one DocType at most: titles are a help for the eye. */
const most = 1000

/**
 * Adds the titles of what rows link to, by `DocType::name`: for DocTypes that show titles in links, as far as the user may read them. One
 * query per DocType.
 */
export async function addLinkTitles(
  ctx: Context,
  fields: readonly MetaField[],
  rows: readonly Record<string, unknown>[],
  titles: Map<string, string>,
): Promise<void> {
  const wanted = new Map<string, Set<string>>()
  for (const { fieldtype, options, fieldname } of fields) {
    if (fieldtype !== 'Link' || !options) continue
    const names = wanted.get(options) ?? new Set()
    wanted.set(options, names)
    for (const row of rows) if (typeof row[fieldname] === 'string' && row[fieldname] !== '') names.add(row[fieldname])
  }
  for (const [doctype, names] of wanted) {
    if (names.size === 0 || !(await ctx.site.meta.exists(doctype))) continue
    const meta = await ctx.site.meta.get(doctype)
    const title = meta.column.get(meta.titleField)
    if (!title || meta.definition.show_title_field_in_link !== 1 || meta.isVirtual || !(await can(ctx, 'read', meta.name))) continue
    const access = await fieldAccess(ctx, meta)
    if (!access.canRead(title) || access.isMasked(title)) continue
    const found = await list(ctx, meta.name, {
      fields: ['name', title.fieldname],
      filters: { name: ['in', [...names].slice(0, most)] },
      limit: most,
      wire: wireV1(ctx),
    })
    for (const row of found.rows) if (row[title.fieldname]) titles.set(`${meta.name}::${String(row.name)}`, String(row[title.fieldname]))
  }
}
