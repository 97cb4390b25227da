import { createHash } from 'node:crypto'
import type { Meta } from '#kernel/meta/meta.ts'
import type { ColumnTarget, IndexTarget } from './table-target.ts'

/** MariaDB's limit for a key; the other engines allow about as much. */
const longestKey = 3072

/** Names of indexes that sync made and may drop; any other is somebody else's. */
export function isManaged(name: string): boolean {
  return /^[iu]x_/.test(name)
}

/** A name that is the same for the same columns on every engine, unique in the database, and at most 60 characters long. */
export function indexName(table: string, columns: readonly string[], unique: boolean): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([table, columns, unique]))
    .digest('hex')
    .slice(0, 8)
  const words = [table.replace(/^tab/, ''), ...columns]
    .join('_')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
  return `${unique ? 'ux' : 'ix'}_${words.slice(0, 47)}_${hash}`
}

/** @param columns  of the table `table`; what cannot be part of a key (long texts) is left out */
export function index(
  table: string,
  wanted: readonly string[],
  unique: boolean,
  columns: readonly ColumnTarget[],
): IndexTarget | undefined {
  const byName = new Map(columns.map((column) => [column.name, column]))
  const kept: string[] = []
  let size = 0
  for (const name of wanted) {
    const column = byName.get(name)
    size += column ? keyBytes(column) : Number.POSITIVE_INFINITY
    if (size > longestKey) break
    if (!kept.includes(name)) kept.push(name)
  }
  // Part of a unique key would promise more than was asked.
  if (kept.length === 0 || (unique && kept.length < new Set(wanted).size)) return undefined
  return { name: indexName(table, kept, unique), columns: kept, unique }
}

/** Every index that a DocType asks for, or that its lists need. */
export function indexTargets(meta: Meta, scopes: ReadonlySet<string>, columns: readonly ColumnTarget[]): IndexTarget[] {
  const plain: string[][] = []
  const unique: string[][] = []
  for (const field of meta.columns) {
    if (field.fieldname === 'name') continue
    if (field.unique) unique.push([field.fieldname])
    else if (field.search_index) plain.push([field.fieldname])
  }
  for (const entry of (meta.definition.indexes ?? []) as unknown[]) {
    const { fields, isUnique } = readIndex(entry)
    ;(isUnique ? unique : plain).push(fields)
  }
  if (meta.isTable) plain.push(['parent', 'parentfield', 'idx'])
  else plain.push(...listIndexes(meta, scopes))
  if (meta.isTree) plain.push(['lft'], ['rgt'], [meta.parentField])
  const made = [
    ...unique.map((names) => index(meta.table, names, true, columns)),
    ...plain.map((names) => index(meta.table, names, false, columns)),
  ]
  return withoutRedundant(made.filter((one) => one !== undefined))
}

/** Lists are sorted by one field, with the name breaking ties, often within one tenant or for one owner: the keys follow that order. */
function listIndexes(meta: Meta, scopes: ReadonlySet<string>): string[][] {
  const sort = sortColumn(meta)
  const order = sort === 'name' ? ['name'] : [sort, 'name']
  const result = sort === 'name' ? [] : [order]
  const dependant = meta.definition.user_permission_dependant_doctype
  for (const link of meta.links) {
    const target = link.options ?? ''
    if (link.stored && !link.ignore_user_permissions && (scopes.has(target) || target === dependant))
      result.push([link.fieldname, ...order])
  }
  if (meta.permissions.some((row) => row.if_owner)) result.push(['owner', ...order])
  return result
}

function sortColumn(meta: Meta): string {
  const first = (meta.definition.sort_field ?? '').split(',')[0]?.trim().split(/\s+/)[0] ?? ''
  const column = meta.column.get(first)
  const storage = column?.type.storage(column)
  return storage && Number.isFinite(keyBytes({ storage })) ? first : 'creation'
}

function keyBytes(column: Pick<ColumnTarget, 'storage'>): number {
  const { storage } = column
  if (storage.kind === 'json') return Number.POSITIVE_INFINITY
  if (storage.kind === 'text') return storage.length ? storage.length * 4 : Number.POSITIVE_INFINITY
  return storage.kind === 'uuid' ? 144 : 10
}

function readIndex(entry: unknown): { fields: string[]; isUnique: boolean } {
  const list = Array.isArray(entry) ? entry : (entry as { fields?: unknown }).fields
  const fields = Array.isArray(list) ? list.filter((name) => typeof name === 'string') : []
  return { fields, isUnique: !Array.isArray(entry) && Boolean((entry as { unique?: unknown }).unique) }
}

/** Drops twins, and what another index begins with: a planner gains nothing from it and every write pays. */
function withoutRedundant(indexes: readonly IndexTarget[]): IndexTarget[] {
  const kept: IndexTarget[] = []
  for (const one of indexes) {
    if (kept.some((other) => other.name === one.name)) continue
    const isCovered = (other: IndexTarget) =>
      other.name !== one.name &&
      one.columns.every((column, place) => other.columns[place] === column) &&
      (other.columns.length > one.columns.length || other.unique)
    if (!one.unique && indexes.some(isCovered)) continue
    kept.push(one)
  }
  return kept
}
