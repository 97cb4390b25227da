import { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { fieldTypes } from '#kernel/fields/field-types.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { columnOfQuery, distinct, readColumns, shownValue } from './columns.ts'
import type { ReportFilterDefinition, ReportResult } from './report.ts'
import type { ValueType } from './sql/functions.ts'
import { parseQuery } from './sql/parse.ts'
import type { FilterValue } from './sql/parameters.ts'
import { printQuery } from './sql/print.ts'
import { runQuery } from './sql/run.ts'
import type { StoredReport } from './stored-report.ts'

/** Runs a Query Report on what its reader may see. @throws ReportQueryInvalid, BadReportFilter, PermissionDenied, and as `runQuery` */
export async function runQueryReport(
  ctx: Context,
  report: StoredReport,
  filters: Readonly<Record<string, unknown>>,
  { action, timeMs, rows: most }: { action: Action | undefined; timeMs: number; rows: number },
): Promise<ReportResult> {
  const printed = await printQuery(ctx, parseQuery(report.query), {
    report: report.name,
    filters: new Map(Object.entries(filters).map(([name, value]) => [name, filterValue(value)])),
    types: new Map(report.filters.map((filter) => [filter.fieldname, filterType(filter)])),
    demands: { doctype: report.refDoctype, actions: action ? ['report', action] : ['report'] },
    most: most + 1,
  })
  const stored = await runQuery(ctx, printed, { timeMs, rows: most })
  const declared = readColumns(report.columns.filter((column) => column.fieldname) as never)
  const columns = distinct(printed.columns.map((column, at) => declared[at] ?? columnOfQuery(column, at)))
  const wire = wireV1(ctx)
  return {
    columns,
    rows: stored.map((values) =>
      Object.fromEntries(columns.map((column, at) => [column.fieldname, shownValue(column, values[`c${at}`], wire)])),
    ),
  }
}

function filterValue(value: unknown): FilterValue {
  if (Array.isArray(value)) return value.map((one) => (typeof one === 'number' ? one : String(one)))
  if (value instanceof Decimal) return value.toString()
  if (typeof value === 'boolean') return Number(value)
  return value === undefined ? null : (value as FilterValue)
}

/** How an engine that types its placeholders is to read a filter. */
function filterType({ fieldtype }: ReportFilterDefinition): ValueType {
  const type = fieldTypes.get(fieldtype)
  if (type?.kind === 'number') return fieldtype === 'Int' || fieldtype === 'Check' ? 'integer' : 'number'
  if (type?.kind === 'decimal') return 'number'
  return type?.kind === 'date' || type?.kind === 'datetime' || type?.kind === 'time' ? type.kind : 'text'
}

/** Refuses the text of a query that cannot be read. Whether its tables and columns are there shows when somebody runs it. @throws ReportQueryInvalid */
export function checkQuery(text: string): void {
  parseQuery(text)
}
