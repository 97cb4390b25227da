import { MysqlQueryCompiler } from 'kysely'
import { compileWith } from '../compile.ts'
import type { Dialect, Storage } from '../database.ts'
import { canonicalText } from '../decimal-text.ts'
import { normalizeLike } from '../like-pattern.ts'
import { type Sql, sql } from '../sql.ts'

// Orders by code point and, unlike `utf8mb4_bin`, does not take trailing spaces for nothing.
const collated = ' character set utf8mb4 collate utf8mb4_nopad_bin'

const types: Record<Exclude<Storage['kind'], 'text'>, string> = {
  integer: 'int(11)',
  bigint: 'bigint(20)',
  boolean: 'tinyint(1)',
  decimal: 'decimal(21,9)',
  float: 'decimal(21,9)',
  date: 'date',
  datetime: 'datetime(6)',
  time: 'time(6)',
  json: `longtext${collated}`,
  uuid: `varchar(36)${collated}`,
}

const aggregates = {
  sum: (column: Sql) => sql`sum(${column})`,
  // A quotient gets only four more places than the sum; with 25 before it, the last rounding is the only one.
  avg: (column: Sql) => sql`round(cast(sum(${column}) as decimal(55,25)) / count(${column}), 9)`,
  min: (column: Sql) => sql`min(${column})`,
  max: (column: Sql) => sql`max(${column})`,
}

/** MariaDB's spelling, for sessions with NO_BACKSLASH_ESCAPES (see the driver). */
export const mariadbDialect: Dialect = {
  name: 'mariadb',
  compile: compileWith(new MysqlQueryCompiler()),
  quote: (identifier) => `\`${identifier.replaceAll('`', '``')}\``,
  columnType(storage) {
    if (storage.kind !== 'text') return types[storage.kind]
    return (storage.length ? `varchar(${storage.length})` : 'longtext') + collated
  },
  literal(value) {
    if (value === null) return 'null'
    if (value instanceof Uint8Array) return `x'${Buffer.from(value).toString('hex')}'`
    return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value)
  },
  forUpdate: ' for update',
  like(column, pattern, negated) {
    // MariaDB folds İ to i, the product does not: a private character that has no case takes its place on both sides.
    const hasI = /[iİ]/i.test(pattern)
    const text = hasI ? sql`replace(${column}, 'İ', '\uf8ff')` : column
    const wanted = hasI ? normalizeLike(pattern).replaceAll('İ', '\uf8ff') : normalizeLike(pattern)
    return sql`lower(${text}) ${sql.raw(negated ? 'not ' : '')}like lower(${wanted}) escape '\\'`
  },
  orderBy: (column, direction) => sql`${column} ${sql.raw(direction)}`,
  decimalAggregate(fn, column) {
    const places = sql`cast(cast(${aggregates[fn](column)} as decimal(65,9)) as char)`
    return sql`trim(trailing '.' from trim(trailing '0' from ${places}))`
  },
  encodeDecimal: canonicalText,
  decodeDecimal: (stored) => canonicalText(String(stored)),
}
