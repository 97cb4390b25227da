import type { Context } from '#kernel/context/context.ts'
import { UniqueViolated } from '#kernel/database/errors.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { sameValue } from './cast.ts'
import type { AnyDocument } from './document.ts'
import { ValueTaken } from './errors.ts'
import { hashName, nameTaken } from './naming.ts'
import type { SaveOperation } from './operation.ts'
import { removeRowSecrets } from './passwords.ts'
import { insertCounted, insertRows, isAutoincrement, updateRow } from './rows.ts'
import { writeSingle } from './singles.ts'
import { virtualController } from './virtual.ts'

/** Writes the document's row and the rows of its tables. @throws NameTaken, ValueTaken */
export async function writeDocument(operation: SaveOperation): Promise<void> {
  const { ctx, meta, document, before } = operation
  if (meta.isVirtual) {
    const controller = virtualController(ctx, meta)
    await (before ? controller.update(ctx, document) : controller.insert(ctx, document))
    return
  }
  try {
    if (meta.isSingle) await writeSingle(ctx, meta, document)
    else if (before) await writeChanges(ctx, meta, document, before)
    else if (isAutoincrement(meta)) (document as Record<string, unknown>).name = await insertCounted(ctx.db as never, meta, document)
    else await insertRows(ctx.db, meta, [document])
    for (const table of meta.tables) await writeTable(operation, table)
  } catch (error) {
    throw explainUnique(meta, document, error)
  }
}

async function writeChanges(ctx: Context, meta: Meta, document: AnyDocument, before: AnyDocument): Promise<void> {
  const changed = meta.columns
    .map((field) => field.fieldname)
    .filter((name) => !sameValue((document as Record<string, unknown>)[name], (before as Record<string, unknown>)[name]))
  await updateRow(ctx.db, meta, document, changed)
}

function differs(meta: Meta, now: AnyDocument, then: AnyDocument): boolean {
  return meta.columns.some(
    ({ fieldname }) =>
      fieldname !== 'modified' &&
      fieldname !== 'modified_by' &&
      !sameValue((now as Record<string, unknown>)[fieldname], (then as Record<string, unknown>)[fieldname]),
  )
}

async function writeTable(operation: SaveOperation, table: MetaField): Promise<void> {
  const { ctx, document, before } = operation
  if (table.is_virtual) return
  const rows = ((document as Record<string, unknown>)[table.fieldname] as AnyDocument[] | undefined) ?? []
  const earlier = new Map(
    (((before as Record<string, unknown> | undefined)?.[table.fieldname] as AnyDocument[] | undefined) ?? []).map((row) => [row.name, row]),
  )
  if (rows.length === 0 && earlier.size === 0) return
  const child = await ctx.site.meta.meta(table.options ?? '')
  const fresh: AnyDocument[] = []
  for (const [index, row] of rows.entries()) {
    const known = earlier.get(row.name)
    stampRow(operation, row, table, index, known)
    if (!known) {
      fresh.push(row)
      continue
    }
    earlier.delete(row.name)
    // A row in which nothing changed keeps its own time: a save of one row among a thousand writes one row.
    if (!differs(child, row, known)) Object.assign(row, { modified: known.modified, modified_by: known.modified_by })
    else await writeChanges(ctx, child, row, known)
  }
  if (earlier.size > 0) await deleteRows(ctx, child, [...earlier.keys()])
  if (fresh.length > 0) await insertRows(ctx.db, child, fresh)
}

function stampRow(operation: SaveOperation, row: AnyDocument, table: MetaField, index: number, known: AnyDocument | undefined): void {
  const { ctx, meta, document, now } = operation
  const fields = row as Record<string, unknown>
  if (!known) {
    row.name = hashName()
    row.owner = ctx.user.name
    row.creation = now
  } else {
    row.owner = known.owner
    row.creation = known.creation
  }
  row.modified = document.modified
  row.modified_by = document.modified_by
  row.docstatus = document.docstatus
  row.idx = index + 1
  fields.parent = String(document.name)
  fields.parenttype = meta.name
  fields.parentfield = table.fieldname
}

async function deleteRows(ctx: Context, child: Meta, names: readonly (string | number)[]): Promise<void> {
  for (let start = 0; start < names.length; start += 1000) {
    const chunk = names.slice(start, start + 1000).map((name) => sql`${name}`)
    await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${ident(child.table)} where name in (${join(chunk)})`))
  }
  await removeRowSecrets(ctx, child, names)
}

/** A child table's unique column refused a row; which one, only its being alone with a value tells. */
function explainUniqueRow(meta: Meta, document: AnyDocument, table: string, field: string, cause: Error): Error {
  const doctype = table.replace(/^tab/, '')
  const suspects = meta.tables
    .filter(({ options }) => options === doctype)
    .flatMap(({ fieldname }) =>
      (((document as Record<string, unknown>)[fieldname] as AnyDocument[] | undefined) ?? []).map((row, index) => ({
        path: `${fieldname}[${index}].${field}`,
        value: row[field],
      })),
    )
    .filter(({ value }) => value !== null && value !== undefined && value !== '')
  const [only] = suspects
  return new ValueTaken(
    suspects.length === 1 && only ? { doctype, field: only.path, value: String(only.value) } : { doctype, field, value: '' },
    { cause },
  )
}

function explainUnique(meta: Meta, document: AnyDocument, error: unknown): unknown {
  if (!UniqueViolated.is(error)) return error
  const { table, columns, primary } = error.data as { table: string; columns: string[]; primary: boolean }
  if (table !== '' && table !== meta.table && !primary) return explainUniqueRow(meta, document, table, columns[0] ?? '', error)
  const field = columns[0] ?? ''
  if (primary || columns.includes('name')) return nameTaken(meta, document, error)
  // The field that names the document is unique twice over; which of the two an engine finds first must not matter.
  if ([`field:${field}`, `format:{${field}}`].includes(meta.definition.autoname ?? '')) return nameTaken(meta, document, error)
  const value = (document as Record<string, unknown>)[field]
  return new ValueTaken({ doctype: meta.name, field, value: value === null || value === undefined ? '' : String(value) }, { cause: error })
}
