import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load } from '#kernel/documents/load.ts'
import { unsubscribeLinks } from '#kernel/mail/refusals.ts'
import { sendMail } from '#kernel/mail/send-mail.ts'
import { testServer } from '#testing/server.ts'

const server = await testServer()
const { asSystem, call, keyOf, make, url, user } = server
const ann = await keyOf(await user('ann@example.com', ['Desk User', 'System Manager']))
const bob = await keyOf(await user('bob@example.com', ['Desk User']))
const makeMail = '/api/method/frappe.core.doctype.communication.email.make'
const read = (doctype: string, name: string) => asSystem(async (ctx) => load(ctx, await ctx.site.meta.get(doctype), name))

test('a user mails a document that they may mail, and the mail shows with it', async () => {
  const todo = await make('ToDo', { description: 'x', allocated_to: 'ann@example.com' })
  const body = {
    doctype: 'ToDo',
    name: todo,
    subject: 'Hi',
    content: '<p>Hello<script>x</script></p>',
    recipients: 'Cy <cy@x.test>, di@x.test',
    cc: 'ed@x.test',
    send_email: 1,
  }
  const { status, json } = await call('POST', makeMail, { as: ann, body })
  assert.deepEqual([status, json.message.emails_not_sent_to], [200, null])
  const communication = await read('Communication', json.message.name)
  assert.deepEqual(
    [communication.sender, communication.recipients, communication.cc, communication.reference_name],
    ['ann@example.com', '"Cy" <cy@x.test>, di@x.test', 'ed@x.test', todo],
  )
  const form = await call('GET', `/api/method/frappe.desk.form.load.getdoc?doctype=ToDo&name=${todo}`, { as: ann })
  assert.deepEqual(
    form.json.docinfo.communications.map((one: { content: string }) => one.content),
    ['<p>Hello</p>'],
  )
  assert.equal((await call('POST', makeMail, { as: bob, body })).status, 403)
  assert.equal((await call('POST', makeMail, { as: bob, body: { ...body, name: undefined, doctype: undefined } })).status, 417)
  assert.equal((await call('POST', makeMail, { as: '', body })).status, 403)
})

test('nobody forges where a communication came from, or reads another one’s', async () => {
  const forged = {
    subject: 'x',
    sent_or_received: 'Received',
    sender: 'boss@x.test',
    message_id: '<a@b>',
    message_key: 'k',
    in_reply_to: null,
  }
  const answer = await call('POST', '/api/resource/Communication', { as: bob, body: forged })
  assert.equal(answer.status, 200)
  const stored = await read('Communication', answer.json.data.name)
  assert.deepEqual([stored.sent_or_received, stored.sender, stored.message_id, stored.message_key], ['Sent', 'bob@example.com', null, null])
  const others = await make('Communication', { subject: 'secret', sent_or_received: 'Received', sender: 'cy@x.test' })
  assert.equal((await call('GET', `/api/resource/Communication/${others}`, { as: bob })).status, 403)
  const listed = await call('GET', '/api/resource/Communication?fields=["subject"]', { as: bob })
  assert.deepEqual(listed.json.data, [{ subject: 'x' }])
  const todo = await make('ToDo', { description: 'not bobs' })
  assert.equal(
    (
      await call('POST', '/api/resource/Communication', {
        as: bob,
        body: { subject: 'x', reference_doctype: 'ToDo', reference_name: todo },
      })
    ).status,
    417,
    'it is answered like a document that is not there',
  )
})

