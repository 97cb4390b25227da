import { type ColumnKind, compareValues } from '#client/rules/evaluate-predicate.ts'
import type { ChildCondition, Comparison, ComparisonOperator, Predicate, SharedCondition } from '#client/rules/predicate.ts'
import { among, comparisons, type Operand, operand, zeroOf } from './comparison.ts'
import type { Dialect } from './database.ts'
import { likeMatchesEmpty } from './like-pattern.ts'
import { ident, join, type Sql, sql } from './sql.ts'

/** A column as a condition may use it. */
export interface PredicateColumn {
  /** The column, qualified with its table or alias. */
  sql: Sql
  kind: ColumnKind
  /** Whether the column may hold NULL, which counts as the zero of its kind. */
  nullable: boolean
}

/** The columns and child tables that a predicate on one DocType may name; undefined where there is none of that name. */
export interface PredicateColumns {
  column(field: string): PredicateColumn | undefined
  child(field: string): ChildTable | undefined
  /** The document's name, qualified as the columns are. */
  docName: Sql
  doctype: string
}

export interface ChildTable {
  /** Name of the child rows' table; its columns are qualified with it. */
  table: string
  parentDoctype: string
  column(field: string): PredicateColumn | undefined
}

/**
 * Turns a row condition into SQL with exactly the meaning that `matches` (client/rules/evaluate-predicate.ts) gives it. A missing
 * value is caught with `or … is null` only where the zero of its kind would satisfy the comparison, so that indexes serve.
 * The result is never to be negated with SQL's own NOT: it may be NULL where it means false.
 * @throws Error for an unknown field or child table; whoever built the predicate should have refused it
 */
export function predicateToSql(predicate: Predicate, columns: PredicateColumns, dialect: Dialect): Sql {
  return condition(predicate, columns, dialect, false)
}

const yes = sql`1 = 1`
const no = sql`1 = 0`

/** Negation travels inwards (De Morgan), because NOT of a comparison with NULL is NULL. */
function condition(predicate: Predicate, columns: PredicateColumns, dialect: Dialect, negated: boolean): Sql {
  if ('field' in predicate) return comparison(predicate, columns, dialect, negated)
  if ('all' in predicate) return every(predicate.all, columns, dialect, negated, !negated)
  if ('any' in predicate) return every(predicate.any, columns, dialect, negated, negated)
  if ('not' in predicate) return condition(predicate.not, columns, dialect, !negated)
  if ('child' in predicate) return childCondition(predicate, columns, dialect, negated)
  if ('shared' in predicate) return sharedCondition(predicate, columns, negated)
  throw new TypeError('Not a predicate.')
}

function every(parts: readonly Predicate[], columns: PredicateColumns, dialect: Dialect, negated: boolean, isAnd: boolean): Sql {
  const made = parts.map((part) => condition(part, columns, dialect, negated))
  const neutral = isAnd ? yes : no
  if (made.includes(isAnd ? no : yes)) return isAnd ? no : yes
  const kept = made.filter((part) => part !== neutral)
  if (kept.length < 2) return kept[0] ?? neutral
  return sql`(${join(kept, isAnd ? ' and ' : ' or ')})`
}

const opposite: Record<ComparisonOperator, ComparisonOperator | 'outside'> = {
  '=': '!=',
  '!=': '=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
  like: 'not like',
  'not like': 'like',
  in: 'not in',
  'not in': 'in',
  between: 'outside',
  set: 'not set',
  'not set': 'set',
}

function comparison(given: Comparison, columns: Pick<PredicateColumns, 'column'>, dialect: Dialect, negated: boolean): Sql {
  const column = columns.column(given.field)
  if (!column) throw new Error(`The condition names an unknown field ${given.field}.`)
  const { kind } = column
  if (!Object.hasOwn(opposite, given.op)) throw new TypeError(`Unknown operator ${String(given.op)}.`)
  const op = negated ? opposite[given.op] : given.op
  switch (op) {
    case 'set':
      return ordered(column, '!=', zeroOf(kind), dialect)
    case 'not set':
      return ordered(column, '=', zeroOf(kind), dialect)
    case 'like':
    case 'not like':
      return alike(column, String(operand(given.value, 'text')), op === 'not like', dialect)
    case 'in':
    case 'not in':
      return listed(column, list(given.value), op === 'not in', dialect)
    case 'between':
    case 'outside': {
      const [from, to, ...rest] = list(given.value)
      if (from === undefined || to === undefined || rest.length) throw new TypeError('between takes a pair.')
      return ranged(column, operand(from, kind), operand(to, kind), op === 'outside', dialect)
    }
    default:
      return ordered(column, op, operand(given.value, kind), dialect)
  }
}

