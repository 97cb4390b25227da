import type { ColumnKind } from '#client/rules/evaluate-predicate.ts'
import type { Predicate } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Dialect } from '#kernel/database/database.ts'
import { type ChildTable, type PredicateColumn, type PredicateColumns, predicateToSql } from '#kernel/database/predicate-sql.ts'
import { type Sql, sql } from '#kernel/database/sql.ts'
import { isNullable as mayBeNull } from '#kernel/fields/nullable.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'

/** How a stored column compares. */
export function columnKind(field: MetaField): ColumnKind {
  const { kind } = field.type
  return kind === 'table' || kind === 'none' ? 'text' : kind
}

/** Whether the database counts the names up, so that they are numbers. */
export function hasCountedNames(meta: Meta): boolean {
  return meta.definition.autoname === 'autoincrement'
}

const alwaysSet = new Set(['name', 'creation', 'modified'])

/** Whether the column can hold NULL in practice: the store always fills `creation` and `modified`, which keeps their indexes useful. */
export function isNullable(field: MetaField): boolean {
  return !alwaysSet.has(field.fieldname) && mayBeNull(field)
}

/**
 * Whether the schema lets the column hold NULL. Indexes are made for an order that says where missing values go exactly then, so an
 * order must say it too, or PostgreSQL passes the index over.
 */
export function ordersNulls(field: MetaField): boolean {
  return mayBeNull(field)
}

/** A name as text, for comparing with columns that hold names of any DocType. */
export function nameAsText(text: string, meta: Meta, dialect: Dialect): string {
  if (!hasCountedNames(meta)) return text
  return `cast(${text} as ${dialect.name === 'mariadb' ? 'char' : 'text'})`
}

/** A column's SQL: the alias is ours, the name comes from metadata. */
export function columnText(alias: string, name: string, dialect: Dialect): string {
  return `${alias}.${dialect.quote(name)}`
}

/**
 * A DocType's own columns and child tables as predicates name them. The definitions of the tables that the predicate mentions must
 * have been loaded, which `conditionSql` does.
 * @param alias of the DocType's table in the statement
 */
export function columnsOf(ctx: Context, meta: Meta, alias: string): PredicateColumns {
  const { dialect } = ctx.db
  return {
    doctype: meta.name,
    docName: sql.raw(nameAsText(columnText(alias, 'name', dialect), meta, dialect)),
    column(name) {
      const field = meta.column.get(name)
      return field && columnOf(field, alias, dialect)
    },
    child(name) {
      const field = meta.field.get(name)
      const child = field?.type.kind === 'table' && field.options ? ctx.site.meta.cached(field.options) : undefined
      return child && childTable(meta, child, dialect)
    },
  }
}

function columnOf(field: MetaField, alias: string, dialect: Dialect): PredicateColumn {
  return { sql: sql.raw(columnText(alias, field.fieldname, dialect)), kind: columnKind(field), nullable: isNullable(field) }
}

/** A child table as conditions on its rows name it. */
export function childTable(parent: Meta, child: Meta, dialect: Dialect): ChildTable {
  return {
    table: child.table,
    parentDoctype: parent.name,
    column(name) {
      const field = child.column.get(name)
      return field && columnOf(field, dialect.quote(child.table), dialect)
    },
  }
}

/** Loads the definitions of the child tables that a condition mentions. */
export async function loadChildren(ctx: Context, meta: Meta, predicate: Predicate): Promise<void> {
  for (const name of childNames(predicate)) {
    const options = meta.field.get(name)?.options
    if (options) await ctx.site.meta.get(options)
  }
}

function* childNames(predicate: Predicate): Generator<string> {
  if ('child' in predicate) yield predicate.child
  else if ('not' in predicate) yield* childNames(predicate.not)
  else if ('all' in predicate) for (const part of predicate.all) yield* childNames(part)
  else if ('any' in predicate) for (const part of predicate.any) yield* childNames(part)
}

/** The SQL of a kernel-made condition (a grant's rows, for one) on a DocType's table under an alias. */
export async function conditionSql(ctx: Context, meta: Meta, alias: string, predicate: Predicate): Promise<Sql> {
  await loadChildren(ctx, meta, predicate)
  return predicateToSql(predicate, columnsOf(ctx, meta, alias), ctx.db.dialect)
}
