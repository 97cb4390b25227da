import { parseDate, parseDatetime, parseTime } from '#client/rules/dates.ts'
import { Decimal, isDecimalText } from '#client/rules/decimal.ts'
import { comparisons } from '#kernel/database/comparison.ts'
import type { Dialect, Row, SqlValue } from '#kernel/database/database.ts'
import { join, type Sql, sql } from '#kernel/database/sql.ts'
import { BadCursor } from './errors.ts'
import type { Plan } from './plan.ts'
import type { SortTerm } from './sorting.ts'

type CursorValue = string | number | null

/** Text that names the place after a row in the plan's order. It holds values the row was sorted by, which its reader may read. */
export function cursorAfter(plan: Plan, row: Row, dialect: Dialect): string {
  const values = plan.order.map((term) => cursorValue(term, row[term.slot] as SqlValue, dialect))
  return Buffer.from(JSON.stringify([plan.orderHash, ...values])).toString('base64url')
}

function cursorValue(term: SortTerm, stored: SqlValue, dialect: Dialect): CursorValue {
  if (stored === null || stored === undefined) return null
  if (!term.field) return typeof stored === 'string' ? stored : Number(stored)
  const value = term.field.type.fromColumn(stored, dialect)
  return value instanceof Decimal ? value.toString() : value
}

/**
 * The condition that a row comes after the cursor.
 * @throws BadCursor when the text is no cursor, or one of a list with another order
 */
export function afterCursor(plan: Plan, cursor: unknown, dialect: Dialect): Sql {
  if (!plan.hasCursor) throw new BadCursor({ field: 'after', reason: 'grouped and distinct lists have none' })
  const values = readCursor(plan, cursor)
  const branches: Sql[] = []
  for (const [index, term] of plan.order.entries()) {
    const later = isLater(term, values[index] as CursorValue, dialect)
    if (!later) continue
    const same = plan.order.slice(0, index).map((earlier, at) => isSame(earlier, values[at] as CursorValue, dialect))
    branches.push(sql`(${join([...same, later], ' and ')})`)
  }
  if (branches.length === 0) return sql`1 = 0`
  const bound = leadingBound(plan.order[0] as SortTerm, values[0] as CursorValue, dialect)
  const some = sql`(${join(branches, ' or ')})`
  return bound ? sql`${bound} and ${some}` : some
}

/** A plain bound on the first column, which lets an index find the place where the alternatives would not. */
function leadingBound(term: SortTerm, value: CursorValue, dialect: Dialect): Sql | undefined {
  if (value === null || (term.direction === 'desc' && term.nullable)) return undefined
  return sql`${term.sql} ${sql.raw(term.direction === 'asc' ? '>=' : '<=')} ${spell(term, value, dialect)}`
}

/** Missing values come first ascending and last descending (Dialect.orderBy). */
function isLater(term: SortTerm, value: CursorValue, dialect: Dialect): Sql | undefined {
  if (term.direction === 'asc') return value === null ? sql`${term.sql} is not null` : sql`${term.sql} > ${spell(term, value, dialect)}`
  if (value === null) return undefined
  const before = sql`${term.sql} < ${spell(term, value, dialect)}`
  return term.nullable ? sql`(${before} or ${term.sql} is null)` : before
}

function isSame(term: SortTerm, value: CursorValue, dialect: Dialect): Sql {
  return value === null ? sql`${term.sql} is null` : sql`${term.sql} = ${spell(term, value, dialect)}`
}

function spell(term: SortTerm, value: string | number, dialect: Dialect): Sql {
  return comparisons[dialect.name].value(value, term.kind)
}

const maxLength = 20_000

function readCursor(plan: Plan, cursor: unknown): CursorValue[] {
  const bad = (reason: string) => new BadCursor({ field: 'after', reason })
  if (typeof cursor !== 'string' || cursor.length > maxLength || !/^[\w-]+$/.test(cursor)) throw bad('it was not made by this list')
  let read: unknown
  try {
    read = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch (cause) {
    throw new BadCursor({ field: 'after', reason: 'it was not made by this list' }, { cause })
  }
  if (!Array.isArray(read) || read.length !== plan.order.length + 1) throw bad('it belongs to a list with another order')
  const [hash, ...values] = read as unknown[]
  if (hash !== plan.orderHash) throw bad('it belongs to a list with another order')
  if (!values.every((value, index) => isValue(value, plan.order[index] as SortTerm))) throw bad('it was not made by this list')
  return values as CursorValue[]
}

function isValue(value: unknown, term: SortTerm): boolean {
  if (value === null) return term.nullable
  if (term.kind === 'number') return typeof value === 'number' && Number.isFinite(value)
  if (typeof value !== 'string' || value.includes('\0') || !value.isWellFormed()) return false
  switch (term.kind) {
    case 'decimal':
      return isDecimalText(value) && value.length <= 60
    case 'date':
      return parseDate(value) === value
    case 'datetime':
      return parseDatetime(value)?.naive === value
    case 'time':
      return parseTime(value) === value
    case 'text':
      return true
  }
}
