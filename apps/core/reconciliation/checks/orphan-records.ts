import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { hasCountedNames } from '#kernel/query/columns.ts'
import { defineReconciliation, type Discrepancy } from '#kernel/reconciliation/reconciliation.ts'

/** Rows named per field: more of one kind are one fault. */
const mostPerField = 50

/** Links that lead to documents which are not there: something was deleted past the platform, or a restore was only half of one. */
export const orphanRecords = defineReconciliation({
  name: 'orphan_records',
  title: 'Links to documents that do not exist',
  every: '0 3 * * 0',
  alertAbove: 0,
  check: async (ctx, { after }) => {
    const names = [...(await tabledDocTypes(ctx))].sort()
    const doctype = names.find((name) => name > after)
    if (doctype === undefined) return { checked: 0, discrepancies: [] }
    const meta = await ctx.site.meta.meta(doctype)
    const discrepancies: Discrepancy[] = []
    for (const field of meta.columns.filter((column) => column.fieldtype === 'Link'))
      discrepancies.push(...(await dangling(ctx, meta, field)))
    return { checked: await countRows(ctx, meta), discrepancies, next: doctype }
  },
})

async function tabledDocTypes(ctx: Context): Promise<string[]> {
  const rows = await ctx.db.query<{ name: string }>(
    ctx.db.dialect.compile(sql`select name from ${ident('tabDocType')} where coalesce(issingle, 0) = 0 and coalesce(is_virtual, 0) = 0`),
  )
  return rows.map(({ name }) => name)
}

async function dangling(ctx: Context, meta: Meta, field: MetaField): Promise<Discrepancy[]> {
  if (!field.options || !(await ctx.site.meta.exists(field.options))) return []
  const target = await ctx.site.meta.meta(field.options)
  // A single or virtual DocType has no rows to look in; a number and a text do not compare on every engine.
  if (target.isSingle || target.isVirtual || hasCountedNames(target)) return []
  const column = sql.id('t', field.fieldname)
  const rows = await ctx.db.query<{ name: string | number }>(
    ctx.db.dialect.compile(sql`select t.name as name from ${ident(meta.table)} t where ${column} is not null and ${column} <> ${''}
      and not exists (select 1 from ${ident(target.table)} o where o.name = ${column}) order by t.name limit ${sql.lit(mostPerField)}`),
  )
  return rows.map(({ name }) => ({
    kind: 'missing target',
    doctype: meta.name,
    name: String(name),
    detail: `${field.fieldname} (${target.name})`,
  }))
}

async function countRows(ctx: Context, meta: Meta): Promise<number> {
  const [row] = await ctx.db.query<{ n: number }>(ctx.db.dialect.compile(sql`select count(*) as n from ${ident(meta.table)}`))
  return Number(row?.n)
}
