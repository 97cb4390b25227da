import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pino } from 'pino'
import { sql } from '#kernel/database/sql.ts'
import { getSingle } from '#kernel/documents/load.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import type { Site } from '#kernel/sites/site.ts'
import { goodPassword, identityStage } from '#testing/identity-cast.ts'
import { sessionIdOf } from './authenticate.ts'
import { InvalidCsrfToken } from './errors.ts'
import { csrfTokenOf, endSession, endSessions, listSessions } from './sessions.ts'
import { signIn } from './sign-in.ts'

const hour = 3_600_000
const stage = await identityStage()
const { runtime, site } = stage
const second = await openRuntime({
  sitesFolder: runtime.sitesFolder,
  appFolders: [join(import.meta.dirname, '../../apps')],
  log: pino({ level: 'silent' }),
  clock: site.clock,
})
after(() => second.close())
const otherProcess: Site = await second.site(site.host)
for (const name of ['ida', 'ben', 'cleo', 'dora', 'emil', 'finn']) await stage.person(`${name}@example.com`, ['System Manager'])

test('a session signs its user in, and the table holds no sid', async () => {
  const { sid, session } = await stage.enter('ida@example.com')
  const { principal, via } = await stage.knock({ sid })
  assert.deepEqual([principal.name, via, sessionIdOf(principal)], ['ida@example.com', 'session', session.id])
  assert.ok(principal.roles.has('System Manager') && principal.roles.has('All') && principal.roles.has('Desk User'))
  const rows = await stage.site.database.query(stage.site.database.dialect.compile(sql`select * from ${sql.id('__Session')}`))
  assert.ok(rows.length > 0)
  assert.ok(!JSON.stringify(rows).includes(sid))
})

test('sids are 256 random bits', async () => {
  const { sid } = await stage.enter('ida@example.com')
  assert.equal(Buffer.from(sid, 'base64url').length, 32)
  assert.notEqual(sid, (await stage.enter('ida@example.com')).sid)
})

test('an unknown sid, Guest, and none are nobody; only the first says that a session ended', async () => {
  for (const [sid, expired] of [
    ['x'.repeat(43), true],
    ['y'.repeat(5000), true],
    ['Guest', undefined],
    [undefined, undefined],
  ] as const) {
    const answer = await stage.knock({ sid })
    assert.deepEqual([answer.principal.name, answer.via, answer.sessionExpired], ['Guest', 'guest', expired])
  }
})

test('signing in again with a session ends that session: the sid changes', async () => {
  const first = await stage.enter('ben@example.com')
  const again = await stage.inSession(first.sid, (ctx) => signIn(ctx, 'ben@example.com', goodPassword))
  assert.equal(again.kind, 'signed-in')
  assert.equal((await stage.knock({ sid: first.sid })).via, 'guest')
})

test('a session ended in one process is dead in another that knew it', async () => {
  const { sid, session } = await stage.enter('ben@example.com')
  assert.equal((await stage.knock({ sid }, otherProcess)).via, 'session')
  await stage.inSession(sid, (ctx) => endSession(ctx, 'ben@example.com', session.id))
  const answer = await stage.knock({ sid }, otherProcess)
  assert.deepEqual([answer.via, answer.sessionExpired], ['guest', true])
})

test('all sessions but one can be ended', async () => {
  const [kept, gone] = [await stage.enter('cleo@example.com'), await stage.enter('cleo@example.com')]
  assert.equal(await stage.inSession(kept.sid, (ctx) => endSessions(ctx, 'cleo@example.com', kept.session.id)), 1)
  assert.equal((await stage.knock({ sid: gone.sid })).via, 'guest')
  assert.equal((await stage.knock({ sid: kept.sid })).via, 'session')
})

test('nobody ends the session of somebody else', async () => {
  const { sid, session } = await stage.enter('cleo@example.com')
  assert.equal(await stage.asSystem((ctx) => endSession(ctx, 'ida@example.com', session.id)), false)
  assert.equal((await stage.knock({ sid })).via, 'session')
})

