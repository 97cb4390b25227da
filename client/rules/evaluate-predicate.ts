import { Decimal, NotANumber } from './decimal.ts'
import type { Comparison, Predicate, SharedCondition } from './predicate.ts'
import { compareText, likeMatcher } from './text.ts'

/** How a column's values compare; follows from the field type. */
export type ColumnKind = 'text' | 'number' | 'decimal' | 'date' | 'datetime' | 'time'

/** What the evaluator must know about the row's DocType. Each function throws when the field or table does not exist. */
export interface RowFacts {
  kindOf(field: string): ColumnKind
  /** The rows of one of the document's child tables. */
  children(table: string): readonly object[]
  childKind(table: string, field: string): ColumnKind
  /** Whether the document was shared with the user, or with everyone, with this right. */
  shared(right: SharedCondition['shared'], user: string): boolean
}

/**
 * Decides in memory whether a row satisfies a predicate, with the answer that the SQL made of the same predicate gives.
 * `set` means: differs from the zero of its kind.
 * @param row  values in column form (see the field types' cast); text dates, decimals as Decimal, text or number
 * @throws NotANumber when a number column or the value it is compared with holds something else
 * @throws TypeError  when the predicate itself is malformed
 */
export function matches(predicate: Predicate, row: object, facts: RowFacts): boolean {
  if ('field' in predicate) return compares(predicate, row, facts.kindOf(predicate.field))
  if ('all' in predicate) return predicate.all.every((part) => matches(part, row, facts))
  if ('any' in predicate) return predicate.any.some((part) => matches(part, row, facts))
  if ('not' in predicate) return !matches(predicate.not, row, facts)
  if ('child' in predicate) {
    const table = predicate.child
    const inner = childFacts(table, facts)
    const found = facts.children(table).some((child) => matches(predicate.where, child, inner))
    return found !== (predicate.none === true)
  }
  if ('shared' in predicate) return facts.shared(predicate.shared, predicate.user)
  throw new TypeError('Not a predicate.')
}

function childFacts(table: string, facts: RowFacts): RowFacts {
  const refuse = () => {
    throw new TypeError(`A row of ${table} has no child tables.`)
  }
  return { kindOf: (field) => facts.childKind(table, field), children: refuse, childKind: refuse, shared: facts.shared }
}

function compares(comparison: Comparison, row: object, kind: ColumnKind): boolean {
  const { op, value } = comparison
  const cell = cellOf(row, comparison.field)
  switch (op) {
    case '=':
      return compareValues(cell, value, kind) === 0
    case '!=':
      return compareValues(cell, value, kind) !== 0
    case '<':
      return compareValues(cell, value, kind) < 0
    case '<=':
      return compareValues(cell, value, kind) <= 0
    case '>':
      return compareValues(cell, value, kind) > 0
    case '>=':
      return compareValues(cell, value, kind) >= 0
    case 'like':
      return isLike(cell, value, kind)
    case 'not like':
      return !isLike(cell, value, kind)
    case 'in':
      return list(value).some((item) => compareValues(cell, item, kind) === 0)
    case 'not in':
      return !list(value).some((item) => compareValues(cell, item, kind) === 0)
    case 'between': {
      const [from, to, ...rest] = list(value)
      if (from === undefined || to === undefined || rest.length) throw new TypeError('between takes a pair.')
      return compareValues(cell, from, kind) >= 0 && compareValues(cell, to, kind) <= 0
    }
    case 'set':
      return compareValues(cell, null, kind) !== 0
    case 'not set':
      return compareValues(cell, null, kind) === 0
    default:
      throw new TypeError(`Unknown operator ${String(op)}.`)
  }
}

// A controller may compute a field with a getter, so the prototype chain is followed; a method is not a value.
function cellOf(row: object, field: string): unknown {
  const value = (row as Record<string, unknown>)[field]
  return typeof value === 'function' ? undefined : value
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('A list of values is missing.')
  return value
}

function isLike(cell: unknown, pattern: unknown, kind: ColumnKind): boolean {
  return likeMatcher(asText(pattern, 'text'))(
    kind === 'number' || kind === 'decimal' ? Decimal.from(asNumber(cell)).toString() : asText(cell, kind),
  )
}

const zeros = { text: '', date: '0001-01-01', datetime: '0001-01-01 00:00:00.000000', time: '00:00:00.000000' } as const

/**
 * Orders two values of one kind; a missing one (null, undefined, and '' where the kind is not text) is the zero of the kind.
 * @returns negative, zero or positive
 * @throws NotANumber when a number is expected and either is something else
 */
export function compareValues(a: unknown, b: unknown, kind: ColumnKind): number {
  if (kind !== 'number' && kind !== 'decimal') return compareText(asText(a, kind), asText(b, kind))
  const left = asNumber(a)
  const right = asNumber(b)
  // Two doubles order as their shortest texts do, so the exact way is needed only for text and Decimals.
  if (typeof left === 'number' && typeof right === 'number') return left - right
  return Decimal.from(left).compare(right)
}

function asText(value: unknown, kind: keyof typeof zeros): string {
  if (value === null || value === undefined || value === '') return zeros[kind]
  return typeof value === 'string' ? value : typeof value === 'boolean' ? String(Number(value)) : String(value)
}

function asNumber(value: unknown): number | Decimal {
  if (value === null || value === undefined || value === '') return 0
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (value instanceof Decimal) return value
  if (typeof value === 'string' || typeof value === 'bigint') return Decimal.from(value)
  throw new NotANumber({ value: String(value).slice(0, 100) })
}
