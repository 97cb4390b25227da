import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Row, SqlValue } from '#kernel/database/database.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { noteReads } from '#kernel/permissions/reads.ts'
import { type ReadingAccess, readingAccess, useOf } from './access.ts'
import { columnText, conditionSql } from './columns.ts'
import { maskedReading } from './masked.ts'
import { piece, StatementBuilder } from './piece.ts'

/**
 * Replaces the values of a link field by the linked documents' readable fields, with one query for all rows. Of a document that the
 * user may not read, only the name is given, which stood in the row anyway.
 */
export async function expandLink(ctx: Context, rows: Record<string, unknown>[], field: MetaField, wire: Wire): Promise<void> {
  const names = distinctNames(rows, field.fieldname)
  if (names.length === 0) return
  const target = await ctx.site.meta.get(field.options ?? '')
  const access = await readingAccess(ctx, target)
  const found = access && !target.isSingle && !target.isVirtual ? await readDocuments(ctx, target, access, names, wire) : new Map()
  noteReads(ctx, target.name, found.keys(), 'list')
  for (const row of rows) {
    const name = row[field.fieldname]
    if (name !== null && name !== undefined && name !== '') row[field.fieldname] = found.get(String(name)) ?? { name }
  }
}

async function readDocuments(
  ctx: Context,
  meta: Meta,
  access: ReadingAccess,
  names: readonly unknown[],
  wire: Wire,
): Promise<Map<string, object>> {
  const fields = meta.columns.map((field) => ({ field, use: useOf(access, field) })).filter(({ use }) => use !== 'hidden')
  const { dialect } = ctx.db
  const readers = fields.map(({ field, use }, index) => {
    const plain = (row: Row, to: Wire) => field.type.toWire(field.type.fromColumn(row[`c${index}`] as SqlValue, dialect), to)
    return { key: field.fieldname, read: use === 'masked' ? maskedReading(field, plain) : plain }
  })
  const found = new Map<string, object>()
  for (const row of await select(
    ctx,
    meta,
    access,
    fields.map(({ field }) => field.fieldname),
    names,
  )) {
    const made: Record<string, unknown> = {}
    for (const { key, read } of readers) made[key] = read(row, wire)
    found.set(String(row.n), made)
  }
  return found
}

/** Named columns of the readable ones among the named documents; the name itself is `n`. */
async function select(
  ctx: Context,
  meta: Meta,
  access: ReadingAccess,
  columns: readonly string[],
  names: readonly unknown[],
): Promise<Row[]> {
  const { dialect } = ctx.db
  const texts = [
    ...columns.map((name, index) => `${columnText('t', name, dialect)} as c${index}`),
    `${columnText('t', 'name', dialect)} as n`,
  ]
  const condition = await conditionSql(ctx, meta, 't', and(where('name', 'in', names), access.grant.rows))
  const statement = new StatementBuilder(dialect).text(`select ${texts.join(', ')} from ${dialect.quote(meta.table)} as t where `)
  return ctx.db.query<Row>(statement.piece(piece(condition, dialect)).build())
}

function distinctNames(rows: readonly Record<string, unknown>[], key: string): unknown[] {
  return [...new Set(rows.map((row) => row[key]).filter((name) => name !== null && name !== undefined && name !== ''))]
}
