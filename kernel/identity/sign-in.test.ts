import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { goodPassword, identityStage } from '#testing/identity-cast.ts'
import { InvalidLogin, InvalidOneTimeCode, LockedOut, SignInInsideTransaction } from './errors.ts'
import { networkOf } from './sign-in-failures.ts'
import { confirmPassword, signIn, signInWithCode } from './sign-in.ts'
import { totpCode, totpStep } from './totp.ts'
import { beginTwoFactor, confirmTwoFactor, disableTwoFactor, newRecoveryCodes, twoFactorStatus } from './two-factor.ts'

const stage = await identityStage()
let people = 0

/** Somebody nobody else in this file has met. */
const someone = (roles?: readonly string[]) => stage.person(`person${++people}@example.com`, roles)
const fail = (user: string, ip?: string) => stage.asGuest((ctx) => signIn(ctx, user, 'not-the-password'), ip)

test('the right password opens a session and is noted', async () => {
  const user = await someone(['System Manager'])
  const { principal, sid } = await stage.enter(user.toUpperCase())
  assert.deepEqual([principal.name, principal.userType], [user, 'System User'])
  assert.ok(sid.length >= 43)
  const [row] = await stage.site.database.query<{ last_ip: string; last_login: string | null }>(
    stage.site.database.dialect.compile(sql`select last_ip, last_login from ${sql.id('tabUser')} where name = ${user}`),
  )
  assert.equal(row?.last_ip, '192.0.2.1')
  assert.ok(row?.last_login)
})

test('wrong password, unknown user, disabled user, user without a password, Guest: one and the same answer', async () => {
  const user = await someone()
  const disabled = await someone()
  await stage.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'User', disabled), { enabled: 0 }))
  const fresh = await stage.user('fresh@example.com')
  const answers = new Set<string>()
  for (const [name, password] of [
    [user, 'not-the-password'],
    ['nobody@example.com', goodPassword],
    [disabled, goodPassword],
    [fresh, goodPassword],
    ['Guest', goodPassword],
    [user, ''],
    [`${user}\0`, goodPassword],
    ['x'.repeat(5000), goodPassword],
    [user, 'p'.repeat(5000)],
  ] as const) {
    await assert.rejects(
      stage.asGuest((ctx) => signIn(ctx, name, password), '192.0.2.77'),
      (error: Error & { code?: string }) => {
        answers.add(`${error.code} ${error.message}`)
        return InvalidLogin.is(error)
      },
    )
  }
  assert.equal(answers.size, 1)
})

test('ten failures in a row close the account to that address for a minute, for the right password too', async (t) => {
  t.after(() => {
    stage.ahead = 0
  })
  const user = await someone()
  for (let i = 0; i < 10; i++) await assert.rejects(fail(user, '198.51.100.1'), InvalidLogin.is)
  await assert.rejects(stage.enter(user, { ip: '198.51.100.1' }), LockedOut.is)
  assert.equal((await stage.enter(user, { ip: '198.51.100.2' })).kind, 'signed-in')
  stage.ahead = 61_000
  assert.equal((await stage.enter(user, { ip: '198.51.100.1' })).kind, 'signed-in')
})

test('an account that does not exist locks alike', async () => {
  for (let i = 0; i < 10; i++) await assert.rejects(fail('phantom@example.com', '198.51.100.3'), InvalidLogin.is)
  await assert.rejects(fail('phantom@example.com', '198.51.100.3'), LockedOut.is)
})

test('from many addresses together an account takes fifty failures', async () => {
  const user = await someone()
  for (let i = 0; i < 50; i++) await assert.rejects(fail(user, `203.0.113.${Math.floor(i / 5)}`), InvalidLogin.is)
  await assert.rejects(stage.enter(user, { ip: '198.51.100.9' }), LockedOut.is)
})

test('a success in between starts the count anew', async () => {
  const user = await someone()
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 9; i++) await assert.rejects(fail(user, '198.51.100.4'), InvalidLogin.is)
    await stage.enter(user, { ip: '198.51.100.4' })
  }
})

test('guesses made at once do not outrun the count', async () => {
  const user = await someone()
  const outcomes = await Promise.allSettled([
    ...Array.from({ length: 40 }, () => fail(user, '198.51.100.5')),
    ...Array.from({ length: 1 }, () => stage.enter(user, { ip: '198.51.100.5' })),
  ])
  const guesses = outcomes.slice(0, 40)
  assert.ok(guesses.every((outcome) => outcome.status === 'rejected'))
  await assert.rejects(stage.enter(user, { ip: '198.51.100.5' }), LockedOut.is)
})

