import type { Predicate } from '#client/rules/predicate.ts'
import type { Dialect } from '#kernel/database/database.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { columnKind, columnText } from './columns.ts'

/** A column whose values a user is confined to several of, as the tenant in which a row lies. */
export interface Branches {
  /** The column in SQL. */
  readonly column: string
  readonly values: readonly string[]
}

/** Rows that all branches of a statement may look at together; where it would be more, the statement stays in one piece. */
export const mostBranchRows = 20_000
const mostBranches = 50

/**
 * The branches into which a list in order may be split: the first page of each value, put together, holds the first page of all.
 * SQLite alone needs this: for `tenant in (a, b)` it collects every row of both and sorts them, which at 100,000 rows takes a thousand
 * times as long as the same list for one tenant or for everybody. The other engines know how many rows there are and choose well.
 * @param rows  the condition that a user's rights set; it must hold in any case, the branches only narrow
 */
export function branchesOf(rows: Predicate, meta: Meta, alias: string, dialect: Dialect): Branches | undefined {
  if (dialect.name !== 'sqlite') return undefined
  for (const part of 'all' in rows ? rows.all : [rows]) {
    if (!('op' in part) || part.op !== 'in' || !Array.isArray(part.value)) continue
    const field = meta.column.get(part.field)
    if (!field || field.fieldname === 'name' || columnKind(field) !== 'text') continue
    const values = [...new Set(part.value as unknown[])]
    // An empty text stands for missing values too, which equality would not find.
    const isPlain = values.every((value): value is string => typeof value === 'string' && value !== '')
    if (isPlain && values.length > 1 && values.length <= mostBranches)
      return { column: columnText(alias, field.fieldname, dialect), values }
  }
  return undefined
}
