import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testApps } from '#testing/documents-world.ts'
import { testSite } from '#testing/site.ts'
import { enqueue } from './enqueue.ts'
import { readJobs } from './manage.ts'
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
