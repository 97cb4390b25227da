import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { testServer } from '#testing/server.ts'

const server = await testServer()
const dana = await server.keyOf(await server.user('dana@example.com', ['Desk User']))

const todo = async (values: object = {}) =>
  (await server.call('POST', '/api/resource/ToDo', { body: { description: 'Call back', ...values } })).json.data

test('v1: a document is added, read, changed and deleted', async () => {
  const added = await server.call('POST', '/api/resource/ToDo', { body: { description: 'one' } })
  assert.equal(added.status, 200)
  assert.ok(!('color' in added.json.data), 'empty fields are left out')
  const path = `/api/resource/ToDo/${added.json.data.name}`
  assert.equal((await server.call('GET', `${path}/`)).json.data.description, 'one')
  assert.equal((await server.call('PUT', path, { body: { description: 'two', flags: {}, doctype: 'ToDo' } })).json.data.description, 'two')
  const gone = await server.call('DELETE', path)
  assert.deepEqual([gone.status, gone.json], [202, { data: 'ok' }])
  assert.equal((await server.call('GET', path)).status, 404)
})

test('v1: lists take names, dicts or rows, and an empty order', async () => {
  const { name } = await todo({ description: 'listed' })
  const query = `/api/resource/ToDo?filters=${encodeURIComponent(JSON.stringify([['description', '=', 'listed']]))}&order_by=`
  assert.deepEqual((await server.call('GET', query)).json, { data: [{ name }] })
  assert.deepEqual((await server.call('GET', `${query}&fields=["name","status"]&as_dict=0`)).json, { data: [[name, 'Open']] })
})

test('v2: names are honoured, may hold slashes, and nulls are kept', async () => {
  const added = await server.call('POST', '/api/v2/document/ToDo', { body: { name: 'a/b c', description: 'odd' } })
  assert.equal(added.json.data.name, 'a/b c')
  assert.equal(added.json.data.color, null)
  assert.equal((await server.call('GET', '/api/v2/document/ToDo/a/b%20c/')).json.data.description, 'odd')
  assert.equal((await server.call('PATCH', '/api/v2/document/ToDo/a%2Fb%20c', { body: { priority: 'High' } })).json.data.priority, 'High')
  const copy = (await server.call('GET', '/api/v2/document/ToDo/a%2Fb%20c/copy')).json.data
  assert.deepEqual([copy.priority, 'name' in copy], ['High', false])
  assert.match(added.json.data.modified, /^\d{4}-\d\d-\d\dT.*\+00:00$/)
})

test('v2: a page says whether there is another', async () => {
  for (const n of [1, 2, 3]) await todo({ description: `page ${n}`, priority: 'Low' })
  const first = (await server.call('GET', '/api/v2/document/ToDo?filters={"priority":"Low"}&limit=2&include=count')).json
  assert.deepEqual([first.data.length, first.has_next_page, first.count], [2, true, 3])
  const rest = (
    await server.call('GET', `/api/v2/document/ToDo?filters={"priority":"Low"}&limit=2&after=${encodeURIComponent(first.cursor)}`)
  ).json
  assert.deepEqual([rest.data.length, rest.has_next_page], [1, false])
  assert.deepEqual((await server.call('GET', '/api/v2/document/ToDo?limit=0')).json.data, [])
})

