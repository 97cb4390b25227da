import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testServer } from '#testing/server.ts'

const server = await testServer()
await server.user('ada@example.com', ['Desk User'])
const ada = await server.keyOf('ada@example.com')
const stats = '/api/method/dartwing_company.api.v1.cache.stats'

test('operators see how caches do, and empty or fill them', async () => {
  await server.make('Client Script', { name: 'c', dt: 'ToDo', view: 'Form', enabled: 1, script: '1' })
  const form = () => server.call('GET', '/api/method/frappe.desk.form.load.get_client_scripts?doctype=ToDo')
  const own = async () =>
    (await server.call('GET', stats)).json.message.caches.find((cache: { name: string }) => cache.name === 'core/client-scripts')
  const before = await own()
  await form()
  await form()
  const after = await own()
  assert.deepEqual([after.hits - before.hits, after.loads - before.loads, after.entries - before.entries], [1, 1, 1])
  const { message } = (await server.call('GET', stats)).json
  assert.equal(message.store, 'none')
  assert.ok(message.hit_rate > 0 && message.hit_rate < 1)
  const cleared = await server.call('POST', '/api/method/dartwing_company.api.v1.cache.clear', { body: { cache: 'core/client-scripts' } })
  assert.deepEqual(cleared.json.message, { cleared: ['core/client-scripts'] })
  const warmed = await server.call('POST', '/api/method/dartwing_company.api.v1.cache.warm')
  assert.equal(warmed.json.message.warmed['core/client-scripts'], 1)
  assert.equal((await own()).loads, after.loads + 1)
  await form()
  assert.equal((await own()).loads, after.loads + 1)
  assert.equal((await server.call('POST', '/api/method/dartwing_company.api.v1.cache.clear', { body: { cache: 'x' } })).status, 404)
})

test('a change to what is cached shows with the next request', async () => {
  const names = async () =>
    (await server.call('GET', '/api/method/frappe.desk.form.load.get_client_scripts?doctype=Note')).json.message.map(
      (script: { name: string }) => script.name,
    )
  assert.deepEqual(await names(), [])
  await server.make('Client Script', { name: 'n', dt: 'Note', view: 'Form', enabled: 1, script: '1' })
  assert.deepEqual(await names(), ['n'])
  await server.call('DELETE', '/api/resource/Client Script/n')
  assert.deepEqual(await names(), [])
})

test('nobody else is told or may do it', async () => {
  for (const as of [ada, '']) {
    assert.equal((await server.call('GET', stats, { as })).status, 403)
    assert.equal((await server.call('POST', '/api/method/dartwing_company.api.v1.cache.clear', { as })).status, 403)
  }
})
