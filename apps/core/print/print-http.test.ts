import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { setValue } from '#kernel/documents/values.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { sendMail } from '#kernel/mail/send-mail.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { endBrowser } from '#kernel/print/browser.ts'
import { faultyMailServer } from '#testing/mail-server.ts'
import { pdfPages, printWorld } from '#testing/print-world.ts'
import { testServer } from '#testing/server.ts'

let now = Date.UTC(2026, 10, 20, 12)
const server = await testServer({ clock: { now: () => now } })
const { invoice } = await printWorld(server)

suite('prints over HTTP', () => {
  let name = ''
  let clerk = ''
  let stranger = ''
  const query = (values: Record<string, string>) => new URLSearchParams({ doctype: 'Test Invoice', ...values }).toString()
  const download = async (path: string, authorization: string, body?: unknown) => {
    const response = await fetch(server.url + path, {
      headers: { ...(authorization && { authorization }), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    })
    return { status: response.status, headers: response.headers, bytes: new Uint8Array(await response.arrayBuffer()) }
  }
  before(async () => {
    name = await invoice(2)
    await server.user('clerk@example.com', ['Desk User'])
    await server.user('stranger@example.com', [])
    clerk = await server.keyOf('clerk@example.com')
    stranger = await server.keyOf('stranger@example.com')
  })
  after(endBrowser)

  test('a document is had as PDF by those who may print it', async () => {
    const path = `/api/method/frappe.utils.print_format.download_pdf?${query({ name })}`
    const answer = await download(path, clerk)
    assert.equal(answer.status, 200)
    assert.equal(answer.headers.get('content-type'), 'application/pdf')
    assert.match(answer.headers.get('content-disposition') ?? '', /^inline; filename="INV-00001\.pdf"/)
    assert.match((await pdfPages(answer.bytes))[0] ?? '', /Muster & Söhne/)
    assert.equal((await download(path, stranger)).status, 403)
    assert.equal((await download(path, '')).status, 403)
  })

  test('a screen gets the print as HTML and styles', async () => {
    const path = '/api/method/frappe.www.printview.get_html_and_style'
    const { status, json } = await server.call('POST', path, {
      body: { doc: JSON.stringify({ doctype: 'Test Invoice', name }), print_format: 'Standard' },
      as: clerk,
    })
    assert.equal(status, 200)
    assert.match(json.message.html, /^<div class="document/)
    assert.match(json.message.style, /@page/)
    assert.equal((await server.call('POST', path, { body: { doc: { doctype: 'Test Invoice' } }, as: clerk })).status, 417)
  })

  test('the print view shows a document, and no script but its own', async () => {
    const page = await server.call('GET', `/printview?${query({ name, trigger_print: '1' })}`, { as: clerk })
    assert.equal(page.status, 200)
    const nonce = /script-src 'nonce-([^']+)'/.exec(page.headers.get('content-security-policy') ?? '')?.[1]
    assert.ok(nonce && page.text.includes(`<script nonce="${nonce}">`))
    assert.equal(page.text.match(/<script/g)?.length, 1)
    const refused = await server.call('GET', `/printview?${query({ name })}`, { as: '' })
    assert.equal(refused.status, 403)
    assert.doesNotMatch(refused.text, /Muster/)
  })

  test('a link opens one document to anybody as its maker may see it, until it ends or its maker is gone', async () => {
    const share = (as: string, body: object) => server.call('POST', '/api/method/orchestrator.print.share_link', { as, body })
    const made = await share(clerk, { doctype: 'Test Invoice', name })
    assert.equal(made.status, 200)
    const { url, key, expires_on } = made.json.message
    assert.equal(expires_on, '2026-12-20')
    const path = url.slice(url.indexOf('/printview'))
    const open = (target: string) => server.call('GET', target, { as: '' })
    const page = await open(path)
    assert.equal(page.status, 200)
    assert.match(page.text, /Muster/)
    assert.doesNotMatch(page.text.replaceAll(/<style>.*?<\/style>|<path[^>]*>/gs, ''), /777|DE0212/)
    const pdf = `/api/method/frappe.utils.print_format.download_pdf?${query({ name, key })}`
    assert.equal((await download(pdf, '')).status, 200)
    const [stored] = await server.asSystem((ctx) =>
      ctx.db.query<{ key: string }>({ sql: 'select "key" from "tabDocument Share Key"', parameters: [] }),
    )
    assert.ok(stored && stored.key !== key)
    const other = await invoice(1)
    assert.equal((await open(`/printview?${query({ name: other, key })}`)).status, 403)
    assert.equal((await open(`/printview?${query({ name, key: `${key}x` })}`)).status, 403)
    assert.equal((await share(stranger, { doctype: 'Test Invoice', name })).status, 403)
    assert.equal((await share('', { doctype: 'Test Invoice', name })).status, 403)
    const short = (await share(clerk, { doctype: 'Test Invoice', name, expires_on: '2026-11-21' })).json.message.url
    const shortPath = short.slice(short.indexOf('/printview'))
    now += 86_400_000
    assert.equal((await open(shortPath)).status, 200)
    now += 86_400_000
    assert.equal((await open(shortPath)).status, 403)
    assert.equal((await open(path)).status, 200)
    await server.asSystem((ctx) => setValue(ctx, 'User', 'clerk@example.com', { enabled: 0 }))
    assert.equal((await open(path)).status, 403)
    await server.asSystem((ctx) => setValue(ctx, 'User', 'clerk@example.com', { enabled: 1 }))
    const withdrawn = await server.call('POST', '/api/method/orchestrator.print.withdraw_links', {
      as: clerk,
      body: { doctype: 'Test Invoice', name },
    })
    assert.equal(withdrawn.json.message.withdrawn, 2)
    assert.equal((await open(path)).status, 403)
  })

  test('many documents are printed at once, or in the background for who asked', async () => {
    const other = await invoice(1, { customer: 'Second' })
    const multi = '/api/method/frappe.utils.print_format.download_multi_pdf'
    const names = { doctype: 'Test Invoice', name: JSON.stringify([name, other]) }
    const answer = await download(`${multi}?${new URLSearchParams(names)}`, clerk)
    assert.equal((await pdfPages(answer.bytes)).length, 2)
    assert.equal((await download(`${multi}?${new URLSearchParams(names)}`, stranger)).status, 403)
    const tooMany = { doctype: { 'Test Invoice': Array.from({ length: 31 }, () => name) } }
    assert.equal((await download(multi, clerk, tooMany)).status, 413)
    assert.equal((await server.call('POST', `${multi}_async`, { as: stranger, body: names })).status, 403)
    assert.equal((await server.call('POST', `${multi}_async`, { as: clerk, body: names })).status, 200)
    await new Worker({ sites: async () => [server.site], pollMs: 20 }).drain()
    const [file] = await server.asSystem((ctx) =>
      ctx.db.query<{ file_url: string }>({
        sql: 'select file_url from "tabFile" where owner = \'clerk@example.com\' and is_private = 1',
        parameters: [],
      }),
    )
    assert.ok(file)
    assert.equal((await pdfPages((await download(file.file_url, clerk)).bytes)).length, 2)
    assert.equal((await download(file.file_url, stranger)).status, 403)
  })

  test('a report’s HTML becomes a PDF for who is signed in', async () => {
    const path = '/api/method/frappe.utils.print_format.report_to_pdf'
    const answer = await download(path, clerk, {
      html: '<h1>Sums</h1><script>document.write(1)</script><iframe src="file:///etc/passwd"></iframe>',
    })
    assert.deepEqual(await pdfPages(answer.bytes), ['Sums'])
    assert.equal((await download(path, '', { html: 'x' })).status, 403)
  })

  test('a mail carries the document as PDF, as its sender may print it when it leaves', async () => {
    const post = await faultyMailServer()
    await server.make('Email Account', {
      email_account_name: 'Office',
      email_id: 'office@example.com',
      enable_outgoing: 1,
      default_outgoing: 1,
      smtp_server: '127.0.0.1',
      smtp_port: String(post.port),
      use_tls: 0,
      no_smtp_authentication: 1,
    })
    const work = () => new Worker({ sites: async () => [server.site], pollMs: 20 }).drain()
    const print = { doctype: 'Test Invoice', name }
    const made = await server.call('POST', '/api/method/frappe.core.doctype.communication.email.make', {
      as: clerk,
      body: {
        ...print,
        recipients: 'ann@example.com',
        subject: 'Invoice',
        content: '<p>See there</p>',
        send_email: 1,
        print_format: 'Standard',
      },
    })
    assert.equal(made.status, 200)
    await work()
    const [mail] = post.mails
    const encoded = /filename=INV-00001\.pdf\r\n(?:[^\r]+\r\n)*\r\n([\s\S]*?)\r\n--/.exec(mail?.text ?? '')?.[1]
    assert.match((await pdfPages(Buffer.from(encoded ?? '', 'base64')))[0] ?? '', /Muster & Söhne/)
    await assert.rejects(
      server.as('stranger@example.com', (ctx) =>
        sendMail(ctx, { to: ['ann@example.com'], subject: 'x', text: 'x', attachments: [{ print }] }),
      ),
      PermissionDenied.is,
    )
    await server.as('clerk@example.com', (ctx) =>
      sendMail(ctx, { to: ['bob@example.com'], subject: 'late', text: 'x', attachments: [{ print }] }),
    )
    await server.asSystem((ctx) => setValue(ctx, 'Print Settings', 'Print Settings', { allow_print_for_draft: 0 }))
    await work()
    const late = post.mails.find((one) => one.to.includes('bob@example.com'))
    assert.ok(late && !late.text.includes('.pdf'))
  })
})
