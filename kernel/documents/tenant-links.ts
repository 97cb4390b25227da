import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { AnyDocument } from './document.ts'

/** A link to a document that belongs to another tenant. */
export interface StrayLink {
  /** `patient`, `drugs[2].medication`. */
  readonly field: string
  readonly value: string
}

/**
 * The first changed link of a document that leads out of its tenant; where the tenant itself has changed, the first of all its links. Walls around tenants keep people out of what is not theirs; this is for
 * those who may enter two, and for code with full rights. Targets without that field, or without a value in it, are nobody's.
 * @param tenantField the field, of the document and of the targets alike, that holds the tenant
 */
export async function strayLink(
  ctx: Context,
  document: AnyDocument,
  stored: AnyDocument | undefined,
  tenantField: string,
): Promise<StrayLink | undefined> {
  const tenant = document[tenantField]
  if (typeof tenant !== 'string' || tenant === '') return undefined
  const meta = await ctx.site.meta.get(document.doctype)
  // In another tenant, what was at home before is out of it now.
  const before = stored?.[tenantField] === tenant ? stored : undefined
  const uses = new Map<string, StrayLink[]>()
  gather(uses, meta, document, before, '')
  for (const table of meta.tables) {
    if (table.is_virtual) continue
    const child = await ctx.site.meta.meta(table.options ?? '')
    const earlier = new Map(((before?.[table.fieldname] as AnyDocument[] | undefined) ?? []).map((row) => [row.name, row]))
    for (const [index, row] of ((document[table.fieldname] as AnyDocument[] | undefined) ?? []).entries())
      gather(uses, child, row, earlier.get(row.name), `${table.fieldname}[${index}].`)
  }
  for (const [doctype, list] of uses) {
    const stray = await firstElsewhere(ctx, doctype, list, tenantField, tenant)
    if (stray) return stray
  }
  return undefined
}

function gather(uses: Map<string, StrayLink[]>, meta: Meta, row: AnyDocument, before: AnyDocument | undefined, path: string): void {
  for (const field of [...meta.dynamicLinks, ...meta.links]) {
    const value = row[field.fieldname]
    if (typeof value !== 'string' || value === '' || before?.[field.fieldname] === value) continue
    const target = field.fieldtype === 'Link' ? field.options : row[field.options ?? '']
    if (typeof target !== 'string' || target === '') continue
    uses.set(target, [...(uses.get(target) ?? []), { field: path + field.fieldname, value }])
  }
}

const chunkSize = 1000

async function firstElsewhere(
  ctx: Context,
  doctype: string,
  uses: readonly StrayLink[],
  tenantField: string,
  tenant: string,
): Promise<StrayLink | undefined> {
  if (!(await ctx.site.meta.exists(doctype))) return undefined
  const target = await ctx.site.meta.get(doctype)
  if (target.isTable || target.isSingle || target.isVirtual || target.column.get(tenantField)?.fieldtype !== 'Link') return undefined
  const names = [...new Set(uses.map(({ value }) => value))]
  const column = ident(tenantField)
  for (let start = 0; start < names.length; start += chunkSize) {
    const chunk = join(names.slice(start, start + chunkSize).map((name) => sql`${name}`))
    const statement = sql`select name from ${ident(target.table)} where name in (${chunk}) and ${column} is not null and ${column} <> ${tenant}`
    const rows = await ctx.db.query<Row>(ctx.db.dialect.compile(statement))
    const foreign = new Set(rows.map((row) => String(row.name)))
    const stray = uses.find(({ value }) => foreign.has(value))
    if (stray) return stray
  }
  return undefined
}
