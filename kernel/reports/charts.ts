import { Decimal } from '#client/rules/decimal.ts'
import { addDays, addMonths, dayNumber, parseDate } from '#client/rules/dates.ts'
import type { Context } from '#kernel/context/context.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { list } from '#kernel/query/list.ts'
import { ChartInvalid } from './errors.ts'
import { today } from './filters.ts'
import { intervals, type Interval, periodsBetween } from './periods.ts'
import type { ChartData } from './report.ts'
import { runReport } from './run-report.ts'
import { dayTotals, type DayTotal } from './series.ts'

/** A Dashboard Chart as its document says it, and what the viewer asks for instead. */
export interface ChartRequest {
  readonly chart: Readonly<Record<string, unknown>>
  /** In the place of the chart's own. */
  readonly filters?: unknown
  readonly timespan?: string
  readonly interval?: string
  readonly from?: string
  readonly to?: string
  /** Year of a heat map. */
  readonly year?: number
}

/** What is drawn: labels and values, or for a heat map the number per day under the day's midnight in seconds since 1970, UTC. */
export type DrawnChart = ChartData | { readonly labels: readonly string[]; readonly dataPoints: Readonly<Record<string, number>> }

const mostGroups = 500

/**
 * Computes a chart from what the user may read; nothing is kept, as what one person sees is not what another does.
 * @throws ChartInvalid, PermissionDenied, and what lists and reports throw
 */
export async function drawChart(ctx: Context, request: ChartRequest): Promise<DrawnChart> {
  const { chart } = request
  const type = text(chart.chart_type)
  if (type === 'Group By') return groupedChart(ctx, request)
  if (type === 'Report') return reportChart(ctx, request)
  if (type === 'Custom') return customChart(ctx, request)
  if (type !== 'Count' && type !== 'Sum' && type !== 'Average') throw invalid(chart, 'chart_type', 'its type is unknown.')
  return text(chart.type) === 'Heatmap' ? heatmap(ctx, request) : timeChart(ctx, request, type)
}

/** The conditions in a document's `filters_json`, or those that came with the request. @throws BadJson */
export function filtersFor(own: unknown, asked: unknown): unknown {
  for (const given of [asked, own]) {
    const value = typeof given === 'string' ? (given.trim() === '' ? undefined : parseJson(given, 'filters')) : given
    if (value === undefined || value === null) continue
    if (Array.isArray(value) ? value.length > 0 : Object.keys(value as object).length > 0) return value
  }
  return undefined
}

async function timeChart(ctx: Context, request: ChartRequest, type: 'Count' | 'Sum' | 'Average'): Promise<ChartData> {
  const { chart } = request
  const interval = intervalOf(chart, request.interval || text(chart.time_interval) || 'Daily')
  const [from, to] = daysOf(ctx, request)
  const periods = periodsBetween(from, to, interval)
  const first = periods[0]?.from ?? from
  // The days after today hold nothing yet, but the last period is drawn whole.
  const totals = await totalsOf(ctx, request, type !== 'Count', first, periods.at(-1)?.to ?? to)
  const values: (number | null)[] = []
  let at = 0
  for (const period of periods) {
    let [count, valued, sum] = [0, 0, Decimal.zero]
    for (; at < totals.length && (totals[at] as DayTotal).day <= period.to; at++) {
      const one = totals[at] as DayTotal
      count += one.documents
      valued += one.values
      sum = sum.plus(one.sum)
    }
    values.push(type === 'Count' ? count : type === 'Sum' ? sum.toNumber() : valued === 0 ? 0 : sum.dividedBy(valued, 9).toNumber())
  }
  return { labels: periods.map((period) => period.label), datasets: [{ name: nameOf(chart), values }] }
}

async function heatmap(ctx: Context, request: ChartRequest): Promise<DrawnChart> {
  const { chart } = request
  const year = request.year ?? (Number(chart.heatmap_year) || Number(today(ctx).slice(0, 4)))
  if (!Number.isInteger(year) || year < 1000 || year > 9998) throw invalid(chart, 'heatmap_year', 'a heat map needs a year.')
  const isCount = text(chart.chart_type) === 'Count'
  const totals = await totalsOf(ctx, request, !isCount, `${year}-01-01`, `${year}-12-31`)
  const dataPoints: Record<string, number> = {}
  for (const { day, documents, values, sum } of totals) {
    const average = values === 0 ? 0 : sum.dividedBy(values, 9).toNumber()
    dataPoints[String(dayNumber(day) * 86_400)] = isCount ? documents : text(chart.chart_type) === 'Sum' ? sum.toNumber() : average
  }
  return { labels: [], dataPoints }
}

function totalsOf(ctx: Context, { chart, filters }: ChartRequest, hasValue: boolean, from: string, to: string): Promise<DayTotal[]> {
  const value = text(chart.value_based_on)
  if (hasValue && value === '') throw invalid(chart, 'value_based_on', 'a sum or average needs a field.')
  const parent = text(chart.parent_document_type)
  return dayTotals(ctx, {
    doctype: doctypeOf(chart),
    basedOn: text(chart.based_on) || 'creation',
    ...(hasValue && { value }),
    ...(parent && { parent }),
    filters: filtersFor(chart.filters_json, filters),
    from,
    to,
  })
}

const spans: Readonly<Record<string, (day: string) => string>> = {
  'Last Week': (day) => addDays(day, -7),
  'Last Month': (day) => addMonths(day, -1),
  'Last Quarter': (day) => addMonths(day, -3),
  'Last Year': (day) => addMonths(day, -12),
}

