import type { Dialect, Query, Row, SqlValue } from '#kernel/database/database.ts'
import { ident, join, type Sql, sql } from '#kernel/database/sql.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import type { AnyDocument } from './document.ts'

/** Whatever can run a reading statement: a database, a transaction, a request's database. */
export interface Reader {
  readonly dialect: Dialect
  query<R = Row>(query: Query): Promise<R[]>
}

/** Whatever can run a changing one. */
export interface Writer extends Reader {
  execute(query: Query): Promise<{ readonly changes: number }>
}

/** What rows.ts must know of the site: definitions by name, and the prototype of documents. */
export interface DocumentShapes {
  meta(doctype: string): Meta | Promise<Meta>
  prototype(doctype: string): object
}

type NameValue = string | number

/** Statement texts that depend on the definition alone, made once per Meta. */
interface Statements {
  byName?: string
  byNameLocked?: string
  children?: string
  /** By how many rows they write. */
  readonly inserts: Map<number, string>
}

const statements = new WeakMap<Meta, Statements>()

function statementsOf(meta: Meta): Statements {
  const known = statements.get(meta)
  if (known) return known
  const made: Statements = { inserts: new Map() }
  statements.set(meta, made)
  return made
}

function columnList(meta: Meta): Sql {
  return join(meta.columns.map((field) => ident(field.fieldname)))
}

/** Turns a row of the DocType's table into a document without its child tables. */
export function documentFromRow(meta: Meta, prototype: object, row: Row, dialect: Dialect): AnyDocument {
  const document = Object.create(prototype) as AnyDocument
  document.doctype = meta.name
  const fields = document as Record<string, unknown>
  for (const field of meta.columns) fields[field.fieldname] = field.type.fromColumn(row[field.fieldname] as SqlValue, dialect)
  return document
}

/** Reads one document with its child tables; undefined when there is none. @param lock keeps others from changing it until the transaction ends */
export async function readDocument(
  reader: Reader,
  shapes: DocumentShapes,
  meta: Meta,
  name: NameValue,
  lock = false,
): Promise<AnyDocument | undefined> {
  const document = await readRow(reader, shapes, meta, name, lock)
  if (document) await readChildTables(reader, shapes, meta, document)
  return document
}

/** Reads one document without its child tables; undefined when there is none. */
export async function readRow(
  reader: Reader,
  shapes: DocumentShapes,
  meta: Meta,
  name: NameValue,
  lock = false,
): Promise<AnyDocument | undefined> {
  const known = statementsOf(meta)
  const slot = lock ? 'byNameLocked' : 'byName'
  known[slot] ??= reader.dialect.compile(
    sql`select ${columnList(meta)} from ${ident(meta.table)} where name = ${''}${sql.raw(lock ? reader.dialect.forUpdate : '')}`,
  ).sql
  const [row] = await reader.query<Row>({ sql: known[slot], parameters: [name] })
  return row && documentFromRow(meta, shapes.prototype(meta.name), row, reader.dialect)
}

/** Reads the child tables of a document onto it, each in the order of its rows. */
export async function readChildTables(reader: Reader, shapes: DocumentShapes, meta: Meta, document: AnyDocument): Promise<void> {
  for (const table of meta.tables) await readChildTable(reader, shapes, meta, table, document)
}

async function readChildTable(reader: Reader, shapes: DocumentShapes, meta: Meta, table: MetaField, document: AnyDocument): Promise<void> {
  if (table.is_virtual) return
  const child = await shapes.meta(table.options ?? '')
  const known = statementsOf(child)
  known.children ??= reader.dialect.compile(
    sql`select ${columnList(child)} from ${ident(child.table)} where parent = ${''} and parenttype = ${''} and parentfield = ${''} order by idx`,
  ).sql
  const rows = await reader.query<Row>({ sql: known.children, parameters: [String(document.name), meta.name, table.fieldname] })
  const prototype = shapes.prototype(child.name)
  ;(document as Record<string, unknown>)[table.fieldname] = rows.map((row) => documentFromRow(child, prototype, row, reader.dialect))
}

