import { Decimal, NotANumber } from '#client/rules/decimal.ts'
import type { ColumnKind } from '#client/rules/evaluate-predicate.ts'
import type { DialectName } from './database.ts'
import { comparableDecimal } from './decimal-text.ts'
import { join, type Sql, sql } from './sql.ts'

/** A comparison value in the form that its kind compares in: text, a double, or the canonical text of a decimal. */
export type Operand = string | number

const textZeros = { text: '', date: '0001-01-01', datetime: '0001-01-01 00:00:00.000000', time: '00:00:00.000000', decimal: '0' } as const

/** What a missing value of this kind counts as. */
export function zeroOf(kind: ColumnKind): Operand {
  return kind === 'number' ? 0 : textZeros[kind]
}

/**
 * Brings whatever a predicate holds into the form of its column; missing becomes the zero.
 * @throws NotANumber for anything else where a number is needed
 */
export function operand(value: unknown, kind: ColumnKind): Operand {
  if (value === null || value === undefined || value === '') return zeroOf(kind)
  if (kind === 'number' || kind === 'decimal') return numeric(value, kind)
  return typeof value === 'boolean' ? String(Number(value)) : String(value)
}

function numeric(value: unknown, kind: 'number' | 'decimal'): Operand {
  const plain = typeof value === 'boolean' ? Number(value) : value
  if (!(plain instanceof Decimal) && !['number', 'string', 'bigint'].includes(typeof plain)) {
    throw new NotANumber({ value: String(value).slice(0, 100) })
  }
  if (kind === 'number' && typeof plain === 'number' && Number.isFinite(plain)) return plain
  const decimal = Decimal.from(plain as number)
  return kind === 'number' ? Number(decimal.toString()) : decimal.toString()
}

/** How one engine takes comparison values; indexes on the column stay usable. */
interface Comparisons {
  /** One value, typed so that the engine compares exactly, whatever the column's own numeric type. */
  value(value: Operand, kind: ColumnKind): Sql
  /** The column's value as the text that `like` sees. */
  text(column: Sql, kind: ColumnKind): Sql
  /** Membership in a list too long for one placeholder per value. */
  member(column: Sql, values: readonly Operand[], kind: ColumnKind, negated: boolean): Sql
}

const sqlite: Comparisons = {
  value: (value, kind) => sql`${kind === 'decimal' ? comparableDecimal(String(value)) : value}`,
  text: (column, kind) => (kind === 'number' ? sql`number_text(${column})` : kind === 'decimal' ? sql`decimal_text(${column})` : column),
  member(column, values, kind, negated) {
    const list = kind === 'decimal' ? values.map((value) => comparableDecimal(String(value))) : values
    return sql`${column} ${not(negated)}in (select value from json_each(${JSON.stringify(list)}))`
  },
}

const postgres: Comparisons = {
  value(value, kind) {
    if (kind !== 'number' && kind !== 'decimal') return sql`${value}`
    return sql`cast(${plainNumber(value)} as ${sql.raw(postgresType([value], kind))})`
  },
  text(column, kind) {
    if (kind === 'number' || kind === 'decimal') return sql`cast(trim_scale(cast(${column} as numeric)) as text)`
    if (kind === 'text') return column
    const form = { date: 'YYYY-MM-DD', datetime: 'YYYY-MM-DD HH24:MI:SS.US', time: 'HH24:MI:SS.US' }[kind]
    return sql`to_char(${column}, ${sql.lit(form)})`
  },
  member(column, values, kind, negated) {
    const list = `{${values.map((value) => `"${String(plainNumber(value)).replace(/["\\]/g, '\\$&')}"`).join(',')}}`
    return sql`${column} ${sql.raw(negated ? '<> all' : '= any')}(cast(${list} as ${sql.raw(postgresType(values, kind))}[]))`
  },
}

const mariadb: Comparisons = {
  value(value, kind) {
    if (kind === 'decimal' || (kind === 'number' && !Number.isSafeInteger(value))) return sql`cast(${plainNumber(value)} as decimal(65,30))`
    return sql`${value}`
  },
  text(column, kind) {
    if (kind === 'text') return column
    if (kind !== 'number' && kind !== 'decimal') return sql`cast(${column} as char)`
    return sql`trim(trailing '.' from trim(trailing '0' from cast(cast(${column} as decimal(38,9)) as char)))`
  },
  member(column, values, kind, negated) {
    const type = kind === 'number' || kind === 'decimal' ? 'decimal(65,30)' : 'longtext character set utf8mb4 collate utf8mb4_nopad_bin'
    const list = JSON.stringify(values.map(plainNumber))
    return sql`${column} ${not(negated)}in (select v from json_table(${list}, '$[*]' columns (v ${sql.raw(type)} path '$')) listed)`
  },
}

/** The comparisons of each engine. */
export const comparisons: Record<DialectName, Comparisons> = { sqlite, postgres, mariadb }

/** Values above which a list travels as one parameter: engines limit parameters, and each list length would be a statement of its own. */
const longList = 100

/** `column in (…)` with at least one value. */
export function among(dialect: DialectName, column: Sql, values: readonly Operand[], kind: ColumnKind, negated: boolean): Sql {
  const spell = comparisons[dialect]
  if (values.length > longList) return spell.member(column, values, kind, negated)
  return sql`${column} ${not(negated)}in (${join(values.map((value) => spell.value(value, kind)))})`
}

function not(negated: boolean): Sql {
  return sql.raw(negated ? 'not ' : '')
}

/** Numbers without an exponent, as text where they are not whole; engines read `1e-7` in their own ways. */
function plainNumber(value: Operand): Operand {
  return typeof value === 'number' && !Number.isSafeInteger(value) ? Decimal.from(value).toString() : value
}

function postgresType(values: readonly Operand[], kind: ColumnKind): string {
  if (kind === 'text' || kind === 'date' || kind === 'time') return kind
  if (kind === 'datetime') return 'timestamp'
  if (kind === 'decimal' || !values.every(Number.isSafeInteger)) return 'numeric'
  return values.every((value) => Math.abs(Number(value)) < 2 ** 31) ? 'integer' : 'bigint'
}
