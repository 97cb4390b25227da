import assert from 'node:assert/strict'
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createKey } from '#kernel/identity/api-keys.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { endSessions } from '#kernel/identity/sessions.ts'
import { publish, publishProgress } from '#kernel/realtime/publish.ts'
import { cookieOf, connect, type Ear, radioSite, until } from './radio-site.ts'

const server = await radioSite()
const { url, site, asSystem, make } = server
const [ann, ben, cas] = ['ann@example.com', 'ben@example.com', 'cas@example.com'] as const
const keys = new Map<string, string>()
for (const user of [ann, ben, cas]) keys.set(user, await server.keyOf(user))
let calls = 0

function ear(user: string, namespace: string = site.host): Promise<Ear> {
  return connect(url, namespace, { authorization: keys.get(user) as string, 'x-frappe-site-name': site.host })
}

function call(organization: string, more: object = {}): Promise<string> {
  return make('Radio Call', { title: `Call ${++calls}`, organization, ...more })
}

function change(name: string, values: Record<string, unknown>): Promise<unknown> {
  return asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Radio Call', name), values))
}

/** Long enough for a frame that must not come. */
const quiet = (): Promise<void> => pause(250)

test('a cookie, a key, and nothing at all are let in; a dead cookie and a wrong key are not', async () => {
  const cookie = await cookieOf(server, ann)
  const byCookie = await connect(url, site.host, { cookie })
  assert.deepEqual(await byCookie.say('doctype_subscribe', 'Radio Call'), { ok: true })
  const byKey = await ear(ann, '')
  assert.deepEqual(await byKey.say('doctype_subscribe', 'Radio Call'), { ok: true })
  const guest = await connect(url, site.host, {})
  assert.equal((await guest.say('doctype_subscribe', 'Radio Call')).ok, false)
  await assert.rejects(connect(url, site.host, { cookie: 'sid=made-up' }), { data: { code: 'identity/invalid-credential', status: 401 } })
  await assert.rejects(connect(url, site.host, { authorization: 'token wrong:wrong' }), /./)
})