test('an IPv6 network counts as one address', () => {
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), networkOf('2001:db8:1:2::ffff'))
  assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'))
  assert.equal(networkOf('::ffff:192.0.2.1'), '192.0.2.1')
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1')
  assert.equal(networkOf('::1'), '0:0:0:0')
})

test('neither names nor guesses of failed sign-ins are kept in the clear', async () => {
  await assert.rejects(fail('my-secret-password', '198.51.100.6'), InvalidLogin.is)
  const { compile } = stage.site.database.dialect
  const failures = await stage.site.database.query(compile(sql`select * from ${sql.id('__Sign_In_Failure')}`))
  const audit = await stage.site.database.query(compile(sql`select * from ${sql.id('tabAudit Entry')}`))
  assert.ok(failures.length > 0 && audit.length > 0)
  assert.ok(!JSON.stringify([failures, audit]).includes('my-secret-password'))
})

test('sign-ins from one address are limited, whatever the account', async (t) => {
  const config = stage.site.config as Record<string, unknown>
  config.login_rate_limit = { limit: 5, window: 60 }
  t.after(() => {
    delete config.login_rate_limit
  })
  for (let i = 0; i < 5; i++) await assert.rejects(fail(`guess${i}@example.com`, '198.51.100.20'), InvalidLogin.is)
  await assert.rejects(fail('guess6@example.com', '198.51.100.20'), { code: 'limits/rate-limit-exceeded', status: 429 })
  await assert.rejects(fail('guess6@example.com', '198.51.100.21'), InvalidLogin.is)
})

test('signing in inside a transaction that writes is refused instead of waiting for itself', async () => {
  const user = await someone()
  await assert.rejects(
    stage.asGuest(async (ctx) => {
      await ctx.db.begin()
      return signIn(ctx, user, goodPassword)
    }),
    SignInInsideTransaction.is,
  )
})

test('an account bound to addresses or hours opens there and then only', async () => {
  const user = await someone()
  const set = (values: Record<string, unknown>) =>
    stage.asSystem(async (ctx) => {
      await save(ctx, await openForWrite(ctx, 'User', user), values)
    })
  await set({ restrict_ip: '10.1, 192.0.2.1' })
  for (const [ip, allowed] of [
    ['10.1.2.3', true],
    ['192.0.2.1', true],
    ['10.11.2.3', false],
    ['192.0.2.10', false],
  ] as const) {
    const attempt = stage.enter(user, { ip })
    if (allowed) await attempt
    else await assert.rejects(attempt, { code: 'identity/sign-in-restricted' })
  }
  const now = new Date(stage.site.clock.now()).getUTCHours()
  await set({ restrict_ip: null, login_after: now + 1, login_before: 0 })
  await assert.rejects(stage.enter(user), { code: 'identity/sign-in-restricted' })
})

/** Sets up a second factor for somebody; the clock must not run backwards afterwards, because codes work once. */
async function enrol(user: string): Promise<{ secret: string; codes: string[] }> {
  const { secret } = await stage.asSystem((ctx) => beginTwoFactor(ctx, user))
  const code = totpCode(secret, totpStep(stage.site.clock.now()) - 1)
  return { secret, codes: await stage.asSystem((ctx) => confirmTwoFactor(ctx, user, code)) }
}

async function askedFor(user: string): Promise<string> {
  const outcome = await stage.asGuest((ctx) => signIn(ctx, user, goodPassword))
  if (outcome.kind !== 'second-factor') throw new Error('No code was asked for.')
  return outcome.tmpId
}

const code = (secret: string, distance = 0) => totpCode(secret, totpStep(stage.site.clock.now()) + distance)

test('with a second factor the password alone opens nothing; the code opens, once', async () => {
  const user = await someone()
  const { secret } = await enrol(user)
  const tmpId = await askedFor(user)
  const typed = code(secret)
  assert.equal((await stage.asGuest((ctx) => signInWithCode(ctx, tmpId, typed))).principal.name, user)
  await assert.rejects(
    stage.asGuest((ctx) => signInWithCode(ctx, tmpId, code(secret, 1))),
    InvalidOneTimeCode.is,
    'the tmp_id is used up',
  )
  const again = await askedFor(user)
  await assert.rejects(
    stage.asGuest((ctx) => signInWithCode(ctx, again, typed)),
    InvalidOneTimeCode.is,
    'the code is used up',
  )
  assert.equal((await stage.asGuest((ctx) => signInWithCode(ctx, again, code(secret, 1)))).principal.name, user)
})

