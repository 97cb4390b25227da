import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as oidc from 'openid-client'
import { sql } from '#kernel/database/sql.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'
import { browser, type Browser } from '#testing/sign-in/browser.ts'
import { signInStage } from '#testing/sign-in/stage.ts'

const stage = await signInStage()
const dana = await stage.person('dana@example.com', ['System Manager'])
const callback = 'https://program.example/back'
const base = '/api/method/frappe.integrations.oauth2.'
const isHere = (url: string): boolean => url.startsWith(stage.url)

async function makeClient(values: Record<string, unknown> = {}): Promise<{ id: string; secret: string }> {
  const id = await stage.make('OAuth Client', {
    app_name: 'Program',
    scopes: 'openid profile email all read',
    default_redirect_uri: callback,
    ...values,
  })
  if (values.token_endpoint_auth_method === 'None') return { id, secret: '' }
  const { json } = await stage.call('POST', '/api/method/orchestrator.oauth.renew_client_secret', { body: { client: id } })
  return { id, secret: json.message.client_secret }
}

function party(id: string, secret: string): Promise<oidc.Configuration> {
  const auth = secret ? oidc.ClientSecretBasic(secret) : oidc.None()
  return oidc.discovery(new URL(stage.url), id, {}, auth, { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] })
}

/** Goes through the question as a person does; gives the address that the program is called back at. */
async function consent(visitor: Browser, url: URL | string, decision = 'allow'): Promise<URL> {
  let page = await visitor.open(String(url), { follow: isHere })
  if (/action="[^"]*approve"/.test(page.text)) page = await visitor.submit(page, { decision }, { follow: isHere })
  return new URL(page.headers.get('location') ?? `about:${page.status}`)
}

