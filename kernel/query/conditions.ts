import { type FilterLeaf, type FilterTree, parseFilters } from '#client/rules/filters.ts'
import { matches, type RowFacts } from '#client/rules/evaluate-predicate.ts'
import { and, never, or, type Predicate } from '#client/rules/predicate.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { useOfChild } from './access.ts'
import { columnKind } from './columns.ts'
import { FieldNotPermitted, QueryMalformed, TooCostly, UnknownField } from './errors.ts'
import { ExpressionReader, type FieldRef } from './expressions.ts'
import { plainCondition } from './filter-values.ts'
import type { Scope } from './scope.ts'
import { isTreeCondition, treeCondition } from './tree-filters.ts'

const maxListed = 10_000

/** A caller's `filters` and `or_filters` as one predicate over the scope's columns. Joins what conditions on linked documents need. */
export async function callerCondition(scope: Scope, filters: unknown, orFilters: unknown, wire: Wire): Promise<Predicate> {
  const all = parseFilters(filters, { parseJson })
  const some = parseFilters(orFilters, { joinBy: 'any', path: 'or_filters', parseJson })
  return and(await treePredicate(scope, all, wire), await treePredicate(scope, some, wire))
}

async function treePredicate(scope: Scope, tree: FilterTree, wire: Wire): Promise<Predicate> {
  if ('field' in tree) return joined('all', [await found(scope, tree, wire)])
  const parts: Found[] = []
  const isAll = 'all' in tree
  for (const part of isAll ? tree.all : tree.any) {
    parts.push('field' in part ? await found(scope, part, wire) : { predicate: await treePredicate(scope, part, wire) })
  }
  return joined(isAll ? 'all' : 'any', parts)
}

/** A condition, and the child table whose rows it is about. */
interface Found {
  readonly predicate: Predicate
  readonly rowsOf?: ChildTarget
}

/** A child DocType, and the table fields whose rows are meant: mostly one. */
interface ChildTarget {
  readonly tables: readonly MetaField[]
  readonly meta: Meta
}

/**
 * Conditions on one child table that stand side by side in an "and" must hold for the same row, as they do in Frappe, where the
 * table is joined once. Apart from that each is a question of its own.
 */
function joined(by: 'all' | 'any', parts: readonly Found[]): Predicate {
  if (by === 'any') return or(...parts.map((part) => (part.rowsOf ? someRow(part.rowsOf, part.predicate) : part.predicate)))
  const made: Predicate[] = []
  const tables = new Map<string, { rowsOf: ChildTarget; conditions: Predicate[] }>()
  for (const { rowsOf, predicate } of parts) {
    if (!rowsOf) made.push(predicate)
    else {
      const key = rowsOf.tables.map((table) => table.fieldname).join()
      const known = tables.get(key)
      if (known) known.conditions.push(predicate)
      else tables.set(key, { rowsOf, conditions: [predicate] })
    }
  }
  for (const { rowsOf, conditions } of tables.values()) made.push(someRow(rowsOf, and(...conditions)))
  return and(...made)
}

/** Some row satisfies the condition. A document without rows counts as one empty row, as in a left join: `item != "x"` holds for it. */
function someRow({ tables, meta }: ChildTarget, condition: Predicate): Predicate {
  if ('any' in condition && condition.any.length === 0) return never
  const some = or(...tables.map((table): Predicate => ({ child: table.fieldname, where: condition })))
  if (!matches(condition, {}, emptyRow(meta))) return some
  return or(some, and(...tables.map((table): Predicate => ({ child: table.fieldname, where: { all: [] }, none: true }))))
}

function emptyRow(meta: Meta): RowFacts {
  const nothing = () => {
    throw new TypeError('A row of a child table has no tables of its own.')
  }
  return {
    kindOf: (name) => {
      const field = meta.column.get(name)
      return field ? columnKind(field) : 'text'
    },
    children: nothing,
    childKind: nothing,
    shared: () => false,
  }
}

