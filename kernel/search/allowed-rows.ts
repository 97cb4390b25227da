import { isAlways, isNever, type Predicate } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { predicateToSql } from '#kernel/database/predicate-sql.ts'
import { type Sql, join, sql } from '#kernel/database/sql.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { type ReadingAccess, readingAccess, useOf } from '#kernel/query/access.ts'
import { columnText, conditionSql, hasCountedNames } from '#kernel/query/columns.ts'
import { callerCondition } from '#kernel/query/conditions.ts'
import type { Piece } from '#kernel/query/piece.ts'
import { Scope } from '#kernel/query/scope.ts'
import { entryTable } from './entry-rows.ts'
import { SearchMalformed } from './errors.ts'
import { type ParsedQuery, parseQuery } from './parse-query.ts'
import type { SearchOptions } from './search.ts'
import { readableVariant, type SearchPlan, searchPlan } from './search-plan.ts'

/** What a row `m` with doctype, name and variant must meet for this user and these options; undefined: nothing can. */
export async function allowedRows(ctx: Context, options: SearchOptions): Promise<Sql | undefined> {
  const { parsed, sources } = await readSearch(ctx, options)
  return condition(ctx, sources, parsed, options)
}

/** A DocType in which the user may search, and what they see of it. */
export interface Source {
  readonly meta: Meta
  readonly plan: SearchPlan
  readonly access: ReadingAccess
}

export async function readSearch(ctx: Context, options: SearchOptions): Promise<{ parsed: ParsedQuery; sources: Source[] }> {
  const first = parseQuery(options.text)
  const all = await searchSources(ctx)
  const named = options.doctypes ?? []
  const typed = first.doctypes.map((name) => name.toLowerCase())
  const sources = all.filter(
    ({ meta }) => (named.length === 0 || named.includes(meta.name)) && (typed.length === 0 || typed.includes(meta.name.toLowerCase())),
  )
  const [only] = sources
  if (sources.length !== 1 || !only) return { parsed: first, sources }
  // What looks like a condition on a field is one where it is clear whose field is meant, and the user may compare by it.
  const parsed = parseQuery(options.text, (name) => {
    const field = only.meta.column.get(name)
    return field !== undefined && field.fieldtype !== 'Password' && useOf(only.access, field) === 'shown'
  })
  return { parsed, sources }
}

/** The DocTypes in which the acting user may search: searched ones that they may read. */
async function searchSources(ctx: Context): Promise<Source[]> {
  const sources: Source[] = []
  for (const name of await searchedDocTypes(ctx)) {
    const meta = await ctx.site.meta.get(name)
    const plan = await searchPlan(ctx, meta)
    if (!plan) continue
    const access = await readingAccess(ctx, meta)
    if (access?.grant.action === 'read' && !isNever(access.grant.rows)) sources.push({ meta, plan, access })
  }
  return sources
}

/** Names of the DocTypes that are searched, in order; remembered until definitions change. */
export async function searchedDocTypes(ctx: Context): Promise<readonly string[]> {
  const key = 'search:doctypes'
  const known = ctx.site.cache.meta.get(key) as readonly string[] | undefined
  if (known) return known
  const epoch = ctx.site.epoch.meta
  const names: string[] = []
  for (const meta of await ctx.site.meta.all()) if (await searchPlan(ctx, meta)) names.push(meta.name)
  names.sort()
  if (ctx.site.epoch.meta === epoch) ctx.site.cache.meta.set(key, names)
  return names
}

/**
 * What an entry `m` must meet to be shown to this user; undefined: nothing can be.
 * @param entryId  the number of an entry, where `m` is one: where the user may read few documents, theirs are picked by it
 * @throws SearchMalformed, the errors of filters
 */
export async function condition(
  ctx: Context,
  sources: readonly Source[],
  parsed: ParsedQuery,
  options: SearchOptions,
  entryId?: Sql,
): Promise<Sql | undefined> {
  const asked = askedFilters(sources, parsed, options)
  const few = entryId && asked === undefined ? await fewEntries(ctx, sources) : new Map<Source, Sql>()
  const whole = new Map<number, string[]>()
  const parts: Sql[] = []
  for (const source of sources) {
    if (few.has(source)) continue
    const { meta, access } = source
    const variant = readableVariant(source.plan, access)
    if (asked === undefined && isAlways(access.grant.rows)) whole.set(variant, [...(whole.get(variant) ?? []), meta.name])
    else parts.push(sql`(m.doctype = ${meta.name} and m.variant = ${variant} and ${await visible(ctx, source, asked, options.wire)})`)
  }
  for (const [variant, names] of whole)
    parts.push(sql`(m.variant = ${variant} and m.doctype in (${join(names.map((name) => sql`${name}`))}))`)
  // The plus keeps SQLite from asking its full-text index once per number.
  if (few.size > 0 && entryId) parts.unshift(sql`+${entryId} in (${join([...few.values()], ' union all ')})`)
  return parts.length === 0 ? undefined : sql`(${join(parts, ' or ')})`
}

