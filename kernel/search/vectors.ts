import type { Context } from '#kernel/context/context.ts'
import { type Sql, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { noteReads } from '#kernel/permissions/reads.ts'
import { attachedTexts } from './attached-texts.ts'
import { entriesOf, type SearchEntry } from './document-text.ts'
import { type Embedder, embedderOf, normalised } from './embedder.ts'
import { entriesWhere } from './entry-rows.ts'
import { SearchMalformed } from './errors.ts'
import { allowedRows } from './allowed-rows.ts'
import type { SearchOptions } from './search.ts'
import { asVector, decodeVector, distance, hasVectors, prepareVectors, queryNearest } from './postgres-vectors.ts'
import { searchPlan } from './search-plan.ts'
import { queryWithVectors } from './sqlite-vectors.ts'

const chunks = sql.id('__Search_Chunk')
/** Characters of one chunk, and of the end of each that the next begins with. */
const chunkLength = 800
const overlap = 100
const mostChunks = 200
const readAtOnce = 2000
/** Chunks that one search compares at most. */
const mostCompared = 200_000

/** A chunk of a document near to what was asked. */
export interface NearChunk {
  readonly doctype: string
  readonly name: string
  /** 0 for the first chunk of the document. */
  readonly place: number
  readonly content: string
  /** Cosine: 1 is the same direction, 0 nothing in common. */
  readonly similarity: number
}

/** Has the vectors of a document made after the commit, where the site keeps vectors. */
export async function keepVectors(ctx: Context, document: AnyDocument): Promise<void> {
  if (!embedderOf(ctx.site)) return
  const input = { doctype: document.doctype, name: document.name }
  await enqueue(ctx, 'core.embed-document', input, { key: `${document.doctype}\n${document.name}` })
}

/** Takes the vectors of a document, or of all of a DocType, away. */
export async function forgetVectors(ctx: Context, doctype: string, name?: string): Promise<void> {
  if (!embedderOf(ctx.site)) return
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${chunks} where ${entriesWhere(doctype, name)}`))
}

/**
 * Makes the vectors of one document: reads it, asks the embedder while no transaction is open, and writes. A document that changed
 * meanwhile has another job waiting.
 */
export async function embedDocument(ctx: Context, doctype: string, name: string): Promise<number> {
  const embedder = embedderOf(ctx.site)
  const meta = await ctx.site.meta.get(doctype)
  const plan = await searchPlan(ctx, meta)
  const document = embedder && plan ? await find(ctx, meta, name) : undefined
  if (!embedder || !plan || !document || document.docstatus === 2) return 0
  const pieces = entriesOf(plan, document, await attachedTexts(ctx, document)).flatMap((entry) =>
    chunksOf(entry).map((content, place) => ({ variant: entry.variant, place, content })),
  )
  const vectors = await embedder.embed(pieces.map(({ content }) => content))
  const isTyped = await prepareVectors(ctx.site, embedder)
  const now = await find(ctx, meta, name, true)
  await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${chunks} where ${entriesWhere(doctype, name)}`))
  if (!now || now.modified !== document.modified) return 0
  for (const [index, { variant, place, content }] of pieces.entries()) {
    const unit = unitOf(embedder, vectors[index])
    const [column, value] = isTyped ? [sql`, embedding`, sql`, cast(${asVector(unit)} as vector)`] : [sql``, sql``]
    await ctx.db.execute(
      ctx.db.dialect.compile(sql`insert into ${chunks} (doctype, name, variant, place, model, content, vector${column})
        values (${doctype}, ${name}, ${variant}, ${place}, ${embedder.model}, ${content}, ${hexOf(unit)}${value})`),
    )
  }
  return pieces.length
}

/**
 * The chunks nearest to a text, of documents and fields that the user may read: rights and filters are part of the statement that reads
 * the vectors. Every vector that is allowed is compared; what was written in an open transaction is not among them on SQLite.
 * @param options  `text` is what to be near to; `doctypes`, `filters` and `limit` as for `search`
 * @throws SearchMalformed when the site keeps no vectors, or too many remain to compare
 */
export async function nearest(ctx: Context, options: SearchOptions): Promise<NearChunk[]> {
  const embedder = embedderOf(ctx.site)
  if (!embedder) throw new SearchMalformed({ field: 'search_embeddings', reason: 'this site keeps no vectors' })
  const [asked] = await embedder.embed([options.text.toWellFormed().slice(0, 10_000)])
  const allowed = await allowedRows(ctx, { ...options, text: '' })
  if (!allowed || !asked) return []
  const limit = Math.min(Math.max(1, options.limit ?? 10), 100)
  if (asked.every((value) => value === 0)) return []
  const unit = normalised(asked)
  const found =
    (await nearestInStatement(ctx, embedder, unit, allowed, limit)) ?? (await nearestOneByOne(ctx, embedder, unit, allowed, limit))
  for (const { doctype, name } of found) noteReads(ctx, doctype, [name], 'search')
  return found
}