test('five wrong codes use up the step, and five minutes end it', async (t) => {
  t.after(() => {
    stage.ahead = 0
  })
  const user = await someone()
  const { secret } = await enrol(user)
  const tmpId = await askedFor(user)
  for (let i = 0; i < 5; i++)
    await assert.rejects(
      stage.asGuest((ctx) => signInWithCode(ctx, tmpId, '000000')),
      InvalidOneTimeCode.is,
    )
  await assert.rejects(
    stage.asGuest((ctx) => signInWithCode(ctx, tmpId, code(secret))),
    InvalidOneTimeCode.is,
  )
  const late = await askedFor(user)
  stage.ahead = 5 * 60_000 + 1000
  await assert.rejects(
    stage.asGuest((ctx) => signInWithCode(ctx, late, code(secret))),
    InvalidOneTimeCode.is,
  )
})

test('two requests with the same code at once: one gets in', async () => {
  const user = await someone()
  const { secret } = await enrol(user)
  const [one, two] = [await askedFor(user), await askedFor(user)]
  const typed = code(secret)
  const outcomes = await Promise.allSettled([one, two].map((tmpId) => stage.asGuest((ctx) => signInWithCode(ctx, tmpId, typed))))
  assert.deepEqual(outcomes.map((outcome) => outcome.status).sort(), ['fulfilled', 'rejected'])
})

test('a recovery code opens once; new ones end the old', async () => {
  const user = await someone()
  const { codes } = await enrol(user)
  assert.equal(new Set(codes).size, 10)
  const use = async (recovery: string) => {
    const tmpId = await askedFor(user)
    return stage.asGuest((ctx) => signInWithCode(ctx, tmpId, recovery))
  }
  assert.equal((await use(codes[0]?.toLowerCase() ?? '')).principal.name, user)
  await assert.rejects(use(codes[0] ?? ''), InvalidOneTimeCode.is)
  assert.deepEqual(await stage.asSystem((ctx) => twoFactorStatus(ctx, user)), { enabled: true, recovery_codes_left: 9 })
  const [fresh = ''] = await stage.asSystem((ctx) => newRecoveryCodes(ctx, user))
  await assert.rejects(use(codes[1] ?? ''), InvalidOneTimeCode.is)
  assert.equal((await use(fresh)).principal.name, user)
})

test('a second factor that was turned off is not asked for', async () => {
  const user = await someone()
  await enrol(user)
  await stage.asSystem((ctx) => disableTwoFactor(ctx, user))
  assert.equal((await stage.enter(user)).kind, 'signed-in')
})

test('who must have a second factor sets it up on the way in', async () => {
  const user = await someone()
  await stage.asSystem(async (ctx) => {
    await save(ctx, await openForWrite(ctx, 'User', user), { two_factor_required: 1 })
  })
  const asked = await stage.asGuest((ctx) => signIn(ctx, user, goodPassword))
  assert.ok(asked.kind === 'second-factor' && asked.enrolment)
  await assert.rejects(
    stage.asGuest((ctx) => signInWithCode(ctx, asked.tmpId, '000000')),
    InvalidOneTimeCode.is,
  )
  const signedIn = await stage.asGuest((ctx) => signInWithCode(ctx, asked.tmpId, code(asked.enrolment?.secret ?? '')))
  assert.equal(signedIn.recoveryCodes?.length, 10)
})

test('something grave in a session asks for the password; guessing it there locks the account too', async () => {
  const user = await someone()
  const { sid } = await stage.enter(user)
  await stage.inSession(sid, (ctx) => confirmPassword(ctx, goodPassword))
  for (const wrong of [undefined, '', 'not-the-password']) {
    await assert.rejects(
      stage.inSession(sid, (ctx) => confirmPassword(ctx, wrong)),
      { code: 'identity/confirmation-needed', status: 401, field: 'password' },
    )
  }
  for (let i = 0; i < 9; i++) await assert.rejects(stage.inSession(sid, (ctx) => confirmPassword(ctx, 'guess')))
  await assert.rejects(
    stage.inSession(sid, (ctx) => confirmPassword(ctx, goodPassword)),
    LockedOut.is,
  )
})
