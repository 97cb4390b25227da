import { createHash } from 'node:crypto'
import { and } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Dialect, SqlValue } from '#kernel/database/database.ts'
import type { Sql } from '#kernel/database/sql.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { demandReading, type ReadingAccess, useOf } from './access.ts'
import { type Branches, branchesOf } from './branches.ts'
import { type BuiltCall, buildCall } from './calls.ts'
import { parentRows } from './child-doctype.ts'
import { type ChildRows, planChildRows } from './child-rows.ts'
import { conditionSql, ordersNulls } from './columns.ts'
import { NotGrouped, QueryMalformed, TooCostly } from './errors.ts'
import type { FieldRef } from './expressions.ts'
import { titleSources, type TitleSource } from './link-titles.ts'
import { maskedReading } from './masked.ts'
import type { ListOptions } from './options.ts'
import type { Output } from './output.ts'
import { maxFields, parseFields, type SelectItem } from './parse-fields.ts'
import { type OrderTerm, parseGroup, parseOrder } from './parse-order.ts'
import { type Piece, piece } from './piece.ts'
import { type Column, Scope, type ScopeTables } from './scope.ts'
import { type SortTerm, sortTerms } from './sorting.ts'
import { type Watched, watchedTables } from './watched.ts'

/** Links and tables that one list opens at most. */
const mostExpanded = 20

/** Everything about a list that does not depend on filters and page; made once for a user, a DocType and a choice of fields. */
export interface Plan {
  readonly meta: Meta
  readonly access: ReadingAccess
  /** The tables and columns that the plan uses; a request adds its own to a copy. */
  readonly tables: ScopeTables
  readonly outputs: readonly Output[]
  readonly childRows: readonly ChildRows[]
  /** Link fields to be answered as objects. */
  readonly expand: readonly string[]
  /** Column of the statement with the document's name; '' where none was needed. */
  readonly nameSlot: string
  readonly order: readonly SortTerm[]
  readonly hasCursor: boolean
  /** `select … from … ` with the joins of the plan. */
  readonly head: Piece
  /** The end of `head`, from `from` on. */
  readonly source: Piece
  readonly joinCount: number
  /** What holds for every row whatever the caller filters: rights, and the parents of child rows. */
  readonly fixed: Piece
  /** How the list may be split, where one row stands for one document. */
  readonly branches: Branches | undefined
  /** ` group by … order by …` */
  readonly tail: string
  /** Empty unless titles were asked for. */
  readonly titles: readonly TitleSource[]
  /** Whose reads somebody listens to, and where the names stand; mostly empty. */
  readonly watched: readonly Watched[]
  /** Names the order, so that a cursor of another list is recognised. */
  readonly orderHash: string
}

const main = 't'

/** @throws PermissionDenied, and whatever parsing and resolving the caller's words throws */
export async function makePlan(ctx: Context, meta: Meta, options: ListOptions): Promise<Plan> {
  const selection = parseFields(options.fields)
  const parents = meta.isTable ? await parentRows(ctx, meta, options.parent) : undefined
  const access = parents?.access ?? (await demandReading(ctx, meta))
  const scope = new Scope(ctx, meta, access)
  const builder = new PlanBuilder(scope, options)
  await builder.group(options.groupBy, selection.items)
  for (const item of selection.items) await builder.select(item)
  await builder.expand(options.expand ?? [])
  const isDistinct = selection.distinct || options.distinct === true
  await builder.sort(parseOrder(options.orderBy), isDistinct)
  const fixed = parents
    ? parents.sql
    : await conditionSql(ctx, meta, main, options.within ? and(access.grant.rows, options.within) : access.grant.rows)
  return builder.build(fixed, isDistinct, parents === undefined, options.withLinkTitles ? await titleSources(ctx, builder.outputs) : [])
}

class PlanBuilder {
  readonly #scope: Scope
  readonly #wire: Wire
  readonly #parent: unknown
  readonly #slots = new Map<string, string>()
  readonly #outputs = new Map<string, Output>()
  readonly #childRows: ChildRows[] = []
  #order: SortTerm[] = []
  #expand: string[] = []
  /** SQL of what the rows are grouped by; undefined: not grouped. */
  #grouped: Set<string> | undefined
  #nameSlot = ''

  constructor(scope: Scope, options: ListOptions) {
    this.#scope = scope
    this.#wire = options.wire
    this.#parent = options.parent
  }

