import { Type } from 'typebox'
import { AppError } from '#client/rules/errors.ts'
import type { Predicate } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { remove } from '#kernel/documents/remove.ts'
import { listOf } from '#kernel/methods/document-info.ts'
import { readListInput, readName } from '#kernel/methods/document-input.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod, type Method, type Verb } from '#kernel/methods/method.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { readsFor } from '#kernel/permissions/reads.ts'
import { count } from '#kernel/query/count.ts'
import { list } from '#kernel/query/list.ts'
import type { ListAnswer } from '#kernel/query/options.ts'
import type { Column, OutputRow } from '#kernel/tabular/table.ts'
import { cellKindOf } from '#kernel/imports/export-documents.ts'
import { tableFile, type TableFormat } from '../imports/table-file.ts'

const any = Type.Optional(Type.Unknown())
const text = Type.Optional(Type.String())
const whole = Type.Optional(Type.Integer({ minimum: 0 }))
const doctype = Type.String({ minLength: 1, maxLength: 140 })
const reading: readonly Verb[] = ['GET', 'POST']

const viewInput = Type.Object({
  doctype,
  fields: any,
  filters: any,
  or_filters: any,
  order_by: text,
  group_by: text,
  start: whole,
  page_length: whole,
  limit: whole,
  parent: text,
  parent_doctype: text,
  with_comment_count: any,
  view: text,
  save_user_settings: any,
  strict: any,
  distinct: any,
  as_list: any,
})

interface View {
  doctype: string
  fields?: unknown
  filters?: unknown
  or_filters?: unknown
  order_by?: string
  group_by?: string
  start?: number
  page_length?: number
  limit?: number
  parent?: string
  parent_doctype?: string
  /** Only rows that meet this too. */
  within?: Predicate
}

async function rowsOf(ctx: Context, given: View, limit = given.page_length ?? given.limit ?? 20): Promise<Record<string, unknown>[]> {
  return (await pageOf(ctx, given, limit)).rows
}

function pageOf(ctx: Context, given: View, limit: number, after?: string): Promise<ListAnswer> {
  const parent = given.parent ?? given.parent_doctype
  return list(ctx, given.doctype, {
    fields: given.fields || undefined,
    filters: given.filters || undefined,
    orFilters: given.or_filters || undefined,
    orderBy: given.order_by,
    groupBy: given.group_by,
    ...(after === undefined ? { start: given.start ?? 0 } : { after }),
    limit,
    ...(parent && { parent }),
    ...(given.within && { within: given.within }),
    wire: wireV1(ctx),
  })
}

const get = defineMethod({
  path: 'frappe.desk.reportview.get',
  summary: 'A page of a list as keys and rows of values; an empty list when there is nothing.',
  verbs: reading,
  input: viewInput,
  rule: checkedPerDocument('list answers only rows that the caller may read'),
  handler: async (ctx, given) => {
    const rows = await rowsOf(ctx, given as View)
    if (rows.length === 0) return []
    const keys = Object.keys(rows[0] as object)
    return { keys, values: rows.map((row) => keys.map((key) => row[key])), user_info: {} }
  },
})

const getList = defineMethod({
  path: 'frappe.desk.reportview.get_list',
  summary: 'A page of a list as objects.',
  verbs: reading,
  input: viewInput,
  rule: checkedPerDocument('list answers only rows that the caller may read'),
  handler: (ctx, given) => rowsOf(ctx, given as View),
})

const getCount = defineMethod({
  path: 'frappe.desk.reportview.get_count',
  summary: 'How many documents meet the filters; counting stops at `limit`.',
  verbs: reading,
  input: viewInput,
  rule: checkedPerDocument('count counts only rows that the caller may read'),
  handler: (ctx, given) => {
    const parent = given.parent ?? given.parent_doctype
    return count(ctx, given.doctype, {
      filters: given.filters || undefined,
      orFilters: given.or_filters || undefined,
      ...(parent && { parent }),
      ...(given.limit && { upTo: given.limit }),
      wire: wireV1(ctx),
    })
  },
})

/** Values that one field's statistics show. */
const mostValues = 50

async function stats(ctx: Context, target: string, fields: unknown, filters: unknown): Promise<Record<string, [unknown, number][]>> {
  const found: Record<string, [unknown, number][]> = {}
  const names =
    typeof fields === 'string' && !fields.trim().startsWith('[')
      ? listOf(fields)
      : readListInput('frappe.desk.reportview.get_stats', fields, 'stats', 20)
  for (const [index, name] of names.entries()) {
    const field = readName('frappe.desk.reportview.get_stats', name, `stats[${index}]`)
    if (field === '__proto__')
      throw new BadInput({ method: 'frappe.desk.reportview.get_stats', field: `stats[${index}]`, reason: 'is no field' })
    const { rows } = await list(ctx, target, {
      fields: [field, { COUNT: '*', as: 'total' }],
      filters: filters || undefined,
      groupBy: field,
      orderBy: 'total desc',
      limit: mostValues,
      wire: wireV1(ctx),
    })
    const counted = rows.map((row): [unknown, number] => [row[field], Number(row.total)])
    found[field] = field === '_user_tags' ? tagCounts(counted) : counted
  }
  return found
}

/** Rows hold several tags each; what counts is the tag. */
function tagCounts(counted: readonly [unknown, number][]): [unknown, number][] {
  const totals = new Map<string, number>()
  let untagged = 0
  for (const [tags, total] of counted) {
    const names = listOf(String(tags ?? ''))
    if (names.length === 0) untagged += total
    for (const name of names) totals.set(name, (totals.get(name) ?? 0) + total)
  }
  return [...[...totals].sort((a, b) => b[1] - a[1]), ...(untagged > 0 ? [['No Tags', untagged] as [unknown, number]] : [])]
}

