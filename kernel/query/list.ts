import { isAlways } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Row, SqlValue } from '#kernel/database/database.ts'
import { predicateToSql } from '#kernel/database/predicate-sql.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { rowsHolding } from '#kernel/search/list-search.ts'
import { type Branches, mostBranchRows } from './branches.ts'
import { readChildRows } from './child-rows.ts'
import { callerCondition } from './conditions.ts'
import { afterCursor, cursorAfter } from './cursor.ts'
import { NotAList, QueryMalformed, TooCostly } from './errors.ts'
import { linkTitles } from './link-titles.ts'
import { expandLink } from './links.ts'
import { limits, type ListAnswer, type ListOptions } from './options.ts'
import { type Piece, piece, StatementBuilder } from './piece.ts'
import type { Plan } from './plan.ts'
import { notePage } from './watched.ts'
import { planFor } from './plan-cache.ts'
import { Scope } from './scope.ts'
import { listVirtual } from './virtual.ts'

/**
 * Lists documents as the user may see them: one statement for the page, one more per table field or expanded link that was asked for.
 * Fields that the user may not read are refused wherever they stand; masked ones may only be shown.
 * @throws DocTypeNotFound, PermissionDenied, ParentNeeded, NotAList, QueryMalformed, UnknownField, FieldNotPermitted, NotGrouped,
 *         TooCostly, BadCursor, the errors of filters and BadValue, each with the place in the input
 */
export async function list(ctx: Context, doctype: string, options: ListOptions): Promise<ListAnswer> {
  const meta = await listable(ctx, doctype)
  const page = pageOf(ctx, options)
  if (meta.isVirtual && options.search) throw new QueryMalformed({ field: 'search', reason: `${meta.name} cannot be searched by its text` })
  if (meta.isVirtual) return listVirtual(ctx, meta, options, page)
  const plan = await planFor(ctx, meta, options)
  const found = await readPage(ctx, plan, options, page)
  const hasNextPage = found.length > page.limit
  if (hasNextPage) found.length = page.limit
  if (plan.watched.length > 0) notePage(ctx, plan.watched, found)
  const rows = wireRows(plan, found, options)
  await addChildRows(ctx, plan, found, rows, options)
  // Titles are looked up by name, so before names give way to documents.
  const titles = options.withLinkTitles ? { linkTitles: await linkTitles(ctx, plan.titles, rows) } : {}
  for (const name of plan.expand) await expandLink(ctx, rows, plan.tables.columns.get(name)?.field as never, options.wire)
  const cursor = hasNextPage && plan.hasCursor ? { cursor: cursorAfter(plan, found.at(-1) as Row, ctx.db.dialect) } : {}
  return { rows, hasNextPage, ...cursor, ...titles }
}

/** The definition of a DocType that has rows. @throws DocTypeNotFound, NotAList */
export async function listable(ctx: Context, doctype: string): Promise<Meta> {
  const meta = ctx.site.meta.cached(doctype) ?? (await ctx.site.meta.get(doctype))
  if (meta.isSingle) throw new NotAList({ doctype: meta.name, reason: 'it has one document only; read that' })
  return meta
}

/** Rows to skip and to give. */
export interface Page {
  readonly start: number
  readonly limit: number
}

function pageOf(ctx: Context, options: ListOptions): Page {
  const start = wholeNumber(options.start ?? 0, 'start')
  const limit = wholeNumber(options.limit ?? limits.defaultRows, 'limit')
  if (start > limits.start)
    throw new TooCostly({ field: 'start', limit: limits.start, what: 'skipped rows', instead: 'Page with “after” instead.' })
  if (start > 0 && options.after)
    throw new QueryMalformed({ field: 'start', reason: 'a page starts at a number or after a cursor, not both' })
  const configured = ctx.site.config.query_row_cap
  const cap = typeof configured === 'number' && configured > 0 ? configured : limits.rowCap
  return { start, limit: limit === 0 ? cap : Math.min(limit, cap) }
}

function wholeNumber(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new QueryMalformed({ field: path, reason: 'it must be a whole number from 0' })
  return value
}

/** One row more than the page has, to know whether there is a next one. */
async function readPage(ctx: Context, plan: Plan, options: ListOptions, page: Page): Promise<Row[]> {
  const { dialect } = ctx.db
  const scope = new Scope(ctx, plan.meta, plan.access, plan.tables)
  const condition = await callerCondition(scope, options.filters, options.orFilters, options.wire)
  const asked: Piece[] = []
  if (!isAlways(condition)) asked.push(piece(predicateToSql(condition, scope.predicateColumns(), dialect), dialect))
  if (options.search) asked.push(piece(await rowsHolding(ctx, plan.meta, plan.access, options.search), dialect))
  if (options.after) asked.push(piece(afterCursor(plan, options.after, dialect), dialect))
  const joins = scope.joinPieces(plan.joinCount)
  const whole = page.start + page.limit + 1
  const branches = scope.hasRows() || (plan.branches?.values.length ?? 0) * whole > mostBranchRows ? undefined : plan.branches
  const statement = new StatementBuilder(dialect).piece(plan.head)
  if (branches) addBranches(statement, plan, branches, joins, asked, whole)
  else addConditions(statement, plan, joins, asked)
  statement.text(`${plan.tail} limit ${page.limit + 1}`)
  // MariaDB takes no floating-point value here, which is how its driver sends numbers.
  if (page.start > 0) dialect.name === 'mariadb' ? statement.text(` offset ${page.start}`) : statement.text(' offset ').value(page.start)
  return ctx.db.query<Row>(statement.build())
}

function addConditions(statement: StatementBuilder, plan: Plan, joins: readonly Piece[], asked: readonly Piece[]): void {
  for (const join of joins) statement.text(' ').piece(join)
  statement.text(' where ').piece(plan.fixed)
  for (const condition of asked) statement.text(' and ').piece(condition)
}

/** The names of the first rows of each branch; the rights are asked for again outside, with a plus that keeps their indexes out of it. */
function addBranches(
  statement: StatementBuilder,
  plan: Plan,
  { column, values }: Branches,
  joins: readonly Piece[],
  asked: readonly Piece[],
  rows: number,
): void {
  statement.text(' where +(').piece(plan.fixed).text(') and t.name in (')
  for (const [index, value] of values.entries()) {
    statement.text(`${index > 0 ? ' union all ' : ''}select * from (select t.name`).piece(plan.source)
    addConditions(statement, plan, joins, asked)
    statement.text(` and ${column} = `).value(value).text(`${plan.tail} limit ${rows})`)
  }
  statement.text(')')
}

function wireRows(plan: Plan, found: readonly Row[], { wire }: ListOptions): Record<string, unknown>[] {
  const { outputs } = plan
  return found.map((row) => {
    const made: Record<string, unknown> = {}
    for (const output of outputs) made[output.key] = output.read(row, wire)
    return made
  })
}

async function addChildRows(
  ctx: Context,
  plan: Plan,
  found: readonly Row[],
  rows: readonly Record<string, unknown>[],
  { wire }: ListOptions,
): Promise<void> {
  if (plan.childRows.length === 0 || found.length === 0) return
  const names = found.map((row) => row[plan.nameSlot] as SqlValue)
  for (const childRows of plan.childRows) {
    const byParent = await readChildRows(ctx, plan.meta, childRows, names, wire)
    for (const [index, row] of rows.entries()) row[childRows.key] = byParent.get(String(names[index])) ?? []
  }
}
