import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'

/** Where a row of a child table belongs. */
export interface RowPlace {
  readonly parenttype: string
  readonly parent: string
  readonly parentfield: string
}

/** Finds the document that a child row belongs to. Says nothing to those who may not read documents of that kind. @throws DocumentNotFound */
export async function placeOfRow(ctx: Context, child: Meta, name: string): Promise<RowPlace> {
  const [row] = await ctx.db.query<{ [column in keyof RowPlace]: string | null }>(
    ctx.db.dialect.compile(sql`select parenttype, parent, parentfield from ${ident(child.table)} where name = ${name}`),
  )
  if (!row?.parenttype || !row.parent || !row.parentfield) throw noSuchRow(ctx, child, name)
  return { parenttype: row.parenttype, parent: row.parent, parentfield: row.parentfield }
}

function noSuchRow(ctx: Context, child: Meta, name: string): Error {
  return ctx.user.unrestricted
    ? new DocumentNotFound({ doctype: child.name, name })
    : new PermissionDenied({ doctype: child.name, action: 'read' })
}

/** The document of a row, for change. One of another tenant is not named to the caller, who only named the row. */
async function openPlace(ctx: Context, child: Meta, name: string, place: RowPlace): Promise<AnyDocument> {
  try {
    return await openForWrite(ctx, place.parenttype, place.parent)
  } catch (error) {
    throw DocumentNotFound.is(error) ? noSuchRow(ctx, child, name) : error
  }
}

/** Appends a row to a document's table and saves the document. @returns the document */
export async function appendRow(ctx: Context, place: RowPlace, values: Record<string, unknown>, wire: Wire): Promise<AnyDocument> {
  const document = await openForWrite(ctx, place.parenttype, place.parent)
  return saveRows(ctx, document, place, [...rowsOf(document, place), { ...values, name: undefined }], wire)
}

/** Changes a row and saves its document. @returns the document */
export async function changeRow(
  ctx: Context,
  child: Meta,
  name: string,
  values: Record<string, unknown>,
  wire: Wire,
): Promise<AnyDocument> {
  const place = await placeOfRow(ctx, child, name)
  const document = await openPlace(ctx, child, name, place)
  return saveRows(
    ctx,
    document,
    place,
    rowsOf(document, place).map((row) => (row.name === name ? { ...values, name } : row)),
    wire,
  )
}

/** Takes a row out of its document and saves that. @returns the document */
export async function removeRow(ctx: Context, child: Meta, name: string, wire: Wire): Promise<AnyDocument> {
  const place = await placeOfRow(ctx, child, name)
  const document = await openPlace(ctx, child, name, place)
  return saveRows(
    ctx,
    document,
    place,
    rowsOf(document, place).filter((row) => row.name !== name),
    wire,
  )
}

/** Rows that stay are named only, so that no value of theirs is read back from a caller's form. */
function rowsOf(document: AnyDocument, place: RowPlace): Record<string, unknown>[] {
  const rows = (document as Record<string, unknown>)[place.parentfield]
  return Array.isArray(rows) ? rows.map((row: AnyDocument) => ({ name: row.name })) : []
}

function saveRows(ctx: Context, document: AnyDocument, place: RowPlace, rows: Record<string, unknown>[], wire: Wire): Promise<AnyDocument> {
  return save(ctx, document, { [place.parentfield]: rows }, { wire })
}
