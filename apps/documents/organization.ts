import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import { nowText } from '#kernel/context/time.ts'
import { OfAnotherOrganization } from './errors.ts'

interface Use {
  readonly path: string
  readonly value: string
}

/**
 * Before a document is written: whatever it links to that belongs to an organization belongs to its own. The tenants' walls keep people out
 * of what is not theirs; this keeps those apart who may enter two, and the platform's own code.
 * @throws OfAnotherOrganization with the path of the link
 */
export const keepApart: DocumentListener = async (ctx, document, extra) => {
  const organization = document.organization
  if (typeof organization !== 'string' || organization === '') return
  const meta = await ctx.site.meta.get(document.doctype)
  const before = extra?.before as AnyDocument | undefined
  const uses = new Map<string, Use[]>()
  gather(uses, meta, document, before, '')
  for (const table of meta.tables) {
    if (table.is_virtual) continue
    const child = await ctx.site.meta.meta(table.options ?? '')
    for (const [index, row] of ((document[table.fieldname] as AnyDocument[] | undefined) ?? []).entries())
      gather(uses, child, row, undefined, `${table.fieldname}[${index}].`)
  }
  for (const [doctype, list] of uses) await checkTarget(ctx, meta.name, organization, doctype, list)
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

async function checkTarget(ctx: Context, own: string, organization: string, doctype: string, uses: readonly Use[]): Promise<void> {
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
    if (use) throw new OfAnotherOrganization({ doctype: own, field: use.path, value: use.value, organization })
  }
}

/** The day it is in an organization, ISO. */
export async function todayIn(ctx: Context, organization: string): Promise<string> {
  return dayIn(ctx, organization, nowText(ctx))
}

/** The day that a moment (UTC) falls on in an organization, ISO. */
export async function dayIn(ctx: Context, organization: string, moment: string): Promise<string> {
  const [row] = await ctx.db.query<{ time_zone: string | null }>(
    ctx.db.dialect.compile(sql`select time_zone from ${ident('tabOrganization')} where name = ${organization}`),
  )
  return utcToZone(moment, row?.time_zone || ctx.site.timeZone).slice(0, 10)
}