test('a request that offers another protocol is answered in this one', async () => {
  const request = get(`${url}/api/method/ping`, { headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' } })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  assert.equal(response.statusCode, 200)
  response.destroy()
})

test('polling works as well as web sockets', async () => {
  const polling = await connect(url, site.host, { authorization: keys.get(ann) as string }, { transports: ['polling'] })
  assert.deepEqual(await polling.say('doctype_subscribe', 'Radio Call'), { ok: true })
  const name = await call('North')
  await until('the frame came', () => polling.of('list_update').some((frame) => frame.name === name))
})

test('a namespace that is not the site is refused', async () => {
  await assert.rejects(connect(url, 'other.example.com', { authorization: keys.get(ann) as string }), {
    data: { code: 'realtime/site-not-here', status: 404 },
  })
})

test('pages of other origins are refused unless the site names them', async () => {
  const cookie = await cookieOf(server, ann)
  await assert.rejects(connect(url, site.host, { cookie, origin: 'https://evil.example' }))
  await connect(url, site.host, { cookie, origin: 'http://127.0.0.1:8080' })
  const config = site.config as Record<string, unknown>
  config.allow_cors = ['https://good.example', '*']
  try {
    await connect(url, site.host, { cookie, origin: 'https://good.example' })
    const stripped = await connect(url, site.host, { cookie, origin: 'https://evil.example' })
    assert.equal((await stripped.say('doctype_subscribe', 'Radio Call')).ok, false, 'the cookie does not count')
  } finally {
    delete config.allow_cors
  }
})

test('those who look at a document or a list hear of a change, with names and times only', async () => {
  const name = await call('North', { diagnosis: 'secret-fever' })
  const one = await ear(ann)
  assert.deepEqual(await one.say('doc_subscribe', 'Radio Call', name), { ok: true })
  assert.deepEqual(await one.say('doctype_subscribe', 'Radio Call'), { ok: true })
  await change(name, { title: 'secret-title', diagnosis: 'secret-cold' })
  await until('both frames came', () => one.of('doc_update').length === 1 && one.of('list_update').length === 1)
  assert.deepEqual(Object.keys(one.of('doc_update')[0] as object).sort(), ['doctype', 'modified', 'name'])
  assert.deepEqual(one.of('list_update')[0], { doctype: 'Radio Call', name, user: 'Administrator' })
  assert.doesNotMatch(JSON.stringify(one.heard), /secret/)
  await one.say('doc_unsubscribe', 'Radio Call', name)
  await one.say('doctype_unsubscribe', 'Radio Call')
  await change(name, { title: 'Again' })
  await quiet()
  assert.equal(one.heard.length, 2)
})

test('an organisation never hears of the documents of another', async () => {
  const [inNorth, inSouth] = [await ear(ann), await ear(ben)]
  for (const one of [inNorth, inSouth]) assert.deepEqual(await one.say('doctype_subscribe', 'Radio Call'), { ok: true })
  const name = await call('North')
  assert.deepEqual((await inSouth.say('doc_subscribe', 'Radio Call', name)).ok, false)
  assert.deepEqual(await inSouth.say('doc_subscribe', 'Radio Call', name), await inSouth.say('doc_subscribe', 'Radio Call', 'no such'))
  assert.equal((await inSouth.say('doc_open', 'Radio Call', name)).ok, false)
  await change(name, { title: 'Changed' })
  await asSystem((ctx) => rename(ctx, 'Radio Call', name, `${name}-renamed`))
  await asSystem((ctx) => remove(ctx, 'Radio Call', `${name}-renamed`))
  await until('North heard all', () => inNorth.of('list_update').some((frame) => frame.deleted === 1))
  assert.deepEqual(inNorth.of('doc_rename'), [{ doctype: 'Radio Call', old: name, new: `${name}-renamed` }])
  await quiet()
  assert.deepEqual(inSouth.heard, [])
})

test('whoever may not read a DocType cannot listen to it', async () => {
  const one = await ear(cas)
  assert.equal((await one.say('doctype_subscribe', 'Radio Call')).code, 'permission/denied')
  assert.equal((await one.say('room_subscribe', 'dispatch:North')).code, 'realtime/room-unknown')
  assert.equal((await one.say('room_subscribe', 'user:Administrator')).code, 'realtime/room-unknown')
  assert.equal((await one.say('doctype_subscribe', 'x'.repeat(301))).code, 'realtime/words-malformed')
})

test('what is rolled back is not heard of', async () => {
  const one = await ear(ann)
  await one.say('doctype_subscribe', 'Radio Call')
  const name = await call('North')
  await assert.rejects(
    asSystem(async (ctx) => {
      await save(ctx, await openForWrite(ctx, 'Radio Call', name), { title: 'Never' })
      throw new Error('undone')
    }),
    /undone/,
  )
  await until('the first frame came', () => one.of('list_update').length > 0)
  await quiet()
  assert.equal(one.of('list_update').length, 1)
})

test('a right that is withdrawn stops the frames at once', async () => {
  const one = await ear(ben)
  await one.say('doctype_subscribe', 'Radio Call')
  await call('South')
  await until('the first frame came', () => one.of('list_update').length === 1)
  const setRoles = (roles: string[]) =>
    asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'User', ben), { roles: roles.map((role) => ({ role })) }))
  await setRoles(['Radio Visitor'])
  await call('South')
  await quiet()
  assert.equal(one.of('list_update').length, 1)
  assert.ok(one.socket.connected)
  await setRoles(['Radio Operator', 'Desk User'])
})

test('a connection ends within two seconds of its session, and of its user', async () => {
  const byCookie = await connect(url, site.host, { cookie: await cookieOf(server, cas) })
  await asSystem((ctx) => endSessions(ctx, cas))
  await until('the connection ended', () => !byCookie.socket.connected, 2_000)
  const byKey = await ear(cas)
  await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'User', cas), { enabled: 0 }))
  await until('the connection ended', () => !byKey.socket.connected, 2_000)
  await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'User', cas), { enabled: 1 }))
})

test('a connection ends with the key or token that opened it', async () => {
  const expiresAt = Date.now() + 1_500
  const { api_key, api_secret } = await server.asSystem((ctx) => createKey(ctx, 'ann@example.com', { label: 'short-lived', expiresAt }))
  const ear = await connect(server.url, server.site.host, { authorization: `token ${api_key}:${api_secret}` })
  await until('the connection ended', () => !ear.socket.connected, 4_000)
  assert.ok(Date.now() >= expiresAt - 50 && Date.now() <= expiresAt + 2_000)
})

test('people see who else has a document open', async () => {
  const name = await call('North')
  const [one, two] = [await ear(ann), await connect(url, '', { authorization: server.authorization, 'x-frappe-site-name': site.host })]
  assert.deepEqual(await one.say('doc_open', 'Radio Call', name), { ok: true })
  assert.deepEqual(await two.say('doc_open', 'Radio Call', name), { ok: true })
  const last = () => one.of('doc_viewers').at(-1)
  await until('both are shown', () => (last()?.users as string[] | undefined)?.length === 2)
  assert.deepEqual(last(), { doctype: 'Radio Call', docname: name, users: ['Administrator', ann] })
  two.socket.disconnect()
  await until('one has left', () => (last()?.users as string[] | undefined)?.length === 1)
  assert.deepEqual(last()?.users, [ann])
})

