import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insert } from '#kernel/documents/save.ts'
import { totpCode, totpStep } from '#kernel/identity/totp.ts'
import { goodPassword } from '#testing/identity-cast.ts'
import { type CallAnswer, testServer } from '#testing/server.ts'
import { adminPassword } from '#testing/site.ts'
import { examine } from './fort.ts'

const clock = { ahead: 0, now: () => Date.now() + clock.ahead }
const server = await testServer({ clock })
const { asSystem } = server
const nobody = { forbidden: [goodPassword, adminPassword] }

const totpAt = (secret: string, ms: number) => totpCode(secret, totpStep(ms))

async function person(name: string, roles: readonly string[] = ['System Manager']): Promise<string> {
  const email = `${name}@example.com`
  await asSystem((ctx) =>
    insert(ctx, 'User', {
      email,
      first_name: name,
      enabled: 1,
      send_welcome_email: 0,
      new_password: goodPassword,
      roles: roles.map((role) => ({ role })),
    }),
  )
  return email
}

interface AskOptions {
  body?: unknown
  headers?: Record<string, string>
  cookie?: string | undefined
  as?: string
}

async function ask(verb: string, path: string, { body, headers = {}, cookie, as = '' }: AskOptions = {}): Promise<CallAnswer> {
  const answer = await server.call(verb, path, {
    as,
    ...(body !== undefined && { body }),
    headers: { ...headers, ...(cookie && { cookie }) },
  })
  examine(answer, nobody, { verb, path, body })
  return answer
}

const signIn = (usr: string, pwd: string, more: AskOptions = {}) => ask('POST', '/api/method/login', { body: { usr, pwd }, ...more })
const cookiesOf = (answer: CallAnswer) => answer.headers.getSetCookie()
const sidOf = (answer: CallAnswer) => /^sid=([^;]+)/.exec(cookiesOf(answer).find((one) => one.startsWith('sid=')) ?? '')?.[1]
const who = async (cookie: string | undefined) => (await ask('GET', '/api/method/frappe.auth.get_logged_user', { cookie })).json?.message

function alike(answers: readonly CallAnswer[]): void {
  const told = answers.map(({ status, text, headers }) =>
    `${status} ${[...headers.keys()].filter((name) => name !== 'keep-alive').sort()} ${text}`.replaceAll(/[0-9a-f-]{36}/g, '<id>'),
  )
  for (const one of told) assert.equal(one, told[0])
}

test('a failed sign-in says the same whoever was asked for', async () => {
  const user = await person('enum')
  const off = await person('switched-off')
  await ask('PUT', `/api/resource/User/${off}`, { body: { enabled: 0 }, as: server.authorization })
  const answers = []
  for (const usr of [user, 'nobody@example.com', 'Administrator', 'Guest', off, "x' or 1=1", '', 'a'.repeat(3000), '%', '__proto__'])
    answers.push(await signIn(usr, 'wrong-password'))
  answers.push(await signIn(off, goodPassword))
  alike(answers)
  assert.equal(answers[0]?.status, 401)
  for (const answer of answers) assert.equal(cookiesOf(answer).length, 0)
})

test('odd credentials are refused, never read as something else', async () => {
  const user = await person('odd')
  for (const body of [
    { usr: { $ne: null }, pwd: { $ne: null } },
    { usr: [user], pwd: [goodPassword] },
    { usr: user, pwd: null },
    { usr: user, pwd: true },
    { usr: true, pwd: true },
    { usr: user },
    { pwd: goodPassword },
    {},
    { usr: user, pwd: '' },
    { usr: user, pwd: '*****' },
    { usr: user, pwd: 'x'.repeat(1_000_000) },
    { usr: `${user}\u200b`, pwd: goodPassword },
    { usr: user, otp: '000000', tmp_id: 'x' },
    { otp: '000000', tmp_id: '' },
  ]) {
    const answer = await ask('POST', '/api/method/login', { body })
    assert.ok(answer.status >= 400, JSON.stringify(body).slice(0, 100))
    assert.equal(sidOf(answer), undefined)
  }
  for (const verb of ['GET', 'PUT', 'DELETE'])
    assert.ok((await ask(verb, `/api/method/login?usr=${user}&pwd=${goodPassword}`)).status >= 400)
})