const getStats = defineMethod({
  path: 'frappe.desk.reportview.get_stats',
  summary: 'How often each value of some fields occurs.',
  verbs: reading,
  input: Type.Object({ doctype, stats: Type.Unknown(), filters: any }),
  rule: checkedPerDocument('list counts only rows that the caller may read'),
  handler: (ctx, given) => stats(ctx, given.doctype, given.stats, given.filters),
})

const getSidebarStats = defineMethod({
  path: 'frappe.desk.reportview.get_sidebar_stats',
  summary: 'As get_stats, under `stats`.',
  verbs: reading,
  input: Type.Object({ doctype, stats: Type.Unknown(), filters: any }),
  rule: checkedPerDocument('list counts only rows that the caller may read'),
  handler: async (ctx, given) => ({ stats: await stats(ctx, given.doctype, given.stats, given.filters) }),
})

const deleteItems = defineMethod({
  path: 'frappe.desk.reportview.delete_items',
  summary: 'Deletes several documents; those that cannot go are named in a message, the others go.',
  verbs: ['POST', 'DELETE'],
  input: Type.Object({ doctype, items: Type.Unknown() }),
  rule: checkedPerDocument('remove demands the right to delete'),
  handler: async (ctx, given) => {
    const path = 'frappe.desk.reportview.delete_items'
    for (const [index, item] of readListInput(path, given.items, 'items', 500).entries()) {
      const name = readName(path, item, `items[${index}]`)
      try {
        await ctx.db.savepoint(() => remove(ctx, given.doctype, name))
      } catch (error) {
        if (!(error instanceof AppError) || error.status >= 500) throw error
        ctx.messages.push({ message: `${name}: ${error.message}`, title: 'Not deleted', indicator: 'red' })
      }
    }
    return undefined
  },
})

const formats: Readonly<Record<string, TableFormat>> = { CSV: 'CSV', Excel: 'Excel' }

/** Rows read at once: an export of any length needs the memory of so many. */
const exportPage = 1000

/** The rows of an export, page by page where the list has pages; grouped lists are short, and come at once. */
async function* exportedRows(ctx: Context, view: View): AsyncGenerator<Record<string, unknown>> {
  const most = view.page_length ?? 0
  if (view.group_by || view.start || (most > 0 && most <= exportPage)) {
    yield* await rowsOf(ctx, view, most)
    return
  }
  let left = most === 0 ? Number.POSITIVE_INFINITY : most
  let after: string | undefined
  // Distinct lists have pages by number only.
  for (let start = 0; left > 0; start += exportPage) {
    const page = await pageOf(ctx, after ? view : { ...view, start }, Math.min(exportPage, left), after)
    yield* page.rows
    left -= page.rows.length
    after = page.cursor
    if (!page.hasNextPage) return
  }
}

/** Headed by the keys of the first row; typed by the fields that these name. */
async function exportedTable(ctx: Context, view: View): Promise<{ columns: Column[]; rows: AsyncGenerator<OutputRow> }> {
  const meta = await ctx.site.meta.get(view.doctype)
  const source = exportedRows(ctx, view)
  const first = await source.next()
  const keys = first.done ? [] : Object.keys(first.value)
  const columns = keys.map((key): Column => {
    const field = meta.column.get(key)
    return field ? { label: key, kind: cellKindOf(field) } : { label: key }
  })
  async function* rows(): AsyncGenerator<OutputRow> {
    if (first.done) return
    yield keys.map((key) => first.value[key])
    for await (const row of source) yield keys.map((key) => row[key])
  }
  return { columns, rows: rows() }
}

const exportQuery = defineMethod({
  path: 'frappe.desk.reportview.export_query',
  summary: 'A list as CSV or Excel file, for those with the right to export.',
  verbs: reading,
  input: Type.Object({
    ...viewInput.properties,
    file_format_type: text,
    selected_items: any,
    title: text,
    csv_delimiter: text,
    export_in_background: any,
    csv_quoting: any,
    csv_decimal_sep: text,
  }),
  rule: checkedPerDocument('the right to export is demanded, and list answers only rows that the caller may read'),
  handler: async (ctx, given) => {
    const format = formats[given.file_format_type ?? 'CSV']
    if (!format)
      throw new BadInput({ method: 'frappe.desk.reportview.export_query', field: 'file_format_type', reason: 'must be CSV or Excel' })
    readsFor(ctx, 'export')
    const { rows: within } = await demand(ctx, 'export', given.doctype)
    const chosen =
      typeof given.selected_items === 'string' && given.selected_items
        ? parseJson(given.selected_items, 'selected_items')
        : given.selected_items
    const filters = Array.isArray(chosen) && chosen.length > 0 ? [['name', 'in', chosen]] : given.filters
    const { columns, rows } = await exportedTable(ctx, { ...(given as View), filters, within })
    return tableFile(ctx, given.title || given.doctype, format, columns, rows, {
      ...(given.csv_delimiter && { delimiter: given.csv_delimiter }),
      ...(given.csv_decimal_sep && { decimalSeparator: given.csv_decimal_sep }),
      // 2: everything that is no number, as Frappe numbers the ways to quote.
      quoteTexts: ['1', '2'].includes(String(given.csv_quoting)),
    })
  },
})

/** What list screens ask for. */
export const deskReportviewMethods: readonly Method[] = [get, getList, getCount, getStats, getSidebarStats, deleteItems, exportQuery]
