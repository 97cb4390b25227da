import { Type } from 'typebox'
import { or, type Predicate, where } from '#client/rules/predicate.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod, type Method, type Verb } from '#kernel/methods/method.ts'
import { parseJson } from '#kernel/methods/strict-json.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { can, demand } from '#kernel/permissions/grants.ts'
import { cardChange, cardResult } from '#kernel/reports/cards.ts'
import { drawChart } from '#kernel/reports/charts.ts'
import { list } from '#kernel/query/list.ts'

const any = Type.Optional(Type.Unknown())
const text = Type.Optional(Type.String())
const reading: readonly Verb[] = ['GET', 'POST']

/** A document that came as JSON, as screens send one that is not saved yet. @throws BadInput */
function documentOf(method: string, field: string, given: unknown): Record<string, unknown> {
  const value = typeof given === 'string' && given.trim().startsWith('{') ? parseJson(given, field) : given
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadInput({ method, field, reason: 'must be a document' })
  return value as Record<string, unknown>
}

const chartPath = 'frappe.desk.doctype.dashboard_chart.dashboard_chart.get'

const getChart = defineMethod({
  path: chartPath,
  summary: 'The numbers of a chart, computed from what the caller may read.',
  verbs: reading,
  input: Type.Object({
    chart_name: text,
    chart: any,
    no_cache: any,
    filters: any,
    from_date: text,
    to_date: text,
    timespan: text,
    time_interval: text,
    heatmap_year: any,
    refresh: any,
  }),
  rule: checkedPerDocument('the chart must be readable, and its numbers come from lists and reports of the caller'),
  handler: async (ctx, given) => {
    await demand(ctx, 'read', 'Dashboard Chart')
    const chart = given.chart_name
      ? await getDocument(ctx, 'Dashboard Chart', given.chart_name)
      : documentOf(chartPath, 'chart', given.chart)
    return drawChart(ctx, {
      chart,
      filters: given.filters,
      ...(given.timespan && { timespan: given.timespan }),
      ...(given.time_interval && { interval: given.time_interval }),
      ...(given.from_date && { from: given.from_date }),
      ...(given.to_date && { to: given.to_date }),
      ...(given.heatmap_year ? { year: Number(given.heatmap_year) } : {}),
    })
  },
})

const cardPath = 'frappe.desk.doctype.number_card.number_card'

/** A card by name, or as it came. */
async function cardOf(ctx: Context, method: string, given: unknown): Promise<Record<string, unknown>> {
  await demand(ctx, 'read', 'Number Card')
  if (typeof given === 'string' && !given.trim().startsWith('{')) return getDocument(ctx, 'Number Card', given)
  return documentOf(method, 'doc', given)
}

const getResult = defineMethod({
  path: `${cardPath}.get_result`,
  summary: 'The number of a card, computed from what the caller may read.',
  verbs: reading,
  input: Type.Object({ doc: Type.Unknown(), filters: any, to_date: text }),
  rule: checkedPerDocument('the number comes from lists and reports of the caller'),
  handler: async (ctx, given) => cardResult(ctx, await cardOf(ctx, `${cardPath}.get_result`, given.doc), given.filters, given.to_date),
})

const getChange = defineMethod({
  path: `${cardPath}.get_percentage_difference`,
  summary: 'By how many percent the number of a card has changed since the period before.',
  verbs: reading,
  input: Type.Object({ doc: Type.Unknown(), filters: any, result: any }),
  rule: checkedPerDocument('the numbers come from lists of the caller'),
  handler: async (ctx, given) => {
    const path = `${cardPath}.get_percentage_difference`
    const asked = await cardOf(ctx, path, given.doc)
    const card = typeof asked.name === 'string' && asked.name !== '' ? await getDocument(ctx, 'Number Card', asked.name) : asked
    const result = given.result === undefined || given.result === '' ? Number.NaN : Number(given.result)
    return (await cardChange(ctx, card, given.filters, Number.isFinite(result) ? result : undefined)) ?? null
  },
})

const cardsForUser = defineMethod({
  path: `${cardPath}.get_cards_for_user`,
  summary: 'Names and labels of the cards that the caller may see, for a choice.',
  verbs: reading,
  input: Type.Object({ doctype: text, txt: text, searchfield: text, start: any, page_len: any, filters: any, as_dict: any }),
  rule: checkedPerDocument('list answers only cards that the caller may read'),
  handler: async (ctx, given) => {
    const filters = given.txt ? { label: ['like', `%${given.txt}%`] } : undefined
    const { rows } = await list(ctx, 'Number Card', { fields: ['name', 'label', 'document_type'], filters, limit: 100, wire: wireV1(ctx) })
    return rows.map((row) => [row.name, row.label, row.document_type])
  },
})

const dashboardPath = 'frappe.desk.doctype.dashboard.dashboard'

