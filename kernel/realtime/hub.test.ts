import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { guest } from '#kernel/identity/principals.ts'
import { testSite } from '#testing/site.ts'
import { TooManyConnections } from './errors.ts'
import { rooms } from './event.ts'
import { Hub } from './hub.ts'
import type { Member } from './member.ts'

const { site } = await testSite()

/** A hub, and visitors for it who note what they hear and how they end. */
function world() {
  const hub = new Hub(site)
  after(() => hub.stop())
  const heard: string[] = []
  const ended: (string | undefined)[] = []
  const visitor = (account: string): Member => ({
    id: randomUUID(),
    channel: { send: (members, event) => void (members.length > 0 && heard.push(event)) },
    proof: { via: 'guest' },
    principal: guest,
    until: Number.MAX_SAFE_INTEGER,
    rooms: new Set(),
    account,
    end: (reason) => void ended.push(reason),
  })
  const say = (event: string) => hub.deliver({ frames: [{ room: rooms.website, event, message: {} }], audience: { inRoom: true } })
  return { hub, heard, ended, visitor, say }
}

test('one account has a thousand connections at most, and another one when it has left one', async () => {
  const { hub, visitor } = world()
  const own = Array.from({ length: 1_000 }, () => visitor('one'))
  for (const member of own) await hub.admit(member)
  await assert.rejects(hub.admit(visitor('one')), TooManyConnections.is)
  await hub.admit(visitor('other'))
  hub.dismiss(own[0] as Member)
  await hub.admit(visitor('one'))
  assert.equal(hub.size, 1_001)
})

test('when more happens than can be delivered, connections end with the reason, and later ones hear again', async () => {
  const { hub, heard, ended, visitor, say } = world()
  await hub.admit(visitor('one'))
  for (let n = 0; n <= 10_000; n++) say('flood')
  for (const end = Date.now() + 5_000; ended.length === 0 && Date.now() < end; ) await new Promise(setImmediate)
  assert.deepEqual([ended, hub.size, heard.length], [['realtime/overrun'], 0, 0])
  await hub.admit(visitor('one'))
  say('after')
  for (const end = Date.now() + 5_000; heard.length === 0 && Date.now() < end; ) await new Promise(setImmediate)
  assert.deepEqual(heard, ['after'])
})
