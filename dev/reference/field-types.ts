import type { Dialect, Storage } from '#kernel/database/database.ts'
import { mariadbDialect } from '#kernel/database/mariadb/dialect.ts'
import { postgresDialect } from '#kernel/database/postgres/dialect.ts'
import { sqliteDialect } from '#kernel/database/sqlite/dialect.ts'
import type { FieldType, ValueKind, Wire } from '#kernel/fields/field-type.ts'
import { fieldTypes } from '#kernel/fields/field-types.ts'
import { isNullable } from '#kernel/fields/nullable.ts'
import type { FieldDefinition } from '#kernel/meta/definition.ts'
import { code, page, table } from './markdown.ts'

/** What each field type stores and sends, worked out by the types themselves from a sample value. */
export function fieldTypePage(): string {
  const types = [...fieldTypes.values()]
  const stored = types.filter((type) => type.storage(fieldOf(type)))
  return page(
    'Field types',
    introduction,
    `## Columns\n\n${table(['field type', 'SQLite', 'PostgreSQL', 'MariaDB', 'empty is'], stored.map(columnRow))}`,
    columnNotes,
    `## Values\n\n${table(
      ['field type', 'in a document', 'v1', 'v2'],
      types.filter((type) => samples[type.kind] !== undefined).map(valueRow),
    )}`,
    valueNotes,
    `## Without a column\n\n${table(['field type', 'what it is'], types.filter((type) => !stored.includes(type)).map(otherRow))}`,
  )
}

const introduction = `One folder per kind in \`kernel/fields/\`. A document holds values in *document form*; the wire has a form of its own for each version of the API.`

const columnNotes = `- Short texts take 140 characters, or the field's \`length\`; the column has at least 64, and beyond 1,000 characters no fixed length. Long texts take four
  million.
- An Int with a \`length\` above 11 has 64 bits. \`not_nullable\` makes 0 or an empty text of NULL, except for dates and JSON.
- Texts compare by code point: \`collate utf8mb4_nopad_bin\` on MariaDB, \`collate "C"\` on PostgreSQL where the database does not do so by itself.
- A decimal on SQLite is text of fixed width that sorts like the number: [decision 3](../decisions/0003-exact-decimals-on-sqlite.md).
- The name of documents with \`autoname: autoincrement\` is a 64-bit number that the database counts up.`

const valueNotes = `The samples were sent to a site in the zone Asia/Kolkata. Times without an offset are in the site's zone; a document holds them in UTC. A number
may also come as text, an object or list as JSON text, and a flag as true or false. \`Text Editor\` and \`HTML Editor\` lose what could run in a
reader's browser, unless the field says \`ignore_xss_filter\`. A Password is kept encrypted beside the table; documents and answers show stars.
A Currency is a \`Decimal\` in code and a JSON number with all its digits on the wire.`

const engines: readonly Dialect[] = [sqliteDialect, postgresDialect({ column: '', fold: '' }), mariadbDialect]

function fieldOf({ name }: FieldType): FieldDefinition {
  return { fieldname: 'sample', fieldtype: name, ...(name === 'Select' && { options: 'Open\nClosed' }) }
}

function columnRow(type: FieldType): string[] {
  const field = fieldOf(type)
  const storage = type.storage(field) as Storage
  const nullable = isNullable(field)
  return [
    type.name,
    ...engines.map((dialect) => code(dialect.columnType(storage).replace(/ character set .*/, ''))),
    nullable ? 'NULL' : '0',
  ]
}

const samples: Partial<Record<ValueKind, unknown>> = {
  text: 'Green tea',
  number: 3,
  decimal: '12.50',
  date: '2026-11-20',
  datetime: '2026-11-20 15:30:00',
  time: '09:05:00',
}

const samplesByType: Readonly<Record<string, unknown>> = {
  Select: 'Open',
  Check: true,
  Rating: 0.8,
  Float: '2.345',
  Percent: 12.5,
  Color: '#2490ef',
  Phone: '+49 30 901820',
  JSON: { a: 1 },
  Geolocation: { type: 'Point', coordinates: [13.4, 52.5] },
  Password: 'secret',
  Link: 'anna@example.com',
  'Dynamic Link': 'TASK-00001',
  Attach: '/private/files/offer.pdf',
  'Attach Image': '/files/logo.png',
  'Text Editor': '<p>Green <script>x</script>tea</p>',
}

const zone = 'Asia/Kolkata'
const v1: Wire = { version: 1, zone }
const v2: Wire = { version: 2, zone }

function valueRow(type: FieldType): string[] {
  const field = fieldOf(type)
  const value = type.cast(samplesByType[type.name] ?? samples[type.kind], field, v1, 'sample')
  type.check(value, field, 'sample')
  const held = typeof value === 'object' && value !== null ? `Decimal ${value}` : JSON.stringify(value)
  return [
    type.name,
    code(type.kind === 'decimal' ? held : String(held)),
    ...[v1, v2].map((wire) => code(JSON.stringify(type.toWire(value, wire)))),
  ]
}

function otherRow({ name, kind }: FieldType): string[] {
  return [
    name,
    kind === 'table'
      ? 'rows of a child DocType, kept in its table; in a document and on the wire a list of objects'
      : 'part of a form; holds no value',
  ]
}
