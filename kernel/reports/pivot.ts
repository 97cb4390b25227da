import { Decimal } from '#client/rules/decimal.ts'
import { fieldnameOf } from './columns.ts'
import { ReportInvalid } from './errors.ts'
import type { ReportColumn, ReportResult } from './report.ts'
import { totalOf } from './totals.ts'

/** Fields whose values head the rows, the field whose values become columns, and what stands where they meet. */
export interface Pivot {
  readonly rows: readonly string[]
  readonly columns: string
  readonly value: { readonly fn: string; readonly field?: string }
}

const mostColumns = 200

/**
 * Spreads groups over rows and columns: each value of the pivot's field becomes a column, in the order of the values. Sums and counts get
 * a total at the end of each row and below the columns.
 * @param grouped one row per group: the row fields, the column field, the value
 * @throws ReportInvalid when the field has more than 200 values
 */
export function pivoted(grouped: ReportResult, pivot: Pivot, report: string): ReportResult {
  const heads = grouped.columns.slice(0, pivot.rows.length)
  const spread = grouped.columns[pivot.rows.length] as ReportColumn
  const value = grouped.columns[pivot.rows.length + 1] as ReportColumn
  const found = [...new Set(grouped.rows.map((row) => shown(row[spread.fieldname])))].sort((a, b) => (a < b ? -1 : 1))
  if (found.length > mostColumns)
    throw new ReportInvalid({ report, field: 'json', reason: `${spread.label} has more than ${mostColumns} values to make columns of.` })
  const isAdditive = pivot.value.fn === 'sum' || pivot.value.fn === 'count'
  // Numbered, as two values may make the same name.
  const keys = new Map(found.map((text, at) => [text, `${fieldnameOf(text, at).slice(0, 60)}_${at + 1}`]))
  const columns: ReportColumn[] = [
    ...heads,
    ...found.map((text) => ({ ...value, fieldname: keys.get(text) as string, label: text === '' ? '(empty)' : text })),
    ...(isAdditive ? [{ ...value, fieldname: 'row_total', label: 'Total' }] : []),
  ]
  const rows = new Map<string, Record<string, unknown>>()
  for (const group of grouped.rows) {
    const head = heads.map((column) => group[column.fieldname])
    const key = JSON.stringify(head)
    const row = rows.get(key) ?? Object.fromEntries(heads.map((column, at) => [column.fieldname, head[at]]))
    rows.set(key, row)
    const amount = group[value.fieldname]
    row[keys.get(shown(group[spread.fieldname])) as string] = amount
    if (isAdditive && amount !== null) row.row_total = plus(row.row_total, amount)
  }
  const made = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
  for (const row of made) for (const column of columns) row[column.fieldname] ??= null
  const total = isAdditive ? totalOf(columns, made) : undefined
  return { columns, rows: made, ...(total && { total }) }
}

function shown(value: unknown): string {
  return value === null || value === undefined ? '' : String(value)
}

function plus(sum: unknown, amount: unknown): unknown {
  if (sum === undefined) return amount
  const made = Decimal.from(sum as number).plus(amount as number)
  return amount instanceof Decimal ? made : made.toNumber()
}
