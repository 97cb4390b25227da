import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Context } from '#kernel/context/context.ts'
import { load } from '#kernel/documents/load.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { forgetOldMail } from '#kernel/mail/sweep.ts'
import { type OutgoingMail, sendMail } from '#kernel/mail/send-mail.ts'
import { sql } from '#kernel/database/sql.ts'
import { faultyMailServer, type MailFaults } from '#testing/mail-server.ts'
import { testDatabases } from '#testing/services.ts'
import { type TestSite, type TestSiteOptions, testSite } from '#testing/site.ts'

type Queued = Record<string, unknown> & { recipients: { recipient: string; status: string; error: string | null }[] }

async function world(faults: MailFaults = {}, account: Record<string, unknown> = {}, options: TestSiteOptions = {}) {
  const server = await faultyMailServer(faults)
  const site = await testSite(options)
  await site.make('Email Account', {
    email_account_name: 'Office',
    email_id: 'office@example.com',
    enable_outgoing: 1,
    default_outgoing: 1,
    smtp_server: '127.0.0.1',
    smtp_port: String(server.port),
    use_tls: 0,
    no_smtp_authentication: 1,
    ...account,
  })
  const send = (mail: Partial<OutgoingMail>) =>
    site.asSystem((ctx) => sendMail(ctx, { to: ['ann@example.com'], subject: 'Hello', html: '<p>Dear Ann</p>', ...mail }))
  return { ...site, server, send, queued: (name: string) => readQueue(site, name), work: () => work(site), dueNow: () => dueNow(site) }
}

const readQueue = (site: TestSite, name: string) =>
  site.asSystem(async (ctx: Context) => (await load(ctx, await ctx.site.meta.get('Email Queue'), name)) as unknown as Queued)
const work = (site: TestSite) => new Worker({ sites: async () => [site.site], pollMs: 20 }).drain()
const dueNow = (site: TestSite) =>
  site.asSystem((ctx) => ctx.db.execute(ctx.db.dialect.compile(sql`update ${sql.id('__Job')} set run_at = 0 where state = ${'queued'}`)))

const statuses = (queue: Queued) => Object.fromEntries(queue.recipients.map((row) => [row.recipient, row.status]))
/** Header lines with their continuations joined. */
const headersOf = (text: string) => (text.split('\r\n\r\n')[0] ?? '').replaceAll(/\r\n[ \t]+/g, ' ')

test('a mail is sent exactly if the change that caused it stands', async () => {
  const { asSystem, server, work, queued } = await world()
  let name = ''
  const undone = asSystem(async (ctx) => {
    await sendMail(ctx, { to: ['ann@example.com'], subject: 'never', text: 'x' })
    throw new Error('undone')
  })
  await assert.rejects(undone, /undone/)
  await asSystem(async (ctx) => {
    name = await sendMail(ctx, {
      to: ['Ann Lee <ann@example.com>'],
      cc: ['bob@example.com'],
      bcc: ['eve@example.com'],
      subject: 'Ünïcode',
      text: 'a < b\nc',
    })
  })
  await work()
  assert.equal(server.mails.length, 1)
  const [mail] = server.mails
  assert.deepEqual(mail?.to, ['ann@example.com', 'bob@example.com', 'eve@example.com'])
  const headers = headersOf(mail?.text ?? '')
  assert.match(headers, /^To: ann@example.com$/m)
  assert.match(headers, /^Cc: bob@example.com$/m)
  assert.doesNotMatch(mail?.text ?? '', /eve@example.com/, 'a blind copy is blind')
  assert.match(headers, /^From: .*office@example\.com/m)
  assert.match(mail?.text ?? '', /multipart\/alternative/)
  assert.match(mail?.text ?? '', /\r\na < b\r\nc/, 'there is a plain text')
  const queue = await queued(name)
  assert.deepEqual(
    [queue.status, statuses(queue)],
    ['Sent', { 'ann@example.com': 'Sent', 'bob@example.com': 'Sent', 'eve@example.com': 'Sent' }],
  )
})

