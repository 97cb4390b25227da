import type { Context } from '#kernel/context/context.ts'
import { join, type Sql, sql } from '#kernel/database/sql.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { demandReading, type ReadingAccess, readingAccess } from './access.ts'
import { columnText, conditionSql, nameAsText } from './columns.ts'
import { ParentNeeded, QueryMalformed } from './errors.ts'

/** What a list of a child DocType's rows must hold to, and whose rights count. */
export interface ParentRows {
  readonly access: ReadingAccess
  readonly sql: Sql
}

/**
 * Rows of a child table belong to documents: they are listed with the rights on those, through the table fields that the user may
 * read, and only for documents that the user may read. Somebody with full rights need not name the parent.
 * @param parent  the DocType of the documents
 * @throws ParentNeeded, PermissionDenied, QueryMalformed
 */
export async function parentRows(ctx: Context, meta: Meta, parent: unknown): Promise<ParentRows> {
  if (parent === undefined || parent === null || parent === '') {
    const access = ctx.user.unrestricted ? await readingAccess(ctx, meta) : undefined
    if (!access) throw new ParentNeeded({ field: 'parent', doctype: meta.name, reason: 'name its DocType in “parent”' })
    return { access, sql: sql`1 = 1` }
  }
  if (typeof parent !== 'string' || parent.length > 140)
    throw new QueryMalformed({ field: 'parent', reason: 'it must be the name of a DocType' })
  const parentMeta = await ctx.site.meta.get(parent)
  const access = await demandReading(ctx, parentMeta)
  if (parentMeta.isVirtual) throw new ParentNeeded({ field: 'parent', doctype: meta.name, reason: `${parentMeta.name} is not stored` })
  const tables = parentMeta.tables.filter((field) => field.options === meta.name && !field.is_virtual)
  if (tables.length === 0)
    throw new ParentNeeded({ field: 'parent', doctype: meta.name, reason: `${parentMeta.name} has no table of them` })
  const readable = tables.filter(
    (field) => access.fields.all || (!access.only && access.fields.canRead(field) && !access.fields.isMasked(field)),
  )
  if (readable.length === 0)
    throw new ParentNeeded({ field: 'parent', doctype: meta.name, reason: `you may not read them in ${parentMeta.name}` })
  return {
    access,
    sql: await ofReadableParents(
      ctx,
      parentMeta,
      access,
      readable.map((field) => field.fieldname),
    ),
  }
}

async function ofReadableParents(ctx: Context, parent: Meta, access: ReadingAccess, tables: readonly string[]): Promise<Sql> {
  const { dialect } = ctx.db
  const own = (name: string) => sql.raw(columnText('t', name, dialect))
  const name = sql.raw(nameAsText(columnText('p', 'name', dialect), parent, dialect))
  const placed = sql`${own('parenttype')} = ${parent.name} and ${own('parentfield')} in (${join(tables.map((table) => sql`${table}`))})`
  if (parent.isSingle) return placed
  const rows = await conditionSql(ctx, parent, 'p', access.grant.rows)
  return sql`${placed} and exists (select 1 from ${sql.id(parent.table)} as p where ${name} = ${own('parent')} and ${rows})`
}
