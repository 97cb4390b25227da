import type { ColumnKind } from '#client/rules/evaluate-predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { PredicateColumns } from '#kernel/database/predicate-sql.ts'
import { type Sql, sql } from '#kernel/database/sql.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { type FieldUse, type ReadingAccess, readingAccess, useOf, useOfChild } from './access.ts'
import { columnKind, columnsOf, columnText, conditionSql, isNullable, nameAsText } from './columns.ts'
import { FieldNotPermitted, TooCostly, UnknownField } from './errors.ts'
import type { FieldRef } from './expressions.ts'
import { type Piece, piece } from './piece.ts'

/** A column that a statement may use, found in metadata and allowed to the user. */
export interface Column {
  /** Its name in predicates: `status`, `customer.territory`, `items.qty`. */
  readonly key: string
  readonly field: MetaField
  /** The DocType the field belongs to. */
  readonly meta: Meta
  readonly text: string
  readonly sql: Sql
  readonly kind: ColumnKind
  readonly nullable: boolean
  readonly masked: boolean
}

interface Join {
  readonly kind: 'link' | 'rows'
  readonly alias: string
  readonly meta: Meta
  readonly via: MetaField
  /** Rights on the linked DocType; for child rows those of the document. */
  readonly access: ReadingAccess
  readonly sql: Piece
}

/** What a scope has found so far, without the request for which it did. */
export interface ScopeTables {
  readonly joins: ReadonlyMap<string, Join>
  readonly columns: ReadonlyMap<string, Column>
}

/** `show` may answer masked values; every other use compares, which masked fields do not allow. */
export type Use = 'show' | 'filter' | 'order' | 'group' | 'aggregate'

const maxJoins = 10
const main = 't'

/**
 * The tables of one statement and the columns that may be named in it: the DocType itself under the alias `t`, linked documents and child
 * rows by left joins. A linked document that the user may not read joins as nothing, so its fields are missing.
 */
export class Scope {
  readonly ctx: Context
  readonly meta: Meta
  readonly access: ReadingAccess
  readonly #joins: Map<string, Join>
  readonly #columns: Map<string, Column>

  /** @param known  tables and columns to start from, such as those of a plan that was made earlier; it is not changed */
  constructor(ctx: Context, meta: Meta, access: ReadingAccess, known?: ScopeTables) {
    this.ctx = ctx
    this.meta = meta
    this.access = access
    this.#joins = new Map(known?.joins)
    this.#columns = new Map(known?.columns)
  }

  get tables(): ScopeTables {
    return { joins: this.#joins, columns: this.#columns }
  }

  /** Whether a table field's rows are joined, so that the statement gives one row per child row. */
  hasRows(table?: string): boolean {
    if (table !== undefined) return this.#joins.get(table)?.kind === 'rows'
    return [...this.#joins.values()].some((join) => join.kind === 'rows')
  }

  /** Aliases of joined child rows: their names make the order of a page complete. */
  rowAliases(): string[] {
    return [...this.#joins.values()].filter((join) => join.kind === 'rows').map((join) => join.alias)
  }

  /** Joins from the `skip`th on, in the order they were asked for. */
  joinPieces(skip = 0): Piece[] {
    return [...this.#joins.values()].slice(skip).map((join) => join.sql)
  }

  /** Columns for predicates built from this scope's keys; children and sharing as for the DocType itself. */
  predicateColumns(): PredicateColumns {
    const own = columnsOf(this.ctx, this.meta, main)
    return { ...own, column: (key) => this.#columns.get(key) ?? own.column(key) }
  }

  /** A column of the DocType's own table, without asking for rights. */
  ownText(fieldname: string): string {
    return columnText(main, fieldname, this.ctx.db.dialect)
  }

  /**
   * Finds the column a caller names.
   * @throws UnknownField, FieldNotPermitted, TooCostly
   */
  async resolve(ref: FieldRef, use: Use, path: string): Promise<Column> {
    const own = this.meta.field.get(ref.table ?? '')
    if (ref.table === undefined || (ref.table === this.meta.table && !own)) return this.#ownColumn(ref.field, use, path)
    const via = own ?? this.#tableField(ref.table)
    if (via?.type.kind === 'table') return this.#joinedColumn(await this.#joinRows(via, path), ref.field, use, path)
    if (via?.fieldtype === 'Link' && via.stored) return this.#joinedColumn(await this.#joinLink(via, use, path), ref.field, use, path)
    const standard = this.meta.column.get(ref.table)
    if (standard?.fieldtype === 'Link') return this.#joinedColumn(await this.#joinLink(standard, use, path), ref.field, use, path)
    throw this.#unknown(ref.table, path, 'it is neither a link nor a table')
  }

  /** The field of a child table, found by `tab<child DocType>`. */
  #tableField(table: string): MetaField | undefined {
    return table.startsWith('tab') ? this.meta.tables.find((field) => field.options === table.slice(3)) : undefined
  }

  #unknown(name: string, path: string, reason?: string): Error {
    return new UnknownField({ field: path, doctype: this.meta.name, name: name.slice(0, 140), ...(reason ? { reason } : {}) })
  }

  #ownColumn(name: string, use: Use, path: string): Column {
    const field = this.meta.column.get(name)
    if (!field) {
      const other = this.meta.field.get(name)
      if (other?.type.kind === 'table') throw this.#unknown(name, path, 'it is a table')
      throw this.#unknown(name, path, other ? 'it is not stored' : undefined)
    }
    const masked = this.#allowed(useOf(this.access, field), field, this.meta, use, path)
    const known = this.#columns.get(name)
    if (known) return known
    return this.#keep({
      key: name,
      field,
      meta: this.meta,
      masked,
      nullable: isNullable(field),
      kind: columnKind(field),
      ...this.#spell(main, name),
    })
  }

