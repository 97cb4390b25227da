import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identityStage } from '#testing/identity-cast.ts'
import { testDatabases } from '#testing/services.ts'
import { createKey, revokeKey } from './api-keys.ts'
import { InvalidCredential, InvalidLogin, InvalidOneTimeCode, LockedOut } from './errors.ts'
import { requestPasswordReset, setPasswordByLink } from './password-change.ts'
import { csrfTokenOf, endSessions } from './sessions.ts'
import { signIn, signInWithCode } from './sign-in.ts'
import { totpCode, totpStep } from './totp.ts'
import { beginTwoFactor, confirmTwoFactor } from './two-factor.ts'

// The other tests of this folder run on SQLite; what could differ between engines is walked through here on each that is there.
for (const { name: engine } of testDatabases()) {
  test(`${engine}: the whole life of an account`, async (t) => {
    const stage = await identityStage({ database: engine })
    t.after(stage.close)
    const user = await stage.person('dana@example.com', ['System Manager'])

    for (let i = 0; i < 10; i++) await assert.rejects(stage.enter(user, { password: 'wrong' }), InvalidLogin.is)
    await assert.rejects(stage.enter(user), LockedOut.is)
    stage.ahead = 61_000

    const { sid, session } = await stage.enter(user)
    assert.equal((await stage.knock({ sid })).principal.name, user)
    const csrfToken = await stage.inSession(sid, (ctx) => csrfTokenOf(ctx, session.id))
    await assert.rejects(stage.knock({ sid, verb: 'POST' }))
    assert.equal((await stage.knock({ sid, verb: 'POST', csrfToken })).via, 'session')
    assert.equal(await stage.asSystem((ctx) => endSessions(ctx, user)), 1)
    assert.equal((await stage.knock({ sid })).via, 'guest')

    const key = await stage.asSystem((ctx) => createKey(ctx, user, { label: 'x', scopes: ['read'] }))
    const authorization = `token ${key.api_key}:${key.api_secret}`
    assert.deepEqual((await stage.knock({ authorization })).principal.scopes, ['read'])
    await stage.asSystem((ctx) => revokeKey(ctx, user, key.name))
    await assert.rejects(stage.knock({ authorization }), InvalidCredential.is)

    await stage.asGuest((ctx) => requestPasswordReset(ctx, user))
    await stage.asGuest((ctx) => requestPasswordReset(ctx, 'nobody@example.com'))
    const link = await stage.mailedKey(user)
    const words = ['fake-first-one-1', 'fake-second-one-2']
    const outcomes = await Promise.allSettled(words.map((word) => stage.asGuest((ctx) => setPasswordByLink(ctx, link, word))))
    assert.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 1)
    const password = words[outcomes.findIndex((outcome) => outcome.status === 'fulfilled')] ?? ''

    const { secret } = await stage.asSystem((ctx) => beginTwoFactor(ctx, user))
    const code = (distance: number) => totpCode(secret, totpStep(stage.site.clock.now()) + distance)
    const [recovery = ''] = await stage.asSystem((ctx) => confirmTwoFactor(ctx, user, code(-1)))
    const asked = async () => {
      const outcome = await stage.asGuest((ctx) => signIn(ctx, user, password))
      return outcome.kind === 'second-factor' ? outcome.tmpId : ''
    }
    const typed = code(0)
    const two = [await asked(), await asked()]
    const race = await Promise.allSettled(two.map((tmpId) => stage.asGuest((ctx) => signInWithCode(ctx, tmpId, typed))))
    assert.deepEqual(race.map((outcome) => outcome.status).sort(), ['fulfilled', 'rejected'])
    const last = await asked()
    assert.equal((await stage.asGuest((ctx) => signInWithCode(ctx, last, recovery))).principal.name, user)
    const again = await asked()
    await assert.rejects(
      stage.asGuest((ctx) => signInWithCode(ctx, again, recovery)),
      InvalidOneTimeCode.is,
    )
  })
}
