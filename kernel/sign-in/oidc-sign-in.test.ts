import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getDocument } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import { totpCode, totpStep } from '#kernel/identity/totp.ts'
import { beginTwoFactor, confirmTwoFactor } from '#kernel/identity/two-factor.ts'
import { type Browser, browser, type Visit } from '#testing/sign-in/browser.ts'
import { openIdClient, openIdProvider } from '#testing/sign-in/openid-provider.ts'
import { signInStage } from '#testing/sign-in/stage.ts'
import { goodPassword } from '#testing/identity-cast.ts'

const stage = await signInStage()
const back = `${stage.url}/api/method/frappe.integrations.oauth2_logins.custom/acme`
const op = await openIdProvider(back, `${stage.url}/login`)
const settings = {
  provider_name: 'Acme',
  enable_social_login: 1,
  client_id: openIdClient.id,
  client_secret: openIdClient.secret,
  base_url: op.issuer,
  sign_ups: 'Deny',
}
await stage.make('Social Login Key', settings)
const change = (values: Record<string, unknown>) =>
  stage.asSystem(async (ctx) => save(ctx, await getDocument(ctx, 'Social Login Key', 'acme'), values))
const start = `${stage.url}/api/method/orchestrator.sign_in.start?kind=oidc&provider=acme`
let people = 0

/** Somebody at the provider. */
function person(claims: Record<string, unknown>): string {
  const id = `person-${++people}`
  op.people.set(id, claims)
  return id
}

/** Goes to the provider and through its forms, up to the address that it sends the browser back to. */
async function toProvider(visitor: Browser, id: string, from = start): Promise<string> {
  const stops = { follow: (url: string) => !url.startsWith(back) }
  let page: Visit = await visitor.open(from, stops)
  for (let forms = 0; forms < 3 && !page.headers.get('location'); forms++)
    page = await visitor.submit(page, { login: id, password: 'x' }, stops)
  return page.headers.get('location') ?? assert.fail(page.text)
}

async function comeIn(id: string, visitor = browser(), from = start): Promise<{ page: Visit; who: string; visitor: Browser }> {
  const page = await visitor.open(await toProvider(visitor, id, from))
  return { page, who: await stage.whoIs(visitor), visitor }
}

