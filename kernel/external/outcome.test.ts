import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceFailed, ServiceTimedOut, ServiceTransient } from './errors.ts'
import { asServiceError, readRetryAfter } from './outcome.ts'

test('Retry-After is read as seconds and as a date', () => {
  const now = Date.UTC(2026, 10, 20, 12)
  assert.equal(readRetryAfter('120', now), 120_000)
  assert.equal(readRetryAfter(' 0 ', now), 0)
  assert.equal(readRetryAfter('Fri, 20 Nov 2026 12:00:30 GMT', now), 30_000)
  assert.equal(readRetryAfter('Fri, 20 Nov 2026 11:00:00 GMT', now), 0)
  for (const text of [undefined, '', '-5', 'soon', '1.5', 'NaN']) assert.equal(readRetryAfter(text, now), undefined, String(text))
})

test('failures of the network are told from faults of our own', () => {
  const of = (code: string) => asServiceError(Object.assign(new Error('x'), { code }), { service: 's', operation: 'o' }, 1000)
  for (const code of ['ECONNRESET', 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'HPE_INVALID_CONSTANT', 'ERR_SSL_TLSV1_ALERT'])
    assert.ok(ServiceTransient.is(of(code)) || ServiceFailed.is(of(code)), code)
  for (const code of [
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE_CERT',
  ])
    assert.ok(ServiceFailed.is(of(code)), code)
  for (const code of ['ERR_INVALID_ARG_TYPE', 'ERR_METHOD_NOT_IMPLEMENTED']) assert.equal((of(code) as { code?: string }).code, code)
  const late = new DOMException('late', 'TimeoutError')
  assert.ok(ServiceTimedOut.is(asServiceError(late, { service: 's', operation: 'o' }, 1000)))
  const wrapped = new Error('fetch failed', { cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }) })
  assert.ok(ServiceTransient.is(asServiceError(wrapped, { service: 's', operation: 'o' }, 1000)))
})
