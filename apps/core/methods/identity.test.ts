import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Context, Principal } from '#kernel/context/context.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { ConfirmationNeeded, InvalidLogin, NotYourAccount } from '#kernel/identity/errors.ts'
import type { SessionStart } from '#kernel/identity/session-cookies.ts'
import { totpCode, totpStep } from '#kernel/identity/totp.ts'
import { goodPassword, identityStage } from '#testing/identity-cast.ts'
import { identityMethods } from './identity.ts'

const stage = await identityStage()
const user = await stage.person('dana@example.com')
const manager = await stage.person('manager@example.com', ['System Manager'])

interface Outcome {
  message: unknown
  answer: Record<string, unknown>
  cookies: SessionStart | undefined
  ended: boolean
}

/** Calls a method the way the HTTP layer does, past its parsing. */
async function call(ctx: Context, path: string, input: Record<string, unknown> = {}): Promise<Outcome> {
  const method = identityMethods.find((one) => one.path === path)
  assert.ok(method, path)
  const message = await method.handler(ctx, input as never)
  return {
    message,
    answer: ctx.answer,
    cookies: ctx.memo.get('session:start') as SessionStart | undefined,
    ended: ctx.memo.get('session:end') === true,
  }
}
const asGuest = (path: string, input?: Record<string, unknown>) => stage.asGuest((ctx) => call(ctx, path, input))
const asKey = (name: string, path: string, input?: Record<string, unknown>, more: Partial<Principal> = {}) =>
  stage.as(name, (ctx) => call(ctx.as({ ...ctx.user, credential: 'key:x', ...more }), path, input))
const inSession = (sid: string, path: string, input?: Record<string, unknown>) => stage.inSession(sid, (ctx) => call(ctx, path, input))
const signInAs = async (name: string) => (await asGuest('login', { usr: name, pwd: goodPassword })).cookies?.sid ?? ''
const generate = 'frappe.core.doctype.user.user.generate_keys'

test('login answers as clients expect and asks for the cookies', async () => {
  const staff = await asGuest('login', { usr: manager, pwd: goodPassword })
  assert.deepEqual([staff.message, staff.answer.home_page, staff.answer.full_name], ['Logged In', '/app', 'manager'])
  assert.deepEqual([staff.cookies?.user, staff.cookies?.isSystemUser], [manager, true])
  assert.equal((await stage.knock({ sid: staff.cookies?.sid })).principal.name, manager)
  const outsider = await asGuest('login', { usr: user, pwd: goodPassword })
  assert.deepEqual([outsider.message, outsider.cookies?.isSystemUser], ['No App', false])
})

test('an incomplete or wrong login is 401 with the one message', async () => {
  for (const input of [
    {},
    { usr: user },
    { pwd: goodPassword },
    { usr: user, pwd: 'wrong' },
    { usr: 'nobody@example.com', pwd: goodPassword },
  ]) {
    await assert.rejects(
      asGuest('login', input),
      (error: Error) => InvalidLogin.is(error) && error.status === 401 && error.message === 'Invalid login credentials',
    )
  }
})

test('with a second factor login answers verification and tmp_id, and the second call signs in', async () => {
  const name = await stage.person('factor@example.com', ['System Manager'])
  const sid = await signInAs(name)
  await assert.rejects(inSession(sid, 'orchestrator.identity.begin_two_factor', {}), ConfirmationNeeded.is)
  const begun = await inSession(sid, 'orchestrator.identity.begin_two_factor', { password: goodPassword })
  const { secret } = begun.message as { secret: string }
  const code = (distance: number) => totpCode(secret, totpStep(stage.site.clock.now()) + distance)
  await inSession(sid, 'orchestrator.identity.confirm_two_factor', { otp: code(-1) })
  const first = await asGuest('login', { usr: name, pwd: goodPassword })
  assert.deepEqual([first.message, first.cookies], [undefined, undefined])
  assert.equal((first.answer.verification as { setup: boolean }).setup, true)
  const second = await asGuest('login', { tmp_id: first.answer.tmp_id, otp: code(0) })
  assert.deepEqual([second.message, second.cookies?.user], ['Logged In', name])
})

test('logout ends the session and clears the cookies; a guest may call it', async () => {
  const sid = await signInAs(user)
  assert.equal((await inSession(sid, 'logout')).ended, true)
  assert.equal((await stage.knock({ sid })).via, 'guest')
  assert.equal((await asGuest('logout')).ended, true)
})

test('the CSRF token is that of the session; keys and guests have none', async () => {
  const sid = await signInAs(user)
  const { message } = await inSession(sid, 'frappe.sessions.get_csrf_token')
  assert.equal(String(message).length, 43)
  assert.equal((await asGuest('frappe.sessions.get_csrf_token')).message, '')
  assert.equal((await asKey(user, 'frappe.sessions.get_csrf_token')).message, '')
})

test('generate_keys gives a working key, to oneself or by a System Manager; the one before ends', async () => {
  const made = (await asKey(user, generate, { user })).message as { api_key: string; api_secret: string }
  const works = (key: { api_key: string; api_secret: string }) => stage.knock({ authorization: `token ${key.api_key}:${key.api_secret}` })
  assert.equal((await works(made)).principal.name, user)
  const anew = (await asKey(manager, generate, { user })).message as typeof made
  assert.equal((await works(anew)).principal.name, user)
  await assert.rejects(works(made))
})

