import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectLive, type DocumentChange } from '#client/live.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { publish } from '#kernel/realtime/publish.ts'
import { hubOf } from '#kernel/realtime/hub.ts'
import { testServer } from '#testing/server.ts'
import { until } from '#testing/compat/until.ts'

const server = await testServer()
const { url, site, asSystem, authorization } = server
const options = { url, site: site.host, authorization }

test('a connection hears of documents, lists and viewers, until it is told to stop', async () => {
  const live = await connectLive(options)
  const name = await server.make('Note', { title: 'First' })
  const heard: DocumentChange[] = []
  const listed: DocumentChange[] = []
  let viewers: readonly string[] = []
  const stop = await live.onDocument('Note', name, (change) => heard.push(change))
  await live.onList('Note', (change) => listed.push(change))
  await live.openDocument('Note', name, (users) => (viewers = users))
  await until('the viewer is shown', () => viewers.join() === 'Administrator')
  const change = (content: string) => asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Note', name), { content }))
  await change('one')
  await until('the change was heard', () => heard.length === 1 && listed.length === 1)
  assert.equal(heard[0]?.name, name)
  assert.ok(heard[0]?.modified)
  stop()
  await change('two')
  await until('the list went on', () => listed.length === 2)
  assert.equal(heard.length, 1)
  live.close()
})

test('a document that is not there, a wrong key and a closed port are told as failures', async () => {
  const live = await connectLive(options)
  await assert.rejects(
    live.onDocument('Note', 'missing', () => undefined),
    { name: 'ClientError', status: 403, code: 'permission/denied' },
  )
  await assert.rejects(live.join('nowhere:1'), { status: 404, code: 'realtime/room-unknown' })
  live.close()
  await assert.rejects(connectLive({ ...options, authorization: 'token a:b' }), { status: 401, code: 'identity/invalid-credential' })
  await assert.rejects(connectLive({ url: 'http://127.0.0.1:1', timeout: 100 }), { status: 0, code: 'client/unreachable' })
})

test('after an interruption it listens again to all that it did', async () => {
  const live = await connectLive(options)
  let returns = 0
  const messages: unknown[] = []
  const listed: DocumentChange[] = []
  live.onReturn(() => returns++)
  live.on('hello', (message) => messages.push(message))
  await live.onList('Note', (change) => listed.push(change))
  await hubOf(site).stop()
  await until('the connection is lost', () => !live.isConnected)
  await until('it came back', () => returns === 1)
  // What it says on its return is on its way before this is asked.
  await live.onDocument('Note', await server.make('Note', { title: 'Before' }), () => undefined)
  const name = await server.make('Note', { title: 'Second' })
  await asSystem((ctx) => publish(ctx, 'hello', { n: 1 }, { user: 'Administrator' }))
  await until('both were heard', () => messages.length === 1 && listed.some((change) => change.name === name))
  live.close()
})
