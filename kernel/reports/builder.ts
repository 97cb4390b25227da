import type { Context } from '#kernel/context/context.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { and, type Predicate } from '#client/rules/predicate.ts'
import { list } from '#kernel/query/list.ts'
import { columnOfField, distinct, fieldnameOf } from './columns.ts'
import { ReportInvalid, ReportTooLarge } from './errors.ts'
import { type Pivot, pivoted } from './pivot.ts'
import type { ReportColumn, ReportResult } from './report.ts'
import { jsonObject, type StoredReport } from './stored-report.ts'
import { totalOf } from './totals.ts'

const aggregates = ['count', 'sum', 'avg', 'min', 'max'] as const
type Aggregate = (typeof aggregates)[number]

/** A value computed per group. `field` is missing for a count of rows. */
interface Computed {
  readonly fn: Aggregate
  readonly field?: string
}

/** One thing to select: what `list` is asked for, and the column that shows it. */
interface Selected {
  readonly ask: unknown
  readonly column: ReportColumn
}

/**
 * Runs a saved list. Its `json` is Frappe's: `fields`, `filters`, `order_by`, `add_totals_row`, `group_by: {group_by, aggregate_function,
 * aggregate_on}`; beyond that `group_by.group_by` may be a list, `aggregates: [{fn, field}]` may compute several values, and `pivot:
 * {rows, columns, value: {fn, field}}` spreads one field's values over the columns.
 * @param given filters that take the place of the saved ones
 * @throws ReportInvalid, ReportTooLarge, and as `list`
 */
export async function runBuilder(
  ctx: Context,
  report: StoredReport,
  given: unknown,
  action: Action | undefined,
  mostRows: number,
): Promise<ReportResult> {
  const settings = jsonObject(report)
  const meta = await ctx.site.meta.get(report.refDoctype)
  const shape = new Shape(ctx, report, meta)
  const pivot = await readPivot(shape, settings.pivot)
  const groups = pivot ? [...pivot.rows, pivot.columns] : groupsOf(settings)
  const computed = pivot ? [pivot.value] : computedOf(report, settings)
  const isGrouped = groups.length > 0 || computed.length > 0
  const selected: Selected[] = []
  if (isGrouped) {
    for (const name of groups) selected.push(await shape.field(name))
    for (const one of computed.length > 0 ? computed : [{ fn: 'count' } as const]) selected.push(await shape.computed(one))
  } else {
    for (const name of fieldsOf(settings)) selected.push(await shape.field(name))
    if (selected.length === 0) selected.push(await shape.field('name'))
  }
  const columns = distinct(selected.map((one) => one.column))
  const { rows, hasNextPage } = await list(ctx, meta.name, {
    fields: selected.map(({ ask }, at) => aliased(ask, columns[at] as ReportColumn)),
    filters: filtersOf(given) ?? settings.filters ?? undefined,
    orderBy: isGrouped ? groupedOrder(selected, columns) : (settings.order_by ?? settings.sort_by ?? undefined),
    ...(groups.length > 0 && { groupBy: groups.map((name) => shape.reference(name)).join(', ') }),
    limit: mostRows,
    within: await within(ctx, meta, action),
    wire: wireV1(ctx),
  })
  if (hasNextPage) throw new ReportTooLarge({ rows: mostRows })
  if (pivot) return pivoted({ columns, rows }, pivot, report.name)
  const total = settings.add_totals_row || report.addTotalRow ? totalOf(additive(columns, computed), rows) : undefined
  return { columns, rows, ...(total && { total }) }
}

/** The rows that the rights to report, and to export where that is wanted, cover. @throws PermissionDenied */
async function within(ctx: Context, meta: Meta, action: Action | undefined): Promise<Predicate> {
  const report = await demand(ctx, 'report', meta.name)
  return action ? and(report.rows, (await demand(ctx, action, meta.name)).rows) : report.rows
}

/** Averages, smallest and largest values do not add up. */
function additive(columns: readonly ReportColumn[], computed: readonly Computed[]): ReportColumn[] {
  const first = columns.length - computed.length
  return columns.map((column, at) => {
    const fn = at >= first ? computed[at - first]?.fn : undefined
    return fn === undefined || fn === 'sum' || fn === 'count' ? column : { ...column, disable_total: 1 }
  })
}

function aliased(ask: unknown, column: ReportColumn): unknown {
  if (typeof ask === 'string') return ask.replaceAll('`', '') === column.fieldname ? ask : `${ask} as ${column.fieldname}`
  return { ...(ask as object), as: column.fieldname }
}

function groupedOrder(selected: readonly Selected[], columns: readonly ReportColumn[]): string | undefined {
  const at = selected.findIndex((one) => typeof one.ask !== 'string')
  return at < 0 ? undefined : `${columns[at]?.fieldname} desc`
}

/** Filters that came with the request: a list of conditions, an object, or JSON text of either; undefined when there are none. */
function filtersOf(given: unknown): unknown {
  const value = typeof given === 'string' && given.trim() !== '' ? parseJson(given, 'filters') : given
  if (value === undefined || value === null || value === '') return undefined
  return Array.isArray(value) ? (value.length > 0 ? value : undefined) : Object.keys(value as object).length > 0 ? value : undefined
}

