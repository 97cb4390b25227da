import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Row, SqlValue } from '#kernel/database/database.ts'
import { predicateToSql } from '#kernel/database/predicate-sql.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { useOfChild } from './access.ts'
import { columnsOf, columnText } from './columns.ts'
import { FieldNotPermitted, QueryMalformed, TooCostly, UnknownField } from './errors.ts'
import { maskedReading } from './masked.ts'
import { limits } from './options.ts'
import type { SelectItem } from './parse-fields.ts'
import { piece, StatementBuilder } from './piece.ts'
import type { Scope } from './scope.ts'

interface ChildColumn {
  readonly key: string
  readonly text: string
  readonly read: (row: Row, wire: Wire) => unknown
}

/** The rows of one table field, to be put into each document of a page. */
export interface ChildRows {
  /** Key in the answer. */
  readonly key: string
  readonly table: MetaField
  readonly meta: Meta
  readonly columns: readonly ChildColumn[]
}

/** @throws UnknownField, FieldNotPermitted, QueryMalformed */
export async function planChildRows(
  scope: Scope,
  name: string,
  items: readonly SelectItem[],
  key: string,
  path: string,
): Promise<ChildRows> {
  const table = scope.meta.field.get(name)
  if (table?.type.kind !== 'table' || table.is_virtual) {
    throw new UnknownField({ field: path, doctype: scope.meta.name, name: name.slice(0, 140), reason: 'it is no table' })
  }
  const meta = await scope.ctx.site.meta.get(table.options ?? '')
  const { dialect } = scope.ctx.db
  const columns = new Map<string, ChildColumn>()
  const add = (field: MetaField, as: string, isMasked: boolean) => {
    const slot = `c${columns.size}`
    const { type } = field
    const plain = (row: Row, wire: Wire) => type.toWire(type.fromColumn(row[slot] as SqlValue, dialect), wire)
    columns.set(as, {
      key: as,
      text: `${columnText('t', field.fieldname, dialect)} as ${slot}`,
      read: isMasked ? maskedReading(field, plain) : plain,
    })
  }
  if (scope.access.only || !(scope.access.fields.all || scope.access.fields.canRead(table))) {
    throw new FieldNotPermitted({ field: path, doctype: scope.meta.name, name })
  }
  for (const item of items) {
    if (item.kind === 'all') {
      for (const field of meta.columns) {
        const use = useOfChild(scope.access, table, field)
        if (use !== 'hidden' && !columns.has(field.fieldname)) add(field, field.fieldname, use === 'masked')
      }
      continue
    }
    if (item.kind !== 'field') throw new QueryMalformed({ field: item.path, reason: 'only the table’s own fields may stand here' })
    const field = meta.column.get(item.ref.field)
    if (!field) throw new UnknownField({ field: item.path, doctype: meta.name, name: item.ref.field.slice(0, 140) })
    const use = useOfChild(scope.access, table, field)
    if (use === 'hidden') throw new FieldNotPermitted({ field: item.path, doctype: meta.name, name: field.fieldname })
    const as = item.alias ?? field.fieldname
    if (columns.has(as)) throw new QueryMalformed({ field: item.path, reason: `two values would be called “${as}”` })
    add(field, as, use === 'masked')
  }
  return { key, table, meta, columns: [...columns.values()] }
}

/**
 * The rows of one table field of many documents, in one query.
 * @param parents  names of documents that the user may read
 * @returns        by document name (as text), in the order of the table
 * @throws TooCostly above 100,000 rows
 */
export async function readChildRows(
  ctx: Context,
  parent: Meta,
  rows: ChildRows,
  parents: readonly SqlValue[],
  wire: Wire,
): Promise<Map<string, Record<string, unknown>[]>> {
  const { dialect } = ctx.db
  const condition = and(
    where('parent', 'in', parents.map(String)),
    where('parenttype', '=', parent.name),
    where('parentfield', '=', rows.table.fieldname),
  )
  const own = (name: string) => columnText('t', name, dialect)
  const statement = new StatementBuilder(dialect)
    .text(
      `select ${[...rows.columns.map((column) => column.text), `${own('parent')} as p`].join(', ')} from ${dialect.quote(rows.meta.table)} as t where `,
    )
    .piece(piece(predicateToSql(condition, columnsOf(ctx, rows.meta, 't'), dialect), dialect))
    .text(` order by ${own('parent')}, ${own('idx')}, ${own('name')} limit ${limits.childRows + 1}`)
  const found = await ctx.db.query<Row>(statement.build())
  if (found.length > limits.childRows) {
    throw new TooCostly({
      field: rows.key,
      limit: limits.childRows,
      what: 'rows of one table',
      instead: 'Ask for fewer documents at a time.',
    })
  }
  const byParent = new Map<string, Record<string, unknown>[]>()
  for (const row of found) {
    const made: Record<string, unknown> = {}
    for (const column of rows.columns) made[column.key] = column.read(row, wire)
    const name = String(row.p)
    const list = byParent.get(name)
    if (list) list.push(made)
    else byParent.set(name, [made])
  }
  return byParent
}