test('disabling a user ends the sessions everywhere', async () => {
  const { sid } = await stage.enter('dora@example.com')
  assert.equal((await stage.knock({ sid }, otherProcess)).via, 'session')
  await stage.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'User', 'dora@example.com'), { enabled: 0 }))
  assert.equal((await stage.knock({ sid }, otherProcess)).via, 'guest')
})

test('an idle session ends, one in use goes on until the absolute limit', async (t) => {
  t.after(() => {
    stage.ahead = 0
  })
  const idle = await stage.enter('emil@example.com')
  const busy = await stage.enter('emil@example.com')
  for (let day = 1; day <= 29; day++) {
    stage.ahead = day * 24 * hour
    assert.equal((await stage.knock({ sid: busy.sid })).via, 'session', `day ${day}`)
  }
  assert.equal((await stage.knock({ sid: idle.sid })).via, 'guest')
  stage.ahead = 31 * 24 * hour
  assert.equal((await stage.knock({ sid: busy.sid })).via, 'guest')
})

test('use in one process keeps a session alive in another', async (t) => {
  t.after(() => {
    stage.ahead = 0
  })
  const { sid } = await stage.enter('emil@example.com')
  assert.equal((await stage.knock({ sid }, otherProcess)).via, 'session')
  stage.ahead = 200 * hour
  assert.equal((await stage.knock({ sid })).via, 'session')
  // Written in the background, at most once a minute.
  const deadline = Date.now() + 5000
  for (stage.ahead = 300 * hour; (await stage.knock({ sid }, otherProcess)).via !== 'session'; ) {
    assert.ok(Date.now() < deadline, 'the other process never learnt of it')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
})

test('a session without a CSRF token may write; from the token on, each write needs it', async () => {
  const { sid, session } = await stage.enter('finn@example.com')
  assert.equal((await stage.knock({ sid, verb: 'POST' })).via, 'session')
  assert.equal((await stage.knock({ sid, verb: 'POST' }, otherProcess)).via, 'session')
  const token = await stage.inSession(sid, (ctx) => csrfTokenOf(ctx, session.id))
  assert.equal(token, await stage.inSession(sid, (ctx) => csrfTokenOf(ctx, session.id)))
  for (const site of [stage.site, otherProcess]) {
    for (const verb of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      await assert.rejects(stage.knock({ sid, verb }, site), InvalidCsrfToken.is)
      await assert.rejects(stage.knock({ sid, verb, csrfToken: `${token}x` }, site), InvalidCsrfToken.is)
      assert.equal((await stage.knock({ sid, verb, csrfToken: token }, site)).via, 'session')
    }
    assert.equal((await stage.knock({ sid, verb: 'GET' }, site)).via, 'session')
  }
})

test('the list of sessions shows those that live, latest first', async () => {
  await stage.asSystem((ctx) => endSessions(ctx, 'finn@example.com'))
  const one = await stage.enter('finn@example.com', { ip: '198.51.100.7' })
  stage.ahead = 1000
  const two = await stage.enter('finn@example.com')
  stage.ahead = 0
  const listed = await stage.asSystem((ctx) => listSessions(ctx, 'finn@example.com'))
  assert.deepEqual(
    listed.map((session) => [session.id, session.ip]),
    [
      [two.session.id, '192.0.2.1'],
      [one.session.id, '198.51.100.7'],
    ],
  )
})

test('where only one session per user is allowed, the next sign-in ends the one before', async (t) => {
  const setSetting = (value: string) =>
    stage.asSystem(async (ctx) => {
      await save(ctx, await getSingle(ctx, 'System Settings'), { deny_multiple_sessions: value })
    })
  await setSetting('1')
  t.after(() => setSetting('0'))
  await stage.site.freshen()
  const one = await stage.enter('ida@example.com')
  const two = await stage.enter('ida@example.com')
  assert.equal((await stage.knock({ sid: one.sid })).via, 'guest')
  assert.equal((await stage.knock({ sid: two.sid })).via, 'session')
})