/** Names of fields: `["status", "ToDo"]` as Frappe keeps them, or plain; a field of a child table as `tabChild.field`. */
function fieldsOf(settings: Record<string, unknown>): string[] {
  const fields = Array.isArray(settings.fields) ? settings.fields : Array.isArray(settings.columns) ? settings.columns : []
  return fields.flatMap((field): string[] => {
    if (typeof field === 'string') return [field]
    if (!Array.isArray(field) || typeof field[0] !== 'string') return []
    return [typeof field[1] === 'string' && field[1] !== '' ? `tab${field[1]}.${field[0]}` : field[0]]
  })
}

function groupsOf(settings: Record<string, unknown>): string[] {
  const group = settings.group_by
  const named = typeof group === 'object' && group !== null && !Array.isArray(group) ? (group as { group_by?: unknown }).group_by : group
  const names = Array.isArray(named) ? named : typeof named === 'string' && named.trim() !== '' ? named.split(',') : []
  return names.map((name) => String(name).replaceAll('`', '').trim())
}

function computedOf(report: StoredReport, settings: Record<string, unknown>): Computed[] {
  if (Array.isArray(settings.aggregates)) return settings.aggregates.map((one) => readComputed(report.name, one))
  const group = settings.group_by
  if (typeof group !== 'object' || group === null || Array.isArray(group)) return []
  const { aggregate_function: fn, aggregate_on: on, aggregate_on_field: field } = group as Record<string, unknown>
  if (!fn) return []
  return [readComputed(report.name, { fn, field: fn === 'count' ? undefined : (field ?? on) })]
}

function readComputed(report: string, given: unknown): Computed {
  const { fn, field } = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>
  const known = aggregates.find((one) => one === String(fn).toLowerCase())
  if (!known) throw new ReportInvalid({ report, field: 'json', reason: `an aggregate is one of ${aggregates.join(', ')}.` })
  if (known !== 'count' && (typeof field !== 'string' || field === ''))
    throw new ReportInvalid({ report, field: 'json', reason: `${known} needs a field.` })
  return { fn: known, ...(typeof field === 'string' && field !== '' && { field: field.replaceAll('`', '') }) }
}

async function readPivot(shape: Shape, given: unknown): Promise<(Pivot & { value: Computed }) | undefined> {
  if (typeof given !== 'object' || given === null) return undefined
  const { rows, columns, value } = given as Record<string, unknown>
  if (
    !Array.isArray(rows) ||
    rows.length === 0 ||
    !rows.every((row) => typeof row === 'string') ||
    typeof columns !== 'string' ||
    columns === ''
  )
    return shape.refuse('a pivot needs the fields of its rows and the field of its columns.')
  return { rows: rows as string[], columns, value: readComputed(shape.report, value) }
}

/** What the words of the settings mean on this DocType. */
class Shape {
  readonly report: string
  readonly #ctx: Context
  readonly #meta: Meta

  constructor(ctx: Context, report: StoredReport, meta: Meta) {
    this.#ctx = ctx
    this.#meta = meta
    this.report = report.name
  }

  refuse(reason: string): never {
    throw new ReportInvalid({ report: this.report, field: 'json', reason })
  }

  /** A field's name as `list` takes it. */
  reference(name: string): string {
    const [table, field] = splitName(name)
    if (table === undefined || table === this.#meta.table) return field
    return table.startsWith('tab') ? `\`${table}\`.${field}` : `${table}.${field}`
  }

  async field(name: string): Promise<Selected> {
    const found = await this.#find(name)
    const [table, field] = splitName(name)
    const isOwn = table === undefined || table === this.#meta.table
    const column = columnOfField(found, isOwn ? field : fieldnameOf(`${table?.replace(/^tab/, '')} ${field}`, 0))
    return { ask: this.reference(name), column }
  }

  async computed({ fn, field: name }: Computed): Promise<Selected> {
    if (name === undefined) return { ask: { COUNT: '*' }, column: { fieldname: 'total_count', label: 'Count', fieldtype: 'Int' } }
    const found = columnOfField(await this.#find(name))
    const label = `${labels[fn]} of ${found.label}`
    const fieldtype = fn === 'count' ? 'Int' : fn === 'avg' && found.fieldtype === 'Int' ? 'Float' : found.fieldtype
    const { options, ...plain } = found
    const keepsOptions = fn !== 'count' && options !== undefined
    return {
      ask: { [fn.toUpperCase()]: this.reference(name) },
      column: { ...plain, ...(keepsOptions && { options }), fieldname: fieldnameOf(`${fn} ${name}`, 0), label, fieldtype },
    }
  }

  /** The field of a name, whoever may read it; the list itself refuses what the user may not. */
  async #find(name: string): Promise<MetaField> {
    const [table, field] = splitName(name)
    if (table === undefined || table === this.#meta.table) return this.#meta.column.get(field) ?? this.refuse(`there is no field ${name}.`)
    const via = this.#meta.field.get(table)
    const target = table.startsWith('tab') ? table.slice(3) : via?.options
    const meta = target && (await this.#ctx.site.meta.exists(target)) ? await this.#ctx.site.meta.get(target) : undefined
    return meta?.column.get(field) ?? this.refuse(`there is no field ${name}.`)
  }
}

const labels: Readonly<Record<Aggregate, string>> = { count: 'Count', sum: 'Sum', avg: 'Average', min: 'Smallest', max: 'Largest' }

function splitName(name: string): [table: string | undefined, field: string] {
  const plain = name.replaceAll('`', '').trim()
  const point = plain.lastIndexOf('.')
  return point < 0 ? [undefined, plain] : [plain.slice(0, point), plain.slice(point + 1)]
}