test('the Authorization header decides alone: broken or wrong ones are refused, not taken for a guest', async () => {
  const user = await person('keys')
  const good = await server.keyOf(user)
  const [key, secret] = good.slice('token '.length).split(':') as [string, string]
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  assert.equal((await ask('GET', '/api/method/frappe.auth.get_logged_user', { as: good })).json.message, user)
  for (const as of [
    'token',
    'token ',
    'token :',
    `token ${key}`,
    `token ${key}:`,
    `token ${key}:x`,
    `token :${secret}`,
    `token ${key}:${secret}x`,
    `token ${key}:${secret} x`,
    `token ${key.toUpperCase()}:${secret}`,
    `token ${key}:${secret}:x`,
    'Basic',
    'Basic !!!',
    'Basic =',
    basic(''),
    basic(':'),
    basic(`${key}:x`),
    basic(`${user}:${goodPassword}`),
    basic(`Administrator:${adminPassword}`),
    'Bearer',
    'Bearer x',
    `Bearer ${secret}`,
    'Digest x',
    'Negotiate x',
    'null',
    'undefined',
    "token ' or 1=1:x",
    `token %:${secret}`,
    `token _:${secret}`,
    'token __proto__:x',
    `token ${'a'.repeat(4000)}:${'b'.repeat(4000)}`,
  ]) {
    const answer = await ask('GET', '/api/method/frappe.auth.get_logged_user', { as })
    assert.ok(answer.status === 401 || answer.status === 400, `${as.slice(0, 60)} -> ${answer.status} ${answer.text.slice(0, 200)}`)
    assert.ok((await ask('GET', '/api/method/ping', { as })).status >= 400, 'not even for guests’ methods')
  }
  assert.equal(
    (await ask('GET', '/api/method/frappe.auth.get_logged_user', { as: good, headers: { 'frappe-authorization-source': 'Customer' } }))
      .status,
    401,
  )
})

