import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { ElsewhereInBooks } from './errors.ts'

interface Use {
  readonly path: string
  readonly value: string
}

/**
 * Before a document is written: whatever it links to that belongs to an organization belongs to its own. The tenants' walls keep people out
 * of what is not theirs; this keeps apart the books of two organizations for those who may enter both, and for the platform's own code.
 * @throws ElsewhereInBooks with the path of the link
 */
export const keepBooksApart: DocumentListener = async (ctx, document, extra) => {
  const organization = document.organization
  if (typeof organization !== 'string' || organization === '') return
  const meta = await ctx.site.meta.get(document.doctype)
  const before = extra?.before as AnyDocument | undefined
  const uses = new Map<string, Use[]>()
  gather(uses, meta, document, before, '')
  for (const table of meta.tables) {
    const child = await ctx.site.meta.meta(table.options ?? '')
    const earlier = new Map(((before?.[table.fieldname] as AnyDocument[] | undefined) ?? []).map((row) => [row.name, row]))
    for (const [index, row] of ((document[table.fieldname] as AnyDocument[] | undefined) ?? []).entries())
      gather(uses, child, row, earlier.get(row.name), `${table.fieldname}[${index}].`)
  }
  for (const [doctype, list] of uses) await checkTarget(ctx, meta, organization, doctype, list)
}

function gather(uses: Map<string, Use[]>, meta: Meta, row: AnyDocument, before: AnyDocument | undefined, path: string): void {
  for (const field of [...meta.dynamicLinks, ...meta.links]) {
    const value = row[field.fieldname]
    if (typeof value !== 'string' || value === '' || before?.[field.fieldname] === value) continue
    const target = field.fieldtype === 'Link' ? field.options : row[field.options ?? '']
    if (typeof target !== 'string' || target === '') continue
    uses.set(target, [...(uses.get(target) ?? []), { path: path + field.fieldname, value }])
  }
}

async function checkTarget(ctx: Context, meta: Meta, organization: string, doctype: string, uses: readonly Use[]): Promise<void> {
  if (!(await ctx.site.meta.exists(doctype))) return
  const target = await ctx.site.meta.get(doctype)
  if (target.isTable || target.isSingle || target.isVirtual || target.field.get('organization')?.options !== 'Organization') return
  const names = [...new Set(uses.map(({ value }) => value))]
  for (let start = 0; start < names.length; start += 1000) {
    const chunk = join(names.slice(start, start + 1000).map((name) => sql`${name}`))
    const rows = await ctx.db.query<Row>(
      ctx.db.dialect.compile(
        sql`select name from ${ident(target.table)} where name in (${chunk}) and organization is not null and organization <> ${organization}`,
      ),
    )
    const foreign = new Set(rows.map((row) => String(row.name)))
    const use = uses.find(({ value }) => foreign.has(value))
    if (use) throw new ElsewhereInBooks({ doctype: meta.name, field: use.path, value: use.value, organization })
  }
}
