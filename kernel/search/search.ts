import type { Context } from '#kernel/context/context.ts'
import { type Sql, join, sql } from '#kernel/database/sql.ts'
import { isOutage } from '#kernel/external/call-service.ts'
import { CalledWhileWriting } from '#kernel/external/errors.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import { noteReads } from '#kernel/permissions/reads.ts'
import { condition, readSearch, type Source } from './allowed-rows.ts'
import type { LabelledText } from './document-text.ts'
import { entryTable, storedTexts } from './entry-rows.ts'
import { SearchMalformed, SearchUnavailable } from './errors.ts'
import { keepsDatabaseIndex, usesOpenSearch } from './opensearch/connection.ts'
import { searchOpenSearch } from './opensearch/search-opensearch.ts'
import type { ParsedQuery } from './parse-query.ts'
import { searchIndex } from './search-index.ts'
import { markText, type MarkedText } from './snippet.ts'
import { suggestQuery } from './suggest.ts'

export interface SearchOptions {
  /** What somebody typed; see parse-query.ts. */
  readonly text: string
  /** Look in these DocTypes alone; those that the user may not read, or that are not searched, find nothing. */
  readonly doctypes?: readonly string[]
  /** Conditions as for lists; they need exactly one DocType. */
  readonly filters?: unknown
  /** Hits per page, 1 to 100; default 20. */
  readonly limit?: number
  /** Hits to skip, up to 10,000. */
  readonly start?: number
  /** Also count the hits of each DocType. */
  readonly withGroups?: boolean
  /** Also suggest words when nothing was found. */
  readonly withSuggestion?: boolean
  /** How the values of filters are spelt. */
  readonly wire: Wire
}

export interface SearchHit {
  readonly doctype: string
  readonly name: string
  readonly title: string
  /** Where the words were found: the field's label, and HTML that is safe to show, the words between `<mark>` and `</mark>`. */
  readonly snippet: MarkedText
  /** Everything that is searched of the document, as this user may read it. */
  readonly texts: readonly LabelledText[]
  /** Larger is better; comparable within one answer only. */
  readonly score: number
}

export interface SearchAnswer {
  readonly hits: readonly SearchHit[]
  readonly hasNextPage: boolean
  /** Hits by DocType, most first. */
  readonly groups?: readonly { readonly doctype: string; readonly count: number }[]
  /** Another spelling that finds something. */
  readonly suggestion?: string
}

const mostSkipped = 10_000
const mostHits = 100
/** Of more hits than can be paged through, those indexed last are ranked: what so many documents hold tells them apart no more. */
const mostRanked = mostSkipped + mostHits + 1

/**
 * Finds documents by their text, best first: how well they match, words of the title above others, newer ones a little above older ones.
 * The user's rights are asked of the database: only what one may read is found, counted and shown, a page is short only where it is the
 * last, and words in fields that one may not read, or only masked, do not find the document.
 * @throws SearchMalformed for a bad limit or start, and for filters without a DocType; the errors of filters; SearchUnavailable while
 *   OpenSearch cannot be asked and the database keeps no index
 */
export async function search(ctx: Context, options: SearchOptions): Promise<SearchAnswer> {
  const limit = whole('limit', options.limit ?? 20, 1, mostHits)
  const start = whole('start', options.start ?? 0, 0, mostSkipped)
  const { parsed, sources } = await readSearch(ctx, options)
  if (parsed.wanted.length === 0) return { hits: [], hasNextPage: false, ...(options.withGroups ? { groups: [] } : {}) }
  const answer = await searchPage(ctx, { parsed, sources, options, start, limit })
  for (const { doctype, name } of answer.hits) noteReads(ctx, doctype, [name], 'search')
  const isEmpty = answer.hits.length === 0 && start === 0
  const suggestion = isEmpty && options.withSuggestion ? await suggest(ctx, options, parsed) : undefined
  return suggestion === undefined ? answer : { ...answer, suggestion }
}

