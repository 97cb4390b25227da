import type { Dialect, Query as Statement } from '#kernel/database/database.ts'
import type { MetaField } from '#kernel/meta/meta.ts'
import { StatementBuilder } from '#kernel/query/piece.ts'
import type { Node, Query } from './nodes.ts'
import { columnSql, type ReadableTable } from './tables.ts'

/** The DocTypes' tables that a query mentions anywhere, apart from the names that it gives itself. */
export function tablesOf(query: Query, own: ReadonlySet<string>): Map<string, number> {
  const found = new Map<string, number>()
  const visit = (inner: Query, named: ReadonlySet<string>): void => {
    const names = new Set(named)
    for (const one of inner.with) {
      visit(one.query, names)
      names.add(one.name.toLowerCase())
    }
    for (const select of inner.selects) {
      for (const source of select.sources) {
        if ('query' in source.from) visit(source.from.query, names)
        else if (!names.has(source.from.table.toLowerCase()) && !found.has(source.from.table)) found.set(source.from.table, source.line)
        if (source.on) walk(source.on, names)
      }
      for (const item of select.items) if (item.of) walk(item.of, names)
      for (const node of [select.where, select.having, ...select.groupBy]) if (node) walk(node, names)
    }
    for (const term of inner.orderBy) walk(term.of, names)
  }
  const walk = (node: Node, names: ReadonlySet<string>): void => {
    for (const value of Object.values(node) as unknown[]) visitValue(value, names)
  }
  const visitValue = (value: unknown, names: ReadonlySet<string>): void => {
    if (Array.isArray(value)) for (const one of value) visitValue(one, names)
    else if (typeof value === 'object' && value !== null) {
      if ('selects' in value) visit(value as Query, names)
      else walk(value as Node, names)
    }
  }
  visit(query, own)
  return found
}

/** `with t0 as (…), t1 as (…) `: the readable part of each table, with the columns that the query uses. */
export function tableHead(dialect: Dialect, tables: ReadonlyMap<string, ReadableTable>, used: ReadonlyMap<string, Set<string>>): Statement {
  const builder = new StatementBuilder(dialect)
  let at = 0
  for (const [name, table] of tables) {
    const fields = [...(used.get(name) ?? [])].map((fieldname) => table.meta.column.get(fieldname) as MetaField)
    const columns = fields.map((field) => `${columnSql(field, table.isReadable(field), dialect)} as ${dialect.quote(field.fieldname)}`)
    builder.text(`${at === 0 ? 'with ' : ', '}t${at++} as ${fence(dialect, table)}(select ${columns.join(', ') || '1 as one'}`)
    builder
      .text(` from ${dialect.quote(table.meta.table)} as t where `)
      .piece(table.rows)
      .text(')')
  }
  return builder.build()
}

/**
 * An engine may try a query's own conditions on a row before it asks whether the user may read the row; an error that only some value
 * causes would then tell of it. Where rows are hidden, the readable ones are gathered first. MariaDB is told so when the statement
 * runs; see run.ts.
 */
function fence(dialect: Dialect, table: ReadableTable): string {
  if (dialect.name === 'mariadb') return ''
  return table.isWhole ? 'not materialized ' : 'materialized '
}