type ChunkRow = Omit<NearChunk, 'similarity'> & { readonly variant: number; readonly vector: string }

/** SQLite with sqlite-vec: all vectors that are allowed are compared where they are. PostgreSQL with pgvector: by its index. */
async function nearestInStatement(
  ctx: Context,
  embedder: Embedder,
  asked: Float32Array,
  allowed: Sql,
  limit: number,
): Promise<NearChunk[] | undefined> {
  const { model } = embedder
  if (ctx.db.dialect.name === 'postgres') return nearestByIndex(ctx, embedder, asked, allowed, limit)
  if (ctx.db.dialect.name !== 'sqlite') return undefined
  const bytes = new Uint8Array(asked.buffer, asked.byteOffset, asked.byteLength)
  // A chunk without words has no direction, and no distance.
  const near = sql`coalesce(1 - vec_distance_cosine(unhex(m.vector), ${bytes}), 0)`
  return queryWithVectors<NearChunk>(
    ctx.site,
    ctx.db.dialect.compile(sql`select m.doctype, m.name, m.place, m.content, ${near} as similarity from ${chunks} as m
      where m.model = ${model} and ${allowed} order by similarity desc limit ${sql.raw(String(limit))}`),
  )
}

async function nearestByIndex(
  ctx: Context,
  embedder: Embedder,
  asked: Float32Array,
  allowed: Sql,
  limit: number,
): Promise<NearChunk[] | undefined> {
  if (!(await hasVectors(ctx.site, embedder))) return undefined
  const far = distance(embedder, asked)
  const statement = sql`select m.doctype, m.name, m.place, m.content, ${far} as distance from ${chunks} as m
    where m.model = ${sql.lit(embedder.model)} and ${allowed} order by ${far} limit ${sql.raw(String(limit))}`
  const rows = await queryNearest<Omit<NearChunk, 'similarity'> & { distance: number | string }>(
    ctx.site,
    ctx.db.dialect.compile(statement),
    limit,
  )
  return rows.map(({ distance: apart, place, ...row }) => {
    const near = 1 - Number(apart)
    // A chunk without words has no direction, and no distance.
    return { ...row, place: Number(place), similarity: Number.isNaN(near) ? 0 : near }
  })
}

/** The other engines: the allowed vectors are read in turn and compared here. */
async function nearestOneByOne(ctx: Context, embedder: Embedder, asked: Float32Array, allowed: Sql, limit: number): Promise<NearChunk[]> {
  let best: NearChunk[] = []
  let after = ['', '', -1, -1] as readonly [string, string, number, number]
  for (let compared = 0; ; ) {
    const [doctype, name, variant, place] = after
    const rows = await ctx.db.query<ChunkRow>(
      ctx.db.dialect.compile(sql`select m.doctype, m.name, m.variant, m.place, m.content, m.vector from ${chunks} as m
        where (m.doctype, m.name, m.variant, m.place) > (${doctype}, ${name}, ${variant}, ${place}) and m.model = ${embedder.model} and ${allowed}
        order by m.doctype, m.name, m.variant, m.place limit ${sql.raw(String(readAtOnce))}`),
    )
    const near = rows.map((row) => ({
      doctype: row.doctype,
      name: row.name,
      place: Number(row.place),
      content: row.content,
      similarity: similarity(asked, decodeVector(row.vector)),
    }))
    best = [...best, ...near].sort((a, b) => b.similarity - a.similarity).slice(0, limit)
    const last = rows.at(-1)
    if (!last || rows.length < readAtOnce) return best
    compared += rows.length
    if (compared >= mostCompared)
      throw new SearchMalformed({ field: 'filters', reason: `more than ${mostCompared} chunks would be compared; narrow the search down` })
    after = [last.doctype, last.name, Number(last.variant), Number(last.place)]
  }
}

/** The texts of an entry in pieces that overlap, cut at spaces where there are any. */
function chunksOf({ title, texts }: SearchEntry): string[] {
  const whole = [title, ...texts.map(({ text }) => text)].join('\n').toWellFormed()
  const made: string[] = []
  for (let at = 0; at < whole.length && made.length < mostChunks; ) {
    let end = Math.min(whole.length, at + chunkLength)
    const space = end < whole.length ? whole.lastIndexOf(' ', end) : -1
    if (space > at + chunkLength / 2) end = space
    made.push(whole.slice(at, end).toWellFormed())
    if (end === whole.length) break
    at = end - overlap
  }
  return made
}

function unitOf(embedder: Embedder, vector: Float32Array | undefined): Float32Array {
  if (vector?.length !== embedder.dimensions) throw new TypeError(`The embedder ${embedder.model} gave a vector of another length.`)
  return normalised(vector)
}

function hexOf(unit: Float32Array): string {
  return Buffer.from(unit.buffer, unit.byteOffset, unit.byteLength).toString('hex')
}

function similarity(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return 0
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number)
  return sum
}
