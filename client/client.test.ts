import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { ClientError, createClient, type StandardFields } from './index.ts'

interface LeadItem {
  name: string
  service: string
  qty: number
}

interface Types {
  Lead: StandardFields & { subject: string; status: 'Open' | 'Won'; due_on: string | null; budget: string; items: LeadItem[] }
}

interface Sent {
  method: string
  url: URL
  headers: Headers
  body: unknown
}

/** A server that gives these answers in turn, and a record of what it was asked. */
function fakeServer(...answers: (Response | Error)[]) {
  const sent: Sent[] = []
  const fetch = (async (input: string, init: RequestInit = {}) => {
    const body = typeof init.body === 'string' ? JSON.parse(init.body) : init.body
    sent.push({ method: init.method ?? 'GET', url: new URL(input), headers: new Headers(init.headers), body })
    const answer = answers[Math.min(sent.length, answers.length) - 1]
    if (answer instanceof Error) throw answer
    return answer!.clone()
  }) as typeof globalThis.fetch
  return { sent, fetch }
}

function connect(server: { fetch: typeof fetch }, options: Partial<Parameters<typeof createClient>[0]> = {}) {
  const auth = { key: 'k', secret: 's' }
  return createClient<Types>({ url: 'http://crm.test/', auth, fetch: server.fetch, patience: { firstPauseMs: 1 }, ...options })
}

const json = (body: unknown, init: ResponseInit = {}) => Response.json(body, init)

suite('lists', () => {
  test('a list asks for the fields and filters as the server reads them', async () => {
    const server = fakeServer(json({ data: [{ subject: 'Roof', due_on: null }], has_next_page: true, cursor: 'abc' }))
    const page = await connect(server).list('Lead', {
      fields: ['subject', 'due_on'],
      filters: { status: ['in', ['Open', 'Won']], due_on: null, subject: 'Roof' },
      orderBy: 'modified desc',
      limit: 5,
    })
    const subject: string = page.rows[0]!.subject
    assert.equal(subject, 'Roof')
    assert.deepEqual({ hasNextPage: page.hasNextPage, cursor: page.cursor }, { hasNextPage: true, cursor: 'abc' })
    const { url, headers } = server.sent[0]!
    assert.equal(url.pathname, '/api/v2/document/Lead')
    assert.deepEqual(JSON.parse(url.searchParams.get('filters')!), [
      ['status', 'in', ['Open', 'Won']],
      ['due_on', 'is', 'not set'],
      ['subject', '=', 'Roof'],
    ])
    assert.deepEqual(Object.fromEntries(['fields', 'order_by', 'limit', 'start'].map((name) => [name, url.searchParams.get(name)])), {
      fields: '["subject","due_on"]',
      order_by: 'modified desc',
      limit: '5',
      start: null,
    })
    assert.equal(headers.get('authorization'), 'token k:s')
  })

  test('a row has no other fields than those asked for', async () => {
    const page = await connect(fakeServer(json({ data: [] }))).list('Lead', { fields: ['name', 'owner.full_name', 'owner as boss'] })
    // @ts-expect-error budget was not asked for
    const missing = page.rows.map((row) => row.budget)
    const found = page.rows.map((row) => [row.name, row.full_name, row.boss])
    assert.deepEqual([missing, found], [[], []])
  })

  test('a filter that does not fit the field is a type error', async () => {
    const client = connect(fakeServer(json({ data: [] })))
    // @ts-expect-error Lost is no status of a Lead
    await client.list('Lead', { filters: { status: 'Lost' } })
    // @ts-expect-error no such field
    await client.list('Lead', { filters: { sttus: 'Open' } })
    await client.list('Run-time DocType', { filters: { anything: ['>', 3] } })
  })

  test('a loop over all rows follows the cursor to the end', async () => {
    const server = fakeServer(
      json({ data: [{ name: 'a' }, { name: 'b' }], has_next_page: true, cursor: 'c1' }),
      json({ data: [{ name: 'c' }], has_next_page: false }),
    )
    const names = await Array.fromAsync(connect(server).doc('Lead').all({ limit: 2, start: 4 }), (row) => row.name)
    assert.deepEqual(names, ['a', 'b', 'c'])
    assert.deepEqual(
      server.sent.map(({ url }) => [url.searchParams.get('start'), url.searchParams.get('after')]),
      [
        ['4', null],
        [null, 'c1'],
      ],
    )
  })

  test('a list without cursors is followed by number', async () => {
    const server = fakeServer(
      json({ data: [{ name: 'a' }, { name: 'b' }], has_next_page: true }),
      json({ data: [{ name: 'c' }], has_next_page: false }),
    )
    assert.equal((await Array.fromAsync(connect(server).doc('Lead').all({ limit: 2 }))).length, 3)
    assert.equal(server.sent[1]!.url.searchParams.get('start'), '2')
  })
})

