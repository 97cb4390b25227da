import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insert } from '#kernel/documents/save.ts'
import { createSite } from '#kernel/sites/create-site.ts'
import { goodPassword } from '#testing/identity-cast.ts'
import { testServer } from '#testing/server.ts'
import { adminPassword } from '#testing/site.ts'

const server = await testServer()
const other = await createSite(server.runtime, {
  host: `other-${process.pid}.localhost`,
  adminPassword,
  dbType: 'sqlite',
  config: { durable: false },
})
const here = { 'x-frappe-site-name': server.site.host }
const there = { 'x-frappe-site-name': other.site.host }
const loggedIn = '/api/method/frappe.auth.get_logged_user'

for (const site of [server.site, other.site])
  await site.asSystem('test', (ctx) =>
    insert(ctx, 'User', {
      email: 'ann@example.com',
      first_name: '</script><script>alert(1)</script>"\'<b>',
      enabled: 1,
      send_welcome_email: 0,
      new_password: goodPassword,
      roles: [{ role: 'System Manager' }],
    }),
  )

test('a key, a session and a code of one site are nothing on another', async () => {
  assert.equal((await server.call('GET', loggedIn, { headers: here })).json.message, 'Administrator')
  assert.equal((await server.call('GET', loggedIn, { headers: there })).status, 401)
  const signedIn = await server.call('POST', '/api/method/login', {
    as: '',
    headers: here,
    body: { usr: 'ann@example.com', pwd: goodPassword },
  })
  const sid = /^sid=([^;]+)/.exec(signedIn.headers.getSetCookie().find((one) => one.startsWith('sid=')) ?? '')?.[1]
  assert.equal((await server.call('GET', loggedIn, { as: '', headers: { ...here, cookie: `sid=${sid}` } })).json.message, 'ann@example.com')
  const abroad = await server.call('GET', loggedIn, { as: '', headers: { ...there, cookie: `sid=${sid}` } })
  assert.notEqual(abroad.json.message, 'ann@example.com')
  assert.ok((await server.call('GET', '/api/resource/User', { as: '', headers: { ...there, cookie: `sid=${sid}` } })).status >= 400)
})

test('documents, files and stored answers stay on their site', async () => {
  const body = { title: 'of here', content: 'x' }
  const headers = { ...here, 'idempotency-key': 'one-key' }
  const made = await server.call('POST', '/api/resource/Note', { body, headers })
  assert.equal(made.status, 200)
  const key = `token ${other.administrator.api_key}:${other.administrator.api_secret}`
  assert.equal((await server.call('GET', `/api/resource/Note/${made.json.data.name}`, { as: key, headers: there })).status, 404)
  const again = await server.call('POST', '/api/resource/Note', { as: key, body, headers: { ...headers, ...there } })
  assert.equal(again.headers.get('idempotency-replayed'), null)
  const file = (
    await server.call('POST', '/api/method/frappe.client.attach_file', { headers: here, body: { filename: 'here.txt', filedata: 'here' } })
  ).json.message
  assert.equal((await server.call('GET', file.file_url, { as: key, headers: here })).status, 401)
  assert.notEqual((await server.call('GET', file.file_url, { as: key, headers: there })).text, 'here')
})

test('with several sites a name that is none is refused, and no path becomes one', async () => {
  for (const name of [
    'nowhere.example',
    '..',
    '../other',
    'a/b',
    '',
    ' ',
    '__proto__',
    `${other.site.host}/..`,
    `./${other.site.host}`,
    `${other.site.host}\u00e9`,
    'constructor',
  ]) {
    const answer = await server.call('GET', loggedIn, { headers: { 'x-frappe-site-name': Buffer.from(name).toString('latin1') } })
    assert.equal(answer.status, 404, name)
    assert.equal(answer.json.exc_type, 'DoesNotExistError')
  }
})

test('what a person calls itself cannot break out of a page', async () => {
  const signedIn = await server.call('POST', '/api/method/login', {
    as: '',
    headers: here,
    body: { usr: 'ann@example.com', pwd: goodPassword },
  })
  const cookie = signedIn.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ')
  for (const one of signedIn.headers.getSetCookie()) assert.ok(!/[<>\r\n"]/.test(one.split(';')[0] ?? ''), one)
  for (const path of [
    '/',
    '/app',
    '/app/user',
    '/app/%3Cscript%3Ealert(1)%3C%2Fscript%3E',
    '/?x=%3Cscript%3Ealert(1)%3C/script%3E',
    '/login',
    '/update-password?key=%22%3E%3Cscript%3E',
  ]) {
    const answer = await server.call('GET', path, { as: '', headers: { ...here, cookie, accept: 'text/html' } })
    assert.ok(answer.status < 500, path)
    assert.ok(!answer.text.includes('<script>alert'), path)
    if (!(answer.headers.get('content-type') ?? '').startsWith('text/html')) continue
    const policy = answer.headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'|default-src 'self'/, path)
    assert.ok(!/script-src[^;]*'unsafe-(inline|eval)'/.test(policy), path)
    assert.match(policy, /frame-ancestors/, path)
    assert.match(answer.headers.get('cache-control') ?? '', /no-store/, path)
  }
  // The CSRF token is on the page of its session only.
  const token = (await server.call('GET', '/api/method/frappe.sessions.get_csrf_token', { as: '', headers: { ...here, cookie } })).json
    .message
  assert.ok((await server.call('GET', '/app', { as: '', headers: { ...here, cookie } })).text.includes(token))
  assert.ok(!(await server.call('GET', '/app', { as: '', headers: here })).text.includes(token))
})
