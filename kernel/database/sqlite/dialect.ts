import { SqliteQueryCompiler } from 'kysely'
import { foldCase } from '#client/rules/text.ts'
import { compileWith } from '../compile.ts'
import type { Dialect, Storage } from '../database.ts'
import { canonicalText, fromSortable, sortableDecimal } from '../decimal-text.ts'
import { isAscii, normalizeLike } from '../like-pattern.ts'
import { sql } from '../sql.ts'

const types: Record<Storage['kind'], string> = {
  text: 'text',
  integer: 'integer',
  bigint: 'integer',
  boolean: 'integer',
  decimal: 'text',
  float: 'real',
  date: 'text',
  datetime: 'text',
  time: 'text',
  json: 'text',
  uuid: 'text',
}

/** SQLite's spelling. Tables are STRICT; decimals are sortable text (see decimal-text.ts). */
export const sqliteDialect: Dialect = {
  name: 'sqlite',
  compile: compileWith(new SqliteQueryCompiler()),
  quote: (identifier) => `"${identifier.replaceAll('"', '""')}"`,
  columnType: (storage) => types[storage.kind],
  literal(value) {
    if (value === null) return 'null'
    if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
    return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
  },
  forUpdate: '',
  like(column, pattern, negated) {
    const wanted = foldCase(normalizeLike(pattern))
    const operator = sql.raw(negated ? ' not like ' : ' like ')
    if (!isAscii(wanted)) return sql`fold(${column})${operator}${wanted} escape '\\'`
    // The built-in LIKE folds ASCII only and is several times faster; the Kelvin sign alone folds into ASCII from outside.
    const text = wanted.includes('k') ? sql`replace(${column}, char(8490), 'k')` : column
    return sql`${text}${operator}${wanted} escape '\\'`
  },
  orderBy: (column, direction) => sql`${column} ${sql.raw(direction)}`,
  decimalAggregate(fn, column) {
    if (fn === 'sum' || fn === 'avg') return sql`${sql.raw(`decimal_${fn}`)}(${column})`
    return sql`decimal_text(${sql.raw(fn)}(${column}))`
  },
  encodeDecimal: sortableDecimal,
  decodeDecimal: (stored) =>
    typeof stored === 'string' && stored.length === 22 && !stored.includes('.') ? fromSortable(stored) : canonicalText(String(stored)),
}
