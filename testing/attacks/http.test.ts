import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { everyCase, examine, openFort } from './fort.ts'

const fort = await openFort()
const plain = '/api/resource/Fort Plain'
const authorization = fort.people.ann.authorization

/** Sends bytes as they are and gives everything that comes back within a moment. */
async function raw(bytes: string | Buffer, waitMs = 1500): Promise<{ status: number; text: string }> {
  const socket = connect(Number(new URL(fort.url).port), '127.0.0.1')
  await once(socket, 'connect')
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(Buffer.from(chunk))).on('error', () => undefined)
  socket.write(bytes)
  await Promise.race([once(socket, 'close').catch(() => undefined), new Promise((resolve) => setTimeout(resolve, waitMs).unref())])
  socket.destroy()
  const text = Buffer.concat(chunks).toString('latin1')
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text }
}

function rawPost(path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> {
  const given = {
    host: 'x',
    authorization,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...headers,
  }
  const head = Object.entries(given)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  return raw(Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n`, 'latin1'), Buffer.from(body)]))
}

const nested = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth)

const badBodies: Record<string, string | Buffer> = {
  'deep lists': `{"label":${nested(1000)}}`,
  'deep lists, very': nested(200_000),
  'deep objects': `${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`,
  'bad UTF-8': Buffer.from([0x7b, 0x22, 0x6c, 0x61, 0x62, 0x65, 0x6c, 0x22, 0x3a, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
  'overlong UTF-8': Buffer.from([0x7b, 0x22, 0x6c, 0x22, 0x3a, 0x22, 0xc0, 0xaf, 0x22, 0x7d]),
  'UTF-16': Buffer.from('﻿{"label":"x"}', 'utf16le'),
  'key twice': '{"label":"a","label":"b"}',
  'key twice by escape': '{"label":"a","\\u006cabel":"b"}',
  'prototype key': '{"__proto__":{"label":"x"}}',
  'prototype key by escape': '{"\\u005f_proto__":{"label":"x"}}',
  'prototype key inside': '{"label":"a","notes":{"__proto__":{"x":1}}}',
  'constructor key': '{"constructor":{"prototype":{"polluted":1}}}',
  'NUL in text': '{"label":"a\\u0000b"}',
  'lone surrogate': '{"label":"\\ud800"}',
  'lone low surrogate': '{"label":"\\udc00x"}',
  'trailing comma': '{"label":"a",}',
  'two values': '{"label":"a"}{"label":"b"}',
  comment: '{"label":"a" /* x */}',
  NaN: '{"label":NaN}',
  'single quotes': "{'label':'a'}",
  'not closed': '{"label":"a"',
  'raw control character': '{"label":"a\u0001b"}',
  'leading zero': '{"label":01}',
  'only text': '"label"',
  'only number': '5',
  'only null': 'null',
  'unknown field': '{"no_such_field":1}',
  'wrong types': '{"label":{"a":1}}',
  'list for text': '{"label":["a"]}',
  'text too long': JSON.stringify({ label: 'x'.repeat(500) }),
  'unknown keys of prototypes': '{"toString":1}',
  'key with NUL': '{"la\\u0000bel":1}',
  'hostile key': '{"label\\"; drop table x; --":1}',
}

test('a body that is not what it says is refused, and nothing is written', async () => {
  await fort.writesNothing(() =>
    everyCase(Object.entries(badBodies), async ([name, body]) => {
      for (const [verb, path] of [
        ['POST', plain],
        ['PUT', `${plain}/plain-1`],
        ['POST', '/api/v2/document/Fort Plain'],
        ['PATCH', '/api/v2/document/Fort Plain/plain-1'],
      ] as const) {
        const answer = await fort.ask('ann', verb, path, { body: body as string })
        assert.ok(answer.status >= 400, `${name}: ${verb} ${path} -> ${answer.status} ${answer.text.slice(0, 300)}`)
      }
      assert.equal(({} as Record<string, unknown>).polluted, undefined)
    }),
  )
})

test('JSON in parameters is read as strictly as JSON in bodies', async () => {
  for (const name of ['deep lists', 'deep objects', 'key twice', 'prototype key', 'not closed', 'NUL in text', 'lone surrogate']) {
    const text = String(badBodies[name])
    for (const parameter of ['filters', 'fields', 'or_filters'])
      await fort.refused('ann', 'POST', '/api/method/frappe.client.get_list', { body: { doctype: 'Fort Plain', [parameter]: text } })
    await fort.refused('ann', 'POST', '/api/method/frappe.client.insert', { body: { doc: text.replace('{', '{"doctype":"Fort Plain",') } })
    await fort.refused('ann', 'GET', `${plain}?filters=${encodeURIComponent(text.slice(0, 3000))}`)
  }
  await fort.refused('ann', 'POST', '/api/resource/Fort Ticket', { body: { name: 'x', organization: 'Org A', lines: nested(5000) } })
  await fort.refused('ann', 'POST', '/api/resource/Fort Ticket', {
    body: { name: 'x', organization: 'Org A', lines: '[{"__proto__":{"a":1}}]' },
  })
})

test('bodies that are too large are refused, whether they tell their length or not', async () => {
  const large = Buffer.alloc(11 * 1024 * 1024, 0x20)
  const declared = await rawPost('/api/resource/Fort%20Plain', '{}', { 'content-length': String(large.length) })
  assert.equal(declared.status, 413)
  const answer = await fort
    .call('POST', plain, { body: Buffer.concat([Buffer.from('{"label":"'), large, Buffer.from('"}')]), as: authorization })
    .catch(() => undefined)
  if (answer) {
    assert.equal(answer.status, 413)
    examine(answer, fort.people.ann, { verb: 'POST', path: plain })
  }
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
  const chunked = await raw(
    `POST /api/resource/Fort%20Plain HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(170)}0\r\n\r\n`,
  )
  assert.ok(chunked.status === 413 || chunked.status === 0, String(chunked.status))
})

test('a content type that is not understood is refused when there is a body', async () => {
  for (const type of [
    'text/plain',
    'text/xml',
    'application/xml',
    'application/octet-stream',
    'application/json; charset=utf-16',
    'application/json;charset=iso-8859-1',
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/mixed; boundary=x',
    '*/*',
    'json',
    'application/jsonx',
    ',',
    'application/x-www-form-urlencoded, application/json',
  ])
    await fort.refused('ann', 'POST', plain, { body: '{"label":"x","name":"typed"}', headers: { 'content-type': type } })
  const none = await rawPost('/api/resource/Fort%20Plain', '{"label":"x","name":"typed"}', { 'content-type': '' })
  assert.equal(none.status, 415)
})

test('forms are read as strictly: escapes, UTF-8, names given twice, prototypes', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  for (const body of [
    'label=%zz',
    'label=%ff',
    'label=a&label=b',
    '__proto__=x',
    'label=%00',
    'data=%7B%22a%22',
    'data=[1]',
    `data=${nested(1000)}`,
    'label=%ed%a0%80',
  ])
    await fort.refused('ann', 'POST', plain, { body, headers: form })
  for (const query of ['filters=%zz', 'filters=%ff', 'fields=name&fields=owner', '__proto__=x', 'order_by=%00'])
    for (const path of [plain, '/api/v2/document/Fort Plain', '/api/method/ping']) await fort.refused('ann', 'GET', `${path}?${query}`)
})

test('a JSON body makes the query count for nothing, and rights never come from either', async () => {
  const answer = await fort.refused('ann', 'POST', '/api/method/frappe.client.get?doctype=Fort Plain&name=plain-1', {
    body: { nothing: 1 },
  })
  assert.ok(answer.status >= 400)
  await fort.refused('mal', 'POST', '/api/method/frappe.client.get_list', {
    body: {
      doctype: 'Fort Plain',
      ignore_permissions: true,
      flags: { ignore_permissions: true },
      run_as: 'Administrator',
      user: 'Administrator',
      as_user: 'Administrator',
    },
  })
  await fort.refused('mal', 'GET', `${plain}?ignore_permissions=1&flags={"ignore_permissions":true}&user=Administrator&sid=Administrator`)
  await fort.refused('guest', 'GET', `${plain}?sid=Guest`)
})

test('cmd runs declared methods only, with the rules of the method', async () => {
  await fort.writesNothing(async () => {
    for (const cmd of [
      'frappe.client.get_list',
      'frappe.model.delete_doc',
      'os.system',
      '__proto__',
      'constructor',
      'toString',
      '../ping',
      'frappe.client',
      'frappe.client.get_list ',
      'FRAPPE.CLIENT.GET_LIST',
      'process.exit',
      ' ',
      'a'.repeat(5000),
    ]) {
      await fort.refused('mal', 'POST', '/', { body: { cmd, doctype: 'Fort Vault' } })
      await fort.refused('mal', 'POST', '/api/resource/Fort Plain/plain-1', { body: { cmd, doctype: 'Fort Vault' } })
      await fort.refused('guest', 'GET', `/?cmd=${encodeURIComponent(cmd)}&doctype=Fort Vault`)
    }
    for (const cmd of [['ping'], { a: 1 }, 5, true]) await fort.ask('mal', 'POST', '/', { body: { cmd } })
    // A change that would be hidden in a GET.
    await fort.refused('ann', 'GET', `/?cmd=frappe.client.delete&doctype=Fort Plain&name=plain-1`)
    await fort.refused('ann', 'GET', '/api/method/frappe.client.set_value?doctype=Fort Plain&name=plain-1&fieldname=label&value=x')
    await fort.refused('ann', 'GET', '/api/method/frappe.client.insert?doc={"doctype":"Fort Plain","name":"by-get"}')
    await fort.refused('ann', 'GET', `${plain}/plain-1?run_method=save`)
  })
})

test('the verb is the one of the request line, whatever headers and parameters say', async () => {
  await fort.writesNothing(async () => {
    const headers = { 'x-http-method-override': 'DELETE', 'x-http-method': 'DELETE', 'x-method-override': 'DELETE' }
    assert.equal((await fort.ask('ann', 'GET', `${plain}/plain-1?_method=DELETE`, { headers })).status, 200)
    await fort.refused('ann', 'POST', `${plain}/plain-1`, { headers, body: { _method: 'DELETE' } })
    for (const verb of ['TRACE', 'CONNECT', 'PROPFIND', 'PURGE', 'BREW', 'get', 'LINK', 'QUERY', 'SEARCH']) {
      const { status, text } = await raw(
        `${verb} /api/resource/Fort%20Plain/plain-1 HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\nconnection: close\r\n\r\n`,
      )
      assert.ok((status >= 400 && status < 500) || status === 0, `${verb} -> ${status}`)
      assert.ok(!text.includes('for all'), verb)
      assert.ok(!text.toLowerCase().includes('authorization: token'), 'TRACE mirrors nothing')
    }
    for (const verb of ['PUT', 'DELETE', 'PATCH']) await fort.refused('ann', verb, plain, { body: {} })
    for (const verb of ['POST', 'PUT', 'DELETE']) await fort.refused('ann', verb, '/api/v2/doctype/Fort Plain/meta', { body: {} })
    await fort.refused('ann', 'DELETE', '/api/method/frappe.client.get_list', { body: { doctype: 'Fort Plain' } })
    const head = await fort.call('HEAD', `${plain}/plain-1`, { as: authorization })
    assert.equal(head.status, 200)
    assert.equal(head.text, '')
  })
})

test('addresses are read once: no traversal, no NUL, no line breaks, no endless ones', async () => {
  const paths = [
    '/files/../../../etc/passwd',
    '/files/..%2f..%2fsite_config.json',
    '/files/%2e%2e/%2e%2e/site_config.json',
    '/files/..%5c..%5csite_config.json',
    '/files/%252e%252e%252fsite_config.json',
    '/files/....//....//site_config.json',
    '/private/files/../site_config.json',
    '/private/files/%2e%2e%2fsite_config.json',
    '/private/backups/x',
    '/files/',
    '/files',
    '/files//etc/passwd',
    '/files/.env',
    '/files/%00',
    '/files/a%00.png',
    '/files/a%0d%0aSet-Cookie:%20x=y',
    '/files/CON',
    '/files/x::$DATA',
    '/site_config.json',
    '/.git/config',
    '/.env',
    '/sites/x/site_config.json',
    '/package.json',
    '/node_modules/fastify/package.json',
    '/api',
    '/api/',
    '/api/v1',
    '/api/v2',
    '/api/v3/document/User',
    '/api/v2/document',
    '/api/v2/document/',
    '/api/v2/unknown',
    '/api/resource',
    '/api/resource/',
    '/api/method',
    '/api/method/',
    '/api/resource/Fort%20Plain/..%2f..%2fFort%20Vault%2fvault-1',
    '/api/resource/Fort%20Plain/%2e%2e/Fort%20Vault/vault-1',
    '/api/resource/%',
    '/api/resource/%ff',
    '/api/resource/%c0%af',
    '/api/resource/a%00b',
    `/api/resource/${'a'.repeat(6000)}`,
    `/api/method/${'a.'.repeat(3000)}`,
    `/api/resource/Fort%20Plain/${'a'.repeat(3000)}`,
    `/${'a/'.repeat(3000)}`,
    `/api/resource/Fort%20Plain?${'a=1&'.repeat(5000)}`,
    '/%2e%2e/%2e%2e/etc/passwd',
    '/\\..\\..\\etc\\passwd',
    '//example.com/api/method/ping',
    '/api/method/ping/',
    '/api/v2/method//ping',
    '/api/resource//Fort%20Plain',
  ]
  await everyCase(paths, async (path) => {
    const { status, text } = await raw(
      `GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${fort.people.mal.authorization}\r\nconnection: close\r\n\r\n`,
    )
    assert.ok(status < 500 && status > 0, `${path.slice(0, 100)} -> ${status}`)
    for (const mark of ['root:', 'encryption_key', 'db_', 'repositoryformatversion', 'CANARY', 'for all', 'dependencies'])
      assert.ok(!text.includes(mark), `${path} shows ${mark}`)
    assert.ok(!/set-cookie/i.test(text.split('\r\n\r\n')[0] ?? ''), path)
  })
})

test('requests that cannot be parsed end as 4xx, and the server lives on', async () => {
  const requests = [
    'GARBAGE\r\n\r\n',
    'GET /api/method/ping HTTP/1.1\r\n\r\n',
    'GET /api/method/ping HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n',
    'GET http://evil.example/api/method/ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
    'GET /api/method/ping HTTP/9.9\r\nhost: x\r\n\r\n',
    `GET /api/method/ping HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`,
    `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
    `GET /api/method/ping HTTP/1.1\r\nhost: x\r\n${Array.from({ length: 3000 }, (_, at) => `x-${at}: y\r\n`).join('')}\r\n`,
    'GET /api/method/ping HTTP/1.1\r\nhost: x\r\nx: a\u0000b\r\n\r\n',
    'GET /api/method/ping HTTP/1.1\r\nhost: x\r\n folded: x\r\n\r\n',
    'POST /api/method/ping HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
    'POST /api/method/ping HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!',
    'POST /api/method/ping HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n',
    'POST /api/method/ping HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    'POST /api/method/ping HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n',
    'POST /api/method/ping HTTP/1.1\r\nhost: x\r\nexpect: nonsense\r\nconnection: close\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
  ]
  for (const request of requests) {
    const { status } = await raw(request, 700)
    assert.ok(status < 500, `${request.slice(0, 120)} -> ${status}`)
  }
  assert.equal((await fort.ask('guest', 'GET', '/api/method/ping')).json.message, 'pong')
})

