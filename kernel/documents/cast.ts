import { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Value, Wire } from '#kernel/fields/field-type.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import type { AnyDocument } from './document.ts'
import { RowsExpected, TooManyRows, UnknownField } from './errors.ts'

/** Values are in document form already: times are UTC. */
export const documentForm: Wire = { version: 1, zone: 'UTC' }

/** Rows one table field may hold. */
export const maximumRows = 10_000

/** Keys that clients send along and the kernel decides itself. */
const ignoredKeys = new Set([
  'doctype',
  'flags',
  'ignore_permissions',
  'owner',
  'creation',
  'modified',
  'modified_by',
  'idx',
  'docstatus',
  'name',
  'parent',
  'parenttype',
  'parentfield',
  '_user_tags',
  '_comments',
  '_assign',
  '_liked_by',
  '_seen',
  'lft',
  'rgt',
  'old_parent',
])

/**
 * Reads what a caller gives for a document's fields onto the document. Keys that the kernel decides (owner, times, name …) and keys
 * beginning with `__` are passed over; layout and virtual fields likewise.
 * @param wire how the values are written; `documentForm` for values that come from code
 * @throws UnknownField, BadValue, RowsExpected, each with the path
 */
export async function assignValues(
  ctx: Context,
  meta: Meta,
  document: AnyDocument,
  values: Readonly<Record<string, unknown>>,
  wire: Wire,
  path = '',
): Promise<void> {
  const target = document as Record<string, unknown>
  for (const key of Object.keys(values)) {
    const field = meta.field.get(key)
    if (!field) {
      if (ignoredKeys.has(key) || (key.startsWith('__') && key !== '__proto__')) continue
      throw new UnknownField({ doctype: meta.name, field: path + key })
    }
    if (ignoredKeys.has(key) && !isOwnField(meta, key)) continue
    if (field.type.kind === 'table')
      target[key] = await readRowsGiven(ctx, meta, field, target[key] as AnyDocument[], values[key], wire, path)
    else if (field.stored) target[key] = field.type.cast(values[key], field, wire, path + key) as Value
    else if (meta.isSingle && field.type.kind !== 'none' && !field.is_virtual)
      target[key] = field.type.cast(values[key], field, wire, path + key)
  }
}

/** A field of the DocType's own that bears a name the kernel uses elsewhere, such as `parent` of Custom DocPerm. */
function isOwnField(meta: Meta, key: string): boolean {
  return (key === 'parent' || key === 'parenttype' || key === 'parentfield') && !meta.isTable
}

async function readRowsGiven(
  ctx: Context,
  meta: Meta,
  table: MetaField,
  current: readonly AnyDocument[] | undefined,
  given: unknown,
  wire: Wire,
  path: string,
): Promise<AnyDocument[]> {
  const place = path + table.fieldname
  const list = typeof given === 'string' && given.trim().startsWith('[') ? parseJson(given, place) : given
  if (list === null || list === undefined || list === '') return []
  if (!Array.isArray(list)) throw new RowsExpected({ doctype: meta.name, field: place })
  if (list.length > maximumRows) throw new TooManyRows({ doctype: meta.name, field: place, limit: maximumRows })
  const child = await ctx.site.meta.meta(table.options ?? '')
  const known = new Map((current ?? []).map((row) => [row.name, row]))
  const rows: AnyDocument[] = []
  for (const [index, item] of list.entries()) {
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      throw new RowsExpected({ doctype: meta.name, field: `${place}[${index}]` })
    const name = (item as { name?: unknown }).name
    const existing = typeof name === 'string' ? known.get(name) : undefined
    const row = existing ? copyOf(existing) : blankRow(ctx, child)
    await assignValues(ctx, child, row, item as Record<string, unknown>, wire, `${place}[${index}].`)
    rows.push(row)
  }
  return rows
}

function blankRow(ctx: Context, child: Meta): AnyDocument {
  const row = Object.create(ctx.site.apps.prototype(child.name)) as AnyDocument
  row.doctype = child.name
  return row
}

/** A copy that shares nothing with the original but its immutable values; child rows are copied too. */
export function copyOf(document: AnyDocument): AnyDocument {
  const copy = Object.create(Object.getPrototypeOf(document) as object) as Record<string, unknown>
  for (const [key, value] of Object.entries(document))
    copy[key] = Array.isArray(value) ? value.map((row) => copyOf(row as AnyDocument)) : value
  return copy as unknown as AnyDocument
}

/** Whether a field holds nothing: no value, an empty text or zero, which is what an unfilled number holds. */
export function isUnset(value: unknown): boolean {
  if (value === null || value === undefined || value === '' || value === 0) return true
  return value instanceof Decimal && value.isZero()
}

/** Whether two field values are the same; decimals compare by value. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (a === null || a === undefined || a === '') return b === null || b === undefined || b === ''
  if (typeof a === 'object' && typeof b === 'object' && b !== null) return String(a) === String(b)
  return false
}