  async group(input: unknown, items: readonly SelectItem[]): Promise<void> {
    const terms = parseGroup(input)
    const hasAggregate = items.some((item) => item.kind === 'call' && ['count', 'sum', 'avg', 'min', 'max'].includes(item.call.fn))
    if (terms.length === 0 && !hasAggregate) return
    this.#grouped = new Set()
    for (const { ref, path } of terms) {
      const named = ref.table === undefined ? items.find((item) => item.kind === 'call' && item.alias === ref.field) : undefined
      if (named?.kind === 'call') {
        const call = await buildCall(this.#scope, named.call, path, this.#wire)
        if (call.isAggregate || call.sort === undefined)
          throw new QueryMalformed({ field: path, reason: `${ref.field} cannot be grouped by` })
        this.#grouped.add(call.sort)
      } else {
        this.#grouped.add((await this.#scope.resolve(ref, 'group', path)).text)
      }
    }
  }

  async select(item: SelectItem): Promise<void> {
    switch (item.kind) {
      case 'field':
        return this.#selectField(item.ref, item.alias, item.path)
      case 'all':
        return this.#selectAll(item.table, item.path)
      case 'call':
        return this.#selectCall(item)
      case 'rows':
        return this.#selectRows(item.table, item.items, item.alias, item.path)
    }
  }

  async #selectField(ref: FieldRef, alias: string | undefined, path: string): Promise<void> {
    const table = ref.table === undefined ? this.#scope.meta.field.get(ref.field) : undefined
    // A table field by its bare name means its rows.
    if (table?.type.kind === 'table') return this.#selectRows(ref.field, [{ kind: 'all', path }], alias, path)
    const column = await this.#scope.resolve(ref, 'show', path)
    if (this.#grouped && !this.#grouped.has(column.text)) throw new NotGrouped({ field: path, name: column.key })
    this.#addColumn(column, alias ?? column.field.fieldname, path)
  }

  #addColumn(column: Column, key: string, path: string): void {
    const slot = this.#slot(column.text)
    const { type } = column.field
    const { dialect } = this.#scope.ctx.db
    const plain = (row: Record<string, SqlValue>, wire: Wire) => type.toWire(type.fromColumn(row[slot] as SqlValue, dialect), wire)
    this.#add({ key, slots: [slot], read: column.masked ? maskedReading(column.field, plain) : plain, column }, path)
  }