async function codeFlow(client: { id: string; secret: string }, scope = 'openid email profile') {
  const configuration = await party(client.id, client.secret)
  const verifier = oidc.randomPKCECodeVerifier()
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
  const url = oidc.buildAuthorizationUrl(configuration, {
    redirect_uri: callback,
    scope,
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  const visitor = await stage.signedIn(dana)
  const back = await consent(visitor, url)
  const redeem = () =>
    oidc.authorizationCodeGrant(configuration, back, {
      pkceCodeVerifier: verifier,
      expectedState: state,
      ...(scope.includes('openid') && { expectedNonce: nonce, idTokenExpected: true }),
    })
  return { configuration, redeem, back, visitor, verifier }
}

const form = (path: string, values: Record<string, string>, headers: Record<string, string> = {}) =>
  stage.call('POST', base + path, {
    as: '',
    body: new URLSearchParams(values).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
  })
const whoAmI = (token: string) => stage.call('GET', '/api/method/frappe.auth.get_logged_user', { as: `Bearer ${token}` })

test('a program written for OpenID Connect signs people in with us: code, PKCE, ID token, profile, both kinds of key', async () => {
  for (const alg of ['RS256', 'ES256']) {
    const client = await makeClient({ id_token_signed_response_alg: alg })
    const own = await oidc.discovery(
      new URL(stage.url),
      client.id,
      { id_token_signed_response_alg: alg },
      oidc.ClientSecretPost(client.secret),
      { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
    )
    const verifier = oidc.randomPKCECodeVerifier()
    const nonce = oidc.randomNonce()
    const url = oidc.buildAuthorizationUrl(own, {
      redirect_uri: callback,
      scope: 'openid email profile',
      state: 's',
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    const back = await consent(await stage.signedIn(dana), url)
    const tokens = await oidc.authorizationCodeGrant(own, back, {
      pkceCodeVerifier: verifier,
      expectedState: 's',
      expectedNonce: nonce,
      idTokenExpected: true,
    })
    const claims = tokens.claims()
    assert.equal(claims?.email, dana)
    assert.equal(claims?.email_verified, true)
    assert.notEqual(claims?.sub, dana)
    const info = await oidc.fetchUserInfo(own, tokens.access_token, claims?.sub ?? '')
    assert.equal(info.name, 'dana')
  }
})

test('a code works once; the second try ends what the first brought', async () => {
  const { redeem } = await codeFlow(await makeClient(), 'openid all')
  const tokens = await redeem()
  assert.equal((await whoAmI(tokens.access_token)).json.message, dana)
  await assert.rejects(redeem(), /invalid_grant|server responded with an error/)
  assert.equal((await whoAmI(tokens.access_token)).status, 401)
})

test('a refresh token is changed at each use; the old one, shown again, ends the family', async () => {
  const { configuration, redeem } = await codeFlow(await makeClient(), 'all openid')
  const first = await redeem()
  const second = await oidc.refreshTokenGrant(configuration, first.refresh_token ?? '')
  assert.notEqual(second.refresh_token, first.refresh_token)
  assert.equal((await whoAmI(second.access_token)).status, 200)
  assert.equal((await whoAmI(first.access_token)).status, 401)
  await assert.rejects(oidc.refreshTokenGrant(configuration, first.refresh_token ?? ''))
  assert.equal((await whoAmI(second.access_token)).status, 401)
  await assert.rejects(oidc.refreshTokenGrant(configuration, second.refresh_token ?? ''))
})

test('scopes narrow: read does not write, openid reads nothing, all makes no keys', async () => {
  const client = await makeClient()
  const as = async (scope: string) => `Bearer ${(await (await codeFlow(client, scope)).redeem()).access_token}`
  const todo = { body: { description: 'x' } }
  const read = await as('read')
  assert.equal((await stage.call('GET', '/api/v2/document/ToDo', { as: read })).status, 200)
  assert.equal((await stage.call('POST', '/api/v2/document/ToDo', { as: read, ...todo })).status, 403)
  const openid = await as('openid')
  assert.equal((await stage.call('GET', '/api/v2/document/ToDo', { as: openid })).status, 403)
  const all = await as('all')
  assert.equal((await stage.call('POST', '/api/v2/document/ToDo', { as: all, ...todo })).status, 200)
  for (const [path, body] of [
    ['frappe.core.doctype.user.user.generate_keys', {}],
    ['orchestrator.identity.create_key', { label: 'x' }],
    ['orchestrator.oauth.renew_client_secret', { client: client.id }],
    ['orchestrator.identity.revoke_sessions', {}],
  ] as const)
    assert.equal((await stage.call('POST', `/api/method/${path}`, { as: all, body })).status, 403, path)
  assert.equal((await stage.call('GET', `${base}openid_profile`, { as: all })).status, 403)
  assert.equal((await stage.call('GET', `${base}openid_profile`, { as: stage.authorization })).status, 401)
})

test('a token that is revoked, by the program or by its user, is refused at once', async () => {
  const client = await makeClient()
  const { configuration, redeem, visitor } = await codeFlow(client, 'all openid')
  const first = await redeem()
  await oidc.tokenRevocation(configuration, first.refresh_token ?? '')
  assert.equal((await whoAmI(first.access_token)).status, 401)
  const second = await (await codeFlow(client, 'all openid')).redeem()
  const csrf = JSON.parse((await visitor.open(`${stage.url}/api/method/frappe.sessions.get_csrf_token`)).text).message
  const cookie = [...visitor.cookies(stage.url)].map((pair) => pair.join('=')).join('; ')
  const revoke = await stage.call('POST', '/api/method/orchestrator.oauth.revoke_app', {
    as: '',
    body: { client: client.id },
    headers: { cookie, 'x-frappe-csrf-token': csrf },
  })
  assert.equal(revoke.json.message.revoked, 1)
  assert.equal((await whoAmI(second.access_token)).status, 401)
})

test('a disabled user has no tokens any more, and a token is only told of to its own client', async () => {
  const [client, other] = [await makeClient(), await makeClient()]
  const { configuration, redeem } = await codeFlow(client, 'all openid')
  const { access_token: token } = await redeem()
  assert.equal((await oidc.tokenIntrospection(configuration, token)).active, true)
  assert.deepEqual(await oidc.tokenIntrospection(await party(other.id, other.secret), token), { active: false })
  await oidc.tokenRevocation(await party(other.id, other.secret), token)
  assert.equal((await whoAmI(token)).status, 200)
  const enable = (enabled: number) => stage.asSystem(async (ctx) => save(ctx, await getDocument(ctx, 'User', dana), { enabled }))
  await enable(0)
  assert.equal((await whoAmI(token)).status, 401)
  await enable(1)
})

test('a program with a user of its own gets a token without anybody being asked', async () => {
  const robot = await stage.person('robot@example.com')
  const client = await makeClient({ grant_type: 'Client Credentials', user: robot, scopes: 'all' })
  const tokens = await oidc.clientCredentialsGrant(await party(client.id, client.secret))
  assert.equal((await whoAmI(tokens.access_token)).json.message, robot)
  assert.equal(tokens.refresh_token, undefined)
  await assert.rejects(makeClient({ grant_type: 'Client Credentials', user: 'Administrator' }), { code: 'sign-in/settings-invalid' })
})

test('a program on a device needs no secret but a challenge, and takes any free port', async () => {
  const client = await makeClient({ token_endpoint_auth_method: 'None', default_redirect_uri: 'http://127.0.0.1/back' })
  const visitor = await stage.signedIn(dana)
  const ask = (more: Record<string, string>) =>
    consent(
      visitor,
      `${stage.url}${base}authorize?${new URLSearchParams({ client_id: client.id, response_type: 'code', scope: 'openid', redirect_uri: 'http://127.0.0.1:54321/back', ...more })}`,
    )
  assert.equal((await ask({})).searchParams.get('error'), 'invalid_request')
  assert.equal((await ask({ code_challenge: 'x'.repeat(43), code_challenge_method: 'plain' })).searchParams.get('error'), 'invalid_request')
  const verifier = oidc.randomPKCECodeVerifier()
  const back = await ask({ code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' })
  const give = (code_verifier: string) =>
    form('get_token', {
      grant_type: 'authorization_code',
      client_id: client.id,
      code: back.searchParams.get('code') ?? '',
      redirect_uri: 'http://127.0.0.1:54321/back',
      code_verifier,
    })
  assert.equal((await give('y'.repeat(43))).json.error, 'invalid_grant')
  assert.equal((await give(verifier)).json.error, 'invalid_grant', 'a wrong guess uses the code up')
})

test('what is wrong with client or return address is told to the person and never sent on', async () => {
  const client = await makeClient()
  const visitor = await stage.signedIn(dana)
  for (const params of [
    { client_id: 'nobody', redirect_uri: callback },
    { client_id: client.id, redirect_uri: 'https://evil.example/back' },
    { client_id: client.id, redirect_uri: `${callback}/../evil` },
    { client_id: client.id, redirect_uri: `${callback}?x=1` },
    { client_id: client.id, redirect_uri: 'https://program.example@evil.example/back' },
  ]) {
    const page = await visitor.open(
      `${stage.url}${base}authorize?${new URLSearchParams({ response_type: 'code', scope: 'openid', ...params })}`,
      { follow: false },
    )
    assert.equal(page.status, 400)
    assert.equal(page.headers.get('location'), null)
  }
  for (const redirect of ['javascript:alert(1)', 'http://program.example/x', 'data:text/html,x', 'https://a.example/#x', 'myapp:/x'])
    await assert.rejects(
      makeClient({ default_redirect_uri: redirect }),
      { code: 'sign-in/settings-invalid', field: 'default_redirect_uri' },
      redirect,
    )
})

test('a question is asked in a page that nobody can frame, and only the session that was asked can answer', async () => {
  const client = await makeClient()
  const url = `${stage.url}${base}authorize?${new URLSearchParams({ client_id: client.id, response_type: 'code', scope: 'openid', redirect_uri: callback, state: 'st' })}`
  const visitor = await stage.signedIn(dana)
  const page = await visitor.open(url, { follow: isHere })
  assert.match(page.headers.get('content-security-policy') ?? '', /form-action 'self' https:\/\/program\.example;.*frame-ancestors 'none'/)
  assert.equal(page.headers.get('x-frame-options'), 'DENY')
  const other = await stage.signedIn(await stage.person('other@example.com'))
  const otherPage = await other.open(url, { follow: isHere })
  const request = /name="request" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
  assert.equal((await other.submit(otherPage, { request, decision: 'allow' }, { follow: false })).status, 400)
  assert.equal((await visitor.submit(page, { csrf_token: 'x', decision: 'allow' }, { follow: false })).status, 400)
  const denied = new URL((await visitor.submit(page, { decision: 'deny' }, { follow: false })).headers.get('location') ?? '')
  assert.deepEqual(
    [denied.searchParams.get('error'), denied.searchParams.get('state'), denied.searchParams.get('iss')],
    ['access_denied', 'st', stage.url],
  )
  const guest = await browser().open(url)
  assert.match(guest.url, /\/login\?redirect-to=/)
})

test('a client shows who it is in one way, and a wrong secret is a refusal that says no more', async () => {
  const client = await makeClient()
  const basic = (id: string, secret: string) => ({ authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` })
  const grant = { grant_type: 'client_credentials' }
  for (const [values, headers] of [
    [grant, basic(client.id, 'wrong')],
    [{ ...grant, client_id: client.id }, {}],
    [{ ...grant, client_secret: client.secret }, basic(client.id, client.secret)],
    [{ ...grant, client_id: client.id, client_secret: client.secret }, { authorization: stage.authorization }],
    [{ ...grant, client_id: 'nobody', client_secret: 'x' }, {}],
  ] as [Record<string, string>, Record<string, string>][]) {
    const answer = await form('get_token', values, headers)
    assert.deepEqual([answer.status, answer.json.error], [401, 'invalid_client'])
  }
  assert.equal((await form('get_token', { grant_type: 'password' }, basic(client.id, client.secret))).json.error, 'unsupported_grant_type')
  const twice = await stage.call('POST', `${base}get_token`, {
    as: '',
    body: 'grant_type=x&grant_type=y',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  assert.equal(twice.json.error, 'invalid_request')
})

test('no answer of a document shows a token, and the table holds hashes only', async () => {
  const { redeem } = await codeFlow(await makeClient(), 'all openid')
  const tokens = await redeem()
  const rows = await stage.call('GET', '/api/v2/document/OAuth%20Bearer%20Token?fields=["*"]')
  assert.equal(rows.status, 200)
  assert.ok(!rows.text.includes(tokens.access_token) && !rows.text.includes(tokens.refresh_token ?? ''))
  const stored = await stage.asSystem((ctx) => ctx.db.query(ctx.db.dialect.compile(sql`select * from ${sql.id('tabOAuth Bearer Token')}`)))
  assert.ok(stored.length > 0 && !JSON.stringify(stored).includes(tokens.access_token))
})
