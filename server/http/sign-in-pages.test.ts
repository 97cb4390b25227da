import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requestEmailChange } from '#kernel/identity/email-change.ts'
import { requestPasswordReset } from '#kernel/identity/password-change.ts'
import { sql } from '#kernel/database/sql.ts'
import { browser } from '#testing/sign-in/browser.ts'
import { signInStage } from '#testing/sign-in/stage.ts'
import { goodPassword } from '#testing/identity-cast.ts'

const stage = await signInStage()
const dana = await stage.person('dana@example.com')

async function mailedPath(to: string, page: string): Promise<string> {
  const rows = await stage.asSystem((ctx) =>
    ctx.db.query<{ message: string }>(
      ctx.db.dialect.compile(sql`select q.message as message from ${sql.id('tabEmail Queue')} q
        join ${sql.id('tabEmail Queue Recipient')} r on r.parent = q.name where r.recipient = ${to} order by q.creation desc`),
    ),
  )
  const link = rows.map((row) => new RegExp(`${stage.url}(/${page}\\?key=[A-Za-z0-9_-]+)`).exec(row.message)?.[1]).find((path) => path)
  assert.ok(link, `a mail to ${to} with a link to ${page}`)
  return link
}

test('people sign in on a page without scripts and land where they wanted to go', async () => {
  const visitor = browser()
  const page = await visitor.open(`${stage.url}/login?redirect-to=${encodeURIComponent('/app/todo?x=1')}`)
  assert.equal(page.status, 200)
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'.*form-action 'self'.*frame-ancestors 'none'/)
  assert.doesNotMatch(page.text, /<script[^>]*>\s*\S+/)
  const arrived = await visitor.submit(page, { usr: dana, pwd: goodPassword }, { follow: false })
  assert.equal(arrived.headers.get('location'), `${stage.url}/app/todo?x=1`)
  assert.equal(await stage.whoIs(visitor), dana)
})

test('a wrong password is told on the page, which keeps where one wanted to go', async () => {
  const visitor = browser()
  const again = await visitor.submit(await visitor.open(`${stage.url}/login?redirect-to=/app`), { usr: dana, pwd: 'wrong' })
  assert.equal(again.status, 401)
  assert.match(again.text, /role="alert">Invalid login credentials/)
  assert.match(again.text, /name="redirect_to" value="&#47;app"|name="redirect_to" value="\/app"/)
})

test('nobody is sent to another site, whatever the address says', async () => {
  for (const evil of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    '/%0d//evil',
    'javascript:alert(1)',
    '/login',
  ]) {
    const visitor = browser()
    const page = await visitor.open(`${stage.url}/login?redirect-to=${encodeURIComponent(evil)}`)
    const { headers } = await visitor.submit(
      page,
      { usr: dana, pwd: goodPassword, ...(evil === '/login' && { redirect_to: evil }) },
      { follow: false },
    )
    const place = new URL(headers.get('location') ?? '')
    assert.equal(place.origin, stage.url, evil)
    assert.notEqual(place.pathname, '/login')
  }
})

test('a form that another site sends signs nobody in', async () => {
  for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { origin: 'null' }] as Record<
    string,
    string
  >[]) {
    const answer = await stage.call('POST', '/login', {
      as: '',
      body: new URLSearchParams({ usr: dana, pwd: goodPassword }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    })
    assert.equal(answer.status, 403)
    assert.equal(answer.headers.getSetCookie().length, 0)
  }
})

test('the link of a reset mail leads to a page that sets the password, once', async () => {
  const eve = await stage.person('eve@example.com')
  await stage.asSystem((ctx) => requestPasswordReset(ctx, eve))
  const visitor = browser()
  const page = await visitor.open(stage.url + (await mailedPath(eve, 'update-password')))
  assert.equal(page.headers.get('referrer-policy'), 'no-referrer')
  assert.equal((await visitor.submit(page, { new_password: 'fake-other-lamp-9', repeated: 'fake-other-lamp-8' })).status, 417)
  const refused = await visitor.submit(page, { new_password: 'password', repeated: 'password' })
  assert.equal(refused.status, 417)
  const done = await visitor.submit(refused, { new_password: 'fake-other-lamp-9', repeated: 'fake-other-lamp-9' })
  assert.match(done.text, /Your password is set/)
  await visitor.submit(await visitor.open(`${stage.url}/login`), { usr: eve, pwd: 'fake-other-lamp-9' })
  assert.equal(await stage.whoIs(visitor), eve)
  assert.equal((await browser().open(page.url)).status, 410)
  assert.equal((await browser().open(`${stage.url}/update-password?key=made-up`)).status, 410)
})

test('the link of a change of address asks first, and only the button moves the account', async () => {
  const finn = await stage.person('finn@example.com')
  await stage.asSystem((ctx) => requestEmailChange(ctx, finn, 'finn@example.org'))
  const visitor = browser()
  const page = await visitor.open(stage.url + (await mailedPath('finn@example.org', 'confirm-email')))
  assert.match(page.text, /finn@example\.org/)
  assert.equal((await visitor.open(page.url)).status, 200)
  assert.match((await visitor.submit(page)).text, /Your account is finn@example\.org/)
  assert.equal((await visitor.open(page.url)).status, 410)
  await visitor.submit(await visitor.open(`${stage.url}/login`), { usr: 'finn@example.org', pwd: goodPassword })
  assert.equal(await stage.whoIs(visitor), 'finn@example.org')
})
