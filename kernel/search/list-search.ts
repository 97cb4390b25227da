import { isAlways } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { join, type Sql, sql } from '#kernel/database/sql.ts'
import { isOutage } from '#kernel/external/call-service.ts'
import { CalledWhileWriting } from '#kernel/external/errors.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { ReadingAccess } from '#kernel/query/access.ts'
import { columnText, conditionSql, hasCountedNames, nameAsText } from '#kernel/query/columns.ts'
import { QueryMalformed } from '#kernel/query/errors.ts'
import { SearchUnavailable } from './errors.ts'
import { candidates } from './opensearch/candidates.ts'
import { keepsDatabaseIndex, usesOpenSearch } from './opensearch/connection.ts'
import { type ParsedQuery, parseQuery } from './parse-query.ts'
import { searchIndex } from './search-index.ts'
import { readableVariant, searchPlan } from './search-plan.ts'

/**
 * The condition that a row `t` of a list holds the words, in the fields that the user may read.
 * @param text  as people type it; see parse-query.ts
 * @throws QueryMalformed where the DocType is not searched, or may only be selected from
 */
export async function rowsHolding(ctx: Context, meta: Meta, access: ReadingAccess, text: string): Promise<Sql> {
  const plan = await searchPlan(ctx, meta)
  if (!plan || access.only) throw new QueryMalformed({ field: 'search', reason: `${meta.name} cannot be searched by its text` })
  const parsed = parseQuery(text)
  if (parsed.wanted.length === 0) return sql`1 = 0`
  const variant = readableVariant(plan, access)
  if (usesOpenSearch(ctx.site)) {
    const named = await namesFromOpenSearch(ctx, meta, access, parsed, { layout: plan.layout, bits: variant - plan.layout })
    if (named) return named
  }
  const found = searchIndex(ctx).matches(parsed, sql`(m.doctype = ${meta.name} and m.variant = ${variant})`)
  const { dialect } = ctx.db
  const name = sql.raw(nameAsText(columnText('t', 'name', dialect), meta, dialect))
  return sql`${name} in (select found.name from (${found}) as found)`
}

/** Rows of a list that may be found by their words: more than these cannot be told to the database. */
const mostNamed = 10_000
const fewNames = 2000

/** The condition that a row is among the documents that OpenSearch finds; undefined: the database is to find them. @throws SearchUnavailable */
async function namesFromOpenSearch(
  ctx: Context,
  meta: Meta,
  access: ReadingAccess,
  parsed: ParsedQuery,
  variant: { layout: number; bits: number },
): Promise<Sql | undefined> {
  const only = isAlways(access.grant.rows) ? undefined : await namesIfFew(ctx, meta, await conditionSql(ctx, meta, 't', access.grant.rows))
  const names: string[] = []
  try {
    const searched = [{ doctype: meta.name, ...variant, ...(only ? { names: only } : {}) }]
    for await (const batch of candidates(ctx, parsed, searched, mostNamed)) names.push(...batch.map(({ name }) => name))
  } catch (error) {
    if (!isOutage(error) && !CalledWhileWriting.is(error)) throw error
    if (keepsDatabaseIndex(ctx.site)) return undefined
    if (CalledWhileWriting.is(error)) throw error
    throw new SearchUnavailable({}, { cause: error })
  }
  if (names.length === 0) return sql`1 = 0`
  const values = names.map((name) => (hasCountedNames(meta) ? sql`${Number(name)}` : sql`${name}`))
  return sql`${sql.raw(columnText('t', 'name', ctx.db.dialect))} in (${join(values)})`
}

async function namesIfFew(ctx: Context, meta: Meta, rows: Sql): Promise<string[] | undefined> {
  const { dialect } = ctx.db
  const name = sql.raw(columnText('t', 'name', dialect))
  const found = await ctx.db.query<{ name: string | number }>(
    dialect.compile(sql`select ${name} as name from ${sql.id(meta.table)} as t where ${rows} limit ${sql.raw(String(fewNames + 1))}`),
  )
  return found.length > fewNames ? undefined : found.map((row) => String(row.name))
}
