import assert from 'node:assert/strict'
import { test } from 'node:test'
import { base32, matchingStep, newTotpSecret, otpauthUri, totpCode, totpStep } from './totp.ts'

const secret = base32(Buffer.from('12345678901234567890'))

test('codes are those of the vectors of RFC 6238', () => {
  const vectors: [seconds: number, code: string][] = [
    [59, '287082'],
    [1111111109, '081804'],
    [1111111111, '050471'],
    [1234567890, '005924'],
    [2000000000, '279037'],
    [20000000000, '353130'],
  ]
  for (const [seconds, code] of vectors) assert.equal(totpCode(secret, totpStep(seconds * 1000)), code)
})

test('a code of the step before or after is accepted, one of two steps away is not', () => {
  const now = 1_234_567_890_000
  const step = totpStep(now)
  for (const [distance, expected] of [
    [-2, undefined],
    [-1, step - 1],
    [0, step],
    [1, step + 1],
    [2, undefined],
  ] as const) {
    assert.equal(matchingStep(secret, totpCode(secret, step + distance), now), expected)
  }
})

test('what is not six digits matches nothing; a blank between the halves does no harm', () => {
  const now = 59_000
  for (const typed of ['', '28708', '2870822', 'abcdef', '28708２']) assert.equal(matchingStep(secret, typed, now), undefined)
  assert.equal(matchingStep(secret, '287 082', now), 1)
})

test('a new secret has 160 bits, in base32, and goes into an address that apps read', () => {
  const made = newTotpSecret()
  assert.match(made, /^[A-Z2-7]{32}$/)
  assert.notEqual(made, newTotpSecret())
  const uri = new URL(otpauthUri(made, 'Care & Co', 'dana@example.com'))
  assert.equal(uri.searchParams.get('secret'), made)
  assert.equal(uri.searchParams.get('issuer'), 'Care & Co')
})
