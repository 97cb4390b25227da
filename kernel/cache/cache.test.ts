import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { cacheContract } from '#testing/contracts/cache.ts'
import { ProcessStore } from '#testing/process-store.ts'
import { testSite } from '#testing/site.ts'
import { defineCache } from './cache.ts'
import { type CacheKey, keyText } from './cache-key.ts'
import { CacheDenied, CacheKeyInvalid } from './errors.ts'
import { RedisStore } from './redis-store.ts'
import { noStore } from './store.ts'
import { useStore } from './stores.ts'

const redis = process.env.ORC_TEST_REDIS_URL
const prefix = () => `orc-test-${process.pid}-${Math.random().toString(36).slice(2)}:`

cacheContract('none', { stores: () => [noStore, noStore], isShared: false })
cacheContract('process', {
  stores: () => {
    const store = new ProcessStore(1_000_000)
    return [store, store]
  },
  isShared: true,
})
for (const database of ['sqlite', 'postgres', 'mariadb'] as const) {
  const url = { sqlite: 'there', postgres: process.env.ORC_TEST_POSTGRES_URL, mariadb: process.env.ORC_TEST_MARIADB_URL }[database]
  if (!redis || !url) continue
  cacheContract('redis', {
    stores: () => {
      const common = prefix()
      return [new RedisStore(redis, common), new RedisStore(redis, common)]
    },
    isShared: true,
    database,
  })
}

test('keys say the same in one way, and different things differently', () => {
  const text = (key: Parameters<typeof keyText>[1]) => keyText('test', key)
  assert.equal(text({ a: 1, b: [2, null] }), text({ b: [2, null], a: 1 }))
  const different: CacheKey[] = [
    '1',
    1,
    true,
    null,
    'null',
    ['1'],
    '["1"]',
    { a: 1 },
    '{"a":1}',
    [['a'], 'b'],
    ['a', ['b']],
    ['a,b'],
    ['a', 'b'],
    { a: { b: 1 } },
    { 'a.b': 1 },
  ]
  assert.equal(new Set(different.map(text)).size, different.length)
  for (const bad of [undefined, Number.NaN, () => 1, Symbol('x'), 1n, new Date(), new Map(), { a: undefined }])
    assert.throws(() => text(bad as never), CacheKeyInvalid.is)
})

test('two caches cannot bear one name', () => {
  const declaration = { name: 'test/one-name', scope: 'site', level: 'process', ttlMs: 1, load: async () => 1 } as const
  defineCache(declaration)
  assert.throws(() => defineCache(declaration), /declared twice/)
})

test("a tenant's value is for those who are let at the tenant, and is worked out without them", async () => {
  const { user, as, asSystem, make } = await testSite()
  await user('ada@example.com', ['Desk User'])
  await user('bob@example.com', ['Desk User'])
  await make('Role', { role_name: 'Anything' })
  await make('User Permission', { user: 'ada@example.com', allow: 'Role', for_value: 'Anything', apply_to_all_doctypes: 1 })
  const whom: string[] = []
  const settings = defineCache<string, string>({
    name: 'test/tenant',
    scope: { tenant: 'Role' },
    level: 'process',
    ttlMs: 60_000,
    load: async (ctx, key, tenant) => {
      whom.push(ctx.user.name)
      return `${key} of ${tenant}`
    },
  })
  const ask = (who: string, tenant: string) => as(who, async (ctx) => settings.get(ctx, 'colour', tenant))
  assert.equal(await ask('ada@example.com', 'Anything'), 'colour of Anything')
  await assert.rejects(ask('bob@example.com', 'Anything'), CacheDenied.is)
  await assert.rejects(ask('ada@example.com', 'Other'), CacheDenied.is)
  await assert.rejects(ask('Guest', 'Anything'), CacheDenied.is)
  assert.equal(await asSystem(async (ctx) => settings.get(ctx, 'colour', 'Other')), 'colour of Other')
  assert.deepEqual(whom, ['Administrator', 'Administrator'])
})

test('entries leave when their time is over or their place is needed, and errors are not kept', async () => {
  const { asSystem, site } = await testSite()
  let loads = 0
  const small = defineCache<number, number>({
    name: 'test/small',
    scope: 'site',
    level: 'process',
    ttlMs: 80,
    maxEntries: 3,
    load: async (_ctx, key) => {
      loads++
      if (key < 0) throw new Error('no')
      return key
    },
  })
  const ask = (key: number) => asSystem(async (ctx) => small.get(ctx, key))
  for (const key of [1, 2, 3, 4]) await ask(key)
  assert.deepEqual([loads, small.sizeOf(site), small.figuresOf(site).evictions], [4, 3, 1])
  await pause(200)
  await ask(4)
  assert.equal(loads, 5)
  await assert.rejects(ask(-1), /no/)
  await assert.rejects(ask(-1), /no/)
  assert.equal(loads, 7)
  assert.equal(small.figuresOf(site).failures, 2)
})

test('a value of one request goes with it', async () => {
  const { asSystem } = await testSite()
  let loads = 0
  const brief = defineCache<string, number>({ name: 'test/brief', scope: 'site', level: 'request', ttlMs: 1, load: async () => ++loads })
  assert.deepEqual(await asSystem(async (ctx) => [await brief.get(ctx, 'k'), await brief.get(ctx, 'k')]), [1, 1])
  assert.equal(await asSystem(async (ctx) => brief.get(ctx, 'k')), 2)
})

test('with Redis out of reach, or silent, caches are slower and right', async () => {
  const { site, asSystem } = await testSite()
  const silent = createServer(() => undefined).listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  const { port } = silent.address() as { port: number }
  let loads = 0
  const cache = defineCache<string, number>({
    name: 'test/outage',
    scope: 'site',
    level: 'shared',
    ttlMs: 60_000,
    load: async () => ++loads,
  })
  for (const url of ['redis://127.0.0.1:1', `redis://127.0.0.1:${port}`]) {
    const store = new RedisStore(url, prefix())
    useStore(site, store)
    const from = performance.now()
    await asSystem((ctx) => cache.invalidateAll(ctx))
    const value = await asSystem(async (ctx) => cache.get(ctx, 'k'))
    assert.equal(value, loads)
    assert.ok(performance.now() - from < 2000, `took ${performance.now() - from} ms`)
    assert.ok(((await store.figures()).failures ?? 0) > 0)
    await store.close()
  }
  silent.close()
})

test('a hit in the process costs next to nothing', async () => {
  const { asSystem } = await testSite()
  const quick = defineCache<string, number>({ name: 'test/quick', scope: 'user', level: 'process', ttlMs: 60_000, load: async () => 1 })
  await asSystem(async (ctx) => {
    await quick.get(ctx, 'k')
    let best = Number.POSITIVE_INFINITY
    for (let round = 0; round < 10; round++) {
      const from = performance.now()
      for (let n = 0; n < 10_000; n++) void quick.get(ctx, 'k')
      best = Math.min(best, (performance.now() - from) / 10)
    }
    assert.ok(best < 2, `${best} µs`)
  })
})
