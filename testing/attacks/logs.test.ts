import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { after, test } from 'node:test'
import { pino } from 'pino'
import { logRedaction } from '#kernel/audit/redact.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { insert } from '#kernel/documents/save.ts'
import { createSite } from '#kernel/sites/create-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import { createServer } from '#server/http/server.ts'
import { goodPassword } from '#testing/identity-cast.ts'
import { adminPassword } from '#testing/site.ts'

const folder = await mkdtemp(join(tmpdir(), 'orc-logs-'))
let logged = ''
const stream = new Writable({
  write(chunk, _encoding, done) {
    logged += String(chunk)
    done()
  },
})
const runtime = await openRuntime({
  sitesFolder: folder,
  appFolders: [join(import.meta.dirname, '../../apps')],
  log: pino({ level: 'trace', ...logRedaction }, stream),
})
const { site, administrator } = await createSite(runtime, {
  host: 'logs.localhost',
  adminPassword,
  dbType: 'sqlite',
  config: { durable: false },
})
const app = createServer(runtime)
after(async () => {
  await app.close()
  await runtime.close()
  await rm(folder, { recursive: true, force: true })
})

const authorization = `token ${administrator.api_key}:${administrator.api_secret}`
const call = (method: 'GET' | 'POST' | 'PUT', url: string, payload?: object, headers: Record<string, string> = { authorization }) =>
  app.inject({ method, url, headers, ...(payload && { payload }) })

test('what is secret in requests and answers stands in no log and in no table', async () => {
  await site.asSystem('test', (ctx) =>
    insert(ctx, 'User', { email: 'ann@example.com', first_name: 'ann', enabled: 1, send_welcome_email: 0, new_password: goodPassword }),
  )
  const wrong = 'a-wrong-CANARY-password'
  await call('POST', '/api/method/login', { usr: 'ann@example.com', pwd: wrong }, {})
  const signedIn = await call('POST', '/api/method/login', { usr: 'ann@example.com', pwd: goodPassword }, {})
  const sid = signedIn.cookies.find((one) => one.name === 'sid')?.value as string
  const csrf = (await call('GET', '/api/method/frappe.sessions.get_csrf_token', undefined, { cookie: `sid=${sid}` })).json()
    .message as string
  const key = (await call('POST', '/api/method/orchestrator.identity.create_key', { label: 'x' })).json().message as { api_secret: string }
  await call('GET', `/api/method/ping?sid=${sid}&token=${key.api_secret}&pwd=${goodPassword}`, undefined, {})
  await call('POST', '/api/method/frappe.core.doctype.user.user.reset_password', { user: 'ann@example.com' }, {})
  await call('GET', '/api/resource/ToDo', undefined, { authorization: `token ${administrator.api_key}:${wrong}` })
  await call('GET', '/api/resource/Nothing/at-all')
  // A failure of the server itself is logged in full: its words must not hold the request's secrets.
  await site.asSystem('test', (ctx) => ctx.db.execute(ctx.db.dialect.compile(sql`drop table ${ident('tabNote')}`)))
  const failed = await call('POST', '/api/resource/Note', { title: 'x', content: wrong, password: wrong })
  assert.ok(failed.statusCode >= 400)
  const broken = await call('POST', '/api/resource/Note', { title: 'x', content: wrong })
  assert.equal(broken.statusCode, 500)
  assert.ok(!/no such table|tabNote|sqlite|at .*\.ts/i.test(broken.body), broken.body)
  assert.match(logged, /a request failed/)
  const secrets = { wrong, goodPassword, adminPassword, sid, csrf, keySecret: key.api_secret, adminSecret: administrator.api_secret }
  for (const [name, secret] of Object.entries(secrets)) assert.ok(!logged.includes(secret), `${name} is in the log`)
  const stored = await site.asSystem('test', async (ctx) => {
    const tables = (await site.database.describe()).map((one) => one.name)
    const rows: unknown[] = []
    for (const table of tables) rows.push(await ctx.db.query(ctx.db.dialect.compile(sql`select * from ${ident(table)}`)))
    return JSON.stringify(rows, (_key, value) => (typeof value === 'bigint' ? String(value) : value))
  })
  for (const [name, secret] of Object.entries(secrets))
    if (name !== 'csrf') assert.ok(!stored.includes(secret), `${name} is in the database`)
})
