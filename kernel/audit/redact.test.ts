import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { isSecretKey, logRedaction, redact, redactText } from './redact.ts'

test('secret names are recognised however they are spelled', () => {
  for (const key of [
    'password',
    'new_password',
    'newPassword',
    'New-Password',
    'pwd',
    'Authorization',
    'set-cookie',
    'api_secret',
    'otp',
    'X-Frappe-CSRF-Token',
    'tmp_id',
  ]) {
    assert.equal(isSecretKey(key), true, key)
  }
  for (const key of ['user', 'usr', 'name', 'passed', 'tokenizer', 'author', 'secretary']) assert.equal(isSecretKey(key), false, key)
})

test('values of secret keys are covered at any depth, and the rest stays', () => {
  const covered = redact({ usr: 'dana', pwd: 'p1', list: [{ headers: { authorization: 'token a:b' } }], n: 1, none: null })
  assert.equal(
    JSON.stringify(covered),
    '{"usr":"dana","pwd":"[redacted]","list":[{"headers":{"authorization":"[redacted]"}}],"n":1,"none":null}',
  )
})

test('a hostile object neither hangs nor pollutes', () => {
  let deep: Record<string, unknown> = {}
  for (let i = 0; i < 10_000; i++) deep = { deep }
  assert.ok(JSON.stringify(redact(deep)).length < 200)
  const copy = redact(JSON.parse('{"__proto__":{"admin":true}}')) as { admin?: boolean }
  assert.equal(copy.admin, undefined)
})

test('secrets in a query and passwords in an address are covered', () => {
  assert.equal(redactText('/api/method/x?pwd=geheim&a=1'), '/api/method/x?pwd=[redacted]&a=1')
  assert.equal(redactText('/update-password?key=abc'), '/update-password?key=[redacted]')
  assert.equal(redactText('postgres://orc:geheim@db/x'), 'postgres://orc:[redacted]@db/x')
  assert.equal(redactText('nothing to see'), 'nothing to see')
})

test('a logger made with it writes no secret', () => {
  const lines: string[] = []
  const log = pino({ ...logRedaction }, { write: (line: string) => lines.push(line) })
  log.info({ body: { pwd: 'geheim-1' }, req: { headers: { cookie: 'sid=geheim-2' }, url: '/x?token=geheim-3' } }, 'request')
  const written = lines.join('')
  assert.match(written, /request/)
  assert.doesNotMatch(written, /geheim/)
})
