import type { Context } from '#kernel/context/context.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { can } from '#kernel/permissions/grants.ts'
import { list } from '#kernel/query/list.ts'
import type { ReportResult } from './report.ts'

/** Names looked up for one column at most: titles are a help for the eye. */
const most = 1000

/** Titles of the documents that a report's links lead to, by `DocType::name`, where the DocType shows them and the user may read them. */
export async function linkTitlesOf(ctx: Context, { columns, rows }: ReportResult): Promise<Record<string, string>> {
  const titles: Record<string, string> = {}
  for (const { fieldtype, options, fieldname } of columns) {
    if (fieldtype !== 'Link' || !options || !(await ctx.site.meta.exists(options))) continue
    const meta = await ctx.site.meta.get(options)
    if (meta.titleField === '' || meta.definition.show_title_field_in_link !== 1 || meta.isVirtual || !(await can(ctx, 'read', meta.name)))
      continue
    const names = [...new Set(rows.map((row) => row[fieldname]).filter((name) => typeof name === 'string' && name !== ''))].slice(0, most)
    if (names.length === 0) continue
    const found = await list(ctx, meta.name, {
      fields: ['name', meta.titleField],
      filters: { name: ['in', names] },
      limit: most,
      wire: wireV1(ctx),
    })
    for (const row of found.rows) titles[`${meta.name}::${String(row.name)}`] = String(row[meta.titleField] ?? row.name)
  }
  return titles
}