for (const { name: database } of testDatabases())
  test(`on ${database} only those whom the server put off are tried again, and one it refuses is never written to again`, async () => {
    const faults: MailFaults = { recipients: { later: [451, '4.2.0 come back'], gone: [550, '5.1.1 no such mailbox'] } }
    const { server, send, work, queued, dueNow } = await world(faults, {}, { database })
    const name = await send({ to: ['ann@example.com', 'later@example.com', 'gone@example.com'] })
    await work()
    assert.deepEqual(statuses(await queued(name)), {
      'ann@example.com': 'Sent',
      'later@example.com': 'Not Sent',
      'gone@example.com': 'Error',
    })
    faults.recipients = {}
    await dueNow()
    await work()
    assert.deepEqual(
      server.mails.map((mail) => mail.to),
      [['ann@example.com'], ['later@example.com']],
    )
    const [first, second] = server.mails.map((mail) => /^Message-ID: (.+)$/m.exec(headersOf(mail.text))?.[1])
    assert.equal(first, second, 'it is the same mail')
    assert.equal((await queued(name)).status, 'Partially Sent')
    const again = await queued(await send({ to: ['Gone@example.com', 'ann@example.com'] }))
    assert.equal(statuses(again)['Gone@example.com'], 'Error')
  })

test('a connection that breaks is tried again under the same Message-ID', async () => {
  const { server, send, work, queued, dueNow } = await world({ data: (_, nth) => (nth === 1 ? 'drop' : undefined) })
  const name = await send({})
  await work()
  assert.equal((await queued(name)).status, 'Not Sent')
  await dueNow()
  await work()
  const ids = server.mails.map((mail) => /^Message-ID: (.+)$/m.exec(headersOf(mail.text))?.[1])
  assert.deepEqual([(await queued(name)).status, ids.length, new Set(ids).size], ['Sent', 2, 1])
})

test('a server that refuses the text for good ends the mail, one that is busy does not', async () => {
  const faults: MailFaults = { data: () => [554, '5.7.1 spam'] }
  const { send, work, queued } = await world(faults)
  const refused = await send({})
  await work()
  const queue = await queued(refused)
  assert.deepEqual([queue.status, queue.recipients[0]?.status], ['Error', 'Error'])
  assert.match(String(queue.error), /5\.7\.1 spam/)
  faults.data = () => [452, '4.3.1 full']
  const busy = await send({})
  await work()
  assert.equal((await queued(busy)).status, 'Not Sent')
})

test('a worker that died while it sent leaves one mail to many unsent rather than sent twice', async () => {
  const { asSystem, send, work, queued, server } = await world()
  const single = await send({})
  const many = await send({ to: ['ann@example.com', 'bob@example.com'], isBulk: true })
  await asSystem(async (ctx) => {
    for (const name of [single, many])
      await ctx.db.execute(ctx.db.dialect.compile(sql`update ${sql.id('tabEmail Queue')} set status = ${'Sending'} where name = ${name}`))
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`update ${sql.id('tabEmail Queue Recipient')} set status = ${'Sending'} where recipient = ${'ann@example.com'}`,
      ),
    )
  })
  await work()
  assert.equal((await queued(single)).status, 'Sent')
  assert.deepEqual(statuses(await queued(many)), { 'ann@example.com': 'Error', 'bob@example.com': 'Sent' })
  assert.equal(server.mails.length, 2)
})

test('a worker killed while the server takes a mail leaves it to another, who sends the same mail', async () => {
  const { send, queued, server, runtime, site } = await world({ slowMs: 1_500 })
  const name = await send({})
  const script = join(import.meta.dirname, '../../../testing/kill/run-jobs.ts')
  const child = spawn(process.execPath, [script, runtime.sitesFolder, site.host, '1000', join(import.meta.dirname, '../..')], {
    stdio: 'ignore',
  })
  for (const end = Date.now() + 20_000; server.mails.length === 0 && Date.now() < end; ) await pause(20)
  child.kill('SIGKILL')
  assert.deepEqual([server.mails.length, (await queued(name)).status], [1, 'Sending'])
  server.faults.slowMs = 0
  const other = new Worker({ sites: async () => [site], pollMs: 20 }).start()
  for (const end = Date.now() + 20_000; (await queued(name)).status !== 'Sent' && Date.now() < end; ) await pause(50)
  await other.stop()
  assert.equal((await queued(name)).status, 'Sent')
  assert.equal(new Set(server.mails.map((mail) => /^Message-ID: (.+)$/m.exec(headersOf(mail.text))?.[1])).size, 1)
})