/** Reads the documents that meet a condition, without child tables. The condition must come from the kernel, not from a caller. */
export async function readRows(reader: Reader, shapes: DocumentShapes, meta: Meta, condition: Sql): Promise<AnyDocument[]> {
  const rows = await reader.query<Row>(reader.dialect.compile(sql`select ${columnList(meta)} from ${ident(meta.table)} where ${condition}`))
  const prototype = shapes.prototype(meta.name)
  return rows.map((row) => documentFromRow(meta, prototype, row, reader.dialect))
}

/** Rows per INSERT: keeps the number of placeholders far below every engine's limit. */
const placeholderBudget = 5000
/** Statements for so many rows are kept; larger ones are rare, and long. */
const rowsKept = 20

/** Writes new rows of one DocType (no child tables). */
export async function insertRows(writer: Writer, meta: Meta, documents: readonly AnyDocument[]): Promise<void> {
  const columns = meta.columns.filter((field) => field.fieldname !== 'name' || !isAutoincrement(meta))
  const perStatement = Math.max(1, Math.floor(placeholderBudget / columns.length))
  for (let start = 0; start < documents.length; start += perStatement) {
    const chunk = documents.slice(start, start + perStatement)
    const parameters = chunk.flatMap((document) => columns.map((field) => columnValue(field, document, writer.dialect)))
    await writer.execute({ sql: insertText(writer, meta, columns, chunk.length), parameters })
  }
}

/** Writes one row whose name the database counts up, and returns that number. */
export async function insertCounted(writer: Writer, meta: Meta, document: AnyDocument): Promise<number> {
  const columns = meta.columns.filter((field) => field.fieldname !== 'name')
  const text = `${insertText(writer, meta, columns, 1)} returning ${writer.dialect.quote('name')}`
  const parameters = columns.map((field) => columnValue(field, document, writer.dialect))
  const [row] = await writer.query<{ name: number }>({ sql: text, parameters })
  return Number(row?.name)
}

export function isAutoincrement(meta: Meta): boolean {
  return meta.definition.autoname === 'autoincrement'
}

function insertText(writer: Writer, meta: Meta, columns: readonly MetaField[], count: number): string {
  const known = statementsOf(meta).inserts
  const kept = known.get(count)
  if (kept) return kept
  const blank = sql`(${join(columns.map(() => sql`${null}`))})`
  const names = join(columns.map((field) => ident(field.fieldname)))
  const text = writer.dialect.compile(
    sql`insert into ${ident(meta.table)} (${names}) values ${join(Array.from({ length: count }, () => blank))}`,
  ).sql
  if (count <= rowsKept) known.set(count, text)
  return text
}

/** Writes the named columns of one row. @returns whether a row with that name (and that `modified`, when given) was there */
export async function updateRow(writer: Writer, meta: Meta, document: AnyDocument, fieldnames: readonly string[]): Promise<boolean> {
  const fields = fieldnames.map((fieldname) => meta.column.get(fieldname)).filter((field) => field !== undefined)
  if (fields.length === 0) return true
  const assignments = join(fields.map((field) => sql`${ident(field.fieldname)} = ${columnValue(field, document, writer.dialect)}`))
  const { changes } = await writer.execute(
    writer.dialect.compile(sql`update ${ident(meta.table)} set ${assignments} where name = ${document.name}`),
  )
  return changes > 0
}

export async function deleteRow(writer: Writer, meta: Meta, name: NameValue): Promise<boolean> {
  const { changes } = await writer.execute(writer.dialect.compile(sql`delete from ${ident(meta.table)} where name = ${name}`))
  return changes > 0
}

/** Deletes the rows of every child table of a document, or of one table field. */
export async function deleteChildren(writer: Writer, meta: Meta, child: Meta, name: NameValue, fieldname: string): Promise<void> {
  await writer.execute(
    writer.dialect.compile(
      sql`delete from ${ident(child.table)} where parent = ${String(name)} and parenttype = ${meta.name} and parentfield = ${fieldname}`,
    ),
  )
}

function columnValue(field: MetaField, document: AnyDocument, dialect: Dialect): SqlValue {
  const value = (document as Record<string, unknown>)[field.fieldname]
  return field.type.toColumn((value === undefined ? null : value) as never, dialect)
}
