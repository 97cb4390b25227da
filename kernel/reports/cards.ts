import { Decimal } from '#client/rules/decimal.ts'
import { addDays, addMonths } from '#client/rules/dates.ts'
import type { Context } from '#kernel/context/context.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { count } from '#kernel/query/count.ts'
import { list } from '#kernel/query/list.ts'
import { filtersFor } from './charts.ts'
import { ChartInvalid } from './errors.ts'
import { today } from './filters.ts'
import { runReport } from './run-report.ts'

type Card = Readonly<Record<string, unknown>>

const functions: Readonly<Record<string, string>> = { Sum: 'SUM', Average: 'AVG', Minimum: 'MIN', Maximum: 'MAX' }

/**
 * The number on a Number Card, computed from what the user may read; 0 where there is nothing.
 * @param filters in the place of the card's own
 * @param before only documents created before this day count
 * @throws ChartInvalid, PermissionDenied, and what lists and reports throw
 */
export async function cardResult(ctx: Context, card: Card, filters?: unknown, before?: string): Promise<number> {
  if (card.type === 'Report') return reportResult(ctx, card, filters)
  const doctype = String(card.document_type ?? '')
  if (doctype === '') throw invalid(card, 'document_type', 'a DocType is needed.')
  const asked = withinDays(filtersFor(card.filters_json, filters), doctype, before)
  const parent =
    typeof card.parent_document_type === 'string' && card.parent_document_type !== '' ? { parent: card.parent_document_type } : {}
  const kind = String(card.function ?? 'Count')
  if (kind === 'Count') return count(ctx, doctype, { filters: asked, ...parent, wire: wireV1(ctx) })
  const fn = Object.hasOwn(functions, kind) ? functions[kind] : undefined
  if (!fn) throw invalid(card, 'function', `there is no function ${kind}.`)
  const field = String(card.aggregate_function_based_on ?? '')
  if (field === '') throw invalid(card, 'aggregate_function_based_on', 'a field is needed.')
  const { rows } = await list(ctx, doctype, {
    fields: [{ [fn]: field, as: 'result' }],
    filters: asked,
    limit: 1,
    ...parent,
    wire: wireV1(ctx),
  })
  return numberOf(rows[0]?.result)
}

/**
 * By how many percent the number has changed since the period before; undefined where there is nothing to compare with, or the card does
 * not ask for it.
 */
export async function cardChange(ctx: Context, card: Card, filters?: unknown, result?: number): Promise<number | undefined> {
  if (card.show_percentage_stats !== 1 || card.type === 'Report' || card.type === 'Custom') return undefined
  const before = await cardResult(ctx, card, filters, periodStart(ctx, String(card.stats_time_interval || 'Daily')))
  if (before === 0) return undefined
  const now = result ?? (await cardResult(ctx, card, filters))
  return now === before ? 0 : (now / before - 1) * 100
}

function periodStart(ctx: Context, interval: string): string {
  const day = today(ctx)
  if (interval === 'Weekly') return addDays(day, -7)
  if (interval === 'Monthly') return addMonths(day, -1)
  return interval === 'Yearly' ? addMonths(day, -12) : addDays(day, -1)
}

function withinDays(filters: unknown, doctype: string, before: string | undefined): unknown {
  if (before === undefined) return filters
  const own: unknown[] = Array.isArray(filters)
    ? filters
    : Object.entries((filters ?? {}) as Record<string, unknown>).map(([field, value]) =>
        Array.isArray(value) ? [doctype, field, value[0], value[1]] : [doctype, field, '=', value],
      )
  return [...own, [doctype, 'creation', '<', before]]
}

async function reportResult(ctx: Context, card: Card, filters: unknown): Promise<number> {
  const field = String(card.report_field ?? '')
  const { columns, rows } = await runReport(ctx, String(card.report_name ?? ''), filtersFor(card.filters_json, filters))
  if (!columns.some((column) => column.fieldname === field)) throw invalid(card, 'report_field', 'the report has no such column.')
  const values = rows.map((row) => row[field]).filter((value) => typeof value === 'number' || value instanceof Decimal)
  if (values.length === 0) return 0
  const sorted = values.map((value) => Decimal.from(value as number)).sort((a, b) => a.minus(b).toNumber())
  const sum = sorted.reduce((made, value) => made.plus(value), Decimal.zero)
  switch (card.report_function) {
    case 'Average':
      return sum.dividedBy(sorted.length, 9).toNumber()
    case 'Minimum':
      return (sorted[0] as Decimal).toNumber()
    case 'Maximum':
      return (sorted.at(-1) as Decimal).toNumber()
    default:
      return sum.toNumber()
  }
}

function numberOf(value: unknown): number {
  return value instanceof Decimal ? value.toNumber() : typeof value === 'number' ? value : 0
}

function invalid(card: Card, field: string, reason: string): Error {
  return new ChartInvalid({ chart: String(card.label ?? card.name ?? ''), field, reason })
}