test('the sign-in page offers the provider, and the way there carries state, nonce, PKCE and nothing secret', async () => {
  const page = await browser().open(`${stage.url}/login?redirect-to=/app/todo`)
  assert.match(page.text, /sign_in\.start\?kind=oidc&#38;provider=acme&#38;redirect-to=%2Fapp%2Ftodo[^>]*>Acme/)
  const leaving = await browser().open(start, { follow: false })
  const { searchParams, origin } = new URL(leaving.headers.get('location') ?? '')
  assert.equal(origin, op.issuer)
  assert.equal(searchParams.get('code_challenge_method'), 'S256')
  for (const name of ['state', 'nonce', 'code_challenge']) assert.ok((searchParams.get(name) ?? '').length >= 40, name)
  const { json } = await stage.call('GET', '/api/method/orchestrator.sign_in.providers', { as: '' })
  assert.deepEqual(
    json.message.map((way: { name: string }) => way.name),
    ['acme'],
  )
})

test('a verified address leads to its account, and the identity is remembered when the address changes', async () => {
  const user = await stage.person('dana@example.com')
  const id = person({ email: 'Dana@Example.com', email_verified: true })
  const { who, page } = await comeIn(id, browser(), `${start}&redirect-to=%2Fapp%2Ftodo`)
  assert.equal(who, user)
  assert.equal(page.url, `${stage.url}/app/todo`)
  op.people.set(id, { email: 'somebody@else.example', email_verified: false })
  assert.equal((await comeIn(id)).who, user)
})

test('an address that is not verified leads nowhere, whoever has it here', async () => {
  await stage.person('victim@example.com')
  for (const claims of [
    { email: 'victim@example.com' },
    { email: 'victim@example.com', email_verified: false },
    { email: 'victim@example.com', email_verified: 'yes' },
  ]) {
    const { who, page } = await comeIn(person(claims))
    assert.equal(who, 'Guest')
    assert.equal(page.status, 403)
    assert.match(page.text, /href="\/login"/)
  }
})

test('nobody comes into the account of an administrator by an address alone', async () => {
  await stage.person('boss@example.com', ['System Manager'])
  for (const email of ['boss@example.com', 'Administrator', 'admin@example.com']) {
    const { who } = await comeIn(person({ email, email_verified: true }))
    assert.equal(who, 'Guest', email)
  }
})

test('an administrator links the account with the password, in the session that asked, and then comes in by it', async () => {
  const boss = await stage.person('chief@example.com', ['System Manager'])
  const visitor = await stage.signedIn(boss)
  const id = person({ email: 'chief@private.example', email_verified: true })
  const csrf = JSON.parse((await visitor.open(`${stage.url}/api/method/frappe.sessions.get_csrf_token`)).text).message
  const ask = (password: string) =>
    stage.call('POST', '/api/method/orchestrator.sign_in.begin_link', {
      as: '',
      body: { kind: 'oidc', provider: 'acme', password },
      headers: { cookie: [...visitor.cookies(stage.url)].map((pair) => pair.join('=')).join('; '), 'x-frappe-csrf-token': csrf },
    })
  assert.equal((await ask('wrong')).status, 401)
  const { url } = (await ask(goodPassword)).json.message
  // The path is worth nothing in another browser: an attacker could otherwise have an identity linked to whoever opens it.
  const other = await stage.signedIn(await stage.person('other@example.com'))
  assert.equal((await other.open(stage.url + url)).status, 410)
  await visitor.open(await toProvider(visitor, id, stage.url + url))
  assert.equal((await comeIn(id)).who, boss)
  const thief = await stage.person('thief@example.com')
  const theirs = await stage.signedIn(thief)
  const theirCsrf = JSON.parse((await theirs.open(`${stage.url}/api/method/frappe.sessions.get_csrf_token`)).text).message
  const again = await stage.call('POST', '/api/method/orchestrator.sign_in.begin_link', {
    as: '',
    body: { kind: 'oidc', provider: 'acme', password: goodPassword },
    headers: { cookie: [...theirs.cookies(stage.url)].map((pair) => pair.join('=')).join('; '), 'x-frappe-csrf-token': theirCsrf },
  })
  const taken = await theirs.open(await toProvider(theirs, id, stage.url + again.json.message.url))
  assert.equal(taken.status, 409)
})

test('a sign-in that began in another browser, or came twice, signs nobody in', async () => {
  await stage.person('eve@example.com')
  const id = person({ email: 'eve@example.com', email_verified: true })
  const attacker = browser()
  const answer = await toProvider(attacker, id)
  // Login CSRF: the victim's browser is made to open the attacker's answer.
  const victim = browser()
  assert.equal((await victim.open(answer)).status, 401)
  assert.equal(await stage.whoIs(victim), 'Guest')
  const cookies = new Map(attacker.cookies(stage.url))
  await attacker.open(answer)
  assert.equal(await stage.whoIs(attacker), 'eve@example.com')
  const replay = browser()
  for (const [name, value] of cookies) (replay.cookies(stage.url) as Map<string, string>).set(name, value)
  assert.equal((await replay.open(answer)).status, 401)
  assert.equal(await stage.whoIs(replay), 'Guest')
})

test('an answer with another issuer, a changed state or none is refused', async () => {
  await stage.person('finn@example.com')
  const id = person({ email: 'finn@example.com', email_verified: true })
  for (const spoil of [
    (url: URL) => url.searchParams.set('iss', 'https://evil.example'),
    (url: URL) => url.searchParams.delete('iss'),
    (url: URL) => url.searchParams.set('state', 'A'.repeat(43)),
    (url: URL) => url.searchParams.delete('state'),
    (url: URL) => url.searchParams.set('code', 'made-up'),
  ]) {
    const visitor = browser()
    const url = new URL(await toProvider(visitor, id))
    spoil(url)
    const page = await visitor.open(url.href)
    assert.equal(page.status, 401, url.href)
    assert.equal(await stage.whoIs(visitor), 'Guest')
  }
})

test('an ID token that was altered, or signed by nobody, is refused; a key changed a moment ago is not', async () => {
  const user = await stage.person('gus@example.com')
  const id = person({ email: 'gus@example.com', email_verified: true })
  const recode = (work: (head: Record<string, unknown>, claims: Record<string, unknown>, signature: string) => string) => {
    op.tamper = (path, body) => {
      if (path !== '/token') return body
      const answer = JSON.parse(body)
      const [head = '', claims = '', signature = ''] = answer.id_token.split('.')
      const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
      return JSON.stringify({ ...answer, id_token: work(read(head), read(claims), signature) })
    }
  }
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const work of [
    (head: object, claims: object, signature: string) => `${part(head)}.${part({ ...claims, sub: 'person-1' })}.${signature}`,
    (_head: object, claims: object) => `${part({ alg: 'none' })}.${part(claims)}.`,
    (head: object, claims: object, signature: string) => `${part(head)}.${part({ ...claims, aud: 'another' })}.${signature}`,
    (head: object, claims: object, signature: string) => `${part(head)}.${part({ ...claims, exp: 1 })}.${signature}`,
  ]) {
    recode(work as never)
    const { who, page } = await comeIn(id)
    assert.deepEqual([who, page.status], ['Guest', 401])
  }
  op.tamper = undefined
  assert.equal((await comeIn(id)).who, user)
  op.rotateKeys()
  assert.equal((await comeIn(id)).who, user)
})

