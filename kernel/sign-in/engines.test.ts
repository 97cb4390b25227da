import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getDocument } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'
import { rename } from '#kernel/documents/rename.ts'
import { remove } from '#kernel/documents/remove.ts'
import { claimOnce } from '#kernel/sign-in/attempts.ts'
import { browser } from '#testing/sign-in/browser.ts'
import { testDatabases } from '#testing/services.ts'
import { type SignInStage, signInStage } from '#testing/sign-in/stage.ts'

const pairs: { database: string; here: SignInStage; there: SignInStage; client: string; secret: string }[] = []

// All of them before the first test: hooks that clean up run when no test is left.
for (const { name: database } of testDatabases()) {
  const [here, there] = [await signInStage({ database }), await signInStage({ database })]
  const client = await here.make('OAuth Client', {
    app_name: 'There',
    scopes: 'openid profile email',
    default_redirect_uri: `${there.url}/api/method/frappe.integrations.oauth2_logins.login_via_frappe`,
    id_token_signed_response_alg: 'RS256',
  })
  const { json } = await here.call('POST', '/api/method/orchestrator.oauth.renew_client_secret', { body: { client } })
  await there.make('Social Login Key', {
    provider_name: 'Here',
    social_login_provider: 'Frappe',
    enable_social_login: 1,
    client_id: client,
    client_secret: json.message.client_secret,
    base_url: here.url,
    auth_url_data: '{"scope": "openid profile email"}',
    sign_ups: 'Allow',
  })
  pairs.push({ database, here, there, client, secret: json.message.client_secret })
}

for (const { database, here, there, client, secret } of pairs) {
  const isLocal = (url: string) => url.startsWith(here.url) || url.startsWith(there.url)

  /** Signs in at one site with the account of the other, in a browser that is signed in there. */
  const comeIn = async (visitor: ReturnType<typeof browser>) => {
    let page = await visitor.open(`${there.url}/api/method/orchestrator.sign_in.start?kind=oidc&provider=here`, { follow: isLocal })
    if (page.text.includes('name="request"')) page = await visitor.submit(page, { decision: 'allow' }, { follow: isLocal })
    return there.whoIs(visitor)
  }

  test(`${database}: one site signs people in with the accounts of another, who stay the same people when they are renamed`, async () => {
    const user = await here.person('dana@example.com')
    const visitor = await here.signedIn(user)
    assert.equal(await comeIn(visitor), user)
    await here.asSystem((ctx) => rename(ctx, 'User', user, 'dana@example.org'))
    await there.asSystem((ctx) => rename(ctx, 'User', user, 'diana@example.com'))
    const again = await here.signedIn('dana@example.org')
    assert.equal(await comeIn(again), 'diana@example.com')
  })

  test(`${database}: who is deleted takes links and tokens along`, async () => {
    const user = await here.person('eve@example.com')
    const visitor = await here.signedIn(user)
    assert.equal(await comeIn(visitor), user)
    for (const site of [here, there]) await site.asSystem((ctx) => remove(ctx, 'User', user))
    assert.equal(await there.whoIs(visitor), 'Guest')
    const other = await here.signedIn(await here.person('eve@example.com'))
    await there.person('eve@example.com', ['System Manager'])
    assert.equal(await comeIn(other), 'Guest', 'a new account of the old name is somebody else')
  })

  test(`${database}: a message is taken once, also by two at once`, async () => {
    const take = () => here.asSystem((ctx) => claimOnce(ctx, 'saml-message', 'one', 60_000))
    assert.deepEqual((await Promise.all([take(), take(), take()])).sort(), [false, false, true])
  })

  test(`${database}: two who redeem one code at once get one token at most`, async () => {
    const user = await here.person('finn@example.com')
    const visitor = await here.signedIn(user)
    let page = await visitor.open(
      `${here.url}/api/method/frappe.integrations.oauth2.authorize?${new URLSearchParams({ client_id: client, response_type: 'code', scope: 'openid' })}`,
      { follow: (url) => url.startsWith(here.url) },
    )
    page = await visitor.submit(page, { decision: 'allow' }, { follow: false })
    const code = new URL(page.headers.get('location') ?? '').searchParams.get('code') ?? ''
    const redeem = () =>
      here.call('POST', '/api/method/frappe.integrations.oauth2.get_token', {
        as: '',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code,
          client_id: client,
          client_secret: secret,
          redirect_uri: `${there.url}/api/method/frappe.integrations.oauth2_logins.login_via_frappe`,
        }).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      })
    const answers = await Promise.all([redeem(), redeem(), redeem()])
    const good = answers.filter((answer) => answer.status === 200)
    assert.ok(good.length <= 1, JSON.stringify(answers.map((answer) => answer.status)))
    // Who was first may have been robbed: its token is over too.
    for (const { json: tokens } of good)
      assert.equal((await here.call('GET', '/api/method/frappe.auth.get_logged_user', { as: `Bearer ${tokens.access_token}` })).status, 401)
  })

  test(`${database}: a disabled provider's button is gone, and its address too`, async () => {
    await there.asSystem(async (ctx) => save(ctx, await getDocument(ctx, 'Social Login Key', 'here'), { enable_social_login: 0 }))
    assert.doesNotMatch((await browser().open(`${there.url}/login`)).text, /provider=here/)
    assert.equal(
      (await browser().open(`${there.url}/api/method/frappe.integrations.oauth2_logins.login_via_frappe?code=x&state=y`)).status,
      404,
    )
  })
}