test('a template is filled in with what its reader may see, and a broken one is not stored', async () => {
  await make('Email Template', { name: 'Thanks', subject: 'About {{ doc.name }}', response: '<p>{{ doc.description }} {{ owner }}</p>' })
  const todo = await make('ToDo', { description: 'a & b', allocated_to: 'bob@example.com' })
  const hidden = await make('ToDo', { description: 'secret' })
  const fill = (as: string, doc: unknown) =>
    call('POST', '/api/method/frappe.email.doctype.email_template.email_template.get_email_template', {
      as,
      body: { template_name: 'Thanks', doc },
    })
  const filled = (await fill(bob, { doctype: 'ToDo', name: todo, description: 'what the caller says' })).json.message
  assert.equal(filled.subject, `About ${todo}`)
  assert.match(filled.message, /a &#38;(amp;)? b|a &#38; b/)
  assert.equal((await fill(bob, { doctype: 'ToDo', name: hidden })).status, 403)
  const broken = await call('POST', '/api/resource/Email Template', {
    as: ann,
    body: { name: 'Broken', subject: '{% if %}', response: 'x' },
  })
  assert.deepEqual([broken.status, broken.json.error?.code ?? broken.json.exc_type], [417, 'templates/invalid'])
})

test('the outbox is for System Managers, and a mail in it runs nothing', async () => {
  const name = await asSystem((ctx) =>
    sendMail(ctx, { to: ['cy@x.test'], subject: '<i>Hi</i>', html: '<p>Dear</p><script>alert(1)</script>' }),
  )
  const listed = await call('GET', '/outbox', { as: ann })
  assert.equal(listed.status, 200)
  assert.match(listed.text, new RegExp(`/outbox/${name}`))
  assert.doesNotMatch(listed.text, /<i>Hi/)
  const shown = await call('GET', `/outbox/${name}`, { as: ann })
  assert.match(shown.text, /<iframe sandbox/)
  assert.match(shown.headers.get('content-security-policy') ?? '', /script-src 'nonce-[^']+'; .*frame-src 'self'/)
  const frame = await call('GET', `/outbox/${name}/html`, { as: ann })
  assert.match(frame.headers.get('content-security-policy') ?? '', /^sandbox; default-src 'none'/)
  for (const path of ['/outbox', `/outbox/${name}`, `/outbox/${name}/html`]) {
    assert.equal((await call('GET', path, { as: bob })).status, 403, path)
    assert.equal((await call('GET', path, { as: '' })).status, 302, path)
  }
  assert.equal((await call('GET', '/outbox/nothing', { as: ann })).status, 404)
})

test('a link to unsubscribe asks first, and acts for mail programs at once', async () => {
  const { page, oneClick } = await asSystem(async (ctx) => unsubscribeLinks(ctx, { email: 'Cy@x.test' }))
  const pathOf = (link: string) => link.slice(link.indexOf('/', 8))
  const asked = await call('GET', pathOf(page), { as: '' })
  assert.match(asked.text, /cy@x\.test/)
  const count = async () => (await call('GET', '/api/resource/Email Unsubscribe?fields=["email"]', {})).json.data
  assert.deepEqual(await count(), [])
  const click = await fetch(url + pathOf(oneClick), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'List-Unsubscribe=One-Click',
  })
  assert.equal(click.status, 200)
  assert.deepEqual(await count(), [{ email: 'cy@x.test' }])
  assert.match((await call('GET', '/unsubscribe?token=x.y.z', { as: '' })).text, /does not work any more/)
})

test('an account that cannot take mail for a DocType, or has no port, is refused', async () => {
  const values = { email_account_name: 'A', email_id: 'a@x.test' }
  for (const [field, more] of [
    ['append_to', { append_to: 'ToDo', append_as: 'ann@example.com' }],
    ['smtp_port', { enable_outgoing: 1, smtp_server: 'x', smtp_port: '99999' }],
    ['auto_reply_message', { enable_auto_reply: 1, auto_reply_message: '{{ x' }],
  ] as const) {
    const { status, json } = await call('POST', '/api/resource/Email Account', { as: ann, body: { ...values, ...more } })
    assert.deepEqual([status, json.error?.field], [417, field], field)
  }
  assert.equal((await call('POST', '/api/resource/Email Account', { as: bob, body: values })).status, 403)
  const password = await call('POST', '/api/resource/Email Account', { as: ann, body: { ...values, password: 'fake-secret-9' } })
  assert.doesNotMatch(password.text, /fake-secret/)
})