test('sign-ups are as the provider’s settings say, for the domains they name', async () => {
  await change({ sign_ups: 'Allow', allowed_domains: 'acme.example, @acme.test' })
  const { who } = await comeIn(person({ email: 'new@acme.example', email_verified: true, given_name: 'Nia', family_name: 'New' }))
  assert.equal(who, 'new@acme.example')
  const user = await stage.asSystem((ctx) => getDocument(ctx, 'User', 'new@acme.example'))
  assert.deepEqual([user.full_name, user.user_type], ['Nia New', 'Website User'])
  for (const claims of [
    { email: 'new@elsewhere.example', email_verified: true },
    { email: 'other@acme.example', email_verified: false },
    { email: 'x@evil.acme.example', email_verified: true },
  ])
    assert.equal((await comeIn(person(claims))).who, 'Guest')
  await change({ sign_ups: 'Deny', allowed_domains: '' })
})

test('groups bring the roles that the settings name, and take them when they are gone; no group brings a role of the platform', async () => {
  await stage.make('Role', { role_name: 'Seller' })
  await stage.make('Role', { role_name: 'Buyer' })
  await change({ role_claim: 'groups', role_mappings: [{ claim_value: 'sales', role: 'Seller' }] })
  const user = await stage.person('hal@example.com', ['Buyer'])
  const id = person({ email: user, email_verified: true, groups: ['sales', 'staff'] })
  const roles = async () =>
    ((await stage.asSystem((ctx) => getDocument(ctx, 'User', user))).roles as { role: string }[]).map((row) => row.role).sort()
  await comeIn(id)
  assert.deepEqual(await roles(), ['Buyer', 'Seller'])
  op.people.set(id, { email: user, email_verified: true, groups: ['staff'] })
  await comeIn(id)
  assert.deepEqual(await roles(), ['Buyer'])
  await assert.rejects(change({ role_mappings: [{ claim_value: 'x', role: 'Administrator' }] }), { code: 'sign-in/settings-invalid' })
  await change({ role_mappings: [] })
})

test('the second factor of an account is asked for, unless the provider stands for it; a disabled account stays out', async () => {
  const user = await stage.person('ida@example.com')
  await stage.asSystem((ctx) => beginTwoFactor(ctx, user))
  const secret = (await stage.asSystem((ctx) => getSecret(ctx, 'User', user, 'totp_pending'))) ?? ''
  const code = (steps: number) => totpCode(secret, totpStep(Date.now()) + steps)
  await stage.asSystem((ctx) => confirmTwoFactor(ctx, user, code(0)))
  const id = person({ email: user, email_verified: true })
  const { page, who, visitor } = await comeIn(id)
  assert.equal(who, 'Guest')
  await visitor.submit(page, { otp: '000000' })
  assert.equal(await stage.whoIs(visitor), 'Guest')
  await visitor.submit(page, { otp: code(1) })
  assert.equal(await stage.whoIs(visitor), user)
  await change({ counts_as_second_factor: 1 })
  assert.equal((await comeIn(id)).who, user)
  await stage.asSystem(async (ctx) => save(ctx, await getDocument(ctx, 'User', user), { enabled: 0 }))
  assert.equal((await comeIn(id)).who, 'Guest')
})

test('signing out leads to the provider, and the session here is over whatever happens there', async () => {
  const user = await stage.person('jo@example.com')
  const { visitor } = await comeIn(person({ email: user, email_verified: true }))
  const csrf = JSON.parse((await visitor.open(`${stage.url}/api/method/frappe.sessions.get_csrf_token`)).text).message
  const { json } = await stage.call('POST', '/api/method/orchestrator.sign_in.logout', {
    as: '',
    body: {},
    headers: { cookie: [...visitor.cookies(stage.url)].map((pair) => pair.join('=')).join('; '), 'x-frappe-csrf-token': csrf },
  })
  assert.match(json.message.redirect_to, new RegExp(`^${op.issuer}/session/end\\?.*id_token_hint=`))
  assert.equal(await stage.whoIs(visitor), 'Guest')
  assert.equal((await visitor.open(json.message.redirect_to)).status, 200)
})

test('when the provider refuses or is off, the page says so and offers the other ways', async () => {
  const visitor = browser()
  const leaving = await visitor.open(start, { follow: false })
  const state = new URL(leaving.headers.get('location') ?? '').searchParams.get('state')
  const page = await visitor.open(`${back}?${new URLSearchParams({ error: 'access_denied', state: state ?? '', iss: op.issuer })}`)
  assert.equal(page.status, 401)
  assert.match(page.text, /you or the provider said no.*href="\/login"/s)
  await change({ enable_social_login: 0 })
  assert.equal((await browser().open(start)).status, 404)
  await change({ enable_social_login: 1 })
})

test('settings that would send people astray are refused', async () => {
  for (const [values, field] of [
    [{ base_url: 'http://public.example' }, 'base_url'],
    [{ base_url: 'ftp://x' }, 'base_url'],
    [{ auth_url_data: '{"redirect_uri":"https://evil.example"}' }, 'auth_url_data'],
    [{ auth_url_data: 'nonsense' }, 'auth_url_data'],
    [{ client_id: '' }, 'client_id'],
  ] as const)
    await assert.rejects(
      change(values),
      (error: { field: string; status: number }) => error.field === field && error.status === 417,
      JSON.stringify(values),
    )
})
