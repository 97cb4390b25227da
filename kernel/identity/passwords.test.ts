import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Context } from '#kernel/context/context.ts'
import { checkNewPassword, hashPassword, isNobodysPassword, isPassword, needsRehash } from './passwords.ts'

const settings = (values: Record<string, string> = {}) =>
  ({ site: { settings: new Map(Object.entries(values)), cache: { config: new Map() }, config: {}, host: 'x' } }) as unknown as Context

test('a password is stored as argon2id with 19 MiB, two passes and a salt of its own', async () => {
  const [one, other] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')])
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  assert.notEqual(one, other)
  assert.equal(await isPassword('correct horse', one), true)
  assert.equal(await isPassword('correct horsf', one), false)
  assert.equal(needsRehash(one), false)
})

test('the same letters typed as composed or decomposed characters are the same password', async () => {
  assert.equal(await isPassword('Passw\u006f\u0308rter', await hashPassword('Passw\u00f6rter')), true)
})

test('a hash made at a lower cost still opens, and asks to be made anew', async () => {
  // Made with m=64, t=1 for the password "old".
  const { argon2Sync } = await import('node:crypto')
  const salt = Buffer.alloc(16, 1)
  const key = argon2Sync('argon2id', { message: Buffer.from('old'), nonce: salt, memory: 64, passes: 1, parallelism: 1, tagLength: 32 })
  const weak = `$argon2id$v=19$m=64,t=1,p=1$${salt.toString('base64').replace(/=+$/, '')}$${key.toString('base64').replace(/=+$/, '')}`
  assert.equal(await isPassword('old', weak), true)
  assert.equal(needsRehash(weak), true)
})

test('a stored text that is no hash opens nothing', async () => {
  for (const stored of ['', 'old', '$argon2id$', '$2b$12$abcdefghijklmnopqrstuv', '$argon2id$v=19$m=64,t=1,p=1$$']) {
    assert.equal(await isPassword('old', stored), false)
    assert.equal(needsRehash(stored), true)
  }
})

test('checking an unknown user costs what checking a known one costs', async () => {
  const stored = await hashPassword('correct horse')
  const time = async (work: () => Promise<unknown>) => {
    const times: number[] = []
    for (let i = 0; i < 5; i++) {
      const start = performance.now()
      await work()
      times.push(performance.now() - start)
    }
    return Math.min(...times)
  }
  const known = await time(() => isPassword('wrong', stored))
  const unknown = await time(() => isNobodysPassword('wrong'))
  assert.ok(unknown > known * 0.4 && unknown < known * 2.5, `known ${known} ms, unknown ${unknown} ms`)
})

test('a new password needs eight characters, no digit and no sign, and may be long', () => {
  for (const good of ['quiet-lamp', 'jkvmnpqz', 'пароль-лампа', 'x y z w v u t s', `${'k7'.repeat(60)}abcdefgh`]) {
    assert.doesNotThrow(() => checkNewPassword(settings(), 'dana@example.com', good), good)
  }
  for (const bad of ['', 'short', 'jkvmnpq', 'x'.repeat(129), 'nul\0inside-it', 'lone\ud800surrogate']) {
    assert.throws(() => checkNewPassword(settings(), 'dana@example.com', bad), { code: 'identity/password-refused', field: 'new_password' })
  }
  assert.throws(() => checkNewPassword(settings({ minimum_password_length: '12' }), 'x', 'quiet-lamp'), {
    code: 'identity/password-refused',
  })
})

test('the commonest passwords are refused, with other capitals and with digits and signs at the end too', () => {
  for (const bad of [
    'password',
    'Password',
    'PASSWORD1',
    'password123!',
    '12345678',
    'qwertyuiop',
    'Iloveyou2026',
    'aaaaaaaa',
    'abababab',
  ]) {
    assert.throws(() => checkNewPassword(settings(), 'dana@example.com', bad), { code: 'identity/password-refused' }, bad)
  }
})

test('a password is not the user name with a little added, but may mention it', () => {
  for (const bad of ['dana.smith', 'Dana.Smith1', '2026dana.smith!']) {
    assert.throws(() => checkNewPassword(settings(), 'dana.smith@example.com', bad), { code: 'identity/password-refused' }, bad)
  }
  assert.doesNotThrow(() => checkNewPassword(settings(), 'dana.smith@example.com', 'why-dana.smith-likes-rain'))
})
