import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { goodPassword, identityStage } from '#testing/identity-cast.ts'
import { confirmEmailChange, requestEmailChange } from './email-change.ts'
import { ConfirmationNeeded, InvalidLogin, LinkUsedOrExpired } from './errors.ts'
import { changeOwnPassword, requestPasswordReset, sendInvitation, setPasswordByLink } from './password-change.ts'
import { signIn } from './sign-in.ts'
import { signUp } from './sign-up.ts'

const newPassword = 'fake-loud-window-3'
const stage = await identityStage()
let people = 0
const someone = () => stage.person(`reset${++people}@example.com`)
const ask = (user: string, ip?: string) => stage.asGuest((ctx) => requestPasswordReset(ctx, user), ip)
const countRows = async (table: string) => {
  const [row] = await stage.site.database.query<{ n: number }>(
    stage.site.database.dialect.compile(sql`select count(*) as n from ${sql.id(table)}`),
  )
  return Number(row?.n)
}

test('a mailed link sets the password once, ends all sessions, and signs nobody in', async () => {
  const user = await someone()
  const { sid } = await stage.enter(user)
  await ask(user)
  const key = await stage.mailedKey(user)
  assert.ok(key.length >= 43)
  assert.equal(await stage.asGuest((ctx) => setPasswordByLink(ctx, key, newPassword)), user)
  assert.equal((await stage.knock({ sid })).via, 'guest')
  await assert.rejects(stage.enter(user), InvalidLogin.is)
  assert.equal((await stage.enter(user, { password: newPassword })).principal.name, user)
  await assert.rejects(
    stage.asGuest((ctx) => setPasswordByLink(ctx, key, 'fake-other-word-9')),
    LinkUsedOrExpired.is,
  )
})

test('a weak password does not use the link up', async () => {
  const user = await someone()
  await ask(user)
  const key = await stage.mailedKey(user)
  await assert.rejects(
    stage.asGuest((ctx) => setPasswordByLink(ctx, key, 'short')),
    { code: 'identity/password-refused' },
  )
  await stage.asGuest((ctx) => setPasswordByLink(ctx, key, newPassword))
})

test('asking again ends the earlier link, and a link ends after an hour', async (t) => {
  t.after(() => {
    stage.ahead = 0
  })
  const user = await someone()
  await ask(user)
  const first = await stage.mailedKey(user)
  stage.ahead = 1000
  await ask(user)
  const second = await stage.mailedKey(user)
  assert.notEqual(first, second)
  await assert.rejects(
    stage.asGuest((ctx) => setPasswordByLink(ctx, first, newPassword)),
    LinkUsedOrExpired.is,
  )
  stage.ahead = 3_700_000
  await assert.rejects(
    stage.asGuest((ctx) => setPasswordByLink(ctx, second, newPassword)),
    LinkUsedOrExpired.is,
  )
})

test('of two who use a link at once one succeeds', async () => {
  const user = await someone()
  await ask(user)
  const key = await stage.mailedKey(user)
  const outcomes = await Promise.allSettled(
    ['fake-first-one-1', 'fake-second-one-2'].map((word) => stage.asGuest((ctx) => setPasswordByLink(ctx, key, word))),
  )
  assert.deepEqual(outcomes.map((outcome) => outcome.status).sort(), ['fulfilled', 'rejected'])
})

test('asking for nobody answers alike and leaves nothing behind', async () => {
  const [mails, tokens] = [await countRows('tabEmail Queue'), await countRows('__Token')]
  assert.equal(await ask('nobody@example.com'), undefined)
  assert.deepEqual([await countRows('tabEmail Queue'), await countRows('__Token')], [mails, tokens])
})

test('the fourth request for an account within an hour is refused, whether it exists or not', async () => {
  for (const user of [await someone(), 'phantom@example.com']) {
    for (let i = 0; i < 3; i++) await ask(user)
    await assert.rejects(ask(user), { status: 429 })
  }
})

