import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { testApps } from '#testing/documents-world.ts'
import { testSite } from '#testing/site.ts'
import { enqueue } from './enqueue.ts'
import { readJobs } from './manage.ts'
import { openQueue } from './open-queue.ts'
import { Worker } from './worker.ts'

test('a site with much work does not keep another one waiting', async () => {
  const options = { apps: ['busy'], appFolders: [testApps] }
  const [large, small] = [await testSite(options), await testSite(options)]
  await large.asSystem(async (ctx) => {
    for (let n = 0; n < 60; n++) await enqueue(ctx, 'busy.whoami')
  })
  const { id } = await small.asSystem((ctx) => enqueue(ctx, 'busy.whoami'))
  await new Worker({ sites: async () => [large.site, small.site], slots: 2 }).drain()
  const order = [...(await readJobs(large.site, { limit: 100 })), ...(await readJobs(small.site, { limit: 1 }))]
  assert.ok(order.every((row) => row.state === 'finished'))
  const ended = order.map((row) => Number(row.ended)).sort((a, b) => a - b)
  const own = Number(order.find((row) => row.id === id)?.ended)
  assert.ok(ended.filter((at) => at < own).length < 20, 'the small site had its turn')
})

test('a site whose jobs cannot be read does not keep the others from working', async () => {
  const world = await testSite({ apps: ['busy'], appFolders: [testApps] })
  const broken = await testSite({ apps: ['busy'], appFolders: [testApps] })
  await broken.site.database.alter(['drop table "__Job"'])
  const { id } = await world.asSystem((ctx) => enqueue(ctx, 'busy.whoami'))
  await new Worker({ sites: async () => [broken.site, world.site] }).drain()
  const [row] = await readJobs(world.site, { limit: 1 })
  assert.deepEqual([row?.id, row?.state], [id, 'finished'])
})

test('what was claimed ahead of slow jobs is left to others', async () => {
  const world = await testSite({ apps: ['busy'], appFolders: [testApps] })
  const quick = (count: number) =>
    world.asSystem(async (ctx) => {
      for (let n = 0; n < count; n++) await enqueue(ctx, 'busy.whoami')
    })
  const left = async () => (await readJobs(world.site, { states: ['queued', 'running'], limit: 1000 })).length
  const until = async (count: number, ms: number) => {
    for (const end = Date.now() + ms; Date.now() < end; await pause(10)) if ((await left()) <= count) return
    assert.fail(`${await left()} jobs have not ended in time`)
  }
  const worker = new Worker({ sites: async () => [world.site], slots: 2 }).start()
  // Quick jobs have it claim more and more ahead; then come two that take their time, with others behind them.
  await quick(400)
  await until(0, 10_000)
  await world.asSystem(async (ctx) => {
    for (let n = 0; n < 2; n++) await enqueue(ctx, 'busy.stubborn', { text: `slow ${n}`, ms: 6_000 }, { priority: 10 })
  })
  await quick(60)
  await pause(50)
  const other = new Worker({ sites: async () => [world.site], slots: 2 }).start()
  await until(2, 5_000)
  await until(0, 10_000)
  await Promise.all([worker.stop(), other.stop()])
})

test('a job that lost its worker is not claimed ahead, so that it takes few others along', async () => {
  const world = await testSite({ apps: ['busy'], appFolders: [testApps] })
  await world.asSystem(async (ctx) => {
    for (let n = 0; n < 50; n++) await enqueue(ctx, 'busy.whoami')
  })
  const queue = await openQueue(world.site)
  assert.equal((await queue.claim('victim', new Map([['default', 50]]), Date.now(), -1)).length, 50)
  assert.equal(await queue.recover(Date.now() + 1, 5), 50)
  await new Worker({ sites: async () => [world.site], slots: 2 }).drain()
  const rows = await readJobs(world.site, { limit: 100 })
  assert.ok(rows.every((row) => row.state === 'finished' && Number(row.lost) === 1))
})