test('messages go to a user, a task of a user, a room of an app, system users or everybody, and to nobody else', async () => {
  const [one, two, guest] = [await ear(ann), await ear(ben), await connect(url, site.host, {})]
  for (const each of [one, two]) await each.say('task_subscribe', 'task-1')
  assert.deepEqual(await one.say('room_subscribe', 'dispatch:North'), { ok: true })
  assert.equal((await two.say('room_subscribe', 'dispatch:North')).ok, false)
  await asSystem(async (ctx) => {
    await publish(ctx, 'for-ann', {}, { user: ann })
    await publishProgress(ctx, 50, { taskId: 'task-1', user: ann })
    await publish(ctx, 'for-north', {}, { room: 'dispatch:North' })
    await publish(ctx, 'for-all-rows', {}, { doctype: 'Radio Call' })
    await publish(ctx, 'for-system-users', {}, { room: 'all' })
    await publish(ctx, 'for-everybody', {}, { room: 'website' })
    await assert.rejects(publish(ctx, 'for-nobody', {}, {}), { code: 'realtime/target-missing' })
  })
  const events = (each: Ear) => each.heard.map(({ event }) => event)
  await until('all have heard', () => [one, two, guest].every((each) => events(each).includes('for-everybody')))
  assert.deepEqual(events(one), ['for-ann', 'task_progress', 'for-north', 'for-system-users', 'for-everybody'])
  assert.deepEqual(events(two), ['for-system-users', 'for-everybody'])
  assert.deepEqual(events(guest), ['for-everybody'])
})

test('rooms of an app are joined and heard by right, and a right that is withdrawn ends them within two seconds', async () => {
  const user = await server.user('dot@example.com', ['Radio Operator', 'Desk User'])
  const permission = await make('User Permission', { user, allow: 'Organization', for_value: 'North', apply_to_all_doctypes: 1 })
  const [own, other] = [await call('North'), await call('South')]
  const one = await connect(url, site.host, { authorization: await server.keyOf(user) })
  const rooms = [`sync:radio_call:North`, `conversation:${own}`, 'dispatch:North', `inbox:${user}`]
  const closed = [
    'sync:radio_call:South',
    'sync:task:North',
    'sync:North',
    `conversation:${other}`,
    'conversation:none',
    `inbox:${ann}`,
    'inbox:',
  ]
  for (const room of rooms) assert.deepEqual(await one.say('room_subscribe', room), { ok: true }, room)
  for (const room of closed) assert.equal((await one.say('room_subscribe', room)).code, 'realtime/room-unknown', room)
  const sayInAll = () =>
    asSystem(async (ctx) => {
      for (const room of [...rooms, ...closed]) await publish(ctx, 'delta', { room }, { room })
      await publish(ctx, 'said', {}, { room: 'website' })
    })
  await sayInAll()
  await until('the first came', () => one.of('said').length === 1)
  assert.deepEqual(
    one.of('delta').map(({ room }) => room),
    rooms,
  )
  await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'User Permission', permission), { for_value: 'South' }))
  await sayInAll()
  await until('the second came', () => one.of('said').length === 2, 2_000)
  assert.deepEqual(
    one
      .of('delta')
      .slice(rooms.length)
      .map(({ room }) => room),
    [`inbox:${user}`],
  )
})

test('a comment is told to those who look at the document, without what it says', async () => {
  const name = await call('North')
  const one = await ear(ann)
  await one.say('doc_subscribe', 'Radio Call', name)
  const comment = await make('Comment', {
    comment_type: 'Comment',
    reference_doctype: 'Radio Call',
    reference_name: name,
    content: 'secret-words',
  })
  await until('the frame came', () => one.of('docinfo_update').length > 0)
  assert.deepEqual(one.of('docinfo_update')[0], { doctype: 'Radio Call', docname: name, key: 'comments', name: comment, action: 'add' })
  assert.doesNotMatch(JSON.stringify(one.heard), /secret/)
})

test('whoever gets a notification hears that there is one, and nobody else does', async () => {
  const [one, two] = [await ear(ann), await ear(ben)]
  await make('Notification Log', { subject: 'secret-subject', for_user: ann, type: 'Alert' })
  await asSystem((ctx) => publish(ctx, 'last', {}, { room: 'website' }))
  await until('both have heard the last', () => [one, two].every((each) => each.of('last').length === 1))
  assert.deepEqual(one.of('notification'), [{}])
  assert.deepEqual(two.of('notification'), [])
})

test('a ping is answered, and a client that says too much is cut off', async () => {
  const one = await ear(ann)
  one.socket.emit('ping')
  await until('the pong came', () => one.heard.some(({ event }) => event === 'pong'))
  for (let word = 0; word < 2_100; word++) one.socket.emit('ping')
  await until('the connection ended', () => !one.socket.connected)
})
