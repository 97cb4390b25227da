import type { ColumnKind } from '#client/rules/evaluate-predicate.ts'
import { type Sql, sql } from '#kernel/database/sql.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { MetaField } from '#kernel/meta/meta.ts'
import { useOf } from './access.ts'
import { type BuiltCall, buildCall } from './calls.ts'
import { columnKind, isNullable } from './columns.ts'
import { NotGrouped, QueryMalformed } from './errors.ts'
import type { FieldRef } from './expressions.ts'
import type { Direction, OrderTerm } from './parse-order.ts'
import type { Output } from './output.ts'
import type { Column, Scope } from './scope.ts'

/** One term of a statement's order. */
export interface SortTerm {
  readonly text: string
  readonly sql: Sql
  readonly kind: ColumnKind
  readonly nullable: boolean
  readonly direction: Direction
  readonly field: MetaField | undefined
  readonly isAggregate?: boolean
  /** Column of the statement that holds its value, for cursors; set when the statement is put together. */
  slot: string
}

/** What a plan has selected so far. */
export interface Selected {
  /** By key of the answer. */
  readonly outputs: ReadonlyMap<string, Output>
  /** SQL of what the rows are grouped by; undefined: not grouped. */
  readonly grouped: ReadonlySet<string> | undefined
  /** SQL of each selected column, with its name. */
  readonly slots: ReadonlyMap<string, string>
  readonly wire: Wire
}

/**
 * The order of a statement: what the caller wants, else the DocType's own, and always something at the end that tells all rows apart,
 * so that pages are stable and the same on every engine.
 * @throws UnknownField, FieldNotPermitted, NotGrouped, QueryMalformed
 */
export async function sortTerms(scope: Scope, selected: Selected, wanted: readonly OrderTerm[], isDistinct: boolean): Promise<SortTerm[]> {
  const order: SortTerm[] = []
  const add = (term: SortTerm) => {
    if (!order.some((known) => known.text === term.text)) order.push(term)
  }
  for (const term of wanted) {
    const made = await sortTerm(scope, selected, term)
    refuseUnselected(made, selected, isDistinct, term.path)
    // Aggregates without a group make one row, which needs no order.
    if (selected.grouped?.size !== 0) add(made)
  }
  if (selected.grouped) for (const text of selected.grouped) add(plainTerm(text, 'asc', true))
  else if (isDistinct) for (const text of selected.slots.keys()) add(plainTerm(text, 'asc', true))
  else {
    if (wanted.length === 0) for (const term of defaultOrder(scope)) add(term)
    const direction = order.at(-1)?.direction ?? 'asc'
    // In the direction of the last term, so that one index serves both.
    add(ownTerm(scope, 'name', direction))
    // One document may stand in several rows when a table is joined.
    for (const alias of scope.rowAliases()) add(plainTerm(`${alias}.${scope.ctx.db.dialect.quote('name')}`, direction, true))
  }
  return order
}

function refuseUnselected(term: SortTerm, { grouped, slots }: Selected, isDistinct: boolean, path: string): void {
  if (grouped) {
    if (!term.isAggregate && !grouped.has(term.text)) throw new NotGrouped({ field: path, name: term.field?.fieldname ?? 'the term' })
  } else if (isDistinct && !slots.has(term.text)) {
    throw new QueryMalformed({ field: path, reason: 'a distinct list can only be sorted by what it selects' })
  }
}

async function sortTerm(scope: Scope, selected: Selected, { expression, direction, path }: OrderTerm): Promise<SortTerm> {
  const isGrouped = selected.grouped !== undefined
  if (expression.kind === 'call') return callTerm(await buildCall(scope, expression.call, path, selected.wire), direction, path, isGrouped)
  const { ref } = expression
  const named = ref.table === undefined ? selected.outputs.get(ref.field) : undefined
  if (named?.call) return callTerm(named.call, direction, path, isGrouped)
  const asked = named?.column ? refOf(named.column) : ref
  const isTable = asked.table !== undefined && scope.meta.field.get(asked.table)?.type.kind === 'table'
  if (isTable && !scope.hasRows(asked.table)) {
    throw new QueryMalformed({
      field: path,
      reason: `documents cannot be sorted by the rows of ${asked.table} unless a field of them is selected`,
    })
  }
  const { text, sql: fragment, kind, nullable, field } = await scope.resolve(asked, 'order', path)
  return { text, sql: fragment, kind, nullable, direction, field, slot: '' }
}

function refOf({ key }: Column): FieldRef {
  const dot = key.indexOf('.')
  return dot < 0 ? { field: key } : { table: key.slice(0, dot), field: key.slice(dot + 1) }
}

function callTerm({ sort, kind, isAggregate }: BuiltCall, direction: Direction, path: string, isGrouped: boolean): SortTerm {
  if (sort === undefined || (isAggregate && !isGrouped))
    throw new QueryMalformed({ field: path, reason: 'this function cannot be sorted by here' })
  return { text: sort, sql: sql.raw(sort), kind, nullable: true, direction, field: undefined, isAggregate, slot: '' }
}

function plainTerm(text: string, direction: Direction, nullable: boolean): SortTerm {
  return { text, sql: sql.raw(text), kind: 'text', nullable, direction, field: undefined, slot: '' }
}

function ownTerm(scope: Scope, name: string, direction: Direction): SortTerm {
  const field = scope.meta.column.get(name) as MetaField
  const text = scope.ownText(name)
  return { text, sql: sql.raw(text), kind: columnKind(field), nullable: isNullable(field), direction, field, slot: '' }
}

/** The DocType's own order. A field in it that the user may not read is passed over, so that the order gives nothing away. */
function defaultOrder(scope: Scope): SortTerm[] {
  const { meta, access } = scope
  const { sort_field: fields, sort_order: orders } = meta.definition
  const directions = (orders ?? '').split(',').map((word) => word.trim().toLowerCase())
  const terms: SortTerm[] = []
  // Frappe keeps an order of several fields as `status asc, modified`, with the last direction in sort_order.
  for (const [index, part] of (fields || 'creation').split(',').entries()) {
    const [name = '', own] = part.replaceAll('`', '').trim().split(/\s+/)
    const field = meta.column.get(name.slice(name.lastIndexOf('.') + 1))
    const isStandard = field !== undefined && !meta.field.has(field.fieldname)
    if (!field || (!isStandard && useOf(access, field) !== 'shown')) continue
    const word = own?.toLowerCase() ?? directions[index] ?? directions.at(-1)
    terms.push(ownTerm(scope, field.fieldname, word === 'asc' ? 'asc' : 'desc'))
  }
  return terms
}