test('a sid given from outside is never adopted, and each sign-in makes a new one', async () => {
  const user = await person('fixed')
  const fixed = 'a'.repeat(43)
  const first = await signIn(user, goodPassword, { cookie: `sid=${fixed}` })
  const sid = sidOf(first)
  assert.ok(sid && sid !== fixed && sid.length >= 32)
  assert.equal(await who(`sid=${fixed}`), undefined)
  const second = sidOf(await signIn(user, goodPassword, { cookie: `sid=${sid}` }))
  assert.ok(second && second !== sid)
  const header = cookiesOf(first).find((one) => one.startsWith('sid=')) ?? ''
  assert.match(header, /HttpOnly/i)
  assert.match(header, /SameSite=Lax/i)
  assert.match(header, /Path=\//i)
  for (const one of cookiesOf(first)) assert.ok(one.startsWith('sid=') || !one.includes(sid), 'the sid is in no other cookie')
  assert.ok(!first.text.includes(sid), 'nor in the body')
})

test('a session ends everywhere at sign-out, and its sid opens nothing any more', async () => {
  const user = await person('leaver')
  const sid = sidOf(await signIn(user, goodPassword))
  const cookie = `sid=${sid}`
  assert.equal(await who(cookie), user)
  await ask('POST', '/api/method/logout', { cookie, body: {} })
  assert.notEqual(await who(cookie), user)
  const answer = await ask('GET', '/api/resource/User', { cookie })
  assert.ok(answer.status >= 400)
})

test('a session ends when its user is disabled, gets another password, or is deleted', async () => {
  for (const change of [{ enabled: 0 }, { new_password: 'fake-other-lamp-8' }, undefined]) {
    const user = await person(`ended-${JSON.stringify(change ?? 'x').replaceAll(/\W/g, '')}`)
    const cookie = `sid=${sidOf(await signIn(user, goodPassword))}`
    const key = await server.keyOf(user)
    assert.equal(await who(cookie), user)
    const answer = change
      ? await ask('PUT', `/api/resource/User/${user}`, { body: change, as: server.authorization })
      : await ask('DELETE', `/api/resource/User/${user}`, { as: server.authorization })
    assert.ok(answer.status < 400, answer.text)
    assert.notEqual(await who(cookie), user)
    if (!change || 'enabled' in change) assert.equal((await ask('GET', '/api/method/ping', { as: key })).status, 401)
  }
})

test('a session that holds a CSRF token must send it with every unsafe verb', async () => {
  const user = await person('csrf')
  const cookie = `sid=${sidOf(await signIn(user, goodPassword))}`
  const token = (await ask('GET', '/api/method/frappe.sessions.get_csrf_token', { cookie })).json.message
  assert.ok(typeof token === 'string' && token.length >= 16)
  const note = { title: 'x', content: 'y' }
  for (const headers of [
    {},
    { 'x-frappe-csrf-token': '' },
    { 'x-frappe-csrf-token': 'None' },
    { 'x-frappe-csrf-token': `${token}x` },
    { 'x-frappe-csrf-token': token.toUpperCase() },
    { referer: server.url, origin: server.url },
  ])
    assert.equal((await ask('POST', '/api/resource/Note', { cookie, body: note, headers: headers as Record<string, string> })).status, 400)
  for (const body of [
    { ...note, csrf_token: 'x' },
    { ...note, csrf_token: [token] },
  ])
    assert.equal((await ask('POST', '/api/resource/Note', { cookie, body })).status, 400)
  // By a page of another origin, in the one way a plain form can.
  assert.ok(
    (
      await ask('POST', '/', {
        cookie,
        body: 'cmd=frappe.client.insert&doc={"doctype":"Note","title":"x"}',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      })
    ).status >= 400,
  )
  assert.equal((await ask('POST', '/api/resource/Note', { cookie, body: note, headers: { 'x-frappe-csrf-token': token } })).status, 200)
  const other = await person('csrf-other')
  const theirs = `sid=${sidOf(await signIn(other, goodPassword))}`
  await ask('GET', '/api/method/frappe.sessions.get_csrf_token', { cookie: theirs })
  assert.equal(
    (await ask('POST', '/api/resource/Note', { cookie: theirs, body: { ...note, title: 'z' }, headers: { 'x-frappe-csrf-token': token } }))
      .status,
    400,
  )
  // The token is for its session's own reader.
  const guests = await ask('GET', '/api/method/frappe.sessions.get_csrf_token', { headers: { origin: 'https://evil.example' } })
  assert.ok(!guests.text.includes(token))
})

test('wrong passwords lock the account out, and no header dodges that', async () => {
  const user = await person('locked')
  const statuses: number[] = []
  for (let attempt = 0; attempt < 14; attempt++) {
    const address = `10.1.1.${attempt}`
    const answer = await signIn(user, 'wrong-password', {
      headers: {
        'x-forwarded-for': address,
        'x-real-ip': address,
        forwarded: `for=${address}`,
        'x-client-ip': address,
        'true-client-ip': address,
        'cf-connecting-ip': address,
        'x-forwarded-host': `h${attempt}`,
        'user-agent': `agent ${attempt}`,
      },
    })
    statuses.push(answer.status)
  }
  const answer = await signIn(user, goodPassword, { headers: { 'x-forwarded-for': '10.9.9.9' } })
  assert.ok(answer.status >= 400, 'the right password does not help now')
  assert.equal(sidOf(answer), undefined)
  // Another spelling of the account is the same account.
  for (const spelling of [user.toUpperCase(), ` ${user} `]) assert.equal(sidOf(await signIn(spelling, goodPassword)), undefined)
  clock.ahead += 3_600_000
  assert.equal((await signIn(user, goodPassword)).status, 200)
})

test('a key does what its scopes say, until it expires or is revoked', async () => {
  const user = await person('scoped')
  const all = await server.keyOf(user)
  const make = async (input: Record<string, unknown>) => {
    const { json, text } = await ask('POST', '/api/method/orchestrator.identity.create_key', { as: all, body: input })
    assert.ok(json?.message?.api_secret, text)
    return { name: json.message.name as string, as: `token ${json.message.api_key}:${json.message.api_secret}` }
  }
  const reader = await make({ label: 'reader', scopes: ['read'] })
  assert.equal((await ask('GET', '/api/resource/Note', { as: reader.as })).status, 200)
  for (const [verb, path, body] of [
    ['POST', '/api/resource/Note', { title: 'n' }],
    ['POST', '/api/method/frappe.client.insert', { doc: { doctype: 'Note', title: 'n' } }],
    ['PUT', `/api/resource/User/${user}`, { first_name: 'n' }],
    ['POST', '/api/method/orchestrator.identity.create_key', { label: 'more' }],
    ['POST', '/api/method/frappe.core.doctype.user.user.generate_keys', { user }],
    ['POST', '/api/v2/batch', { operations: [{ method: 'POST', path: '/api/v2/document/Note', body: { title: 'n' } }] }],
  ] as const)
    assert.ok((await ask(verb, path, { as: reader.as, body })).status >= 400, path)
  const notes = await make({ label: 'notes', scopes: ['doctype:Note'] })
  assert.equal((await ask('POST', '/api/resource/Note', { as: notes.as, body: { title: 'by key' } })).status, 200)
  for (const path of ['/api/resource/User', '/api/resource/DocType', '/api/resource/ToDo'])
    assert.ok((await ask('GET', path, { as: notes.as })).status >= 400, path)
  const maker = await make({ label: 'maker', scopes: ['method:orchestrator.identity.*', 'method:frappe.core.*'] })
  for (const [path, body] of [
    ['orchestrator.identity.create_key', { label: 'wider' }],
    ['orchestrator.identity.create_key', { label: 'wider', scopes: ['write'] }],
    ['frappe.core.doctype.user.user.generate_keys', { user }],
  ] as const)
    assert.ok((await ask('POST', `/api/method/${path}`, { as: maker.as, body })).status >= 400, `${path} widens a key`)
  // A key of the Administrator with scopes is no Administrator's key.
  const root = (
    await ask('POST', '/api/method/orchestrator.identity.create_key', {
      as: server.authorization,
      body: { label: 'narrow', scopes: ['doctype:Note:read'] },
    })
  ).json.message
  const narrow = `token ${root.api_key}:${root.api_secret}`
  for (const [verb, path] of [
    ['GET', '/api/resource/User'],
    ['POST', '/api/resource/Note'],
    ['GET', '/api/resource/System Settings/System Settings'],
    ['POST', '/api/method/frappe.core.doctype.user.user.generate_keys'],
  ] as const)
    assert.ok((await ask(verb, path, { as: narrow, ...(verb === 'POST' && { body: { title: 'x', user } }) })).status >= 400, path)
  const brief = await make({ label: 'brief', expires_at: new Date(clock.now() + 60_000).toISOString() })
  assert.equal((await ask('GET', '/api/method/ping', { as: brief.as })).status, 200)
  clock.ahead += 120_000
  assert.equal((await ask('GET', '/api/method/ping', { as: brief.as })).status, 401)
  await ask('POST', '/api/method/orchestrator.identity.revoke_key', { as: all, body: { name: reader.name } })
  assert.equal((await ask('GET', '/api/method/ping', { as: reader.as })).status, 401)
  const stranger = await server.keyOf(await person('stranger', []))
  await ask('POST', '/api/method/orchestrator.identity.revoke_key', { as: stranger, body: { name: notes.name } })
  assert.ok(
    (await ask('POST', '/api/method/orchestrator.identity.revoke_key', { as: stranger, body: { name: notes.name, user } })).status >= 400,
  )
  assert.equal((await ask('GET', '/api/method/ping', { as: notes.as })).status, 200)
})

test('a code works once, and the first step alone opens nothing', async () => {
  const user = await person('two-step')
  const cookie = `sid=${sidOf(await signIn(user, goodPassword))}`
  const headers = {
    'x-frappe-csrf-token': (await ask('GET', '/api/method/frappe.sessions.get_csrf_token', { cookie })).json.message as string,
  }
  const { secret } = (
    await ask('POST', '/api/method/orchestrator.identity.begin_two_factor', { cookie, headers, body: { password: goodPassword } })
  ).json.message
  assert.ok(secret)
  const confirmed = await ask('POST', '/api/method/orchestrator.identity.confirm_two_factor', {
    cookie,
    headers,
    body: { otp: totpAt(secret, clock.now()), code: totpAt(secret, clock.now()) },
  })
  assert.equal(confirmed.status, 200, confirmed.text)
  clock.ahead += 60_000
  const first = await signIn(user, goodPassword)
  assert.equal(sidOf(first), undefined)
  const { tmp_id } = first.json
  assert.ok((await ask('GET', '/api/resource/User', { as: `token ${tmp_id}:x` })).status >= 400)
  assert.ok((await ask('GET', '/api/method/frappe.auth.get_logged_user', { cookie: `sid=${tmp_id}` })).json.message !== user)
  const otp = totpAt(secret, clock.now())
  assert.ok((await ask('POST', '/api/method/login', { body: { tmp_id, otp: '000000' } })).status >= 400)
  assert.ok(sidOf(await ask('POST', '/api/method/login', { body: { tmp_id, otp } })))
  assert.equal(sidOf(await ask('POST', '/api/method/login', { body: { tmp_id, otp } })), undefined, 'the first step is spent')
  const again = (await signIn(user, goodPassword)).json.tmp_id
  assert.equal(sidOf(await ask('POST', '/api/method/login', { body: { tmp_id: again, otp } })), undefined, 'the code is spent')
  const statuses = []
  for (let guess = 0; guess < 8; guess++)
    statuses.push(sidOf(await ask('POST', '/api/method/login', { body: { tmp_id: again, otp: String(guess).padStart(6, '1') } })))
  assert.ok(statuses.every((sid) => sid === undefined))
  clock.ahead += 60_000
  assert.equal(
    sidOf(await ask('POST', '/api/method/login', { body: { tmp_id: again, otp: totpAt(secret, clock.now()) } })),
    undefined,
    'too many guesses spend the first step',
  )
})

test('asking for a new password tells nobody whether the account exists, and a link works once', async () => {
  const user = await person('forgetful')
  const answers = []
  for (const name of [user, 'nobody@example.com'])
    answers.push(await ask('POST', '/api/method/frappe.core.doctype.user.user.reset_password', { body: { user: name } }))
  alike(answers)
  for (const key of ['', 'x', "' or 1=1", 'a'.repeat(5000), '%', '__proto__']) {
    const answer = await ask('POST', '/api/method/frappe.core.doctype.user.user.update_password', {
      body: { key, new_password: 'fake-other-lamp-8' },
    })
    assert.ok(answer.status >= 400, key)
  }
  const mail = await asSystem(async (ctx) => {
    const { list } = await import('#kernel/query/list.ts')
    return list(ctx, 'Email Queue', { fields: ['message'], orderBy: 'creation desc', limit: 1, wire: { version: 1, zone: 'UTC' } })
  })
  const key = /[?&]key=([\w-]+)/.exec(String(mail.rows[0]?.message))?.[1]
  assert.ok(key, String(mail.rows[0]?.message))
  const renew = () =>
    ask('POST', '/api/method/frappe.core.doctype.user.user.update_password', { body: { key, new_password: 'fake-other-lamp-8' } })
  assert.ok((await renew()).status < 400)
  assert.ok((await renew()).status >= 400)
  assert.ok((await signIn(user, goodPassword)).status >= 400)
})
