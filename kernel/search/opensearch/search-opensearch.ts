import { isAlways } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { join, type Sql, sql } from '#kernel/database/sql.ts'
import { hasCountedNames } from '#kernel/query/columns.ts'
import { askedFilters, type Source, visible } from '../allowed-rows.ts'
import type { PageSearch, SearchAnswer, SearchHit } from '../search.ts'
import { readableVariant } from '../search-plan.ts'
import { markText } from '../snippet.ts'
import { type Candidate, candidates, type Searched, storedTextsOf } from './candidates.ts'
import { keyOf, storedVariant } from './stored-document.ts'

/** Candidates that are looked at for one search. */
const mostCandidates = 20_000
/** Of documents that are so few, OpenSearch is told the names, and finds among them alone. */
const fewNames = 2000

/**
 * One page of a search: OpenSearch names the documents that hold the words, best first, and the database says batch by batch which of
 * them the user may see now, until the page is full. So rights are never older than the database, and what one may not see leaves
 * neither gaps nor counts.
 * @throws what `askOpenSearch` throws
 */
export async function searchOpenSearch(ctx: Context, asked: PageSearch): Promise<SearchAnswer> {
  const { parsed, options, start, limit } = asked
  const places = await placesOf(ctx, asked)
  const found: Candidate[] = []
  const counts = new Map<string, number>()
  const isPageFull = () => found.length > start + limit
  const searched = places.map((place) => place.searched)
  for await (const batch of candidates(ctx, parsed, searched, mostCandidates)) {
    for (const one of await visibleOnes(ctx, places, batch)) {
      if (!isPageFull()) found.push(one)
      counts.set(one.doctype, (counts.get(one.doctype) ?? 0) + 1)
    }
    if (isPageFull() && !options.withGroups) break
  }
  const groups = [...counts].map(([doctype, count]) => ({ doctype, count }))
  groups.sort((a, b) => b.count - a.count || (a.doctype < b.doctype ? -1 : 1))
  const hits = await showHits(ctx, places, found.slice(start, start + limit), asked)
  return { hits, hasNextPage: isPageFull(), ...(options.withGroups ? { groups } : {}) }
}

/** A DocType to look in, with what a row `m` of its table must meet. */
interface Place {
  readonly source: Source
  readonly searched: Searched
  readonly allowed: Sql
}

async function placesOf(ctx: Context, { parsed, sources, options }: PageSearch): Promise<Place[]> {
  const filters = askedFilters(sources, parsed, options)
  const places: Place[] = []
  for (const source of sources) {
    const { meta, plan, access } = source
    const allowed = await visible(ctx, source, filters, options.wire)
    const bits = readableVariant(plan, access) - plan.layout
    const isConfined = filters !== undefined || !isAlways(access.grant.rows)
    const names = isConfined ? await namesIfFew(ctx, source, allowed) : undefined
    if (names?.length === 0) continue
    places.push({ source, allowed, searched: { doctype: meta.name, layout: plan.layout, bits, ...(names ? { names } : {}) } })
  }
  return places
}

async function namesIfFew(ctx: Context, { meta }: Source, allowed: Sql): Promise<string[] | undefined> {
  const rows = await ctx.db.query<{ name: string | number }>(
    ctx.db.dialect.compile(sql`select m.name from ${sql.id(meta.table)} as m where ${allowed} limit ${sql.raw(String(fewNames + 1))}`),
  )
  return rows.length > fewNames ? undefined : rows.map(({ name }) => String(name))
}

/** Those of the candidates that the user may see, in their order. */
async function visibleOnes(ctx: Context, places: readonly Place[], batch: readonly Candidate[]): Promise<Candidate[]> {
  const seen = new Set<string>()
  for (const { source, allowed } of places) {
    const { meta } = source
    const names = batch.filter(({ doctype }) => doctype === meta.name).map(({ name }) => name)
    if (names.length === 0) continue
    const values = join(names.map((name) => (hasCountedNames(meta) ? sql`${Number(name)}` : sql`${name}`)))
    const rows = await ctx.db.query<{ name: string | number }>(
      ctx.db.dialect.compile(sql`select m.name from ${sql.id(meta.table)} as m where m.name in (${values}) and ${allowed}`),
    )
    for (const { name } of rows) seen.add(keyOf(meta.name, String(name)))
  }
  return batch.filter(({ doctype, name }) => seen.has(keyOf(doctype, name)))
}

async function showHits(ctx: Context, places: readonly Place[], found: readonly Candidate[], { parsed }: PageSearch): Promise<SearchHit[]> {
  const bitsOf = new Map(places.map(({ searched }) => [searched.doctype, searched.bits]))
  const wanted = found.map((one) => ({ ...one, bits: bitsOf.get(one.doctype) ?? 0 }))
  const stored = await storedTextsOf(ctx, wanted)
  return wanted.flatMap(({ doctype, name, bits, score }) => {
    const document = stored.get(keyOf(doctype, name))
    // Taken out of the index since it was found.
    if (!document) return []
    const texts = storedVariant(document, bits)
    return [{ doctype, name, title: document.title, snippet: markText(document.title, texts, parsed.wanted), texts, score }]
  })
}
