import type { Context } from '#kernel/context/context.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { sameValue } from './cast.ts'
import { rowDifferences } from './checks.ts'
import type { AnyDocument } from './document.ts'
import { hashName } from './naming.ts'
import { insertRows } from './rows.ts'

/** What changed in a document, in the shape Frappe's Version keeps: pairs of before and after, rows added, removed and changed. */
export interface Changeset {
  changed: [field: string, before: unknown, after: unknown][]
  added: [table: string, row: Record<string, unknown>][]
  removed: [table: string, row: Record<string, unknown>][]
  row_changed: [table: string, index: number, row: string, changes: [field: string, before: unknown, after: unknown][]][]
}

/**
 * Compares two states; with no earlier state every filled field counts as changed from null. Secrets and masked values are shown as `***`.
 * @param definition  gives the definition of a child table, for what is to be masked in its rows
 */
export function changesetOf(
  meta: Meta,
  before: AnyDocument | undefined,
  after: AnyDocument | undefined,
  definition: (doctype: string) => Meta | undefined,
): Changeset {
  const changes: Changeset = { changed: [], added: [], removed: [], row_changed: [] }
  for (const field of meta.fields) {
    if (field.type.kind === 'none' || field.is_virtual) continue
    const then = (before as Record<string, unknown> | undefined)?.[field.fieldname] ?? null
    const now = (after as Record<string, unknown> | undefined)?.[field.fieldname] ?? null
    if (field.type.kind === 'table')
      compareRows(
        changes,
        field,
        definition(field.options ?? ''),
        (then as AnyDocument[] | null) ?? [],
        (now as AnyDocument[] | null) ?? [],
      )
    else if (!sameValue(then, now) && !(before === undefined && isBlank(now)) && !(after === undefined && isBlank(then)))
      changes.changed.push([field.fieldname, shown(field, then), shown(field, now)])
  }
  for (const key of ['docstatus', 'name'] as const) {
    if (before && after && before[key] !== after[key]) changes.changed.push([key, before[key], after[key]])
  }
  return changes
}

export function isEmptyChangeset(changes: Changeset): boolean {
  return changes.changed.length + changes.added.length + changes.removed.length + changes.row_changed.length === 0
}

function isBlank(value: unknown): boolean {
  return value === null || value === '' || value === 0
}

function shown(field: MetaField, value: unknown): unknown {
  if (value !== null && (field.fieldtype === 'Password' || field.mask)) return '***'
  return plain(value)
}

function compareRows(
  changes: Changeset,
  table: MetaField,
  child: Meta | undefined,
  then: readonly AnyDocument[],
  now: readonly AnyDocument[],
): void {
  const before = new Map(then.map((row) => [row.name, row]))
  const cover = (fieldname: string, value: unknown): unknown => {
    const field = child?.field.get(fieldname)
    return field ? shown(field, value ?? null) : plain(value)
  }
  for (const [index, row] of now.entries()) {
    const earlier = before.get(row.name)
    before.delete(row.name)
    if (!earlier) changes.added.push([table.fieldname, plainRow(row, cover)])
    else {
      const fields = rowDifferences(row, earlier)
      if (fields.length > 0)
        changes.row_changed.push([
          table.fieldname,
          index,
          String(row.name),
          fields.map((field) => [
            field,
            cover(field, (earlier as Record<string, unknown>)[field]),
            cover(field, (row as Record<string, unknown>)[field]),
          ]),
        ])
    }
  }
  for (const row of before.values()) changes.removed.push([table.fieldname, plainRow(row, cover)])
}

function plain(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? String(value) : (value ?? null)
}

const placeOfRow = new Set(['doctype', 'parent', 'parenttype', 'parentfield'])

function plainRow(row: AnyDocument, cover: (fieldname: string, value: unknown) => unknown): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(row)) if (value !== null && !placeOfRow.has(key)) values[key] = cover(key, value)
  return values
}

/** Keeps a Version of a document whose definition asks for it. */
export async function recordVersion(ctx: Context, meta: Meta, document: AnyDocument, changes: Changeset, now: string): Promise<void> {
  const version = await ctx.site.meta.meta('Version')
  await insertRows(ctx.db, version, [
    {
      doctype: 'Version',
      name: hashName(),
      owner: ctx.user.name,
      creation: now,
      modified: now,
      modified_by: ctx.user.name,
      docstatus: 0,
      idx: 0,
      ref_doctype: meta.name,
      docname: String(document.name),
      data: JSON.stringify(changes),
    } as AnyDocument,
  ])
}
