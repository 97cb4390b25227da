import { isNever, type Predicate } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Row, SqlValue } from '#kernel/database/database.ts'
import type { Value } from '#kernel/fields/field-type.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { columnText, conditionSql, ordersNulls } from './columns.ts'
import { piece, StatementBuilder } from './piece.ts'
import { sql } from '#kernel/database/sql.ts'

export interface FindOptions {
  /** Stored fields to read; default: all of them. */
  fields?: readonly string[]
  /** `[field, direction]` pairs; the name decides last. */
  orderBy?: readonly (readonly [field: string, direction: 'asc' | 'desc'])[]
  limit?: number
  /** Opens the transaction and keeps others from changing the rows until it ends. */
  lock?: boolean
}

/** Field values in document form. Not a document: no behaviour, no child tables. */
export type FoundRow = Record<string, Value> & { name: string }

/**
 * Rows that meet a condition, for kernel code: no permission is checked, so neither the condition nor the fields may be a caller's.
 * @throws Error for a field or table that the DocType does not store
 */
export async function findRows(ctx: Context, meta: Meta, predicate: Predicate, options: FindOptions = {}): Promise<FoundRow[]> {
  if (meta.isSingle || meta.isVirtual) throw new Error(`${meta.name} has no table to look in.`)
  if (isNever(predicate)) return []
  const { dialect } = ctx.db
  const fields = options.fields ? options.fields.map((name) => stored(meta, name)) : meta.columns
  const statement = new StatementBuilder(dialect)
    .text(
      `select ${fields.map((field) => columnText('t', field.fieldname, dialect)).join(', ')} from ${dialect.quote(meta.table)} as t where `,
    )
    .piece(piece(await conditionSql(ctx, meta, 't', predicate), dialect))
    .text(orderText(ctx, meta, options))
  if (options.limit !== undefined) statement.text(` limit ${Math.max(0, Math.trunc(options.limit))}`)
  if (options.lock) {
    await ctx.db.begin()
    statement.text(dialect.forUpdate)
  }
  const rows = await ctx.db.query<Row>(statement.build())
  return rows.map((row) => {
    const found: Record<string, Value> = {}
    for (const field of fields) found[field.fieldname] = field.type.fromColumn(row[field.fieldname] as SqlValue, dialect)
    return found as FoundRow
  })
}

function stored(meta: Meta, name: string): MetaField {
  const field = meta.column.get(name)
  if (!field) throw new Error(`${meta.name} stores no field ${name}.`)
  return field
}

function orderText(ctx: Context, meta: Meta, { orderBy = [] }: FindOptions): string {
  const { dialect } = ctx.db
  const terms = orderBy.some(([name]) => name === 'name') ? orderBy : [...orderBy, ['name', orderBy.at(-1)?.[1] ?? 'asc'] as const]
  const texts = terms.map(([name, direction]) => {
    const field = stored(meta, name)
    return piece(dialect.orderBy(sql.raw(columnText('t', name, dialect)), direction, ordersNulls(field)), dialect).text
  })
  return ` order by ${texts.join(', ')}`
}
