import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { pino } from 'pino'
import { sql } from '#kernel/database/sql.ts'
import { administrator } from '#kernel/identity/principals.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { logRedaction } from '#kernel/audit/redact.ts'
import { testServer } from '#testing/server.ts'
import { RequestObserver } from './observe-requests.ts'
import { readOpsSettings } from './operate.ts'
import { serveOps } from './ops-server.ts'
import { watchLoop } from './loop-watch.ts'

const token = 'a-token-of-this-test'
const lines: Record<string, unknown>[] = []
const accessLog = pino({ level: 'info', ...logRedaction }, { write: (line: string) => void lines.push(JSON.parse(line)) })

const server = await testServer({
  trustProxy: true,
  observe: { observer: new RequestObserver(), figures: true, accessLog, logsUsers: true, metricsToken: token },
})
const plain = await testServer()

suite('what operators see', () => {
  const figures = async (): Promise<string> => (await server.call('GET', '/metrics', { as: `Bearer ${token}` })).text

  test('requests are counted by kind, method and status, and timed', async () => {
    await server.call('GET', '/api/resource/ToDo')
    await server.call('GET', '/api/resource/ToDo/nothing-of-that-name')
    await server.call('GET', '/api/method/somebody.made.this.up')
    const text = await figures()
    assert.match(text, /px_http_requests_total\{route="v1 list",method="GET",code="200"\} \d/)
    assert.match(text, /px_http_requests_total\{route="v1 one",method="GET",code="404"\} \d/)
    assert.match(text, /px_http_requests_total\{route="method unknown",method="GET",code="403"\} \d/)
    assert.match(text, /px_http_request_duration_seconds_bucket\{le="0.5",route="v1 list",method="GET"\} \d/)
    assert.match(text, /px_http_request_duration_seconds_bucket\{le="5",/)
    assert.match(text, new RegExp(`px_site_requests_total\\{site="${server.site.host}",class="2xx"\\} \\d`))
    assert.ok(!text.includes('nothing-of-that-name') && !text.includes('made.this.up'))
  })

  test('nobody reads them without the token, and nobody is told that there are any', async () => {
    for (const as of ['', 'Bearer wrong', `Bearer ${token}x`, server.authorization])
      assert.equal((await server.call('GET', '/metrics', { as })).status, 404, as)
    assert.equal((await plain.call('GET', '/metrics', { as: `Bearer ${token}` })).status, 404)
  })

  test('a line per request says who, what and how long, without query or secrets', async () => {
    await server.call('GET', '/api/resource/ToDo?filters=%5B%5D&sid=very-secret', { headers: { 'x-request-id': 'proxy-id-0001' } })
    const line = lines.find((one) => one.request === 'proxy-id-0001')
    assert.ok(line)
    assert.deepEqual(
      { site: line.site, user: line.user, verb: line.verb, path: line.path, status: line.status },
      { site: server.site.host, user: 'Administrator', verb: 'GET', path: '/api/resource/ToDo', status: 200 },
    )
    assert.ok(Number(line.ms) > 0)
    assert.ok(!JSON.stringify(lines).includes('very-secret'))
  })

  test('a job tells which request asked for it, and where that stood in a trace', async () => {
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    await server.site.run(administrator(), (ctx) => enqueue(ctx, 'core.tidy-up'), { id: 'request-0002', trace })
    const { compile } = server.site.database.dialect
    const [job] = await server.site.database.query<{ id: string; cause: string; trace: string }>(
      compile(sql`select id, cause, trace from ${sql.id('__Job')} where cause = ${'request-0002'}`),
    )
    assert.equal(job?.trace, trace)
    await server.call('GET', '/api/method/ping', { headers: { traceparent: trace, 'x-request-id': 'proxy-id-0003' } })
    assert.equal(lines.find((one) => one.request === 'proxy-id-0003')?.trace, '4bf92f3577b34da6a3ce929d0e0e4736')
    await server.call('GET', '/api/method/ping', { headers: { traceparent: 'made up', 'x-request-id': 'proxy-id-0004' } })
    assert.equal(lines.find((one) => one.request === 'proxy-id-0004')?.trace, undefined)
  })

  test('the id of a request comes from a proxy that is trusted only, and only if it is one', async () => {
    const odd = await server.call('GET', '/api/method/ping', { headers: { 'x-request-id': 'short' } })
    assert.notEqual(odd.headers.get('x-request-id'), 'short')
    const given = await plain.call('GET', '/api/method/ping', { headers: { 'x-request-id': 'proxy-id-0001' } })
    assert.notEqual(given.headers.get('x-request-id'), 'proxy-id-0001')
  })
})

suite('the listener for machines that watch', () => {
  test('tells whether the process lives and is ready; figures need the token where there is one', async () => {
    let ready = true
    const ops = await serveOps({ isReady: async () => ready, token }, 0, '127.0.0.1')
    const ask = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`http://127.0.0.1:${ops.port}${path}`, { headers })
    try {
      assert.equal((await ask('/health/live')).status, 200)
      assert.equal((await ask('/health/ready')).status, 200)
      ready = false
      assert.equal((await ask('/health/ready')).status, 503)
      assert.equal((await ask('/metrics')).status, 401)
      assert.equal((await ask('/metrics', { authorization: `Bearer ${token}` })).status, 200)
      assert.equal((await ask('/api/resource/User')).status, 404)
    } finally {
      await ops.close()
    }
  })

  test('settings that are no numbers are refused by name', () => {
    assert.throws(() => readOpsSettings({ ORC_OPS_PORT: 'eighty' }), /ORC_OPS_PORT is "eighty"/)
    assert.throws(() => readOpsSettings({ ORC_OPS_PORT: '70000' }), /ORC_OPS_PORT/)
    assert.throws(() => readOpsSettings({ ORC_SLOW_QUERY_MS: '-1' }), /ORC_SLOW_QUERY_MS/)
    assert.deepEqual(readOpsSettings({}), {
      port: undefined,
      bind: '127.0.0.1',
      token: undefined,
      accessLog: 'off',
      slowQueryMs: 1000,
      drainMs: 0,
    })
  })

  test('a process that stood still says so', async () => {
    const told: Record<string, unknown>[] = []
    const end = watchLoop(pino({ level: 'warn' }, { write: (line: string) => void told.push(JSON.parse(line)) }), 50)
    // The timer is not to keep the process, so the test must.
    const alive = setInterval(() => undefined, 50)
    const until = performance.now() + 700
    while (performance.now() < until);
    await new Promise((done) => setTimeout(done, 30))
    clearInterval(alive)
    end()
    assert.equal(told.length, 1)
    assert.ok(Number(told[0]?.blockedMs) >= 100)
  })
})
