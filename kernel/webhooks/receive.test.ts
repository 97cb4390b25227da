import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Connection } from '#kernel/database/sqlite/connection.ts'
import { sql } from '#kernel/database/sql.ts'
import { insert } from '#kernel/documents/save.ts'
import { testApps } from '#testing/documents-world.ts'
import { testSite } from '#testing/site.ts'
import { receiveWebhook } from './receive.ts'
import { standardSignature } from './verify.ts'

test('of equal events that come at once none is acknowledged on the word of one whose commit fails', async (t) => {
  const { site } = await testSite({ apps: ['hooked'], appFolders: [testApps] })
  const secret = 'the shared secret'
  const { name } = await site.asSystem('test', (ctx) => insert(ctx, 'Incoming Webhook', { title: 'Bank', provider: 'standard', secret }))
  await site.freshen()
  const body = Buffer.from('{"n": 1}')
  const time = String(Math.floor(Date.now() / 1000))
  const headers = { 'webhook-id': 'msg', 'webhook-timestamp': time, 'webhook-signature': standardSignature(secret, 'msg', time, body) }
  const receive = () =>
    receiveWebhook(site, { provider: 'standard', endpoint: String(name), isGet: false }, { body, headers, url: 'http://here/', query: {} })
  const { run } = Connection.prototype
  let commits = 0
  t.mock.method(Connection.prototype, 'run', function (this: Connection, text: string) {
    if (text === 'commit' && ++commits === 1) throw Object.assign(new Error('The disk is full.'), { errcode: 13 })
    return run.call(this, text)
  })
  const outcomes = await Promise.allSettled([receive(), receive(), receive()])
  const kept = await site.database.query(site.database.dialect.compile(sql`select id from ${sql.id('__Webhook_Event')}`))
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  )
  assert.equal(kept.length, 1, 'a later one found that the first was lost, and was kept in its place')
})
