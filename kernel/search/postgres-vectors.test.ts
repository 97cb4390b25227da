import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import { insert } from '#kernel/documents/save.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { type PgliteServer, startPglite } from '#testing/pglite-server.ts'
import { type TestSite, testSite } from '#testing/site.ts'
import { offlineEmbedder } from './embedder.ts'
import { decodeVector, distance, hasVectors } from './postgres-vectors.ts'
import { nearest } from './vectors.ts'

const wire = { version: 2, zone: 'UTC' } as const
const reader = 'reader@example.com'
const words = 'boiler lift door filter invoice reminder contract roof window pump valve gasket meter alarm light stair'.split(' ')

suite('vectors in pgvector', () => {
  let server: PgliteServer
  let world: TestSite

  before(async () => {
    server = await startPglite()
    world = await testSite({
      database: 'postgres',
      databaseUrl: server.url,
      config: { search_embeddings: 'offline' },
      closedByCaller: true,
    })
    await world.make('Role', { role_name: 'Note Reader' })
    await world.make('DocType', {
      name: 'Near Note',
      module: 'Core',
      custom: 1,
      autoname: 'prompt',
      fields: [
        { fieldname: 'body', fieldtype: 'Text', in_global_search: 1 },
        { fieldname: 'status', fieldtype: 'Data' },
      ],
      permissions: [{ role: 'Note Reader', read: 1, if_owner: 1 }],
    })
    await world.user(reader, ['Note Reader'])
    await world.asSystem(async (ctx) => {
      for (let n = 0; n < 150; n++) {
        const body = [3, 5, 7, 11].map((step) => words[(n * step + (n >> 4)) % words.length]).join(' ')
        await insert(ctx, 'Near Note', { name: `N-${n}`, body, status: n % 10 === 0 ? 'Open' : 'Closed' })
      }
      await insert(ctx, 'Near Note', { name: 'Wordless', body: '…', status: 'Closed' })
    })
    await new Worker({ sites: async () => [world.site], pollMs: 20 }).drain()
  })
  after(async () => {
    await world?.close()
    await server?.close()
  })

  /** Names and similarities, reckoned here from what is stored. */
  async function exact(text: string, limit: number, status?: string): Promise<[string, string][]> {
    const [asked] = (await offlineEmbedder.embed([text])) as [Float32Array]
    const length = Math.hypot(...asked)
    const { database } = world.site
    const chunks = await database.query<{ name: string; vector: string; status: string }>(
      database.dialect.compile(
        sql`select c.name, c.vector, t.status from ${sql.id('__Search_Chunk')} as c join ${sql.id('tabNear Note')} as t on t.name = c.name`,
      ),
    )
    return chunks
      .filter((chunk) => status === undefined || chunk.status === status)
      .map(({ name, vector }) => {
        const sum = decodeVector(vector).reduce((total, value, at) => total + value * ((asked[at] as number) / length), 0)
        return [name, sum.toFixed(4)] as [string, string]
      })
      .sort((a, b) => Number(b[1]) - Number(a[1]))
      .slice(0, limit)
  }

  const near = (text: string, options: object = {}, user = 'Administrator') =>
    world.as(user, (ctx) => nearest(ctx, { text, wire, doctypes: ['Near Note'], limit: 10, ...options }))

  test('the column and its index are made for the embedder, and every chunk is in it', async () => {
    assert.equal(await hasVectors(world.site, offlineEmbedder), true)
    const indexes = await world.site.database.query<{ indexdef: string }>({
      sql: `select indexdef from pg_indexes where tablename = '__Search_Chunk'`,
      parameters: [],
    })
    assert.ok(
      indexes.some(({ indexdef }) => /using hnsw .*vector\(256\).*vector_cosine_ops/i.test(indexdef)),
      JSON.stringify(indexes),
    )
  })

  test('the index answers for a model’s vectors', async () => {
    const [asked] = (await offlineEmbedder.embed(['lift'])) as [Float32Array]
    const { database } = world.site
    const plan = await database.transaction(async (tx) => {
      await tx.query({ sql: `select set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true)`, parameters: [] })
      return tx.query<{ 'QUERY PLAN': string }>(
        tx.dialect.compile(sql`explain select m.name from ${sql.id('__Search_Chunk')} as m
          where m.model = ${sql.lit(offlineEmbedder.model)} order by ${distance(offlineEmbedder, asked)} limit 5`),
      )
    })
    assert.match(plan.map((line) => line['QUERY PLAN']).join('\n'), /ix_search_near_offline_256/)
  })

  test('the nearest are those that comparing every vector gives', async () => {
    for (const text of ['lift door', 'gaskets and valves', 'alarm on the stairs', 'invoise']) {
      const found = await near(text)
      assert.deepEqual(
        found.map(({ similarity }) => similarity.toFixed(4)),
        (await exact(text, 10)).map(([, similarity]) => similarity),
        text,
      )
    }
  })

  test('conditions are part of the statement: a full page of what meets them', async () => {
    const found = await near('lift door', { filters: { status: 'Open' } })
    assert.deepEqual(
      found.map(({ similarity }) => similarity.toFixed(4)),
      (await exact('lift door', 10, 'Open')).map(([, similarity]) => similarity),
    )
    assert.equal(found.length, 10)
  })

  test('only chunks of documents that one may read are near', async () => {
    assert.deepEqual(await near('lift door', {}, reader), [])
    const own = await world.asSystem((ctx) => insert(ctx, 'Near Note', { name: 'Own', body: 'lift door', status: 'Open' }))
    await world.site.database.transaction((tx) =>
      tx.execute(tx.dialect.compile(sql`update ${sql.id('tabNear Note')} set owner = ${reader} where name = ${own.name}`)),
    )
    await new Worker({ sites: async () => [world.site], pollMs: 20 }).drain()
    assert.deepEqual(
      (await near('lift door', {}, reader)).map(({ name }) => name),
      ['Own'],
    )
  })

  test('a chunk without words has no direction, and is near to nothing', async () => {
    const found = await near('roof', { limit: 100 })
    assert.ok(found.every(({ similarity }) => Number.isFinite(similarity)))
    assert.ok(found.findIndex(({ name }) => name === 'Wordless') !== 0)
  })

  test('vectors from before pgvector are copied into its column', async () => {
    const { database } = world.site
    await database.transaction((tx) => tx.execute({ sql: 'update "__Search_Chunk" set embedding = null', parameters: [] }))
    assert.equal(await hasVectors(world.site, offlineEmbedder), false)
    assert.equal(
      (await near('lift door'))[0]?.similarity.toFixed(4),
      (await exact('lift door', 1))[0]?.[1],
      'compared one by one meanwhile',
    )
    world.site.cache.config.clear()
    await world.asSystem((ctx) => insert(ctx, 'Near Note', { name: 'Later', body: 'pump', status: 'Open' }))
    await new Worker({ sites: async () => [world.site], pollMs: 20 }).drain()
    assert.equal(await hasVectors(world.site, offlineEmbedder), true)
  })
})