  #joinedColumn(join: Join, name: string, use: Use, path: string): Column {
    const field = join.meta.column.get(name)
    if (!field) throw new UnknownField({ field: path, doctype: join.meta.name, name: name.slice(0, 140) })
    const right = join.kind === 'rows' ? useOfChild(join.access, join.via, field) : useOf(join.access, field)
    const masked = this.#allowed(right, field, join.meta, use, path)
    const key = `${join.via.fieldname}.${name}`
    const known = this.#columns.get(key)
    if (known) return known
    return this.#keep({ key, field, meta: join.meta, masked, nullable: true, kind: columnKind(field), ...this.#spell(join.alias, name) })
  }

  #spell(alias: string, name: string): { text: string; sql: Sql } {
    const text = columnText(alias, name, this.ctx.db.dialect)
    return { text, sql: sql.raw(text) }
  }

  #keep(column: Column): Column {
    this.#columns.set(column.key, column)
    return column
  }

  /** @returns whether the value is to be masked */
  #allowed(right: FieldUse, field: MetaField, meta: Meta, use: Use, path: string): boolean {
    const compares = use !== 'show'
    const secret = field.fieldtype === 'Password' && compares
    if (right === 'hidden' || secret || (right === 'masked' && compares)) {
      throw new FieldNotPermitted({ field: path, doctype: meta.name, name: field.fieldname })
    }
    return right === 'masked'
  }

  async #joinLink(via: MetaField, use: Use, path: string): Promise<Join> {
    // Seeing a linked document's fields means seeing the link.
    if (this.#allowed(useOf(this.access, via), via, this.meta, use, path)) {
      throw new FieldNotPermitted({ field: path, doctype: this.meta.name, name: via.fieldname })
    }
    const known = this.#joins.get(via.fieldname)
    if (known) return known
    const meta = await this.ctx.site.meta.get(via.options ?? '')
    if (meta.isSingle || meta.isVirtual || meta.isTable) throw this.#unknown(via.fieldname, path, `${meta.name} has no rows to join`)
    const access = await readingAccess(this.ctx, meta)
    if (!access) throw new FieldNotPermitted({ field: path, doctype: this.meta.name, name: `${via.fieldname}.…` })
    const { dialect } = this.ctx.db
    const alias = this.#nextAlias(path)
    const on = `${nameAsText(columnText(alias, 'name', dialect), meta, dialect)} = ${this.ownText(via.fieldname)}`
    const rows = await conditionSql(this.ctx, meta, alias, access.grant.rows)
    const made = sql`left join ${sql.id(meta.table)} as ${sql.raw(alias)} on ${sql.raw(on)} and ${rows}`
    return this.#addJoin({ kind: 'link', alias, meta, via, access, sql: piece(made, dialect) })
  }

  async #joinRows(via: MetaField, path: string): Promise<Join> {
    const known = this.#joins.get(via.fieldname)
    if (known) return known
    if (via.is_virtual) throw this.#unknown(via.fieldname, path, 'it is not stored')
    const meta = await this.ctx.site.meta.get(via.options ?? '')
    const { dialect } = this.ctx.db
    const alias = this.#nextAlias(path)
    const own = (name: string) => sql.raw(columnText(alias, name, dialect))
    const docName = sql.raw(nameAsText(this.ownText('name'), this.meta, dialect))
    const made = sql`left join ${sql.id(meta.table)} as ${sql.raw(alias)} on ${own('parent')} = ${docName} and ${own('parenttype')} = ${this.meta.name} and ${own('parentfield')} = ${via.fieldname}`
    return this.#addJoin({ kind: 'rows', alias, meta, via, access: this.access, sql: piece(made, dialect) })
  }

  #addJoin(join: Join): Join {
    this.#joins.set(join.via.fieldname, join)
    return join
  }

  #nextAlias(path: string): string {
    if (this.#joins.size >= maxJoins) {
      throw new TooCostly({
        field: path,
        limit: maxJoins,
        what: 'linked DocTypes and tables',
        instead: 'Fetch the rest in a second query.',
      })
    }
    return `j${this.#joins.size + 1}`
  }
}