/** The rows of a dashboard whose chart or card the caller may see. */
async function permitted(ctx: Context, dashboard: string, table: 'charts' | 'cards', doctype: string): Promise<Record<string, unknown>[]> {
  const document = await getDocument(ctx, 'Dashboard', dashboard)
  const rows = (document[table] as Record<string, unknown>[] | undefined) ?? []
  const field = table === 'charts' ? 'chart' : 'card'
  const names = rows.map((row) => row[field])
  if (names.length === 0) return []
  const { rows: found } = await list(ctx, doctype, { fields: ['name'], filters: { name: ['in', names] }, limit: 0, wire: wireV1(ctx) })
  const readable = new Set(found.map((row) => row.name))
  return rows
    .filter((row) => readable.has(row[field]))
    .map((row) => ({ [field]: row[field], ...(table === 'charts' && { width: row.width }), idx: row.idx }))
}

const permittedCharts = defineMethod({
  path: `${dashboardPath}.get_permitted_charts`,
  summary: 'The charts of a dashboard that the caller may see.',
  verbs: reading,
  input: Type.Object({ dashboard_name: Type.String({ minLength: 1, maxLength: 140 }) }),
  rule: checkedPerDocument('the dashboard and each chart must be readable'),
  handler: (ctx, given) => permitted(ctx, given.dashboard_name, 'charts', 'Dashboard Chart'),
})

const permittedCards = defineMethod({
  path: `${dashboardPath}.get_permitted_cards`,
  summary: 'The number cards of a dashboard that the caller may see.',
  verbs: reading,
  input: Type.Object({ dashboard_name: Type.String({ minLength: 1, maxLength: 140 }) }),
  rule: checkedPerDocument('the dashboard and each card must be readable'),
  handler: (ctx, given) => permitted(ctx, given.dashboard_name, 'cards', 'Number Card'),
})

/** What dashboards call. */
export const dashboardMethods: readonly Method[] = [getChart, getResult, getChange, cardsForUser, permittedCharts, permittedCards]

/** Values of a column that occur in a table of the platform's own: a few, however many rows there are. */
async function valuesOf(ctx: Context, doctype: string, column: string): Promise<string[]> {
  const rows = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select distinct ${ident(column)} as value from ${ident(`tab${doctype}`)} where ${ident(column)} is not null`,
    ),
  )
  return rows.map((row) => String(row.value)).filter((value) => value !== '')
}

/** DocTypes and reports behind the charts or cards that the user may read; a drawing of something closed is not even named. */
async function openTargets(ctx: Context, doctype: 'Dashboard Chart' | 'Number Card'): Promise<Predicate> {
  const doctypes: string[] = []
  for (const name of await valuesOf(ctx, doctype, 'document_type'))
    if ((await ctx.site.meta.exists(name)) && (await can(ctx, 'read', name))) doctypes.push(name)
  const reports = await openReports(ctx)
  const general = doctype === 'Dashboard Chart' ? where('chart_type', '=', 'Custom') : where('type', '=', 'Custom')
  return or(where('document_type', 'in', doctypes), where('report_name', 'in', reports), general)
}

async function openReports(ctx: Context): Promise<string[]> {
  const rows = await ctx.db.query<Row>(ctx.db.dialect.compile(sql`select name, ref_doctype from ${ident('tabReport')}`))
  const open: string[] = []
  for (const row of rows) {
    const target = String(row.ref_doctype ?? '')
    if ((await ctx.site.meta.exists(target)) && (await can(ctx, 'report', target))) open.push(String(row.name))
  }
  return open
}

/** A chart that names roles is for their holders. */
async function hasRole(ctx: Context, chart: AnyDocument): Promise<boolean> {
  const rows = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select role from ${ident('tabHas Role')} where parent = ${chart.name} and parenttype = ${'Dashboard Chart'}`,
    ),
  )
  return rows.length === 0 || rows.some((row) => ctx.user.roles.has(String(row.role))) || chart.owner === ctx.user.name
}

/** Charts whose roles leave the user out, as a condition. */
async function roleCondition(ctx: Context): Promise<Predicate> {
  const roles = join([...ctx.user.roles].map((role) => sql`${role}`))
  const rows = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select distinct parent from ${ident('tabHas Role')} where parenttype = ${'Dashboard Chart'} and parent not in
        (select parent from ${ident('tabHas Role')} where parenttype = ${'Dashboard Chart'} and role in (${roles}))`,
    ),
  )
  return where(
    'name',
    'not in',
    rows.map((row) => String(row.parent)),
  )
}

const isManager = (ctx: Context): boolean => ctx.user.roles.has('System Manager') || ctx.user.roles.has('Dashboard Manager')

/** Who sees which drawings: those of what one may read, public or one’s own; managers see all that they may read. */
export const dashboardPermissions: Readonly<Record<string, PermissionHooks>> = {
  'Dashboard Chart': {
    rows: async (ctx) => ({ all: [await openTargets(ctx, 'Dashboard Chart'), ...(isManager(ctx) ? [] : [await roleCondition(ctx)])] }),
    check: (ctx, chart) => isManager(ctx) || hasRole(ctx, chart),
  },
  'Number Card': { rows: (ctx) => openTargets(ctx, 'Number Card') },
  'Kanban Board': { rows: (ctx) => or(where('private', '=', 0), where('owner', '=', ctx.user.name)) },
}
