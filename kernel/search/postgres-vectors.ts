import type { Query, Transaction } from '#kernel/database/database.ts'
import { type Sql, sql } from '#kernel/database/sql.ts'
import type { Site } from '#kernel/sites/site.ts'
import type { Embedder } from './embedder.ts'

/** pgvector from which an index goes on looking where filters leave too few. */
const least = [0, 8]
/** Dimensions that its HNSW index takes; beyond, every vector is compared, yet in the statement. */
const mostIndexed = 2000
const filledAtOnce = 500

/** A vector as pgvector reads it. */
export function asVector(vector: Float32Array): string {
  return `[${vector.join(',')}]`
}

/**
 * Makes the column for vectors and the index for this embedder, once per site and process, where the server has pgvector and the site's
 * account may use it. Vectors from before are copied over.
 * @returns whether vectors are to be written into it
 */
export async function prepareVectors(site: Site, embedder: Embedder): Promise<boolean> {
  if (site.database.dialect.name !== 'postgres') return false
  const key = `search:pgvector:${embedder.model}`
  const known = site.cache.config.get(key)
  if (known !== undefined) return known === true
  const isThere = (await hasExtension(site)) && (await makeColumn(site, embedder))
  site.cache.config.set(key, isThere)
  return isThere
}

/** Whether `nearestByVector` can answer: every vector of the model is in the column. */
export async function hasVectors(site: Site, { model }: Embedder): Promise<boolean> {
  if (site.database.dialect.name !== 'postgres') return false
  const [column] = await site.database.query<{ n: number }>({
    sql: `select count(*) as n from pg_attribute where attrelid = to_regclass('"__Search_Chunk"') and attname = 'embedding' and not attisdropped`,
    parameters: [],
  })
  if (Number(column?.n) === 0) return false
  const missing = await site.database.query({
    sql: 'select 1 from "__Search_Chunk" where embedding is null and model = $1 limit 1',
    parameters: [model],
  })
  return missing.length === 0
}

/**
 * Runs a statement that orders by `distance`, over what is committed. The index goes on until filters leave enough; where it gives up,
 * every vector that is allowed is compared.
 * @param limit rows that the statement asks for
 */
export async function queryNearest<R>(site: Site, query: Query, limit: number): Promise<R[]> {
  const rows = await site.database.transaction(async (tx) => {
    await set(tx, 'hnsw.iterative_scan', 'strict_order')
    await set(tx, 'hnsw.ef_search', String(Math.max(40, limit)))
    return tx.query<R>(query)
  })
  if (rows.length >= limit) return rows
  return site.database.transaction(async (tx) => {
    await set(tx, 'enable_indexscan', 'off')
    return tx.query<R>(query)
  })
}

/** Cosine distance of a chunk `m` to a vector, spelt as the index knows it: 0 is the same direction, NaN where there is none. */
export function distance({ dimensions }: Embedder, asked: Float32Array): Sql {
  const type = sql.raw(`vector(${dimensions})`)
  return sql`cast(m.embedding as ${type}) <=> cast(${asVector(asked)} as ${type})`
}

async function set(tx: Transaction, name: string, value: string): Promise<void> {
  await tx.query({ sql: 'select set_config($1, $2, true)', parameters: [name, value] })
}

async function hasExtension(site: Site): Promise<boolean> {
  const [row] = await site.database.query<{ installed: string | null; offered: string | null }>({
    sql: `select installed_version as installed, default_version as offered from pg_available_extensions where name = 'vector'`,
    parameters: [],
  })
  const version = row?.installed ?? row?.offered
  if (!version) return false
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > (least[0] as number) || minor >= (least[1] as number)
}

async function makeColumn(site: Site, embedder: Embedder): Promise<boolean> {
  try {
    await site.database.exclusively('search-vectors', () => site.database.alter(definitions(embedder)))
    await copyVectors(site)
    return true
  } catch (err) {
    site.log.warn({ err }, 'pgvector is there and cannot be used; vectors are compared one by one')
    return false
  }
}

function definitions({ model, dimensions }: Embedder): string[] {
  const text = model.replaceAll("'", "''")
  const index = `ix_search_near_${model
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '_')
    .slice(0, 30)}_${dimensions}`
  return [
    'create extension if not exists vector',
    'alter table "__Search_Chunk" add column if not exists embedding vector',
    'create index if not exists ix_search_chunk_bare on "__Search_Chunk" (model) where embedding is null',
    ...(dimensions > mostIndexed
      ? []
      : [
          `create index if not exists ${index} on "__Search_Chunk"
            using hnsw ((cast(embedding as vector(${dimensions}))) vector_cosine_ops) where model = '${text}'`,
        ]),
  ]
}

/** Of a site that kept vectors before it had pgvector. */
async function copyVectors(site: Site): Promise<void> {
  for (;;) {
    const copied = await site.database.transaction(async (tx) => {
      const rows = await tx.query<{ doctype: string; name: string; variant: number; place: number; vector: string }>({
        sql: `select doctype, name, variant, place, vector from "__Search_Chunk" where embedding is null limit ${filledAtOnce} for update skip locked`,
        parameters: [],
      })
      for (const row of rows)
        await tx.execute({
          sql: `update "__Search_Chunk" set embedding = cast($1 as vector) where doctype = $2 and name = $3 and variant = $4 and place = $5`,
          parameters: [asVector(decodeVector(row.vector)), row.doctype, row.name, row.variant, row.place],
        })
      return rows.length
    })
    if (copied === 0) return
  }
}

/** A vector as its chunk stores it on every engine: 32-bit floats in hexadecimal digits. */
export function decodeVector(text: string): Float32Array {
  const bytes = Buffer.from(text, 'hex')
  // A copy, because the pool's memory need not begin at a multiple of four.
  return new Float32Array(Uint8Array.from(bytes).buffer)
}