const holds: Record<'=' | '!=' | '<' | '<=' | '>' | '>=', (order: number) => boolean> = {
  '=': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
}

function ordered(column: PredicateColumn, op: keyof typeof holds, value: Operand, dialect: Dialect): Sql {
  const made = sql`${column.sql} ${sql.raw(op === '!=' ? '<>' : op)} ${comparisons[dialect.name].value(value, column.kind)}`
  return withMissing(made, column, holds[op](compareValues(zeroOf(column.kind), value, column.kind)))
}

function ranged(column: PredicateColumn, from: Operand, to: Operand, isOutside: boolean, dialect: Dialect): Sql {
  const { kind } = column
  const spell = comparisons[dialect.name]
  const [low, high] = [spell.value(from, kind), spell.value(to, kind)]
  const zero = zeroOf(kind)
  const zeroInside = compareValues(zero, from, kind) >= 0 && compareValues(zero, to, kind) <= 0
  const made = isOutside ? sql`(${column.sql} < ${low} or ${column.sql} > ${high})` : sql`${column.sql} between ${low} and ${high}`
  return withMissing(made, column, zeroInside !== isOutside)
}

function listed(column: PredicateColumn, values: readonly unknown[], isNot: boolean, dialect: Dialect): Sql {
  const wanted = [...new Set(values.map((value) => operand(value, column.kind)))]
  const [only] = wanted
  if (only === undefined) return isNot ? yes : no
  if (wanted.length === 1) return ordered(column, isNot ? '!=' : '=', only, dialect)
  const zero = zeroOf(column.kind)
  const hasZero = wanted.some((value) => compareValues(zero, value, column.kind) === 0)
  return withMissing(among(dialect.name, column.sql, wanted, column.kind, isNot), column, hasZero !== isNot)
}

function alike(column: PredicateColumn, pattern: string, isNot: boolean, dialect: Dialect): Sql {
  const text = comparisons[dialect.name].text(column.sql, column.kind)
  if (column.kind === 'text') return withMissing(dialect.like(text, pattern, isNot), column, likeMatchesEmpty(pattern) !== isNot)
  const filled = column.nullable ? sql`coalesce(${text}, ${sql.lit(String(zeroOf(column.kind)))})` : text
  return dialect.like(filled, pattern, isNot)
}

function withMissing(made: Sql, column: PredicateColumn, zeroSatisfies: boolean): Sql {
  return column.nullable && zeroSatisfies ? sql`(${made} or ${column.sql} is null)` : made
}

function childCondition(given: ChildCondition, columns: PredicateColumns, dialect: Dialect, negated: boolean): Sql {
  const child = columns.child(given.child)
  if (!child) throw new Error(`The condition names an unknown child table ${given.child}.`)
  const own = (name: string) => sql`${ident(child.table)}.${ident(name)}`
  const inner: PredicateColumns = {
    column: (field) => child.column(field),
    child: () => undefined,
    docName: own('name'),
    doctype: child.table,
  }
  const rows = sql`select 1 from ${ident(child.table)} where ${own('parent')} = ${columns.docName}
    and ${own('parenttype')} = ${child.parentDoctype} and ${own('parentfield')} = ${given.child} and ${condition(given.where, inner, dialect, false)}`
  return sql`${sql.raw(negated !== (given.none === true) ? 'not ' : '')}exists (${rows})`
}

const rights = new Set<SharedCondition['shared']>(['read', 'write', 'share', 'submit'])

function sharedCondition(given: SharedCondition, columns: PredicateColumns, negated: boolean): Sql {
  if (!rights.has(given.shared)) throw new TypeError(`Unknown right ${String(given.shared)}.`)
  const names = sql`select ${ident('share_name')} from ${ident('tabDocShare')} where ${ident('share_doctype')} = ${columns.doctype}
    and ${ident('share_name')} is not null and (${ident('user')} = ${given.user} or ${ident('everyone')} = 1) and ${ident(given.shared)} = 1`
  return sql`${columns.docName} ${sql.raw(negated ? 'not ' : '')}in (${names})`
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('A list of values is missing.')
  return value
}
