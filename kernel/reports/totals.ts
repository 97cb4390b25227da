import { Decimal } from '#client/rules/decimal.ts'
import { isNumeric } from './columns.ts'
import type { ReportColumn } from './report.ts'

/**
 * The sums of a report's numbers, exact; averages of percentages. In a tree only the outermost rows count. A sum over amounts of
 * different currencies means nothing and is left out.
 * @returns undefined where no column has numbers
 */
export function totalOf(columns: readonly ReportColumn[], rows: readonly Record<string, unknown>[]): Record<string, unknown> | undefined {
  const outermost = rows.filter((row) => !(Number(row.indent) > 0))
  const total: Record<string, unknown> = {}
  for (const column of columns) {
    if (!isNumeric(column) || column.fieldtype === 'Check' || column.disable_total) continue
    if (column.fieldtype === 'Currency' && currenciesOf(column, outermost) > 1) continue
    const values = outermost.flatMap((row) => (isAmount(row[column.fieldname]) ? [Decimal.from(row[column.fieldname] as Decimal)] : []))
    if (values.length === 0) continue
    const sum = values.reduce((made, value) => made.plus(value), Decimal.zero)
    const made = column.fieldtype === 'Percent' || column.fieldtype === 'Rating' ? sum.dividedBy(values.length, 9) : sum
    total[column.fieldname] = column.fieldtype === 'Currency' ? made : made.toNumber()
  }
  return Object.keys(total).length > 0 ? total : undefined
}

function isAmount(value: unknown): value is Decimal | number {
  return value instanceof Decimal || (typeof value === 'number' && Number.isFinite(value))
}

/** How many currencies a column's rows name; its options say in which field. */
function currenciesOf(column: ReportColumn, rows: readonly Record<string, unknown>[]): number {
  const field = column.options ?? ''
  if (field === '' || !rows.some((row) => field in row)) return 1
  return new Set(rows.filter((row) => isAmount(row[column.fieldname])).map((row) => row[field])).size
}

/** The total as a row beside the others, in the order of the columns: its first text says what it is. */
export function totalCells(columns: readonly ReportColumn[], total: Readonly<Record<string, unknown>>): unknown[] {
  const label = columns.findIndex((column) => !isNumeric(column))
  return columns.map((column, at) => (at === label ? 'Total' : (total[column.fieldname] ?? null)))
}
