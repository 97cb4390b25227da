import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Query } from '#kernel/database/database.ts'
import { testSite } from '#testing/site.ts'
import { offlineEmbedder } from './embedder.ts'
import { queryWithVectors } from './sqlite-vectors.ts'

const { site } = await testSite()
const hexOf = (vector: Float32Array) => Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('hex')

test('distances are those of the vectors, and a vector without direction has none', async () => {
  const [a, b, nothing] = (await offlineEmbedder.embed(['lift door', 'lift doors', ''])) as [Float32Array, Float32Array, Float32Array]
  const ask: Query = {
    sql: 'select vec_distance_cosine(unhex(?1), unhex(?2)) as near, vec_distance_cosine(unhex(?1), unhex(?3)) as none',
    parameters: [hexOf(a), hexOf(b), hexOf(nothing)],
  }
  const [row] = (await queryWithVectors<{ near: number; none: number | null }>(site, ask)) ?? []
  const cosine = a.reduce((sum, value, at) => sum + value * (b[at] as number), 0)
  assert.ok(row && Math.abs(1 - row.near - cosine) < 1e-5, JSON.stringify(row))
  assert.ok(cosine > 0.5 && cosine < 1)
  assert.equal(row.none, null)
})

test('neither writing nor loading more code is possible by it', async () => {
  await assert.rejects(queryWithVectors(site, { sql: 'delete from __Search_Chunk', parameters: [] }), /readonly/)
  await assert.rejects(queryWithVectors(site, { sql: `select load_extension('x')`, parameters: [] }), /not authorized|no such function/)
})