function daysOf(ctx: Context, { chart, timespan, from, to }: ChartRequest): [from: string, to: string] {
  const span = timespan || text(chart.timespan) || 'Last Year'
  const day = (value: unknown, field: string): string => parseDate(String(value ?? '').slice(0, 10)) ?? refuseDay(chart, field)
  if (span === 'Select Date Range') {
    const [first, last] = [day(from ?? chart.from_date, 'from_date'), day(to ?? chart.to_date, 'to_date')]
    if (first > last) throw invalid(chart, 'from_date', 'its first day comes after its last.')
    return [first, last]
  }
  const back = Object.hasOwn(spans, span) ? spans[span] : undefined
  if (!back) throw invalid(chart, 'timespan', `there is no time span ${span}.`)
  const last = to ? day(to, 'to_date') : today(ctx)
  return [from ? day(from, 'from_date') : back(last), last]
}

function refuseDay(chart: ChartRequest['chart'], field: string): never {
  throw invalid(chart, field, 'a day is needed.')
}

function intervalOf(chart: ChartRequest['chart'], given: string): Interval {
  const found = intervals.find((interval) => interval === given)
  if (!found) throw invalid(chart, 'time_interval', `an interval is one of ${intervals.join(', ')}.`)
  return found
}

/** The largest groups; with a number of groups, the others together come last. */
async function groupedChart(ctx: Context, { chart, filters }: ChartRequest): Promise<ChartData> {
  const group = text(chart.group_by_based_on)
  const kind = text(chart.group_by_type) || 'Count'
  const field = text(chart.aggregate_function_based_on)
  if (group === '') throw invalid(chart, 'group_by_based_on', 'a field to group by is needed.')
  if (kind !== 'Count' && field === '') throw invalid(chart, 'aggregate_function_based_on', 'a sum or average needs a field.')
  const value = kind === 'Count' ? { COUNT: '*', as: 'chart_value' } : { [kind === 'Sum' ? 'SUM' : 'AVG']: field, as: 'chart_value' }
  const parent = text(chart.parent_document_type)
  const { rows } = await list(ctx, doctypeOf(chart), {
    fields: [group, value],
    groupBy: group,
    filters: filtersFor(chart.filters_json, filters),
    orderBy: 'chart_value desc',
    limit: mostGroups,
    ...(parent && { parent }),
    wire: wireV1(ctx),
  })
  const found = rows.map((row) => ({
    label: labelOf(row[group.split('.').at(-1) as string] ?? row[group]),
    value: numberOf(row.chart_value),
  }))
  const most = Number(chart.number_of_groups ?? 0)
  if (most > 0 && found.length > most && kind !== 'Average') {
    const others = found.splice(most - 1).reduce((sum, one) => sum.plus(one.value ?? 0), Decimal.zero)
    found.push({ label: 'Other', value: others.toNumber() })
  } else if (most > 0) found.splice(most)
  return { labels: found.map((one) => one.label), datasets: [{ name: nameOf(chart), values: found.map((one) => one.value) }] }
}

async function reportChart(ctx: Context, { chart, filters }: ChartRequest): Promise<ChartData> {
  const report = await runReport(ctx, text(chart.report_name), filtersFor(chart.filters_json, filters))
  if (chart.use_report_chart === 1) {
    const data = (report.chart?.data ?? {}) as Partial<ChartData>
    return { labels: data.labels ?? [], datasets: data.datasets ?? [] }
  }
  const x = text(chart.x_field)
  const known = new Map(report.columns.map((column) => [column.fieldname, column.label]))
  if (!known.has(x)) throw invalid(chart, 'x_field', 'the report has no such column.')
  const axes = ((chart.y_axis as { y_field?: unknown }[] | undefined) ?? []).map((axis) => text(axis.y_field))
  if (axes.length === 0 || !axes.every((axis) => known.has(axis))) throw invalid(chart, 'y_axis', 'the report has no such column.')
  const rows = report.rows.slice(0, mostGroups)
  return {
    labels: rows.map((row) => labelOf(row[x])),
    datasets: axes.map((axis) => ({ name: known.get(axis) as string, values: rows.map((row) => numberOf(row[axis])) })),
  }
}

function customChart(ctx: Context, { chart, filters }: ChartRequest): Promise<ChartData> | ChartData {
  const name = text(chart.source)
  const source = ctx.site.apps.all.flatMap((app) => app.chartSources ?? []).find((one) => one.name === name)
  if (!source) throw invalid(chart, 'source', `no app brings the source ${name}.`)
  const given = filtersFor(chart.filters_json, filters)
  return source.run(ctx, typeof given === 'object' && given !== null && !Array.isArray(given) ? (given as Record<string, unknown>) : {})
}

function doctypeOf(chart: ChartRequest['chart']): string {
  const doctype = text(chart.document_type)
  if (doctype === '') throw invalid(chart, 'document_type', 'a DocType is needed.')
  return doctype
}

function nameOf(chart: ChartRequest['chart']): string {
  return text(chart.chart_name) || text(chart.name)
}

function labelOf(value: unknown): string {
  return value === null || value === undefined || value === '' ? 'Not Specified' : String(value)
}

function numberOf(value: unknown): number | null {
  if (value instanceof Decimal) return value.toNumber()
  return typeof value === 'number' ? value : null
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function invalid(chart: ChartRequest['chart'], field: string, reason: string): Error {
  return new ChartInvalid({ chart: nameOf(chart), field, reason })
}
