import type { Context } from '#kernel/context/context.ts'
import type { ParsedQuery, Wanted } from '../parse-query.ts'
import { askOpenSearch, indexName } from './connection.ts'
import { documentId, keyOf, readKey, type StoredDocument } from './stored-document.ts'

/** A DocType to look in, and the variant of its documents that the user may read. */
export interface Searched {
  readonly doctype: string
  readonly layout: number
  /** Of the closed groups that the user may read. */
  readonly bits: number
  /** Only these documents. */
  readonly names?: readonly string[]
}

/** A document that holds the words; whether the user may see it is for the database to say. */
export interface Candidate {
  readonly doctype: string
  readonly name: string
  readonly score: number
}

const firstBatch = 200
const laterBatch = 1000

/**
 * The documents that hold the words, best first, in batches, up to `most`. What comes out was found in variants that the user may read,
 * yet their rights on documents are not known here: each candidate must be checked.
 * @throws what `askOpenSearch` throws
 */
export async function* candidates(
  ctx: Context,
  parsed: ParsedQuery,
  searched: readonly Searched[],
  most: number,
): AsyncGenerator<Candidate[]> {
  if (searched.length === 0 || parsed.wanted.length === 0) return
  const today = Math.floor(ctx.clock.now() / 86_400_000)
  const query = scored(parsed, searched, today)
  let after: unknown[] | undefined
  for (let seen = 0; seen < most; ) {
    const size = Math.min(after ? laterBatch : firstBatch, most - seen)
    const { status, body } = await askOpenSearch(ctx, 'search', {
      method: 'POST',
      path: `/${indexName(ctx.site)}/_search`,
      body: {
        query,
        size,
        track_total_hits: false,
        _source: false,
        sort: [{ _score: 'desc' }, { key: 'asc' }],
        ...(after ? { search_after: after } : {}),
      },
      also: [404],
    })
    // No index: nothing was fed yet.
    if (status === 404) return
    const hits = (body as { hits: { hits: { sort: [number, string] }[] } }).hits.hits
    if (hits.length > 0) yield hits.map(({ sort: [score, key] }) => ({ ...readKey(key), score }))
    if (hits.length < size) return
    seen += hits.length
    after = hits.at(-1)?.sort
  }
}

/** Stored documents by `keyOf`, with the texts of the variants asked for; those that are gone are missing. */
export async function storedTextsOf(
  ctx: Context,
  wanted: readonly { doctype: string; name: string; bits: number }[],
): Promise<Map<string, StoredDocument>> {
  if (wanted.length === 0) return new Map()
  const { body } = await askOpenSearch(ctx, 'read', {
    method: 'POST',
    path: `/${indexName(ctx.site)}/_mget`,
    body: { docs: wanted.map(({ doctype, name, bits }) => ({ _id: documentId(doctype, name), _source: ['key', 'title', `x${bits}`] })) },
  })
  const found = (body as { docs: { found?: boolean; _source?: StoredDocument }[] }).docs
  return new Map(found.flatMap(({ _source }) => (_source ? [[_source.key, _source] as const] : [])))
}

type Clause = Readonly<Record<string, unknown>>

function scored(parsed: ParsedQuery, searched: readonly Searched[], today: number): Clause {
  // As the database weighs it, in steps: a document of today counts half as much again as an old one.
  const steps = [
    [7, 1.48],
    [30, 1.4],
    [90, 1.3],
    [365, 1.17],
  ] as const
  return {
    function_score: {
      query: { bool: { should: alike(searched).map((group) => within(parsed, group)), minimum_should_match: 1 } },
      functions: steps.map(([days, weight]) => ({ filter: { range: { day: { gte: today - days } } }, weight })),
      score_mode: 'first',
      boost_mode: 'multiply',
    },
  }
}

/** DocTypes with the same variant are asked about together. */
function alike(searched: readonly Searched[]): { layout: number; bits: number; doctypes: string[]; keys: string[] | undefined }[] {
  const groups = new Map<string, { layout: number; bits: number; doctypes: string[]; keys: string[] | undefined }>()
  for (const { doctype, layout, bits, names } of searched) {
    const keys = names?.map((name) => keyOf(doctype, name))
    const group = groups.get(`${layout} ${bits} ${keys === undefined}`)
    if (!group) groups.set(`${layout} ${bits} ${keys === undefined}`, { layout, bits, doctypes: [doctype], keys })
    else {
      group.doctypes.push(doctype)
      group.keys?.push(...(keys ?? []))
    }
  }
  return [...groups.values()]
}

function within({ wanted, excluded }: ParsedQuery, group: ReturnType<typeof alike>[number]): Clause {
  const fields = [
    ['t', 8],
    [`b${group.bits}`, 1],
  ] as const
  const holds = (one: Wanted): Clause => ({
    bool: { should: fields.map(([field]) => clause(one, field)), minimum_should_match: 1 },
  })
  return {
    bool: {
      filter: [
        { terms: { doctype: group.doctypes } },
        { term: { layout: group.layout } },
        ...(group.keys ? [{ terms: { key: group.keys } }] : []),
        ...wanted.map(holds),
      ],
      must_not: excluded.map(holds),
      should: wanted.flatMap((one) => fields.map(([field, boost]) => clause(one, field, boost))),
    },
  }
}

/** Words that a beginning stands for are all looked for; relevance is reckoned from the commonest hundred. */
function clause({ terms, isPrefix }: Wanted, field: string, boost?: number): Clause {
  const weight = boost === undefined ? {} : { boost }
  const [first] = terms
  if (terms.length > 1) {
    const query = terms.join(' ')
    return isPrefix
      ? { match_phrase_prefix: { [field]: { query, max_expansions: 10_000, ...weight } } }
      : { match_phrase: { [field]: { query, ...weight } } }
  }
  if (!isPrefix) return { term: { [field]: { value: first, ...weight } } }
  const rewrite = boost === undefined ? {} : { rewrite: 'top_terms_blended_freqs_100' }
  return { prefix: { [field]: { value: first, ...rewrite, ...weight } } }
}