test('mail that was dealt with long ago leaves the queue, with the files made for it', async () => {
  const { asSystem, send } = await world()
  const attachments = [{ filename: 'a.txt', content: Buffer.from('bytes of the mail') }]
  const old = await send({ attachments })
  await send({})
  const count = async (table: string) =>
    Number(
      (await asSystem((ctx) => ctx.db.query<{ n: number }>(ctx.db.dialect.compile(sql`select count(*) as n from ${sql.id(table)}`))))[0]?.n,
    )
  const files = await count('tabFile')
  await asSystem(async (ctx) => {
    await ctx.db.execute(ctx.db.dialect.compile(sql`update ${sql.id('tabEmail Queue')} set creation = ${'2020-01-01 00:00:00.000000'}`))
    await ctx.db.execute(ctx.db.dialect.compile(sql`update ${sql.id('tabEmail Queue')} set status = ${'Sent'} where name = ${old}`))
  })
  assert.equal(await asSystem((ctx) => forgetOldMail(ctx)), 1)
  assert.deepEqual([await count('tabEmail Queue'), await count('tabEmail Queue Recipient'), files - (await count('tabFile'))], [1, 1, 1])
})

test('nothing in a mail can begin a header of its own', async () => {
  const { send, work, server } = await world()
  for (const to of ['a@example.com\r\nBcc: x@example.com', 'a@example.com\nx', 'a b@example.com', '"x\r\ny" <a@example.com>', 'no address'])
    await assert.rejects(
      send({ to: [to] }),
      (error: { code?: string; field?: string }) => error.code === 'mail/bad-mail' && error.field === 'to[0]',
      to,
    )
  await assert.rejects(send({ to: [] }), /names nobody/)
  await assert.rejects(send({ from: 'x@example.com\r\nX-Evil: 1' }), /control character/)
  await send({ subject: 'Hi\r\nBcc: victim@example.com\r\n\r\nbody', inReplyTo: '<a@b>\r\nX-Evil: 1', from: 'Eve "x" <eve@example.com>' })
  await work()
  const headers = headersOf(server.mails[0]?.text ?? '')
  assert.match(headers, /^Subject: Hi Bcc: victim@example.com body$/m)
  assert.doesNotMatch(headers, /^(Bcc|X-Evil)/m)
  assert.match(headers, /^From: .*<office@example.com>$/m, 'a sender cannot be forged')
  assert.match(headers, /^Reply-To: eve@example.com$/m)
})

test('mail to many goes to each alone, with a link to unsubscribe that works once clicked', async () => {
  const { asSystem, send, work, server, queued } = await world()
  const name = await send({ to: ['ann@example.com', 'bob@example.com'], isBulk: true })
  await work()
  assert.deepEqual(server.mails.map((mail) => mail.to).sort(), [['ann@example.com'], ['bob@example.com']])
  const mail = server.mails.find((one) => one.to[0] === 'ann@example.com')?.text ?? ''
  assert.doesNotMatch(mail, /bob@example.com/)
  const headers = headersOf(mail)
  assert.match(headers, /^List-Unsubscribe-Post: List-Unsubscribe=One-Click$/m)
  const token = decodeURIComponent(/unsubscribe\?token=([^>\s]+)>/.exec(headers)?.[1]?.replaceAll(/\s/g, '') ?? '')
  const { readUnsubscribeToken, unsubscribe } = await import('#kernel/mail/refusals.ts')
  await assert.rejects(
    asSystem(async (ctx) => readUnsubscribeToken(ctx, `${token}x`)),
    /not valid/,
  )
  await asSystem((ctx) => unsubscribe(ctx, readUnsubscribeToken(ctx, token)))
  assert.equal((await queued(name)).status, 'Sent')
  const next = await queued(await send({ to: ['ann@example.com', 'bob@example.com'], isBulk: true }))
  assert.deepEqual(statuses(next), { 'ann@example.com': 'Error', 'bob@example.com': 'Not Sent' })
  assert.equal(statuses(await queued(await send({})))['ann@example.com'], 'Not Sent', 'mail to her alone still goes')
})

