import type { Predicate } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import { list } from '#kernel/query/list.ts'
import type { CellKind, Column, OutputRow } from '#kernel/tabular/table.ts'

/** A field to be exported. */
export interface ExportField {
  readonly field: MetaField
  /** The table whose rows it is a field of. */
  readonly table?: MetaField
  readonly label: string
}

/** Which documents. */
export interface ExportSelection {
  readonly filters?: unknown
  readonly orFilters?: unknown
  readonly orderBy?: string | undefined
  /** Documents; default: all. */
  readonly limit?: number
  /** Documents that meet this, too: the condition of the right to export. */
  readonly within?: Predicate
}

/** Documents read at once; memory holds no more of them. */
const pageSize = 500
/** More fields than a list takes by name are asked for as `*`. */
const namedFields = 80

/** How the values of a field stand in a file. */
export function cellKindOf(field: MetaField): CellKind {
  const { kind } = field.type
  if (kind === 'number' || kind === 'decimal') return 'number'
  return kind === 'date' || kind === 'datetime' || kind === 'time' ? kind : 'text'
}

/** The columns of a file that holds these fields. */
export function exportColumns(fields: readonly ExportField[]): Column[] {
  return fields.map(({ field, label }) => ({ label, kind: cellKindOf(field) }))
}

/**
 * The fields of a DocType that the acting user may read, in the order of the form: the ID first, then the document's own, then those of its tables, each
 * with the ID of its rows.
 * @param wanted names by table field, `''` for the document's own; absent: all
 */
export async function exportFields(ctx: Context, meta: Meta, wanted?: Readonly<Record<string, readonly string[]>>): Promise<ExportField[]> {
  const found: ExportField[] = []
  const add = (of: Meta, names: readonly string[] | undefined, canRead: (field: MetaField) => boolean, table?: MetaField): void => {
    const id = of.column.get('name') as MetaField
    const all = of.fields.filter((field) => field.stored && !field.is_virtual && field.fieldtype !== 'Password' && canRead(field))
    const chosen = names ? [...new Set(names)].flatMap((name) => all.filter((field) => field.fieldname === name)) : all
    for (const field of [id, ...chosen.filter((field) => field !== id)]) {
      const own = field === id ? 'ID' : field.label || field.fieldname
      found.push(table ? { field, table, label: `${own} (${table.label || table.fieldname})` } : { field, label: own })
    }
  }
  const access = await fieldAccess(ctx, meta)
  add(meta, wanted?.[''], (field) => access.canRead(field))
  for (const table of meta.tables) {
    if (table.is_virtual || !access.canRead(table) || (wanted && !Object.hasOwn(wanted, table.fieldname))) continue
    const child = await ctx.site.meta.get(table.options ?? '')
    const childAccess = await fieldAccess(ctx, child, meta)
    add(child, wanted?.[table.fieldname], (field) => childAccess.canRead(field), table)
  }
  return withoutDoubles(found)
}

/** Two fields of one label would not find back: these bear their fieldnames. */
function withoutDoubles(fields: readonly ExportField[]): ExportField[] {
  const times = Map.groupBy(fields, ({ label }) => label.toLowerCase())
  return fields.map((one) => {
    if ((times.get(one.label.toLowerCase())?.length ?? 0) === 1) return one
    return { ...one, label: one.table ? `${one.table.fieldname}.${one.field.fieldname}` : one.field.fieldname }
  })
}

/**
 * Documents as rows of a file, as the acting user may see them, page by page: a row of their own fields with the first row of each table, then
 * one for each further row of a table. What changes meanwhile is exported as it is when its page is read.
 * @throws PermissionDenied and what lists refuse
 */
export async function* exportDocuments(
  ctx: Context,
  meta: Meta,
  fields: readonly ExportField[],
  selection: ExportSelection = {},
): AsyncGenerator<OutputRow> {
  let left = selection.limit ?? Number.POSITIVE_INFINITY
  let after: string | undefined
  for (let start = 0; left > 0; start += pageSize) {
    const page = await list(ctx, meta.name, {
      fields: askedFields(fields),
      filters: selection.filters || undefined,
      orFilters: selection.orFilters || undefined,
      // By name, so that no document is met twice when its time of change moves.
      orderBy: selection.orderBy || 'name asc',
      limit: Math.min(pageSize, left),
      ...(after ? { after } : { start }),
      ...(selection.within && { within: selection.within }),
      wire: wireV1(ctx),
    })
    for (const document of page.rows) yield* rowsOf(document, fields)
    left -= page.rows.length
    after = page.cursor
    if (!page.hasNextPage) return
  }
}

function askedFields(fields: readonly ExportField[]): unknown[] {
  const own = fields.filter(({ table }) => !table).map(({ field }) => field.fieldname)
  const tables = Map.groupBy(
    fields.filter(({ table }) => table),
    ({ table }) => table?.fieldname as string,
  )
  const asked: unknown[] = own.length > namedFields ? ['*'] : [...new Set(['name', ...own])]
  for (const [table, columns] of tables)
    asked.push({ [table]: columns.length > namedFields ? ['*'] : columns.map(({ field }) => field.fieldname) })
  return asked
}

function* rowsOf(document: Record<string, unknown>, fields: readonly ExportField[]): Generator<OutputRow> {
  const rowsIn = (table: MetaField): Record<string, unknown>[] => (document[table.fieldname] as Record<string, unknown>[] | undefined) ?? []
  const height = fields.reduce((most, { table }) => (table ? Math.max(most, rowsIn(table).length) : most), 1)
  for (let index = 0; index < height; index++)
    yield fields.map(({ field, table }) => {
      if (table) return rowsIn(table)[index]?.[field.fieldname] ?? null
      return index === 0 ? (document[field.fieldname] ?? null) : null
    })
}