test('the key of the link is in the mail alone, not in tables, versions or audit', async () => {
  const user = await someone()
  await ask(user)
  const key = await stage.mailedKey(user)
  for (const table of ['__Token', 'tabAudit Entry', 'tabVersion', 'tabUser']) {
    const rows = await stage.site.database.query(stage.site.database.dialect.compile(sql`select * from ${sql.id(table)}`))
    assert.ok(!JSON.stringify(rows).includes(key), table)
  }
})

test('changing the own password needs the old one, ends other sessions and replaces the own', async () => {
  const user = await someone()
  const [mine, other] = [await stage.enter(user), await stage.enter(user)]
  for (const wrong of [undefined, 'not-the-password']) {
    await assert.rejects(
      stage.inSession(mine.sid, (ctx) => changeOwnPassword(ctx, wrong, newPassword)),
      ConfirmationNeeded.is,
    )
  }
  const opened = await stage.inSession(mine.sid, (ctx) => changeOwnPassword(ctx, goodPassword, newPassword))
  assert.equal((await stage.knock({ sid: opened?.sid })).principal.name, user)
  for (const { sid } of [mine, other]) assert.equal((await stage.knock({ sid })).via, 'guest')
})

test('an invitation lets a new user choose a password within a day', async () => {
  await stage.user('invited@example.com')
  await stage.asSystem((ctx) => sendInvitation(ctx, 'invited@example.com'))
  const key = await stage.mailedKey('invited@example.com')
  await stage.asGuest((ctx) => setPasswordByLink(ctx, key, newPassword))
  assert.equal((await stage.enter('invited@example.com', { password: newPassword })).principal.name, 'invited@example.com')
})

test('a link for a user disabled meanwhile is dead', async () => {
  const user = await someone()
  await ask(user)
  const key = await stage.mailedKey(user)
  await stage.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'User', user), { enabled: 0 }))
  await assert.rejects(
    stage.asGuest((ctx) => setPasswordByLink(ctx, key, newPassword)),
    LinkUsedOrExpired.is,
  )
})

test('an account moves to a new address when the link that went there is used', async () => {
  const user = await someone()
  const { sid } = await stage.enter(user)
  await stage.inSession(sid, (ctx) => requestEmailChange(ctx, user, 'Moved@Example.com'))
  const key = await stage.mailedKey('moved@example.com')
  assert.equal(await stage.asGuest((ctx) => confirmEmailChange(ctx, key)), 'moved@example.com')
  assert.equal((await stage.knock({ sid })).via, 'guest')
  assert.equal((await stage.enter('moved@example.com')).principal.name, 'moved@example.com')
  await assert.rejects(stage.enter(user), InvalidLogin.is)
  await assert.rejects(
    stage.asGuest((ctx) => confirmEmailChange(ctx, key)),
    LinkUsedOrExpired.is,
  )
})

test('signing up is closed unless the site opens it, and then tells nobody who has an account', async (t) => {
  await assert.rejects(
    stage.asGuest((ctx) => signUp(ctx, 'newcomer@example.com', 'New Comer')),
    { code: 'identity/sign-up-closed' },
  )
  const config = stage.site.config as Record<string, unknown>
  config.allow_sign_up = true
  t.after(() => {
    delete config.allow_sign_up
  })
  const known = await someone()
  for (const email of ['newcomer@example.com', known])
    assert.equal(await stage.asGuest((ctx) => signUp(ctx, email, 'New Comer')), undefined)
  const key = await stage.mailedKey('newcomer@example.com')
  await stage.asGuest((ctx) => setPasswordByLink(ctx, key, newPassword))
  const outcome = await stage.asGuest((ctx) => signIn(ctx, 'newcomer@example.com', newPassword))
  assert.ok(outcome.kind === 'signed-in' && outcome.principal.userType === 'Website User')
})