test('files go along only where their sender may have them', async () => {
  const { as, asSystem, user, work, server } = await world()
  const [ann, bob] = [await user('ann@example.com', ['Desk User']), await user('bob@example.com', ['Desk User'])]
  const { receiveStream } = await import('#kernel/files/received-file.ts')
  const { storeFile } = await import('#kernel/files/store-file.ts')
  const { Readable } = await import('node:stream')
  const file = await as(ann, async (ctx) =>
    storeFile(ctx, await receiveStream(ctx.site, Readable.from([Buffer.from('secret of ann')]), 'note.txt'), { isPrivate: true }),
  )
  const mail = (ctx: Context) =>
    sendMail(ctx, { to: ['x@example.com'], subject: '1', text: 't', attachments: [{ file: String(file.name) }] })
  await assert.rejects(as(bob, mail), (error: { code?: string }) => error.code === 'mail/attachment-refused')
  await as(ann, mail)
  await asSystem((ctx) =>
    sendMail(ctx, {
      to: ['x@example.com'],
      subject: '2',
      text: 't',
      attachments: [{ filename: '../../e\r\nvil.csv', content: Buffer.from('a,b') }],
    }),
  )
  const inline = (ctx: Context) =>
    sendMail(ctx, {
      to: ['x@example.com'],
      subject: ctx.user.name === bob ? '3' : '4',
      html: `<img src="${String(file.file_url)}"><a href="/app/todo">x</a>`,
      embedsImages: true,
    })
  await as(bob, inline)
  await as(ann, inline)
  await asSystem((ctx) => sendMail(ctx, { to: ['x@example.com'], subject: '5', html: `<img src="${String(file.file_url)}">` }))
  await work()
  const texts = server.mails
    .map((one) => one.text)
    .sort((a, b) => Number(/^Subject: (\d)/m.exec(a)?.[1]) - Number(/^Subject: (\d)/m.exec(b)?.[1]))
  const encoded = Buffer.from('secret of ann').toString('base64')
  assert.deepEqual(
    texts.map((text) => text.includes(encoded)),
    [true, false, false, true, false],
  )
  assert.match(texts[1] ?? '', /filename="?e_vil\.csv/)
  assert.match(texts[3] ?? '', /src=(3D)?"cid:image0/)
  assert.match(texts[2] ?? '', /http:\/\/test-[\w.-]+/, 'paths of the site become addresses')
})

test('an account sends no more than its limit per hour, and the rest later', async () => {
  const { send, work, queued, server } = await world({}, { hourly_limit: 2 })
  const names = [await send({}), await send({}), await send({})]
  await work()
  const found = await Promise.all(names.map(async (name) => (await queued(name)).status))
  assert.deepEqual([server.mails.length, found.filter((status) => status === 'Not Sent').length], [2, 1])
})

test('without a mail server mail stays in the outbox, and a muted site sends none', async () => {
  const site = await testSite()
  const name = await site.asSystem((ctx) => sendMail(ctx, { to: ['ann@example.com'], subject: 's', text: 't' }))
  await work(site)
  const queue = await readQueue(site, name)
  assert.deepEqual([queue.status, statuses(queue)], ['Kept', { 'ann@example.com': 'Kept' }])
})

test('a mail about a document is kept with it', async () => {
  const { asSystem, make, work, send } = await world()
  const todo = await make('ToDo', { description: 'x' })
  const name = await send({ about: { doctype: 'ToDo', name: todo }, html: '<p>Hi<script>alert(1)</script></p>' })
  await work()
  await asSystem(async (ctx) => {
    const queue = await load(ctx, await ctx.site.meta.get('Email Queue'), name)
    const communication = await load(ctx, await ctx.site.meta.get('Communication'), String(queue.communication))
    assert.deepEqual(
      [
        communication.reference_name,
        communication.sent_or_received,
        communication.delivery_status,
        communication.recipients,
        communication.content,
      ],
      [todo, 'Sent', 'Sent', 'ann@example.com', '<p>Hi</p>'],
    )
    assert.equal(communication.message_id, queue.message_id)
  })
})
