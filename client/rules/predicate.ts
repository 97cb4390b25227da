/**
 * A row condition as data. The same tree becomes SQL for lists, counts, reports and exports, and is evaluated in memory for
 * single documents, so that a rule is written once.
 *
 * A missing value (NULL, undefined) counts as the zero of its field's kind in every comparison: '' for text, 0 for numbers,
 * 0001-01-01 for dates. Text compares by code point, and exactly; `like` ignores case and knows `%`, `_` and the escape `\`.
 */
export type Predicate =
  | { all: readonly Predicate[] } // empty: true
  | { any: readonly Predicate[] } // empty: false
  | { not: Predicate }
  | Comparison
  | ChildCondition
  | SharedCondition

/** Compares one column of the row. */
export interface Comparison {
  field: string
  op: ComparisonOperator
  /** A scalar in column form (see the field type's cast); a list for `in` and `not in`; a pair for `between`; absent for `set`/`not set`. */
  value?: unknown
}

export type ComparisonOperator =
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | 'like'
  | 'not like'
  | 'in'
  | 'not in'
  | 'between'
  | 'set'
  | 'not set'

/** Some row of a child table satisfies the inner condition (`none: true` turns it into: no row does). */
export interface ChildCondition {
  child: string // fieldname of the Table field
  where: Predicate
  none?: boolean
}

/** The document was shared with this user (or everyone) with the named right. */
export interface SharedCondition {
  shared: 'read' | 'write' | 'share' | 'submit'
  user: string
}

export const always: Predicate = { all: [] }
export const never: Predicate = { any: [] }

/** Joins conditions with AND, dropping what is always true and collapsing on what is never. */
export function and(...parts: readonly Predicate[]): Predicate {
  const kept: Predicate[] = []
  for (const part of parts) {
    if (isNever(part)) return never
    if ('all' in part) kept.push(...part.all)
    else kept.push(part)
  }
  return kept.length === 1 ? (kept[0] as Predicate) : { all: kept }
}

/** Joins conditions with OR, dropping what is never true and collapsing on what always is. */
export function or(...parts: readonly Predicate[]): Predicate {
  const kept: Predicate[] = []
  for (const part of parts) {
    if (isAlways(part)) return always
    if ('any' in part) kept.push(...part.any)
    else kept.push(part)
  }
  return kept.length === 1 ? (kept[0] as Predicate) : { any: kept }
}

export function isAlways(predicate: Predicate): boolean {
  return 'all' in predicate && predicate.all.length === 0
}

export function isNever(predicate: Predicate): boolean {
  return 'any' in predicate && predicate.any.length === 0
}

/** A comparison, spelled short. */
export function where(field: string, op: ComparisonOperator, value?: unknown): Comparison {
  return value === undefined ? { field, op } : { field, op, value }
}