async function found(scope: Scope, leaf: FilterLeaf, wire: Wire): Promise<Found> {
  if (Array.isArray(leaf.value) && leaf.value.length > maxListed) {
    throw new TooCostly({ field: leaf.path, limit: maxListed, what: 'values in a list', instead: 'Split the list into several queries.' })
  }
  const ref = reference(leaf)
  const child = await childOf(scope, leaf, ref)
  // Where the rows are joined because they are shown, the condition is about the shown rows.
  const shown = child?.tables.find((table) => scope.hasRows(table.fieldname))
  if (child && !shown) return childCondition(scope, child, ref.field, leaf, wire)
  const column = await scope.resolve(shown ? { table: shown.fieldname, field: ref.field } : ref, 'filter', leaf.path)
  if (isTreeCondition(leaf)) return { predicate: await treeCondition(scope.ctx, column, column.meta, leaf) }
  return { predicate: plainCondition(scope.ctx, column, leaf, wire) }
}

function reference(leaf: FilterLeaf): FieldRef {
  if (/^[\p{L}_][\p{L}\p{N}\p{M}_-]*$/u.test(leaf.field)) return { field: leaf.field }
  const reader = new ExpressionReader(leaf.field, leaf.path)
  const ref = reader.reference()
  reader.expectEnd()
  return ref
}

/** The child table a condition is about: named by its DocType, by its field, or because only there is such a field. */
async function childOf(scope: Scope, leaf: FilterLeaf, ref: FieldRef): Promise<ChildTarget | undefined> {
  const { meta } = scope
  const stored = meta.tables.filter((field) => !field.is_virtual)
  const load = async (doctype: string | undefined, tables = stored.filter((field) => field.options === doctype)) => ({
    tables,
    meta: await scope.ctx.site.meta.get(doctype ?? ''),
  })
  if (leaf.doctype !== undefined && leaf.doctype !== meta.name) {
    if (ref.table !== undefined && ref.table !== `tab${leaf.doctype}`)
      throw new QueryMalformed({ field: leaf.path, reason: `${leaf.field.slice(0, 140)} is no field of ${leaf.doctype.slice(0, 140)}` })
    if (stored.some((field) => field.options === leaf.doctype)) return load(leaf.doctype)
    if (meta.definition.aliases?.includes(leaf.doctype)) return undefined
    throw new QueryMalformed({ field: leaf.path, reason: `${leaf.doctype.slice(0, 140)} is no child table of ${meta.name}` })
  }
  if (ref.table !== undefined) {
    const table = stored.find((field) => field.fieldname === ref.table)
    if (table) return load(table.options, [table])
    const named = ref.table === meta.table ? undefined : stored.find((field) => ref.table === `tab${field.options}`)
    return named && load(named.options)
  }
  if (meta.column.has(ref.field) || meta.field.has(ref.field)) return undefined
  for (const table of stored) {
    const target = await load(table.options)
    if (target.meta.field.has(ref.field)) return target
  }
  return undefined
}

async function childCondition(scope: Scope, child: ChildTarget, name: string, leaf: FilterLeaf, wire: Wire): Promise<Found> {
  const field = child.meta.column.get(name)
  if (!field) throw new UnknownField({ field: leaf.path, doctype: child.meta.name, name: name.slice(0, 140) })
  const tables = child.tables.filter((table) => useOfChild(scope.access, table, field) === 'shown')
  if (tables.length === 0 || field.fieldtype === 'Password')
    throw new FieldNotPermitted({ field: leaf.path, doctype: child.meta.name, name })
  const target = { key: name, field, kind: columnKind(field) }
  const predicate = isTreeCondition(leaf)
    ? await treeCondition(scope.ctx, target, child.meta, leaf)
    : plainCondition(scope.ctx, target, leaf, wire)
  return { predicate, rowsOf: { tables, meta: child.meta } }
}