test('nobody makes keys, ends sessions or lists roles of somebody else, and no System Manager those of the Administrator', async () => {
  const paths: [string, Record<string, unknown>][] = [
    [generate, {}],
    ['orchestrator.identity.create_key', { label: 'x' }],
    ['orchestrator.identity.keys', {}],
    ['orchestrator.identity.sessions', {}],
    ['orchestrator.identity.revoke_sessions', {}],
    ['orchestrator.identity.revoke_key', { name: 'x' }],
    ['orchestrator.identity.disable_two_factor', {}],
  ]
  for (const [path, input] of paths) {
    await assert.rejects(asKey(user, path, { ...input, user: manager }), NotYourAccount.is, path)
    await assert.rejects(asKey(manager, path, { ...input, user: 'Administrator' }), NotYourAccount.is, path)
    await assert.rejects(asKey(manager, path, { ...input, user: 'administrator' }), NotYourAccount.is, path)
  }
  await assert.rejects(asKey(user, 'frappe.core.doctype.user.user.get_roles', { uid: manager }), NotYourAccount.is)
  assert.deepEqual((await asKey(user, 'frappe.core.doctype.user.user.get_roles', {})).message, ['All'])
})

test('a key with scopes makes no key without them', async () => {
  for (const path of [generate, 'orchestrator.identity.create_key', 'orchestrator.identity.keys']) {
    await assert.rejects(asKey(manager, path, { label: 'x' }, { scopes: ['write'] }), NotYourAccount.is)
  }
})

test('in a session a key is made with the password only', async () => {
  const sid = await signInAs(user)
  const create = (input: Record<string, unknown>) => inSession(sid, 'orchestrator.identity.create_key', { label: 'ci', ...input })
  await assert.rejects(create({}), ConfirmationNeeded.is)
  await assert.rejects(create({ password: 'wrong' }), ConfirmationNeeded.is)
  const { message } = await create({ password: goodPassword, scopes: ['read'], expires_at: '2999-01-01T00:00:00+01:00' })
  const key = message as { api_key: string; api_secret: string }
  assert.deepEqual((await stage.knock({ authorization: `token ${key.api_key}:${key.api_secret}` })).principal.scopes, ['read'])
  await assert.rejects(create({ password: goodPassword, expires_at: '2001-01-01' }), { code: 'identity/bad-input', field: 'expires_at' })
  await assert.rejects(create({ password: goodPassword, scopes: ['everything'] }), { code: 'identity/bad-input', field: 'scopes' })
})

test('a user ends one session or all others, and sees which is the own', async () => {
  const [mine, lost] = [await signInAs(user), await signInAs(user)]
  const listed = (await inSession(mine, 'orchestrator.identity.sessions')).message as { id: string; current: boolean }[]
  assert.equal(listed.filter((one) => one.current).length, 1)
  assert.ok(!JSON.stringify(listed).includes(lost))
  const { session } = await stage.knock({ sid: lost })
  assert.deepEqual((await inSession(mine, 'orchestrator.identity.revoke_session', { id: session?.id })).message, { revoked: 1 })
  assert.equal((await stage.knock({ sid: lost })).via, 'guest')
  await inSession(mine, 'orchestrator.identity.revoke_sessions')
  assert.equal((await stage.knock({ sid: mine })).via, 'session')
})

test('reset_password answers alike for everybody', async () => {
  const answers = await Promise.all(
    [user, 'nobody@example.com'].map((name) => asGuest('frappe.core.doctype.user.user.reset_password', { user: name })),
  )
  assert.deepEqual(answers[0], answers[1])
})

test('update_password with a key leads to the login page, with the old password to a new session', async () => {
  const name = await stage.person('renewal@example.com')
  await asGuest('frappe.core.doctype.user.user.reset_password', { user: name })
  const key = await stage.mailedKey(name)
  const path = 'frappe.core.doctype.user.user.update_password'
  const byLink = await asGuest(path, { key, new_password: goodPassword })
  assert.deepEqual([byLink.message, byLink.cookies], ['/login', undefined])
  const sid = await signInAs(name)
  const own = await inSession(sid, path, { old_password: goodPassword, new_password: 'fake-another-one-5' })
  assert.equal((await stage.knock({ sid: own.cookies?.sid })).principal.name, name)
  await assert.rejects(asGuest(path, { new_password: 'fake-another-one-6' }), { status: 403 })
})

test('a System Manager invites, others do not', async () => {
  const path = 'orchestrator.identity.invite'
  const invited = await asKey(manager, path, { email: 'New.Nurse@example.com', roles: ['System Manager'] })
  assert.deepEqual(invited.message, { user: 'new.nurse@example.com', created: true })
  const first = await stage.mailedKey('new.nurse@example.com')
  assert.ok(first)
  await assert.rejects(stage.enter('new.nurse@example.com'), InvalidLogin.is)
  assert.deepEqual((await asKey(manager, path, { email: 'new.nurse@example.com' })).message, {
    user: 'new.nurse@example.com',
    created: false,
  })
  await assert.rejects(asKey(user, path, { email: 'x@example.com' }), (error) => NotYourAccount.is(error) || PermissionDenied.is(error))
  await signInAs(user)
  await assert.rejects(asKey(manager, path, { email: user }), { code: 'identity/bad-input', field: 'email' })
})

test('every method declares its rule and its verbs, and only logout commits on GET', () => {
  assert.equal(new Set(identityMethods.map((method) => method.path)).size, identityMethods.length)
  assert.deepEqual(
    identityMethods.filter((method) => method.commitsOnGet).map((method) => method.path),
    ['logout'],
  )
  const guestPaths = identityMethods.filter((method) => method.rule.kind === 'guest').map((method) => method.path)
  assert.deepEqual(guestPaths.sort(), [
    'frappe.core.doctype.user.user.reset_password',
    'frappe.core.doctype.user.user.sign_up',
    'frappe.core.doctype.user.user.update_password',
    'frappe.sessions.get_csrf_token',
    'login',
    'logout',
    'orchestrator.identity.confirm_email_change',
  ])
})
