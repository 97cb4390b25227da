import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer as createSink, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, suite, test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { WebhookInvalid } from '#apps/core/webhooks/errors.ts'
import { sql } from '#kernel/database/sql.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { remove } from '#kernel/documents/remove.ts'
import { setValue } from '#kernel/documents/values.ts'
import { UrlInvalid } from '#kernel/external/errors.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { writeConfig } from '#kernel/sites/config-file.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { standardSignature, verifyStandard } from '#kernel/webhooks/verify.ts'
import { createServer } from '#server/http/server.ts'
import { testApps } from '#testing/documents-world.ts'
import { type TestSite, testSite } from '#testing/site.ts'

interface Taken {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** The exam of webhooks in both directions, with a receiver that listens on the network and an HTTP server that takes. */
export function webhooksContract(database: 'sqlite' | 'postgres' | 'mariadb'): void {
  let world: TestSite
  let app: FastifyInstance
  let skew = 0
  let count = 0
  const query = <R>(fragment: ReturnType<typeof sql>) => world.site.database.query<R>(world.site.database.dialect.compile(fragment))
  const write = (fragment: ReturnType<typeof sql>) =>
    world.site.database.transaction((tx) => tx.execute(world.site.database.dialect.compile(fragment)))
  const drain = (slots?: number) => new Worker({ sites: async () => [world.site], pollMs: 20, ...(slots && { slots }) }).drain()
  const dueNow = () => write(sql`update ${sql.id('__Job')} set run_at = 0 where state = ${'queued'}`)

  suite(`webhooks out: ${database}`, () => {
    let taken: Taken[] = []
    let answer: RequestListener = (_request, response) => response.end('thanks')
    let port = 0
    const sink = createSink((request, response) => {
      let body = ''
      request.setEncoding('utf8')
      request.on('data', (chunk) => {
        body += chunk
      })
      request.on('end', () => {
        taken.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, body })
        answer(request, response)
      })
    })
    before(async () => {
      world = await testSite({
        database,
        apps: ['hooked'],
        appFolders: [testApps],
        closedByCaller: true,
        clock: { now: () => Date.now() + skew },
      })
      await new Promise<void>((done) => sink.listen(0, '127.0.0.1', done))
      port = (sink.address() as AddressInfo).port
      await writeConfig(world.site.folder, { ...world.site.config, external_allow: [`127.0.0.1:${port}`] })
      await world.asSystem((ctx) => bumpEpoch(ctx, 'config'))
      await world.site.freshen()
      await world.user('boss@example.com', ['System Manager', 'Desk User'])
    })
    after(() => {
      sink.closeAllConnections()
      sink.close()
    })

    const webhook = async (values: Record<string, unknown> = {}, by = 'boss@example.com'): Promise<string> => {
      const made = await world.as(by, (ctx) =>
        insert(ctx, 'Webhook', {
          name: `hook ${++count}`,
          webhook_doctype: 'Note',
          webhook_docevent: 'after_insert',
          request_url: `http://127.0.0.1:${port}/sink`,
          ...values,
        }),
      )
      taken = []
      answer = (_request, response) => response.end('thanks')
      await world.site.freshen()
      return String(made.name)
    }
    const gone = async (name: string) => {
      await world.asSystem((ctx) => setValue(ctx, 'Webhook', name, { enabled: 0 }))
      await world.site.freshen()
    }
    const note = (title: string, values: Record<string, unknown> = {}) =>
      world.as('boss@example.com', (ctx) => insert(ctx, 'Note', { title, public: 1, ...values }))
    const logsOf = (name: string) =>
      query<{
        name: string
        status: string
        attempts: number
        http_status: number
        error: string | null
        data: string | null
        headers: string
      }>(
        sql`select name, status, attempts, http_status, error, data, headers from ${sql.id('tabWebhook Request Log')} where webhook = ${name} order by creation, name`,
      )
    const exhaust = async () => {
      for (let n = 0; n < 12; n++) {
        await dueNow()
        await drain()
        await write(sql`delete from ${sql.id('__Circuit')}`)
      }
    }

    test('a message is written with its cause and delivered after, with both signatures over its bytes', async () => {
      const name = await webhook({
        enable_security: 1,
        webhook_secret: 'a shared secret',
        webhook_data: [{ fieldname: 'title', key: 'subject' }],
        webhook_headers: [
          { key: 'X-Plain', value: 'seen' },
          { key: 'Authorization', secret: 'Bearer very-secret' },
        ],
      })
      await assert.rejects(
        world.as('boss@example.com', async (ctx) => {
          await insert(ctx, 'Note', { title: 'undone', public: 1 })
          throw new Error('undone')
        }),
        /undone/,
      )
      const made = await note('Café "quoted"')
      assert.equal(taken.length, 0)
      await drain()
      assert.equal(taken.length, 1)
      const [got] = taken as [Taken]
      assert.deepEqual([got.method, JSON.parse(got.body)], ['POST', { subject: made.title }])
      assert.equal(got.headers['x-frappe-webhook-signature'], createHmac('sha256', 'a shared secret').update(got.body).digest('base64'))
      const received = { body: Buffer.from(got.body), headers: got.headers as Record<string, string>, url: '', query: {} }
      assert.equal(verifyStandard(received, ['a shared secret'], Date.now()), undefined)
      assert.deepEqual([got.headers.authorization, got.headers['x-plain']], ['Bearer very-secret', 'seen'])
      const [log] = await logsOf(name)
      assert.deepEqual([log?.status, Number(log?.attempts), log?.name], ['Delivered', 1, got.headers['idempotency-key']])
      assert.ok(!JSON.stringify(log).includes('very-secret'))
      await gone(name)
    })

    test('a condition decides, and a webhook that is disabled is silent', async () => {
      const name = await webhook({ condition: "doc.title == 'loud'" })
      await note('quiet')
      await note('loud')
      await drain()
      assert.deepEqual(
        taken.map(({ body }) => JSON.parse(body).doctype),
        ['Note'],
      )
      await gone(name)
      await note('loud')
      await drain()
      assert.equal(taken.length, 1)
    })

    test('each event of a document can be told of', async () => {
      const made = await note('eventful')
      const names = [await webhook({ webhook_docevent: 'on_update' }), await webhook({ webhook_docevent: 'on_trash' })]
      await world.as('boss@example.com', async (ctx) => {
        await save(ctx, await openForWrite(ctx, 'Note', made.name), { content: 'changed' })
      })
      await world.as('boss@example.com', (ctx) => remove(ctx, 'Note', made.name))
      await drain()
      // Messages may overtake each other.
      const told = taken.map(({ body }) => JSON.parse(body)).sort((a, b) => (a.event > b.event ? -1 : 1))
      assert.deepEqual(told, [
        { doctype: 'Note', name: made.name, event: 'on_update' },
        { doctype: 'Note', name: made.name, event: 'on_trash' },
      ])
      for (const name of names) await gone(name)
    })

    test('what a document holds can neither break the JSON nor add to it', async () => {
      const title = '", "admin": true, "x": "\n\\'
      const inside = await webhook({ request_structure: 'JSON', webhook_json: '{"text": "title: {{ doc.title }}", "fixed": 1}' })
      await note(title)
      await drain()
      assert.deepEqual(JSON.parse(taken[0]?.body ?? ''), { text: `title: ${title}`, fixed: 1 })
      await gone(inside)
      const outside = await webhook({ request_structure: 'JSON', webhook_json: '{"public": {{ doc.public }}, "text": "{{ doc.title }}"}' })
      await note(title)
      await drain()
      assert.deepEqual(JSON.parse(taken[0]?.body ?? ''), { public: 1, text: title })
      await gone(outside)
    })

    test('a form is sent as a form, and an address takes values but never its host from a document', async () => {
      const name = await webhook({
        request_structure: 'Form URL-Encoded',
        is_dynamic_url: 1,
        request_url: `http://127.0.0.1:${port}/notes/{{ doc.title }}`,
        webhook_data: [{ fieldname: 'title', key: 'a&b' }],
      })
      await note('x/../y?z=1')
      await drain()
      assert.equal(taken[0]?.url, `/notes/${encodeURIComponent('x/../y?z=1')}`)
      assert.equal(taken[0]?.headers['content-type'], 'application/x-www-form-urlencoded')
      assert.equal(new URLSearchParams(taken[0]?.body).get('a&b'), 'x/../y?z=1')
      await gone(name)
    })

    test('only what the person behind the webhook may read is sent, whoever changes the document', async () => {
      await world.asSystem((ctx) =>
        insert(ctx, 'Custom Field', { dt: 'Note', fieldname: 'secret_note', fieldtype: 'Data', label: 'Secret', permlevel: 5 }),
      )
      await world.site.freshen()
      const data = [
        { fieldname: 'title', key: 'title' },
        { fieldname: 'secret_note', key: 'secret' },
      ]
      const name = await webhook({ webhook_data: data })
      const byAdmin = await webhook({ webhook_data: data }, 'Administrator')
      await world.asSystem((ctx) => insert(ctx, 'Note', { title: 'levels', public: 1, secret_note: 'for nobody' }))
      await world.asSystem((ctx) => insert(ctx, 'User', { email: 'x@example.com', first_name: 'x', send_welcome_email: 0 }))
      await drain()
      const secrets = taken.map(({ body }) => JSON.parse(body).secret).sort()
      assert.deepEqual(secrets, ['for nobody', null])
      // Who changes the webhook of another gets their own eyes, not those of the other.
      await world.as('boss@example.com', (ctx) => setValue(ctx, 'Webhook', byAdmin, { timeout: 6 }))
      await world.site.freshen()
      taken = []
      await world.asSystem((ctx) => insert(ctx, 'Note', { title: 'levels again', public: 1, secret_note: 'for nobody' }))
      await drain()
      assert.deepEqual(
        taken.map(({ body }) => JSON.parse(body).secret),
        [null, null],
      )
      const preview = await world.as('boss@example.com', async (ctx) => {
        const [row] = await query<{ name: string }>(sql`select name from ${sql.id('tabNote')} where title = ${'levels again'}`)
        return callDocumentMethod(ctx, 'Webhook', name, 'preview', { document: row?.name }, 'POST')
      })
      assert.deepEqual(JSON.parse(String((preview.result as { request_body: string }).request_body)).secret, null)
      await gone(name)
      await gone(byAdmin)
    })

    test('a message that is not taken is sent again with the same id and a new time, until it is', async () => {
      const name = await webhook({ enable_security: 1, webhook_secret: 's' })
      let calls = 0
      answer = (_request, response) => void response.writeHead(++calls < 3 ? 500 : 200).end()
      await note('again')
      for (let n = 0; n < 3; n++) {
        skew += 400_000
        await dueNow()
        await drain()
      }
      assert.equal(new Set(taken.map(({ headers }) => headers['webhook-id'])).size, 1)
      assert.equal(new Set(taken.map(({ headers }) => headers['webhook-timestamp'])).size, 3)
      const [log] = await logsOf(name)
      assert.deepEqual([log?.status, Number(log?.attempts), Number(log?.http_status)], ['Delivered', 3, 200])
      await gone(name)
    })

    test('one that nobody takes is given up, can be sent again by a person, and in the end disables the webhook', {
      timeout: 60_000,
    }, async () => {
      const name = await webhook({ disable_after: 2 })
      answer = (_request, response) => void response.writeHead(400).end('no')
      await note('lost')
      await exhaust()
      const [lost] = await logsOf(name)
      assert.deepEqual([lost?.status, Number(lost?.attempts), taken.length], ['Failed', 12, 12])
      answer = (_request, response) => void response.end()
      await world.as('boss@example.com', (ctx) => callDocumentMethod(ctx, 'Webhook Request Log', String(lost?.name), 'retry', {}, 'POST'))
      await drain()
      assert.equal((await logsOf(name))[0]?.status, 'Delivered')
      assert.equal(taken.at(-1)?.headers['webhook-id'], lost?.name)
      answer = (_request, response) => void response.writeHead(400).end('no')
      await note('lost 1')
      await note('lost 2')
      await note('lost 3')
      await exhaust()
      const { enabled } = await world.asSystem((ctx) => getDocument(ctx, 'Webhook', name))
      assert.equal(enabled, 0)
      const [alert] = await query<{ n: number }>(
        sql`select count(*) as n from ${sql.id('tabNotification Log')} where document_name = ${name} and for_user = ${'boss@example.com'}`,
      )
      assert.equal(Number(alert?.n), 1)
    })

    test('a receiver that is gone for good is not asked twice', async () => {
      const name = await webhook()
      answer = (_request, response) => void response.writeHead(410).end()
      await note('gone')
      await note('also gone')
      await drain(1)
      assert.deepEqual((await logsOf(name)).map(({ status }) => status).sort(), ['Cancelled', 'Failed'])
      assert.equal(taken.length, 1)
    })

    test('nobody is called inside of the house, and the message says so without telling what is there', async () => {
      const name = await webhook({ request_url: 'http://127.0.0.1:1/admin' })
      await note('inside')
      await exhaust()
      const [log] = await logsOf(name)
      assert.deepEqual([log?.status, Number(log?.attempts)], ['Failed', 1])
      assert.match(log?.error ?? '', /not a public address/)
      await gone(name)
    })

    test('a webhook that cannot make its message keeps nobody from saving', async () => {
      const name = await webhook({ condition: 'doc.title.includes(doc.nothing.more)' })
      const broken = await webhook({ request_structure: 'JSON', webhook_json: '{"a": {{ doc.title }} }' })
      await note('not JSON')
      const [log] = await logsOf(broken)
      assert.equal(log?.status, 'Failed')
      await drain()
      assert.equal(taken.length, 0)
      await gone(name)
      await gone(broken)
    })

    test('what cannot work is refused when it is written, with its field', async () => {
      const refused = async (field: string, values: Record<string, unknown>) =>
        assert.rejects(webhook(values), (error) => (WebhookInvalid.is(error) || UrlInvalid.is(error)) && error.field === field, field)
      await refused('webhook_doctype', { webhook_doctype: 'Webhook Request Log' })
      await refused('webhook_doctype', { webhook_doctype: 'Webhook Header' })
      await refused('condition', { condition: 'doc.title ==' })
      await refused('request_url', { request_url: 'file:///etc/passwd' })
      await refused('request_url', { request_url: 'http://{{ doc.title }}/', is_dynamic_url: 1 })
      await refused('request_url', { request_url: 'http://example.com{{ doc.title }}/', is_dynamic_url: 1 })
      await refused('timeout', { timeout: 61 })
      await refused('webhook_json', { request_structure: 'JSON', webhook_json: '{"a": "{{ doc.title }"}' })
      await refused('webhook_data[0].fieldname', { webhook_data: [{ fieldname: 'nothing', key: 'a' }] })
      await refused('webhook_headers[0].key', { webhook_headers: [{ key: 'Webhook-Signature', value: 'a' }] })
    })
  })

  suite(`webhooks in: ${database}`, () => {
    let endpoint = ''
    const secret = 'the shared secret'
    before(async () => {
      skew = 0
      app = createServer(world.runtime, { site: world.site.host })
      endpoint = await endpointOf('standard')
    })
    after(async () => {
      await app?.close()
      await world?.close()
    })
    const endpointOf = async (provider: string, values: Record<string, unknown> = {}) => {
      const name = await world.make('Incoming Webhook', { title: provider, provider, secret, ...values })
      await world.site.freshen()
      return name
    }
    const signed = (id: string, body: string, time = Math.floor(Date.now() / 1000), by = secret): Record<string, string> => ({
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(time),
      'webhook-signature': standardSignature(by, id, String(time), body),
    })
    const post = (url: string, headers: Record<string, string>, payload: string) => app.inject({ method: 'POST', url, headers, payload })
    const send = (id: string, body: string, headers = signed(id, body)) => post(`/api/webhook/standard/${endpoint}`, headers, body)
    const effects = async (text: string) =>
      Number((await query<{ n: number }>(sql`select count(*) as n from ${sql.id('tabToDo')} where description like ${`%${text}%`}`))[0]?.n)
    const eventsOf = async (name = endpoint) =>
      Number((await query<{ n: number }>(sql`select count(*) as n from ${sql.id('__Webhook_Event')} where endpoint = ${name}`))[0]?.n)

    test('one that is signed is acknowledged at once and handled by a job, byte for byte', async () => {
      const body = '{"a": "Caf\\u00e9",  "b": 1}'
      const answer = await send('msg-1', body)
      assert.deepEqual([answer.statusCode, answer.body], [200, ''])
      assert.equal(await effects('msg-1'), 0)
      await drain()
      const [row] = await query<{ description: string }>(
        sql`select description from ${sql.id('tabToDo')} where description like ${'%standard%'}`,
      )
      const { text, json } = JSON.parse(row?.description ?? '{}')
      assert.deepEqual([text, json], [body, { a: 'Café', b: 1 }])
    })

    test('twenty of the same at once have one effect, and each is acknowledged', async () => {
      const body = '{"n": "twenty"}'
      const answers = await Promise.all(Array.from({ length: 20 }, () => send('msg-20', body)))
      assert.deepEqual([...new Set(answers.map(({ statusCode }) => statusCode))], [200])
      await drain()
      await send('msg-20', body)
      await drain()
      assert.equal(await effects('twenty'), 1)
    })

    test('the same id at another account is another event', async () => {
      const other = await endpointOf('standard')
      const body = '{"n": "per account"}'
      await send('msg-account', body)
      await post(`/api/webhook/standard/${other}`, signed('msg-account', body), body)
      await drain()
      assert.equal(await effects('per account'), 2)
    })

    test('whatever is not proven leaves nothing behind and learns nothing', async () => {
      const before = await eventsOf()
      const body = '{"n": "forged"}'
      const now = Math.floor(Date.now() / 1000)
      for (const headers of [
        signed('f', body, now, 'another secret'),
        signed('f', '{"n": "other"}'),
        signed('f', body, now - 301),
        signed('f', body, now + 310),
        { ...signed('f', body), 'webhook-id': 'g' },
        { 'content-type': 'application/json' },
      ] as Record<string, string>[]) {
        const answer = await send('f', body, headers)
        assert.equal(answer.statusCode, 401)
        assert.equal(answer.json().exc_type, 'AuthenticationError')
        assert.ok(!/secret|signature|time/.test(answer.body))
      }
      await drain()
      assert.deepEqual([await eventsOf(), await effects('forged')], [before, 0])
    })

    test('an address that is unknown, switched off, or of another sender is not there', async () => {
      const off = await endpointOf('standard', { enabled: 0 })
      const bodies = new Set<string>()
      for (const path of ['standard/nothing', `standard/${off}`, `stripe/${endpoint}`, `nobody/${endpoint}`]) {
        const answer = await post(`/api/webhook/${path}`, signed('x', '{}'), '{}')
        assert.equal(answer.statusCode, 404, path)
        bodies.add(answer.body)
      }
      assert.equal(bodies.size, 1)
    })

    test('a sender that changes its secret is believed with both until the old one is taken away', async () => {
      const name = await endpointOf('standard', { secret: 'new', previous_secret: 'old' })
      const with_ = (by: string, id: string) => post(`/api/webhook/standard/${name}`, signed(id, '{}', undefined, by), '{}')
      assert.deepEqual([(await with_('new', 'r1')).statusCode, (await with_('old', 'r2')).statusCode], [200, 200])
      await world.asSystem((ctx) => setValue(ctx, 'Incoming Webhook', name, { previous_secret: '' }))
      assert.deepEqual([(await with_('new', 'r3')).statusCode, (await with_('old', 'r4')).statusCode], [200, 401])
    })

    test('the organization is that of the address, whatever the event says', async () => {
      await world.make('Organization', { organization_name: 'Acme' })
      const name = await endpointOf('standard', { organization: 'Acme' })
      const body = '{"organization": "Other", "n": "tenancy"}'
      await post(`/api/webhook/standard/${name}`, signed('org-1', body), body)
      await drain()
      const [row] = await query<{ description: string }>(
        sql`select description from ${sql.id('tabToDo')} where description like ${'%tenancy%'}`,
      )
      assert.equal(JSON.parse(row?.description ?? '{}').organization, 'Acme')
    })

    test('one that is too large, or is sent with another verb, is refused', async () => {
      const body = JSON.stringify({ text: 'x'.repeat(3000) })
      assert.equal((await send('large', body)).statusCode, 413)
      assert.equal((await app.inject({ method: 'GET', url: `/api/webhook/standard/${endpoint}` })).statusCode, 401)
      assert.ok((await app.inject({ method: 'PUT', url: `/api/webhook/standard/${endpoint}`, payload: '{}' })).statusCode >= 400)
    })

    test('a body that is no JSON, and one of any type, is verified and kept as it is', async () => {
      const name = await endpointOf('plain')
      const body = Buffer.from([0, 255, 10, 13, 34])
      const headers = { 'x-signature': createHmac('sha256', secret).update(body).digest('hex'), 'content-type': 'application/octet-stream' }
      const answer = await app.inject({ method: 'POST', url: `/api/webhook/plain/${name}`, headers, payload: body })
      assert.equal(answer.statusCode, 200)
      const [row] = await query<{ body: string }>(sql`select body from ${sql.id('__Webhook_Event')} where endpoint = ${name}`)
      assert.deepEqual(Buffer.from(row?.body ?? '', 'base64'), body)
    })

    test('first calls of Meta and Slack are answered, and only when they know the secret', async () => {
      const meta = await endpointOf('meta', { verify_token: 'agreed' })
      const get = (token: string) =>
        app.inject({ method: 'GET', url: `/api/webhook/meta/${meta}?hub.mode=subscribe&hub.challenge=42&hub.verify_token=${token}` })
      assert.deepEqual([(await get('agreed')).body, (await get('wrong')).statusCode], ['42', 401])
      const slack = await endpointOf('slack')
      const body = '{"type":"url_verification","challenge":"abc"}'
      const time = String(Math.floor(Date.now() / 1000))
      const signature = `v0=${createHmac('sha256', secret).update(`v0:${time}:${body}`).digest('hex')}`
      const call = (sum: string) =>
        post(
          `/api/webhook/slack/${slack}`,
          { 'content-type': 'application/json', 'x-slack-request-timestamp': time, 'x-slack-signature': sum },
          body,
        )
      assert.deepEqual([(await call(signature)).body, (await call('v0=00')).statusCode, await eventsOf(slack)], ['abc', 401, 0])
    })

    test('a form of Twilio is verified over the address that the site is known by', async () => {
      const name = await endpointOf('twilio')
      const url = `/api/webhook/twilio/${name}?org=1`
      const body = 'To=%2B1&From=%2B2&MessageSid=SM1'
      const sum = createHmac('sha1', secret).update(`http://ops.example.test${url}From+2MessageSidSM1To+1`).digest('base64')
      const call = (signature: string) =>
        post(url, { host: 'ops.example.test', 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': signature }, body)
      assert.deepEqual([(await call(sum)).statusCode, (await call(`${sum}A`)).statusCode], [200, 401])
    })

    test('a sender may call a method of its own, whose account is told by the organization', async () => {
      for (const organization of ['North', 'South']) {
        await world.make('Organization', { organization_name: organization })
        await endpointOf('twilio', { organization, secret: `secret of ${organization}` })
      }
      const body = 'MessageSid=SM2'
      const call = (query: string, by: string) => {
        const url = `/api/method/inbox.webhook.twilio${query}`
        const sum = createHmac('sha1', by).update(`http://ops.example.test${url}MessageSidSM2`).digest('base64')
        return post(url, { host: 'ops.example.test', 'content-type': 'application/x-www-form-urlencoded', 'x-twilio-signature': sum }, body)
      }
      assert.equal((await call('?org=North', 'secret of North')).statusCode, 200)
      assert.equal((await call('?org=South', 'secret of North')).statusCode, 401)
      for (const query of ['', '?org=West']) assert.equal((await call(query, 'secret of North')).statusCode, 404, query)
    })

    test('what is done with is forgotten after a month, and what failed is kept', async () => {
      const count = async (table: string) => Number((await query<{ n: number }>(sql`select count(*) as n from ${sql.id(table)}`))[0]?.n)
      const forget = async () => {
        await world.asSystem((ctx) => enqueue(ctx, 'core.forget-webhooks'))
        await drain()
      }
      const failed = async () =>
        Number(
          (await query<{ n: number }>(sql`select count(*) as n from ${sql.id('tabWebhook Request Log')} where status = ${'Failed'}`))[0]?.n,
        )
      const [events, messages, lost] = [await count('__Webhook_Event'), await count('tabWebhook Request Log'), await failed()]
      await forget()
      assert.deepEqual([await count('__Webhook_Event'), await count('tabWebhook Request Log')], [events, messages])
      assert.ok(messages > lost && lost > 0)
      skew = 32 * 86_400_000
      await forget()
      skew = 0
      assert.deepEqual([await count('__Webhook_Event'), await count('tabWebhook Request Log')], [0, lost])
    })

    test('no app takes a sender that nobody declares', async () => {
      await assert.rejects(endpointOf('nobody'), (error) => WebhookInvalid.is(error) && error.field === 'provider')
    })
  })
}