suite('documents', () => {
  test('names and DocTypes with slashes and spaces stay one part of the address', async () => {
    const server = fakeServer(json({ data: { name: 'A/1 ü' } }))
    await connect(server).doc('Service Ticket').get('A/1 ü')
    assert.equal(server.sent[0]!.url.pathname, '/api/v2/document/Service%20Ticket/A%2F1%20%C3%BC')
  })

  test('updating a document that was read is bound to the version that was read', async () => {
    const server = fakeServer(json({ data: { name: 'L1', subject: 'Roof' } }, { headers: { ETag: '"7.1.1"' } }))
    const leads = connect(server).doc('Lead')
    const lead = await leads.get('L1')
    await leads.update(lead, { subject: 'Wall' })
    await leads.update('L1', { items: [{ service: 'Paint' }] })
    assert.deepEqual(
      server.sent.slice(1).map(({ method, headers }) => [method, headers.get('if-match')]),
      [
        ['PATCH', '"7.1.1"'],
        ['PATCH', null],
      ],
    )
  })

  test('a document from elsewhere is refused as a target, since nobody knows its version', async () => {
    const leads = connect(fakeServer(json({ data: {} }))).doc('Lead')
    await assert.rejects(leads.remove({ name: 'L1' } as Types['Lead']), { code: 'client/unknown-document' })
  })
})

suite('batches', () => {
  test('steps become operations, and each outcome is told apart', async () => {
    const refused = { errors: [{ type: 'LinkExistsError', message: 'Still in use.', code: 'document/linked', field: '' }] }
    const server = fakeServer(
      json({
        data: [
          { status: 200, body: { data: { name: 'L1' } } },
          { status: 417, body: refused },
        ],
      }),
    )
    const outcomes = await connect(server).batch(
      [
        { insert: 'Lead', values: { subject: 'Roof' } },
        { remove: 'Lead', name: 'L/2' },
      ],
      { atomic: false },
    )
    assert.deepEqual(server.sent[0]!.body, {
      operations: [
        { method: 'POST', path: '/api/v2/document/Lead', body: { subject: 'Roof' } },
        { method: 'DELETE', path: '/api/v2/document/Lead/L%2F2' },
      ],
      atomic: false,
    })
    const [first, second] = outcomes
    assert.deepEqual(first, { ok: true, data: { name: 'L1' } })
    assert.equal(second?.ok === false && second.error.code, 'document/linked')
  })
})

suite('failures', () => {
  test('a v2 refusal gives status, code, field, messages and data', async () => {
    const error = {
      type: 'MandatoryError',
      message: 'Subject is needed.',
      code: 'document/mandatory',
      field: 'subject',
      data: { label: 'Subject' },
    }
    const server = fakeServer(json({ errors: [error] }, { status: 417, headers: { 'X-Request-Id': 'r1' } }))
    await assert.rejects(connect(server).doc('Lead').insert({}), (thrown) => {
      assert.ok(thrown instanceof ClientError)
      const { status, code, type, field, messages, data, requestId } = thrown
      assert.deepEqual(
        { status, code, type, field, messages, data, requestId },
        {
          status: 417,
          code: 'document/mandatory',
          type: 'MandatoryError',
          field: 'subject',
          messages: ['Subject is needed.'],
          data: { label: 'Subject' },
          requestId: 'r1',
        },
      )
      return true
    })
    assert.equal(server.sent.length, 1)
  })

  test('a v1 refusal without our keys is read from the messages that Frappe wraps twice', async () => {
    const said = JSON.stringify([JSON.stringify({ message: 'Not allowed.' })])
    const server = fakeServer(json({ exc_type: 'PermissionError', _server_messages: said }, { status: 403 }))
    await assert.rejects(connect(server).signIn('a', 'b'), {
      status: 403,
      code: 'http/403',
      type: 'PermissionError',
      messages: ['Not allowed.'],
    })
  })

  test('the page of a proxy is a failure with its status, never an answer', async () => {
    const page = (status: number) => new Response('<h1>Oops</h1>', { status })
    await assert.rejects(
      connect(fakeServer(page(502)))
        .doc('Lead')
        .get('x'),
      { status: 502, code: 'http/502' },
    )
    await assert.rejects(
      connect(fakeServer(page(200)))
        .doc('Lead')
        .get('x'),
      { status: 0, code: 'client/bad-answer' },
    )
  })
})