test('a Host or site header cannot name what is no site', async () => {
  for (const host of [
    '../../etc',
    '..',
    '.',
    '/',
    '',
    'a b',
    "x' or 1=1",
    '__proto__',
    'constructor',
    'a'.repeat(5000),
    'x:99999999',
    '[::1]',
    'sites/../x',
    '%2e%2e',
  ])
    for (const name of ['x-frappe-site-name', 'x-forwarded-host', 'forwarded']) {
      const answer = await fort.ask('ann', 'GET', `${plain}/plain-1`, { headers: { [name]: host } })
      assert.equal(answer.status, 200, 'the only site answers')
    }
})

test('headers that only a proxy may set are not believed', async () => {
  const answer = await fort.ask('ann', 'GET', `${plain}/plain-1`, {
    headers: {
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '10.0.0.1',
      'x-real-ip': '10.0.0.1',
      'x-forwarded-user': 'Administrator',
      'x-remote-user': 'Administrator',
      'x-frappe-user': 'Administrator',
      'x-original-url': '/api/resource/Fort Vault/vault-1',
      'x-rewrite-url': '/api/resource/Fort Vault',
    },
  })
  assert.equal(answer.json.data.name, 'plain-1')
  assert.equal(answer.headers.get('strict-transport-security'), null)
})

