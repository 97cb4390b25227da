import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAuthorization } from './authorization.ts'
import { InvalidCredential, MalformedAuthorization, UnknownScheme } from './errors.ts'
import { parseScopes } from './scopes.ts'

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

test('token and Basic headers carry key and secret, whatever the case of the scheme', () => {
  for (const header of ['token k:s', 'Token k:s', 'TOKEN  k:s', basic('k:s'), basic('k:s').replace('Basic', 'basic')]) {
    assert.deepEqual(parseAuthorization(header), { key: 'k', secret: 's' })
  }
  assert.deepEqual(parseAuthorization('bearer abc'), { bearer: 'abc' })
  assert.deepEqual(parseAuthorization(basic('k:s:t')), { key: 'k', secret: 's:t' })
})

test('a header that cannot be read is a bad request, one without key and secret a refusal', () => {
  for (const header of ['Basic', 'Basic !!!', 'Basic k:s', 'token', 'token ', `token ${'x'.repeat(5000)}:s`]) {
    assert.throws(() => parseAuthorization(header), MalformedAuthorization.is, header.slice(0, 20))
  }
  for (const header of ['Digest x', 'k:s', '', 'token\tk:s']) assert.throws(() => parseAuthorization(header), UnknownScheme.is, header)
  for (const header of ['token k', 'token :s', 'token k:', basic('ks')]) {
    assert.throws(() => parseAuthorization(header), InvalidCredential.is, header)
  }
})

test('scopes are read from lines, commas or a list; a slip of the pen is refused, not taken for everything', () => {
  assert.deepEqual(parseScopes('read\ndoctype:Sales Lead:write, method:frappe.client.get_list'), [
    'read',
    'doctype:Sales Lead:write',
    'method:frappe.client.get_list',
  ])
  assert.deepEqual(parseScopes(['write', 'write', ' ']), ['write'])
  assert.deepEqual(parseScopes(null), [])
  for (const wrong of ['reed', 'doctype:', 'doctype:A:b:c', 'method:', 'method:a b', '*', 'READ']) {
    assert.throws(() => parseScopes(wrong), { code: 'identity/bad-input', field: 'scopes' })
  }
})
