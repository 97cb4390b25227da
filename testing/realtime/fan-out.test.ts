import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { io } from 'socket.io-client'
import { hubOf } from '#kernel/realtime/hub.ts'
import { publish } from '#kernel/realtime/publish.ts'
import { radioSite, until } from './radio-site.ts'

const count = 1_000

test('an event reaches a thousand connections, each of them once, and those who leave are forgotten', async (t) => {
  const { url, site, asSystem, make, keyOf } = await radioSite()
  const north = await keyOf('ann@example.com')
  const south = await keyOf('ben@example.com')
  const arrivals: number[] = []
  const misled: unknown[] = []
  let joined = 0
  // Every tenth belongs to an organisation that must not hear.
  const sockets = Array.from({ length: count }, (_, index) => {
    const isSouth = index % 10 === 9
    const socket = io(`${url}/${site.host}`, {
      transports: ['websocket'],
      forceNew: true,
      extraHeaders: { authorization: isSouth ? south : north },
    })
    socket.on('connect', () => socket.emit('doctype_subscribe', 'Radio Call', () => joined++))
    socket.on('list_update', (frame) => (isSouth ? misled.push(frame) : arrivals.push(performance.now())))
    socket.on('everybody', () => arrivals.push(performance.now()))
    return socket
  })
  after(() => {
    for (const socket of sockets) socket.disconnect()
  })
  await until('all have joined', () => joined === count, 30_000)

  const asked = performance.now()
  await make('Radio Call', { title: 'To nine in ten', organization: 'North' })
  const made = performance.now()
  await until('all who may have heard', () => arrivals.length >= count * 0.9)
  t.diagnostic(
    `list_update: commit after ${Math.round(made - asked)} ms, last of ${arrivals.length} after ${Math.round(last() - asked)} ms`,
  )

  arrivals.length = 0
  const said = performance.now()
  await asSystem((ctx) => publish(ctx, 'everybody', {}, { room: 'website' }))
  await until('everybody has heard', () => arrivals.length >= count)
  t.diagnostic(`website: last of ${arrivals.length} after ${Math.round(last() - said)} ms`)
  assert.equal(arrivals.length, count)
  assert.ok(last() - said < 2_000)
  assert.deepEqual(misled, [])

  for (const socket of sockets) socket.disconnect()
  await until('all are forgotten', () => hubOf(site).size === 0)

  function last(): number {
    return arrivals.at(-1) ?? 0
  }
})