suite('retries', () => {
  test('a write that failed on the way is sent again with the same idempotency key', async () => {
    const server = fakeServer(new TypeError('connection reset'), json({}, { status: 503 }), json({ data: { name: 'L1' } }))
    assert.equal((await connect(server).doc('Lead').insert({ subject: 'Roof' })).name, 'L1')
    const keys = server.sent.map(({ headers }) => headers.get('idempotency-key'))
    assert.equal(keys.length, 3)
    assert.match(keys[0]!, /^[0-9a-f-]{36}$/)
    assert.equal(new Set(keys).size, 1)
  })

  test('two writes have different keys, and reads have none', async () => {
    const server = fakeServer(json({ data: { name: 'L1' } }))
    const leads = connect(server).doc('Lead')
    await leads.insert({ subject: 'a' })
    await leads.insert({ subject: 'b' })
    await leads.get('L1')
    const keys = server.sent.map(({ headers }) => headers.get('idempotency-key'))
    assert.notEqual(keys[0], keys[1])
    assert.equal(keys[2], null)
  })

  test('a refusal that would come again is not retried, and patience ends', async () => {
    const conflict = fakeServer(json({ errors: [{ code: 'document/duplicate', message: 'Exists.' }] }, { status: 409 }))
    await assert.rejects(connect(conflict).doc('Lead').insert({}), { code: 'document/duplicate' })
    assert.equal(conflict.sent.length, 1)
    const gone = fakeServer(new TypeError('no route'))
    await assert.rejects(
      connect(gone, { patience: { retries: 2, firstPauseMs: 1 } })
        .doc('Lead')
        .get('x'),
      { status: 0, code: 'client/unreachable' },
    )
    assert.equal(gone.sent.length, 3)
  })

  test('the pause the server asks for is kept', async () => {
    const server = fakeServer(json({}, { status: 429, headers: { 'Retry-After': '1' } }), json({ data: 7 }))
    const started = performance.now()
    assert.equal(await connect(server).doc('Lead').count(), 7)
    assert.ok(performance.now() - started >= 990)
  })

  test('a caller who gives up stops the retries', async () => {
    const server = fakeServer(json({}, { status: 503, headers: { 'Retry-After': '20' } }))
    const giveUp = AbortSignal.timeout(30)
    await assert.rejects(connect(server).doc('Lead').get('x', { signal: giveUp }), { name: 'TimeoutError' })
    assert.equal(server.sent.length, 1)
  })
})

suite('cookie sessions', () => {
  test('outside a browser the cookies of the answer are kept and sent, until they expire', async () => {
    const headers = new Headers({ 'Content-Type': 'application/json' })
    headers.append('Set-Cookie', 'sid=abc; Path=/; HttpOnly')
    headers.append('Set-Cookie', 'user_id=dana%40example.com; Path=/')
    const server = fakeServer(
      new Response(JSON.stringify({ message: 'Logged In', full_name: 'Dana', home_page: '/app' }), { headers }),
      json({ data: 'dana@example.com' }, { headers: { 'Set-Cookie': 'sid=; Max-Age=0' } }),
    )
    const client = connect(server, { auth: 'session' })
    assert.deepEqual(await client.signIn('dana@example.com', 'pw'), { done: true, fullName: 'Dana', homePage: '/app' })
    await client.whoAmI()
    await client.whoAmI()
    assert.deepEqual(
      server.sent.map(({ headers }) => headers.get('cookie')),
      [null, 'sid=abc; user_id=dana%40example.com', 'user_id=dana%40example.com'],
    )
  })

  test('a write refused for want of a CSRF token asks for one and is sent again', async () => {
    const refused = json({ errors: [{ type: 'CSRFTokenError', code: 'identity/csrf', message: 'Token.' }] }, { status: 400 })
    const server = fakeServer(refused, json({ message: 'tok' }), json({ data: { name: 'L1' } }))
    const client = connect(server, { auth: 'session' })
    await client.doc('Lead').insert({ subject: 'Roof' })
    assert.deepEqual(
      server.sent.map(({ method, url, headers }) => [method, url.pathname, headers.get('x-frappe-csrf-token')]),
      [
        ['POST', '/api/v2/document/Lead', null],
        ['GET', '/api/method/frappe.sessions.get_csrf_token', null],
        ['POST', '/api/v2/document/Lead', 'tok'],
      ],
    )
  })

  test('a second factor is handed over to the caller', async () => {
    const server = fakeServer(
      json({ verification: { method: 'OTP App' }, tmp_id: 't1' }),
      json({ message: 'Logged In', full_name: 'Dana', home_page: '/app' }),
    )
    const client = connect(server, { auth: 'session' })
    assert.deepEqual(await client.signIn('dana', 'pw'), { done: false, tmpId: 't1', verification: { method: 'OTP App' } })
    assert.equal((await client.signIn('dana', 'pw', { otp: '123456', tmpId: 't1' })).done, true)
    assert.deepEqual(server.sent[1]!.body, { usr: 'dana', pwd: 'pw', otp: '123456', tmp_id: 't1' })
  })
})