/** A search that was read: what to look for, where, and which page. */
export interface PageSearch {
  readonly parsed: ParsedQuery
  readonly sources: readonly Source[]
  readonly options: SearchOptions
  readonly start: number
  readonly limit: number
}

async function searchPage(ctx: Context, asked: PageSearch): Promise<SearchAnswer> {
  if (!usesOpenSearch(ctx.site)) return searchDatabase(ctx, asked)
  try {
    return await searchOpenSearch(ctx, asked)
  } catch (error) {
    if (!isOutage(error) && !CalledWhileWriting.is(error)) throw error
    if (keepsDatabaseIndex(ctx.site)) return searchDatabase(ctx, asked)
    if (CalledWhileWriting.is(error)) throw error
    throw new SearchUnavailable({}, { cause: error })
  }
}

async function searchDatabase(ctx: Context, { parsed, sources, options, start, limit }: PageSearch): Promise<SearchAnswer> {
  const index = searchIndex(ctx)
  const allowed = await condition(ctx, sources, parsed, options, index.entryId)
  if (!allowed) return { hits: [], hasNextPage: false, ...(options.withGroups ? { groups: [] } : {}) }
  const today = Math.floor(ctx.clock.now() / 86_400_000)
  // A document of today counts half as much again as an old one, one of three months ago a quarter.
  const score = sql`relevance * (1.0 + 45.0 / (90.0 + abs(${sql.raw(String(today))} - day)))`
  const page = sql`select id, doctype, name, ${score} as score from (${index.matches(parsed, allowed, mostRanked)}) as found
    order by score desc, id desc limit ${sql.raw(String(limit + 1))} offset ${sql.raw(String(start))}`
  const rows = await read<{ id: number; doctype: string; name: string; score: number }>(ctx, page)
  const hits = await showHits(ctx, rows.slice(0, limit), parsed)
  const groups = options.withGroups ? { groups: await countGroups(ctx, index.matches(parsed, allowed)) } : {}
  return { hits, hasNextPage: rows.length > limit, ...groups }
}

async function countGroups(ctx: Context, found: Sql): Promise<{ doctype: string; count: number }[]> {
  const rows = await read<{ doctype: string; n: number }>(
    ctx,
    sql`select doctype, count(*) as n from (${found}) as found group by doctype order by n desc, doctype`,
  )
  return rows.map(({ doctype, n }) => ({ doctype, count: Number(n) }))
}

async function showHits(
  ctx: Context,
  rows: readonly { id: number; doctype: string; name: string; score: number }[],
  parsed: ParsedQuery,
): Promise<SearchHit[]> {
  if (rows.length === 0) return []
  const ids = join(rows.map(({ id }) => sql`${id}`))
  const entries = await read<{ id: number; title: string; body: string }>(
    ctx,
    sql`select id, title, body from ${entryTable} where id in (${ids})`,
  )
  const byId = new Map(entries.map((entry) => [Number(entry.id), entry]))
  return rows.flatMap(({ id, doctype, name, score }) => {
    const entry = byId.get(Number(id))
    // Taken out of the index since it was found.
    if (!entry) return []
    const texts = storedTexts(entry.body)
    return [{ doctype, name, title: entry.title, snippet: markText(entry.title, texts, parsed.wanted), texts, score: Number(score) }]
  })
}

async function suggest(ctx: Context, options: SearchOptions, parsed: ParsedQuery): Promise<string | undefined> {
  // A word of a document that the user may not read must not show itself as a suggestion.
  for (const text of await suggestQuery(ctx, parsed))
    if ((await search(ctx, { ...options, text, limit: 1, start: 0, withGroups: false, withSuggestion: false })).hits.length > 0) return text
  return undefined
}

async function read<R>(ctx: Context, fragment: Sql): Promise<R[]> {
  return ctx.db.query<R>(ctx.db.dialect.compile(fragment))
}

function whole(field: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most)
    throw new SearchMalformed({ field, reason: `it must be a whole number from ${least} to ${most}` })
  return value
}