/** Entries that are told by their numbers in one statement. */
const mostNumbered = 20_000

/**
 * The numbers of the entries that the user may see, as selects, for DocTypes of which they may read few documents. Where all are so, hits
 * that are not among them are passed over without a look at their entries. Only where somebody is confined: who may read all of
 * everything is served sooner without.
 */
async function fewEntries(ctx: Context, sources: readonly Source[]): Promise<Map<Source, Sql>> {
  const found = new Map<Source, Sql>()
  if (ctx.db.dialect.name !== 'sqlite' || sources.every(({ access }) => isAlways(access.grant.rows))) return found
  let total = 0
  for (const source of sources) {
    const { meta, access, plan } = source
    const table = sql`${sql.id(meta.table)} as t`
    const rows = await conditionSql(ctx, meta, 't', access.grant.rows)
    const count = await countFew(ctx, meta, table, rows)
    if (count === undefined || total + count > mostNumbered) continue
    total += count
    const names = isAlways(access.grant.rows) ? sql`` : sql` and e.name in (select t.name from ${table} where ${rows})`
    const variant = readableVariant(plan, access)
    found.set(source, sql`select e.id from ${entryTable} as e where e.doctype = ${meta.name} and e.variant = ${variant}${names}`)
  }
  return found
}

/** The caller's conditions, typed and given; undefined: none. @throws SearchMalformed where it is not clear whose fields are meant */
export function askedFilters(sources: readonly Source[], parsed: ParsedQuery, options: SearchOptions): unknown {
  const asked = filtersOf(parsed, options.filters)
  if (asked !== undefined && sources.length > 1)
    throw new SearchMalformed({ field: 'filters', reason: 'conditions need exactly one DocType to look in' })
  return asked
}

/** That the document of a row `m` is among the rows of the grant, and meets the caller's conditions. */
export async function visible(ctx: Context, { meta, access }: Source, filters: unknown, wire: Wire): Promise<Sql> {
  const { dialect } = ctx.db
  const scope = new Scope(ctx, meta, access)
  const asked: Predicate | undefined = filters === undefined ? undefined : await callerCondition(scope, filters, undefined, wire)
  const name = sql.raw(columnText('t', 'name', dialect))
  const same = hasCountedNames(meta)
    ? sql`${name} = cast(m.name as ${sql.raw(dialect.name === 'mariadb' ? 'signed' : 'bigint')})`
    : sql`${name} = m.name`
  const rows = await conditionSql(ctx, meta, 't', access.grant.rows)
  const table = sql`${sql.id(meta.table)} as t`
  const joins = scope.joinPieces().map((made) => sql` ${fragmentOf(made)}`)
  const beside = asked ? sql` and ${predicateToSql(asked, scope.predicateColumns(), dialect)}` : sql``
  return sql`exists (select 1 from ${table}${joins.length > 0 ? join(joins, '') : sql``} where ${same} and ${rows}${beside})`
}

/** Rows that count as few, milliseconds in which they must be found, and milliseconds for which that is believed. */
const few = { rows: 10_000, foundWithin: 10, believed: 600_000 }

/**
 * How many rows of a DocType the user may read, where they are so few, and found so fast by an index, that SQLite finds each hit among
 * them sooner than it asks about each; undefined otherwise. Only how to ask depends on it, never what is found.
 */
async function countFew(ctx: Context, meta: Meta, table: Sql, rows: Sql): Promise<number | undefined> {
  if (hasCountedNames(meta)) return undefined
  const { access } = ctx.site.cache
  const key = `search:few:${ctx.user.name}`
  const known = (access.get(key) as Map<string, { count: number | undefined; until: number }> | undefined) ?? new Map()
  const told = known.get(meta.name)
  if (told && told.until > performance.now()) return told.count
  const started = performance.now()
  const [row] = await ctx.db.query<{ n: number }>(
    ctx.db.dialect.compile(sql`select count(*) as n from (select 1 from ${table} where ${rows} limit ${sql.raw(String(few.rows + 1))})`),
  )
  const isFew = Number(row?.n ?? 0) <= few.rows && performance.now() - started < few.foundWithin
  const count = isFew ? Number(row?.n ?? 0) : undefined
  access.set(key, known.set(meta.name, { count, until: started + few.believed }))
  return count
}

/** A compiled part of a statement as a fragment again: placeholders stand nowhere but where values go. */
function fragmentOf({ text, parameters }: Piece): Sql {
  const texts = text.split(/\?|\$\d+/)
  return join(
    texts.map((part, index) => (index < parameters.length ? sql`${sql.raw(part)}${parameters[index]}` : sql.raw(part))),
    '',
  )
}

function filtersOf(parsed: ParsedQuery, filters: unknown): unknown {
  const typed = parsed.conditions.map(({ field, value }) => [field, '=', value])
  const given = filters === '' || filters === null ? undefined : filters
  if (typed.length === 0) return given
  if (given === undefined) return typed
  return [given, 'and', typed]
}
