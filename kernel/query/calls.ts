import { Decimal } from '#client/rules/decimal.ts'
import type { ColumnKind } from '#client/rules/evaluate-predicate.ts'
import type { Dialect, SqlValue } from '#kernel/database/database.ts'
import { type Sql, sql } from '#kernel/database/sql.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import { QueryMalformed } from './errors.ts'
import { aggregateNames, type FunctionCall } from './expressions.ts'
import { piece } from './piece.ts'
import type { Column, Scope } from './scope.ts'

/** Makes the wire value of one column of an answer. `stored` holds the values of the call's slots. */
export type Reading = (stored: readonly SqlValue[], wire: Wire) => unknown

/** A function call ready for a statement. */
export interface BuiltCall {
  readonly isAggregate: boolean
  /** The column it works on; undefined for `count(*)`. */
  readonly column: Column | undefined
  /** SQL texts to select; more than one where the answer is put together afterwards. */
  readonly slots: readonly string[]
  readonly read: Reading
  /** What sorting and grouping by it mean; undefined where the function is applied after the query. */
  readonly sort: string | undefined
  /** How its values compare. */
  readonly kind: ColumnKind
}

/** @throws UnknownField, FieldNotPermitted, QueryMalformed */
export async function buildCall(scope: Scope, call: FunctionCall, path: string, wire: Wire): Promise<BuiltCall> {
  const isAggregate = aggregateNames.has(call.fn)
  if (call.of === '*')
    return { isAggregate, column: undefined, slots: ['count(*)'], read: ([count]) => Number(count), sort: 'count(*)', kind: 'number' }
  const column = await scope.resolve(call.of, 'aggregate', path)
  const { dialect } = scope.ctx.db
  const built = isAggregate ? aggregate(call, column, path, dialect) : scalar(call, column, path, dialect, wire)
  const kind = call.fn === 'date' ? 'date' : numeric.has(call.fn) ? 'number' : column.kind
  return { isAggregate, column, ...built, kind }
}

const numeric: ReadonlySet<string> = new Set(['count', 'year', 'quarter', 'month'])

type Body = Pick<BuiltCall, 'slots' | 'read' | 'sort'>

function aggregate(call: FunctionCall, column: Column, path: string, dialect: Dialect): Body {
  if (call.fn === 'count') {
    const text = `count(${call.distinct ? 'distinct ' : ''}${column.text})`
    return { slots: [text], read: ([count]) => Number(count), sort: text }
  }
  if (call.fn === 'min' || call.fn === 'max') return extreme(call.fn, column, dialect)
  if (column.kind === 'decimal') return exactTotal(call.fn as 'sum' | 'avg', column, dialect)
  if (column.kind !== 'number') throw new QueryMalformed({ field: path, reason: `${column.field.fieldname} is not a number` })
  const sum = `sum(${column.text})`
  if (call.fn === 'sum') return { slots: [sum], read: ([total]) => (total === null ? null : rounded(Number(total))), sort: sum }
  // Engines round averages differently, so the division happens here.
  const count = `count(${column.text})`
  return {
    slots: [sum, count],
    read: ([total, rows]) => (total === null ? null : rounded(Number(total) / Number(rows))),
    sort: `avg(${column.text})`,
  }
}

/** Nine places, as columns keep them; hides what binary sums leave behind. */
function rounded(value: number): number {
  return Number.isSafeInteger(value) ? value : Number(value.toFixed(9))
}

function extreme(fn: 'min' | 'max', column: Column, dialect: Dialect): Body {
  const { type } = column.field
  const text = `${fn}(${column.text})`
  if (column.kind === 'decimal')
    return { slots: [textOf(dialect.decimalAggregate(fn, column.sql), dialect)], read: decimalReading(column), sort: text }
  return { slots: [text], read: ([value = null], wire) => type.toWire(type.fromColumn(value, dialect), wire), sort: text }
}

function exactTotal(fn: 'sum' | 'avg', column: Column, dialect: Dialect): Body {
  const text = textOf(dialect.decimalAggregate(fn, column.sql), dialect)
  // SQLite's exact sums are text; a sort needs a number.
  return {
    slots: [text],
    read: decimalReading(column),
    sort: dialect.name === 'sqlite' ? `cast(${text} as real)` : `${fn}(${column.text})`,
  }
}

function decimalReading(column: Column): Reading {
  const { type } = column.field
  return ([value], wire) => (value === null || value === undefined ? null : type.toWire(Decimal.from(String(value)), wire))
}

function textOf(fragment: Sql, dialect: Dialect): string {
  const made = piece(fragment, dialect)
  if (made.parameters.length) throw new Error('An aggregate must not carry values.')
  return made.text
}

function scalar(call: FunctionCall, column: Column, path: string, dialect: Dialect, wire: Wire): Body {
  const { type } = column.field
  if (call.fn === 'ifnull' || call.fn === 'coalesce') {
    return {
      slots: [column.text],
      read: ([value = null], to) => (value === null ? call.fallback : type.toWire(type.fromColumn(value, dialect), to)),
      sort: undefined,
    }
  }
  if (call.fn === 'abs') {
    if (column.kind !== 'number' && column.kind !== 'decimal')
      throw new QueryMalformed({ field: path, reason: `${column.field.fieldname} is not a number` })
    return {
      slots: [column.text],
      read: ([value = null], to) => type.toWire(positive(type.fromColumn(value, dialect)), to),
      sort: undefined,
    }
  }
  if (column.kind !== 'date' && column.kind !== 'datetime')
    throw new QueryMalformed({ field: path, reason: `${column.field.fieldname} is not a date` })
  if (column.kind === 'datetime' && wire.zone !== 'UTC') {
    throw new QueryMalformed({
      field: path,
      reason: `the day of ${column.field.fieldname} depends on the time zone; use a date field, or a “between” filter per period`,
    })
  }
  const text = textOf(datePart(call.fn as DatePart, column.sql, dialect), dialect)
  if (call.fn === 'date') return { slots: [text], read: ([day]) => day ?? null, sort: text }
  return { slots: [text], read: ([part]) => (part === null ? null : Number(part)), sort: text }
}

function positive<T>(value: T): T | number | Decimal {
  if (value instanceof Decimal) return value.abs()
  return typeof value === 'number' ? Math.abs(value) : value
}

type DatePart = 'year' | 'quarter' | 'month' | 'date'

function datePart(part: DatePart, column: Sql, dialect: Dialect): Sql {
  if (dialect.name === 'mariadb') return sql`${sql.raw(part)}(${column})`
  if (dialect.name === 'postgres')
    return part === 'date' ? sql`cast(${column} as date)` : sql`cast(extract(${sql.raw(part)} from ${column}) as integer)`
  if (part === 'date') return sql`substr(${column}, 1, 10)`
  if (part === 'year') return sql`cast(substr(${column}, 1, 4) as integer)`
  const month = sql`cast(substr(${column}, 6, 2) as integer)`
  return part === 'month' ? month : sql`(${month} + 2) / 3`
}