  #add(output: Output, path: string): void {
    const known = this.#outputs.get(output.key)
    if (known && known.slots.join() === output.slots.join() && !known.call && !output.call) return
    if (known || this.#childRows.some((rows) => rows.key === output.key)) {
      throw new QueryMalformed({ field: path, reason: `two values would be called “${output.key}”; name one with “as”` })
    }
    this.#outputs.set(output.key, output)
  }

  async #selectAll(table: string | undefined, path: string): Promise<void> {
    const { meta, access } = this.#scope
    if (this.#grouped) throw new NotGrouped({ field: path, name: '*' })
    if (table !== undefined && table !== meta.table)
      throw new QueryMalformed({ field: path, reason: '“*” stands for the DocType’s own fields' })
    for (const field of meta.columns) {
      if (useOf(access, field) === 'hidden' || this.#outputs.has(field.fieldname)) continue
      this.#addColumn(await this.#scope.resolve({ field: field.fieldname }, 'show', path), field.fieldname, path)
    }
  }

  async #selectCall(item: Extract<SelectItem, { kind: 'call' }>): Promise<void> {
    const call = await buildCall(this.#scope, item.call, item.path, this.#wire)
    if (this.#grouped && !call.isAggregate && !this.#isGrouped(call))
      throw new NotGrouped({ field: item.path, name: item.alias ?? item.call.text })
    const slots = call.slots.map((text) => this.#slot(text))
    const read = (row: Record<string, SqlValue>, wire: Wire) =>
      call.read(
        slots.map((slot) => row[slot] as SqlValue),
        wire,
      )
    this.#add({ key: item.alias ?? item.call.text, slots, read, call }, item.path)
  }

  #isGrouped(call: BuiltCall): boolean {
    const grouped = this.#grouped as Set<string>
    return call.slots.every((text) => grouped.has(text)) || (call.sort !== undefined && grouped.has(call.sort))
  }

  async #selectRows(table: string, items: readonly SelectItem[], alias: string | undefined, path: string): Promise<void> {
    if (this.#grouped) throw new NotGrouped({ field: path, name: table })
    const key = alias ?? table
    if (this.#outputs.has(key) || this.#childRows.some((rows) => rows.key === key)) {
      throw new QueryMalformed({ field: path, reason: `two values would be called “${key}”; name one with “as”` })
    }
    this.#childRows.push(await planChildRows(this.#scope, table, items, key, path))
    this.#needName()
  }

  #needName(): void {
    this.#nameSlot = this.#slot(this.#scope.ownText('name'))
  }

  /** Links become objects, tables lists of rows. */
  async expand(names: readonly string[]): Promise<void> {
    if (names.length > mostExpanded)
      throw new TooCostly({
        field: 'expand',
        limit: mostExpanded,
        what: 'expanded fields',
        instead: 'Fetch the linked documents themselves.',
      })
    for (const [index, name] of names.entries()) {
      const path = `expand[${index}]`
      if (typeof name !== 'string' || name.length > 140) throw new QueryMalformed({ field: path, reason: 'it must be the name of a field' })
      if (this.#scope.meta.field.get(name)?.type.kind === 'table') {
        if (!this.#childRows.some((rows) => rows.key === name)) await this.#selectRows(name, [{ kind: 'all', path }], undefined, path)
        continue
      }
      const column = await this.#scope.resolve({ field: name }, 'show', path)
      if (column.field.fieldtype !== 'Link') throw new QueryMalformed({ field: path, reason: `${name} is neither a link nor a table` })
      if (this.#grouped && !this.#grouped.has(column.text)) throw new NotGrouped({ field: path, name })
      if (this.#outputs.get(name)?.column !== column) this.#addColumn(column, name, path)
      if (!column.masked && !this.#expand.includes(name)) this.#expand.push(name)
    }
  }

  #slot(text: string): string {
    let slot = this.#slots.get(text)
    if (!slot) {
      slot = `c${this.#slots.size}`
      this.#slots.set(text, slot)
    }
    return slot
  }

  async sort(terms: readonly OrderTerm[], isDistinct: boolean): Promise<void> {
    const parts = { outputs: this.#outputs, grouped: this.#grouped, slots: this.#slots, wire: this.#wire }
    this.#order = await sortTerms(this.#scope, parts, terms, isDistinct)
  }

  get outputs(): Iterable<Output> {
    return this.#outputs.values()
  }

  build(fixed: Sql, isDistinct: boolean, isWhole: boolean, titles: readonly TitleSource[]): Plan {
    const { ctx, meta } = this.#scope
    const { dialect } = ctx.db
    if (isDistinct && this.#childRows.length) throw new QueryMalformed({ field: 'fields', reason: 'a distinct list has no rows of tables' })
    if (this.#outputs.size > maxFields * 10)
      throw new TooCostly({ field: 'fields', limit: maxFields * 10, what: 'columns', instead: 'Name the fields you need.' })
    const hasCursor = !this.#grouped && !isDistinct
    if (hasCursor) for (const term of this.#order) term.slot = this.#slot(term.text)
    const watched = watchedTables(this.#scope, this.#parent, hasCursor, (text) => this.#slot(text))
    const columns = [...this.#slots].map(([text, slot]) => `${text} as ${slot}`).join(', ')
    const joins = this.#scope.joinPieces()
    const selected = `select ${isDistinct ? 'distinct ' : ''}${columns}`
    const from = ` from ${dialect.quote(meta.table)} as ${main}`
    const source = joins.length === 0 ? { text: from, parameters: [] } : withJoins(from, joins, dialect.name === 'postgres')
    const groups = this.#grouped?.size ? ` group by ${[...this.#grouped].join(', ')}` : ''
    const orders = this.#order.map((term) => orderText(term, dialect))
    return {
      meta,
      access: this.#scope.access,
      tables: this.#scope.tables,
      outputs: [...this.#outputs.values()],
      childRows: this.#childRows,
      expand: this.#expand,
      nameSlot: this.#nameSlot,
      order: this.#order,
      hasCursor,
      head: { text: selected + source.text, parameters: source.parameters },
      source,
      joinCount: joins.length,
      fixed: piece(fixed, dialect),
      branches: hasCursor && isWhole && !this.#scope.hasRows() ? branchesOf(this.#scope.access.grant.rows, meta, main, dialect) : undefined,
      tail: groups + (orders.length ? ` order by ${orders.join(', ')}` : ''),
      titles,
      watched,
      orderHash: hashOf([meta.name, ...this.#order.map((term) => `${term.text.replaceAll(/["`]/g, '')} ${term.direction}`)]),
    }
  }
}

function orderText(term: SortTerm, dialect: Dialect): string {
  const nullable = term.nullable || (term.field !== undefined && ordersNulls(term.field))
  return piece(dialect.orderBy(term.sql, term.direction, nullable), dialect).text
}

function hashOf(words: readonly string[]): string {
  return createHash('sha256').update(words.join('|')).digest('base64url').slice(0, 10)
}

function withJoins(head: string, joins: readonly Piece[], isNumbered: boolean): Piece {
  const parameters: SqlValue[] = []
  let text = head
  for (const join of joins) {
    const offset = parameters.length
    text += ` ${isNumbered ? join.text.replace(/\$(\d+)/g, (_, number: string) => `$${Number(number) + offset}`) : join.text}`
    parameters.push(...join.parameters)
  }
  return { text, parameters }
}
