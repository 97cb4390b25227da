import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testServer } from '#testing/server.ts'

const server = await testServer()
const dana = await server.keyOf(await server.user('dana@example.com', ['Desk User']))

const add = (key: string, body: object, as?: string) =>
  server.call('POST', '/api/v2/document/ToDo', { body, headers: { 'idempotency-key': key }, ...(as && { as }) })
const countOf = async (description: string) =>
  (await server.call('GET', `/api/v2/doctype/ToDo/count?filters=${encodeURIComponent(JSON.stringify({ description }))}`)).json.data

test('a repeated request gets the first answer again and has no second effect', async () => {
  const first = await add('key-1', { description: 'once' })
  const second = await add('key-1', { description: 'once' })
  assert.equal(second.text, first.text)
  assert.equal(second.headers.get('idempotency-replayed'), 'true')
  assert.equal(await countOf('once'), 1)
})

test('requests that arrive together have one effect', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => add('key-2', { description: 'together' })))
  assert.equal(await countOf('together'), 1)
  for (const { status } of answers) assert.ok(status === 200 || status === 409, String(status))
})

test('the same key with another request is refused, and another user has keys of their own', async () => {
  await add('key-3', { description: 'mine' })
  assert.equal((await add('key-3', { description: 'other' })).status, 422)
  assert.equal((await add('key-3', { description: 'danas' }, dana)).status, 200)
  assert.equal(await countOf('danas'), 1)
})

test('a refused request may be repeated with the same key', async () => {
  assert.equal((await add('key-4', { nope: 1 })).status, 417)
  assert.equal((await add('key-4', { description: 'now right' })).status, 200)
})

test('a key that is none is refused', async () => {
  assert.equal((await add('x'.repeat(201), { description: 'x' })).status, 400)
})

test('a document that the caller has already is not sent again, until it changes', async () => {
  const added = await add('key-5', { description: 'tagged' })
  const path = `/api/v2/document/ToDo/${added.json.data.name}`
  const read = (etag: string) => server.call('GET', path, { headers: { 'if-none-match': etag } })
  const etag = (await server.call('GET', path)).headers.get('etag') ?? ''
  const known = await read(etag)
  assert.deepEqual([known.status, known.text], [304, ''])
  await server.call('PATCH', path, { body: { priority: 'High' } })
  assert.equal((await read(etag)).status, 200)
})

test('a write meant for an older state is refused with 412, in both ways of saying so', async () => {
  const added = await add('key-6', { description: 'matched' })
  const path = `/api/v2/document/ToDo/${added.json.data.name}`
  const etag = (await server.call('GET', path)).headers.get('etag') ?? ''
  const change = (headers: Record<string, string>, body: object = {}) =>
    server.call('PATCH', path, { body: { priority: 'Low', ...body }, headers })
  assert.equal((await change({ 'if-match': etag })).status, 200)
  assert.equal((await change({ 'if-match': etag })).status, 412)
  assert.equal((await change({ 'if-match': '*' })).status, 200)
  assert.equal((await change({}, { modified: added.json.data.modified })).json.errors[0].type, 'TimestampMismatchError')
  assert.equal((await server.call('DELETE', path, { headers: { 'if-match': etag } })).status, 412)
})

const batch = (operations: object[], more: object = {}, as?: string) =>
  server.call('POST', '/api/v2/batch', { body: { operations, ...more }, ...(as && { as }) })
const adding = (description: string) => ({ method: 'POST', path: '/api/v2/document/ToDo', body: { description } })

test('a batch happens as a whole or not at all', async () => {
  const refused = await batch([
    adding('batch 1'),
    { method: 'POST', path: '/api/v2/document/ToDo', body: { description: 'batch 1', nope: 1 } },
  ])
  assert.deepEqual([refused.status, refused.json.errors[0].field], [417, 'operations[1].nope'])
  assert.equal(await countOf('batch 1'), 0)
  const done = await batch([
    adding('batch 1'),
    { path: '/api/v2/document/ToDo?limit=1&order_by=creation desc' },
    { path: '/api/method/ping' },
  ])
  assert.deepEqual(
    done.json.data.map((one: { status: number }) => one.status),
    [200, 200, 200],
  )
  assert.equal(done.json.data[1].body.data[0].name, done.json.data[0].body.data.name)
  assert.equal(done.json.data[2].body.message, 'pong')
})

test('in a batch that is not atomic each operation stands alone', async () => {
  const done = await batch([adding('batch 2'), { method: 'DELETE', path: '/api/v2/document/ToDo/nobody' }, adding('batch 2')], {
    atomic: false,
  })
  assert.deepEqual(
    done.json.data.map((one: { status: number }) => one.status),
    [200, 404, 200],
  )
  assert.equal(await countOf('batch 2'), 2)
})

test('a batch gives nobody more rights, holds no batch, and is bounded', async () => {
  assert.equal((await batch([{ path: '/api/v2/document/User%20API%20Key' }], {}, dana)).status, 403)
  assert.equal((await batch([{ method: 'POST', path: '/api/v2/batch', body: { operations: [] } }])).status, 417)
  assert.equal((await batch(Array.from({ length: 101 }, () => adding('x')))).status, 417)
  assert.equal((await batch([{ path: '/files/x' }])).status, 417)
})