test('no answer lets another origin read it, or shows what runs here', async () => {
  for (const path of ['/api/method/ping', plain, '/api/resource/Nothing', '/files/nothing', '/', '/app', '/nothing', '/health/live']) {
    const answer = await fort.call('GET', path, { as: authorization, headers: { origin: 'https://evil.example' } })
    assert.equal(answer.headers.get('access-control-allow-origin'), null, path)
    assert.equal(answer.headers.get('server'), null)
    assert.equal(answer.headers.get('x-powered-by'), null)
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', path)
    assert.match(answer.headers.get('content-security-policy') ?? '', /default-src|frame-ancestors/, path)
  }
  const preflight = await fort.call('OPTIONS', plain, {
    as: '',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'DELETE' },
  })
  assert.equal(preflight.headers.get('access-control-allow-origin'), null)
})

test('a traceback is shown to nobody by default', async () => {
  for (const who of ['admin', 'manager', 'ann', 'guest'] as const) {
    const answer = await fort.ask(who, 'POST', '/api/method/frappe.client.get_list', { body: { doctype: 'Fort Plain', fields: 5 } })
    assert.ok(!/\bat .*\(.*:\d+/.test(answer.text))
  }
})

test('batches cannot nest, hide verbs, reach other addresses, or outrun the limits', async () => {
  await fort.writesNothing(async () => {
    for (const operations of [
      [{ method: 'POST', path: '/api/v2/batch', body: { operations: [] } }],
      [{ method: 'POST', path: '/api/v2/%62atch', body: { operations: [{ method: 'GET', path: '/api/method/ping' }] } }],
      [{ method: 'POST', path: '/api/v2//batch', body: { operations: [{ method: 'GET', path: '/api/method/ping' }] } }],
      [{ method: 'GET', path: 'http://evil.example/api/method/ping' }],
      [{ method: 'GET', path: '/files/x' }],
      [{ method: 'GET', path: '/app' }],
      [{ method: 'TRACE', path: '/api/method/ping' }],
      [{ method: 'DELETE', path: '/api/method/frappe.client.get_list' }],
      [{ path: 5 }],
      ['x'],
      [null],
      [[]],
      { a: 1 },
      'x',
      5,
      Array.from({ length: 101 }, () => ({ method: 'GET', path: '/api/method/ping' })),
      [
        { method: 'POST', path: '/api/v2/document/Fort Plain', body: { name: 'half' } },
        { method: 'POST', path: '/api/v2/document/Fort Vault', body: { name: 'x' } },
      ],
      [{ method: 'GET', path: '/api/v2/document/Fort Plain?filters=%zz' }],
      [{ method: 'GET', path: '/api/v2/document/Fort Plain/%ff' }],
    ] as unknown[])
      await fort.refused('ann', 'POST', '/api/v2/batch', { body: { operations } })
  })
})
