import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { identityStage } from '#testing/identity-cast.ts'
import { createKey, listKeys, type NewKey, revokeKey } from './api-keys.ts'
import { authenticate } from './authenticate.ts'
import { InvalidCredential, MalformedAuthorization } from './errors.ts'

const stage = await identityStage()
for (const name of ['ida', 'ben', 'cleo']) await stage.person(`${name}@example.com`, ['System Manager'])
const header = (key: NewKey) => `token ${key.api_key}:${key.api_secret}`
const make = (user: string, more: { scopes?: string[]; expiresAt?: number } = {}) =>
  stage.asSystem((ctx) => createKey(ctx, user, { label: 'test', ...more }))

test('a key signs its user in, as token and as Basic, without a CSRF token', async () => {
  const key = await make('ida@example.com')
  const basic = `Basic ${Buffer.from(`${key.api_key}:${key.api_secret}`).toString('base64')}`
  for (const authorization of [header(key), basic]) {
    const { principal, via } = await stage.knock({ authorization, verb: 'POST' })
    assert.deepEqual(
      [principal.name, via, principal.credential, principal.scopes],
      ['ida@example.com', 'key', `key:${key.name}`, undefined],
    )
  }
})

test('what is wrong with a key does not show: 401, and never a guest', async () => {
  const key = await make('ida@example.com')
  for (const authorization of [`token ${key.api_key}:wrong`, `token unknown:${key.api_secret}`, `token ${key.api_key}`, 'Bearer abc']) {
    await assert.rejects(stage.knock({ authorization }), (error) => InvalidCredential.is(error) && error.status === 401)
  }
  await assert.rejects(stage.knock({ authorization: 'Basic %%%' }), (error) => MalformedAuthorization.is(error) && error.status === 400)
  await assert.rejects(stage.knock({ authorization: header(key), authorizationSource: 'Customer' }), InvalidCredential.is)
})

test('a bad key is refused even beside a good session', async () => {
  const { sid } = await stage.enter('ida@example.com')
  await assert.rejects(stage.knock({ sid, authorization: 'token a:b' }), InvalidCredential.is)
})

test('the secret is not stored', async () => {
  const key = await make('ida@example.com')
  const { compile } = stage.site.database.dialect
  for (const table of ['tabUser API Key', 'tabAudit Entry', 'tabVersion']) {
    const rows = JSON.stringify(await stage.site.database.query(compile(sql`select * from ${sql.id(table)}`)))
    assert.ok(!rows.includes(key.api_secret), table)
  }
  const audit = JSON.stringify(
    await stage.site.database.query(compile(sql`select changes from ${sql.id('tabAudit Entry')} where docname = ${key.name}`)),
  )
  assert.doesNotMatch(audit, /sha256\$/)
})

test('a revoked key is dead at once, and so are those of a disabled user', async () => {
  const [one, two] = [await make('ben@example.com'), await make('ben@example.com')]
  await stage.knock({ authorization: header(one) })
  assert.equal(await stage.asSystem((ctx) => revokeKey(ctx, 'ida@example.com', one.name)), false, 'of another user')
  assert.equal(await stage.asSystem((ctx) => revokeKey(ctx, 'ben@example.com', one.name)), true)
  await assert.rejects(stage.knock({ authorization: header(one) }), InvalidCredential.is)
  await stage.knock({ authorization: header(two) })
  await stage.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'User', 'ben@example.com'), { enabled: 0 }))
  await assert.rejects(stage.knock({ authorization: header(two) }), InvalidCredential.is)
})

test('a key ends at its time, also where it is remembered', async (t) => {
  t.after(() => {
    stage.ahead = 0
  })
  const key = await make('ida@example.com', { expiresAt: stage.site.clock.now() + 60_000 })
  await stage.knock({ authorization: header(key) })
  stage.ahead = 61_000
  await assert.rejects(stage.knock({ authorization: header(key) }), InvalidCredential.is)
})

test('scopes travel with the principal', async () => {
  const key = await make('ida@example.com', { scopes: ['read', 'method:ping'] })
  assert.deepEqual((await stage.knock({ authorization: header(key) })).principal.scopes, ['read', 'method:ping'])
})

test('a remembered key costs no statement', async () => {
  const key = await make('cleo@example.com')
  await stage.knock({ authorization: header(key) })
  const { database } = stage.site
  const query = database.query
  let statements = 0
  database.query = ((...given: Parameters<typeof query>) => {
    statements++
    return query.apply(database, given)
  }) as typeof query
  await authenticate(stage.site, { authorization: header(key), ip: '192.0.2.1', verb: 'GET' })
  database.query = query
  assert.equal(statements, 0)
})

test('keys are listed without their secrets', async () => {
  const key = await make('cleo@example.com', { scopes: ['read'] })
  const listed = await stage.asSystem((ctx) => listKeys(ctx, 'cleo@example.com'))
  const found = listed.find((one) => one.name === key.name)
  assert.deepEqual([found?.label, found?.api_key, found?.scopes, found?.revoked], ['test', key.api_key, ['read'], false])
  assert.ok(!JSON.stringify(listed).includes(key.api_secret))
})

test('nobody plants a key through the ordinary API, and a revoked one stays revoked', async () => {
  await assert.rejects(
    stage.as('Administrator', (ctx) => insert(ctx, 'User API Key', { user: 'Administrator', label: 'x', api_key: 'a', secret_hash: 'b' })),
    { code: 'identity/bad-input' },
  )
  const key = await make('cleo@example.com')
  await stage.asSystem((ctx) => revokeKey(ctx, 'cleo@example.com', key.name))
  await assert.rejects(
    stage.as('ida@example.com', async (ctx) => save(ctx, await openForWrite(ctx, 'User API Key', key.name), { revoked: 0 })),
    { code: 'identity/bad-input', field: 'revoked' },
  )
})