test('cmd runs a method at any address, also from a form', async () => {
  const answer = await server.call('POST', '/', {
    body: 'cmd=frappe.client.get_count&doctype=DocType',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  assert.ok(answer.json.message > 10)
  assert.equal((await server.call('GET', '/nowhere?cmd=ping', { as: '' })).json.message, 'pong')
  assert.equal((await server.call('POST', '/', { as: '', body: { cmd: 'ping' } })).json.message, 'pong')
})

test('a form may hold the document as JSON', async () => {
  const answer = await server.call('POST', '/api/resource/ToDo', {
    body: `data=${encodeURIComponent('{"description":"from a form"}')}`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  assert.equal(answer.json.data.description, 'from a form')
})

test('a verb that an address does not take is refused: 403 in v1, 405 with Allow in v2', async () => {
  assert.equal((await server.call('PUT', '/api/method/ping')).status, 403)
  const refused = await server.call('PUT', '/api/v2/method/ping')
  assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, POST'])
  assert.equal((await server.call('PATCH', '/api/resource/ToDo')).status, 403)
  assert.equal((await server.call('PUT', '/api/v2/document/ToDo', { body: {} })).status, 405)
})

test('a GET changes nothing, even through a method that would', async () => {
  const { name } = await todo()
  const refused = await server.call('GET', `/api/method/frappe.client.set_value?doctype=ToDo&name=${name}&fieldname=status&value=Closed`)
  assert.equal(refused.status, 403)
  assert.equal((await server.call('GET', `/api/resource/ToDo/${name}`)).json.data.status, 'Open')
})

test('what cannot be read is an explicit 4xx and changes nothing', async () => {
  const before = (await server.call('GET', '/api/v2/doctype/ToDo/count')).json.data
  const cases: [string, unknown, Record<string, string>, number][] = [
    ['deep', '['.repeat(1000), {}, 417],
    ['bad UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]), {}, 417],
    ['duplicate keys', '{"description":"a","description":"b"}', {}, 417],
    ['prototype', '{"__proto__":{"description":"a"},"description":"x"}', {}, 417],
    ['unknown field', { description: 'a', nope: 1 }, {}, 417],
    ['bad type', { description: ['a'] }, {}, 417],
    ['bad date', { description: 'a', date: 'tomorrow' }, {}, 417],
    ['text', 'hello', { 'content-type': 'text/plain' }, 415],
    ['half a JSON', '{"description":', {}, 417],
    ['oversize', `{"description":"${'x'.repeat(11 * 1024 * 1024)}"}`, {}, 413],
  ]
  for (const [what, body, headers, status] of cases) {
    const answer = await server.call('POST', '/api/resource/ToDo', { body, headers })
    assert.equal(answer.status, status, `${what}: ${answer.text.slice(0, 200)}`)
    assert.ok(answer.json.error.code, what)
  }
  assert.equal((await server.call('GET', '/api/v2/doctype/ToDo/count')).json.data, before)
})

test('hostile names are refused wherever a name stands', async () => {
  const hostile = ["x'; drop table tabToDo; --", '../../etc/passwd', '__proto__', 'constructor', 'a`b', 'x'.repeat(10_000), 'toString']
  for (const name of hostile) {
    const encoded = encodeURIComponent(name)
    const paths = [
      `/api/resource/${encoded}`,
      `/api/v2/document/${encoded}/x`,
      `/api/method/${encoded}`,
      `/api/v2/doctype/${encoded}/meta`,
      `/files/${encoded}`,
      `/api/resource/ToDo?order_by=${encoded}`,
      `/api/resource/ToDo?fields=${encodeURIComponent(JSON.stringify([name]))}`,
      `/api/resource/ToDo?filters=${encodeURIComponent(JSON.stringify([[name, '=', 1]]))}`,
      `/api/resource/ToDo?group_by=${encoded}`,
      `/api/v2/document/ToDo/x/method/${encoded}`,
      `/api/resource/ToDo?filters=${encodeURIComponent(JSON.stringify([['name', name, 1]]))}`,
    ]
    for (const path of paths) {
      const { status, text } = await server.call('GET', path)
      assert.ok(status >= 400 && status < 500, `${path.slice(0, 120)} → ${status} ${text.slice(0, 200)}`)
    }
  }
  assert.equal((await server.call('GET', '/api/resource/ToDo?limit_page_length=1')).status, 200)
})

test('an address that cannot be decoded is refused', async () => {
  for (const path of ['/%ff', '/api/resource/ToDo/%00', '/api/method/%zz', '/api/resource/ToDo?x=%ff'])
    assert.ok([400, 417].includes((await server.call('GET', path)).status), path)
})

test('guests and people without the right get nothing, and learn nothing of what is there', async () => {
  const { name } = await todo()
  for (const as of ['', dana]) {
    const there = await server.call('GET', `/api/resource/User%20API%20Key/${name}`, { as })
    const list = await server.call('GET', '/api/resource/System%20Settings/System%20Settings', { as })
    assert.deepEqual([there.status, list.status], [403, 403])
  }
  const [others, nobodys] = [
    await server.call('GET', `/api/resource/ToDo/${name}`, { as: dana }),
    await server.call('GET', '/api/resource/ToDo/nobodys', { as: dana }),
  ]
  assert.deepEqual([others.status, nobodys.status], [403, 404])
  assert.equal((await server.call('DELETE', `/api/resource/ToDo/${name}`, { as: '' })).status, 403)
})

test('wrong credentials are never taken for a guest', async () => {
  for (const as of ['token a:b', 'Basic !!!', 'Bearer x', 'Nonsense x'])
    assert.ok([400, 401].includes((await server.call('GET', '/api/method/ping', { as })).status), as)
})

test('signing in sets the cookies; the CSRF token is on the page and in the method, and is demanded from then on', async () => {
  const signedIn = await server.call('POST', '/api/method/login', {
    as: '',
    body: { usr: 'Administrator', pwd: 'fake-Administrator-pass-1' },
  })
  assert.equal(signedIn.json.message, 'Logged In')
  const cookies = signedIn.headers.getSetCookie()
  assert.match(cookies.find((one) => one.startsWith('sid=')) ?? '', /HttpOnly; SameSite=Lax/)
  assert.ok(cookies.some((one) => one.startsWith('user_id=Administrator')))
  const cookie = cookies.map((one) => one.split(';')[0]).join('; ')
  const change = (headers: Record<string, string>) =>
    server.call('POST', '/api/resource/ToDo', { as: '', body: { description: 'x' }, headers: { cookie, ...headers } })
  assert.equal((await change({})).status, 200)
  const token = (await server.call('GET', '/api/method/frappe.sessions.get_csrf_token', { as: '', headers: { cookie } })).json.message
  const page = await server.call('GET', '/app', { as: '', headers: { cookie } })
  assert.equal(/csrf_token = "([^"]+)"/.exec(page.text)?.[1], token)
  const refused = await change({})
  assert.deepEqual([refused.status, refused.json.exc_type], [400, 'CSRFTokenError'])
  assert.equal((await change({ 'x-frappe-csrf-token': token })).status, 200)
  await server.call('GET', '/api/method/logout', { as: '', headers: { cookie } })
  const after = await server.call('GET', '/api/method/frappe.auth.get_logged_user', { as: '', headers: { cookie } })
  assert.deepEqual([after.status, after.json.session_expired], [403, 1])
})

test('every answer carries its request id and the headers that keep browsers safe', async () => {
  for (const path of ['/api/method/ping', '/api/nothing', '/', '/nothing', '/health/live']) {
    const { headers } = await server.call('GET', path, { headers: { accept: 'text/html' } })
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path)
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/, path)
    assert.match(headers.get('cache-control') ?? '', /no-store/, path)
    assert.ok(path.startsWith('/health') || headers.get('x-request-id'), path)
  }
})

test('the start page lists what the visitor may use, and nothing else', async () => {
  const guests = await server.call('GET', '/', { as: '' })
  assert.ok(!guests.text.includes('/api/v2/document/') || !guests.text.includes('User%20API%20Key'))
  assert.match((await server.call('GET', '/')).text, /\/api\/v2\/document\/User%20API%20Key/)
  assert.doesNotMatch((await server.call('GET', '/', { as: dana })).text, /User%20Permission</)
})

test('HEAD is a GET without a body, OPTIONS says what is possible', async () => {
  const head = await server.call('HEAD', '/api/method/ping')
  assert.deepEqual([head.status, head.text], [200, ''])
  const options = await server.call('OPTIONS', '/api/resource/ToDo')
  assert.equal(options.status, 204)
  assert.equal(options.headers.get('access-control-allow-origin'), null)
})

test('QUERY is a GET whose parameters are in the body', async () => {
  const { name } = await todo({ description: 'asked for at length' })
  const answer = await server.call('QUERY', '/api/v2/document/ToDo', { body: { filters: { description: 'asked for at length' } } })
  assert.deepEqual([answer.status, answer.json.data], [200, [{ name }]])
})

test('another origin may read only where the site says so', async () => {
  const config = server.site.config as Record<string, unknown>
  config.allow_cors = ['https://shop.example.com']
  const from = (origin: string) => server.call('GET', '/api/method/ping', { headers: { origin } })
  assert.equal((await from('https://shop.example.com')).headers.get('access-control-allow-origin'), 'https://shop.example.com')
  assert.equal((await from('https://evil.example.com')).headers.get('access-control-allow-origin'), null)
  delete config.allow_cors
})

test('an expired or invented session is a guest who is told so', async () => {
  const answer = await server.call('GET', '/api/method/ping', { as: '', headers: { cookie: 'sid=invented' } })
  assert.deepEqual(answer.json, { message: 'pong', session_expired: 1 })
})

test('problem details are given to those who ask for them', async () => {
  const answer = await server.call('POST', '/api/v2/document/ToDo', { body: { nope: 1 }, headers: { accept: 'application/problem+json' } })
  assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/)
  assert.deepEqual([answer.json.status, answer.json.code, answer.json.field], [417, 'document/unknown-field', 'nope'])
})

test('openapi.json describes what the caller may use', async () => {
  const whole = (await server.call('GET', '/api/v2/openapi.json')).json
  assert.equal(whole.openapi, '3.1.0')
  assert.ok(whole.paths['/api/v2/document/ToDo'].post && whole.components.schemas.ToDo.properties.description)
  assert.ok(whole.paths['/api/v2/method/ping'].get)
  for (const match of JSON.stringify(whole).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
    assert.ok(whole.components.schemas[match[1] as string], match[1])
  const guests = (await server.call('GET', '/api/v2/openapi.json', { as: '' })).json
  assert.equal(guests.paths['/api/v2/document/ToDo'], undefined)
})

test('a request for a host that is no site goes to the only site there is', async () => {
  assert.equal((await server.call('GET', '/api/method/ping', { headers: { 'x-frappe-site-name': 'unknown.example.com' } })).status, 200)
})

test('the server survives bytes that are no HTTP', async () => {
  const { port } = new URL(server.url)
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write('\0\0GARBAGE\r\n\r\n'))
    socket
      .on('close', () => resolve())
      .on('error', () => undefined)
      .resume()
  })
  assert.equal((await server.call('GET', '/api/method/ping')).status, 200)
})
