import { PostgresQueryCompiler } from 'kysely'
import { compileWith } from '../compile.ts'
import type { Dialect, Storage } from '../database.ts'
import { canonicalText } from '../decimal-text.ts'
import { normalizeLike } from '../like-pattern.ts'
import { type Sql, sql } from '../sql.ts'

const types: Record<Exclude<Storage['kind'], 'text'>, string> = {
  integer: 'integer',
  bigint: 'bigint',
  boolean: 'smallint',
  decimal: 'numeric(21,9)',
  float: 'numeric(21,9)',
  date: 'date',
  datetime: 'timestamp',
  time: 'time',
  json: 'text',
  uuid: 'varchar(36)',
}

/** What the database's own locale leaves to be said in the SQL. */
export interface Collations {
  /** Clause for text columns, so that they order by code point; empty where the database does so by itself. */
  column: string
  /** Clause for case-insensitive matches, so that they know letters beyond ASCII; empty where the column's collation does. */
  fold: string
}

const textKinds = new Set<Storage['kind']>(['text', 'json', 'uuid'])

/** PostgreSQL's spelling. */
export function postgresDialect(collations: Collations): Dialect {
  const fold = sql.raw(collations.fold)
  const aggregates = {
    sum: (column: Sql) => sql`sum(${column})`,
    avg: (column: Sql) => sql`round(sum(${column}) / count(${column}), 9)`,
    min: (column: Sql) => sql`min(${column})`,
    max: (column: Sql) => sql`max(${column})`,
  }
  return {
    name: 'postgres',
    compile: compileWith(new PostgresQueryCompiler()),
    quote: (identifier) => `"${identifier.replaceAll('"', '""')}"`,
    columnType(storage) {
      const type = storage.kind === 'text' ? (storage.length ? `varchar(${storage.length})` : 'text') : types[storage.kind]
      return textKinds.has(storage.kind) ? type + collations.column : type
    },
    literal(value) {
      if (value === null) return 'null'
      if (value instanceof Uint8Array) return `'\\x${Buffer.from(value).toString('hex')}'`
      return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
    },
    forUpdate: ' for update',
    like(column, pattern, negated) {
      // PostgreSQL folds İ to i, the product does not: a private character that has no case takes its place on both sides.
      const hasI = /[iİ]/i.test(pattern)
      const text = hasI ? sql`replace(${column}, 'İ', chr(63743))` : column
      const wanted = hasI ? normalizeLike(pattern).replaceAll('İ', '\uf8ff') : normalizeLike(pattern)
      return sql`(${text}${fold}) ${sql.raw(negated ? 'not ' : '')}ilike ${wanted} escape '\\'`
    },
    orderBy(column, direction, nullable) {
      const nulls = nullable ? (direction === 'asc' ? ' nulls first' : ' nulls last') : ''
      return sql`${column} ${sql.raw(direction + nulls)}`
    },
    decimalAggregate: (fn, column) => sql`cast(trim_scale(${aggregates[fn](column)}) as text)`,
    encodeDecimal: canonicalText,
    decodeDecimal: (stored) => canonicalText(String(stored)),
  }
}
