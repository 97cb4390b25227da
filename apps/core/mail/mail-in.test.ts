import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { readJobs } from '#kernel/jobs/manage.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { messageKey } from '#kernel/mail/message-ids.ts'
import { readMail } from '#kernel/mail/read-mail.ts'
import { receiveMail } from '#kernel/mail/receive.ts'
import { sendMail } from '#kernel/mail/send-mail.ts'
import { testDatabases, testMailServers } from '#testing/services.ts'
import { type TestSite, type TestSiteOptions, testSite } from '#testing/site.ts'

async function world(values: Record<string, unknown> = {}, options: TestSiteOptions = {}) {
  const site = await testSite(options)
  await site.make('Email Account', { email_account_name: 'Help', email_id: 'help@mail.test', ...values })
  let uid = 0
  /** Takes a mail as if it had been read from the mailbox. */
  const come = async (raw: string) => {
    const mail = await readMail(Buffer.from(raw.replaceAll(/\r?\n/g, '\r\n')))
    return site.asSystem(async (ctx) => {
      const account = await load(ctx, await ctx.site.meta.get('Email Account'), 'Help')
      return receiveMail(ctx, account, mail, { folder: 'INBOX', uidvalidity: 1, uid: ++uid, appendTo: '' })
    })
  }
  return { ...site, come, received: () => communications(site, 'Received'), work: () => work(site) }
}

const work = (site: TestSite) => new Worker({ sites: async () => [site.site], pollMs: 20 }).drain()
const communications = (site: TestSite, kind: string) =>
  site.asSystem(async (ctx) => {
    const rows = await ctx.db.query<{ name: string }>(
      ctx.db.dialect.compile(sql`select name from ${sql.id('tabCommunication')} where sent_or_received = ${kind} order by creation, name`),
    )
    const meta = await ctx.site.meta.get('Communication')
    const found: AnyDocument[] = []
    for (const { name } of rows) found.push(await load(ctx, meta, name))
    return found
  })
const sentId = async (site: TestSite) => String((await communications(site, 'Sent')).at(-1)?.message_id)

const mailFrom = (from: string, headers: Record<string, string> = {}, body = 'Hello') =>
  `${Object.entries({ From: from, To: 'help@mail.test', Subject: 'A question', 'Message-ID': `<${randomUUID()}@x.test>`, ...headers })
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')}\n\n${body}\n`

test('an answer joins the document it answers; a made-up id, a subject or a stranger do not', async () => {
  const site = await world()
  const todo = await site.make('ToDo', { description: 'x' })
  const about = { doctype: 'ToDo', name: todo }
  await site.asSystem((ctx) => sendMail(ctx, { to: ['Ann <ann@x.test>'], subject: `About #${todo}`, text: 'x', about }))
  const id = await sentId(site)
  await site.come(mailFrom('Ann <ANN@x.test>', { 'In-Reply-To': id, Subject: 'Re: something else' }))
  await site.come(mailFrom('ann@x.test', { References: `<old@x.test> ${id}` }))
  await site.come(mailFrom('eve@x.test', { 'In-Reply-To': id }))
  await site.come(mailFrom('ann@x.test', { Subject: `Re: About #${todo}`, 'In-Reply-To': `<${todo}@mail.test>` }))
  await site.come(mailFrom('ann@x.test', { 'In-Reply-To': id.replace(/.@/, 'x@') }))
  const found = await site.received()
  assert.deepEqual(
    found.map((one) => one.reference_name),
    [todo, todo, null, null, null],
  )
  assert.deepEqual(
    found.map((one) => one.status),
    ['Linked', 'Linked', 'Open', 'Open', 'Open'],
  )
})

test('a mail is taken once, and whoever uses the Message-ID of another one suppresses nothing', async () => {
  const site = await world()
  const raw = mailFrom('ann@x.test', { 'Message-ID': '<same@x.test>' })
  assert.deepEqual([await site.come(raw), await site.come(raw)], ['stored', 'known'])
  assert.equal(await site.come(mailFrom('bob@x.test', { 'Message-ID': '<same@x.test>' })), 'stored')
  assert.equal((await site.received()).length, 2)
})

test('nothing that runs or loads comes in with a mail, and odd mails are read as far as they go', async () => {
  const site = await world()
  const html =
    '<p onclick="x()">Hi</p><script>alert(1)</script><iframe src="//evil.test"></iframe><a href="javascript:x()">go</a><img width=1 src="https://spy.test/x.gif"><IMG/src=//spy.test/y>'
  await site.come(
    mailFrom('ann@x.test', { 'Content-Type': 'text/html; charset=utf-8', Subject: '=?utf-8?B?w5xiZXI=?= =?utf-8?Q?\r\n_Bcc:_x?=' }, html),
  )
  await site.come(
    mailFrom(
      'ann@x.test',
      { 'Content-Type': 'text/plain; charset=iso-8859-1', 'Content-Transfer-Encoding': 'base64' },
      Buffer.from('Gr\u00fc\u00dfe', 'latin1').toString('base64'),
    ),
  )
  await site.come(mailFrom('ann@x.test', { 'Content-Type': 'text/plain; charset=no-such-charset' }, 'odd'))
  await site.come(
    mailFrom(
      'ann@x.test',
      { 'Content-Type': 'multipart/mixed; boundary="b"', Date: 'Fri, 31 Dec 9999 00:00:00 +0000' },
      '--b\nContent-Type: text/plain\n\nnever closed',
    ),
  )
  assert.equal(await site.come('\n\n'), 'no sender')
  assert.equal(await site.come(`From: "a" <no address>\nSubject: x\n\n${'\0'.repeat(100)}`), 'no sender')
  const found = await site.received()
  assert.match(String(found[0]?.subject), /^Über/)
  assert.doesNotMatch(String(found[0]?.content), /script|iframe|onclick|\ssrc=/)
  assert.match(String(found[1]?.content), /Grüße/)
  assert.match(String(found[3]?.content), /never closed/)
  assert.ok(String(found[3]?.communication_date) < '2100', 'no mail comes from the future')
})

test('mails that are nested or split beyond reason are read in bounded time', async () => {
  const site = await world()
  let nested = 'deep'
  for (let n = 0; n < 50; n++) nested = `Content-Type: multipart/mixed; boundary="b${n}"\n\n--b${n}\n${nested}\n--b${n}--`
  const started = performance.now()
  await site.come(`From: ann@x.test\nSubject: nested\n${nested}`)
  const parts = Array.from({ length: 900 }, (_, n) => `--b\nContent-Disposition: attachment; filename=f${n}.txt\n\nx`).join('\n')
  await site.come(mailFrom('ann@x.test', { 'Content-Type': 'multipart/mixed; boundary="b"' }, `${parts}\n--b--`))
  await site.come(mailFrom('ann@x.test', { 'Content-Type': 'text/html' }, '<div>'.repeat(50_000)))
  await assert.rejects(
    site.come(mailFrom('ann@x.test', { 'Content-Type': 'multipart/mixed; boundary="b"' }, `${parts}${parts}${parts}\n--b--`)),
  )
  assert.ok(performance.now() - started < 20_000)
  assert.equal((await site.received()).length, 3)
})

test('attachments become private files; programs and what is too large are named and not kept', async () => {
  const site = await world({ attachment_limit: 1 })
  const part = (name: string, content: Buffer, type = 'application/octet-stream') =>
    `--b\nContent-Type: ${type}\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="${name}"\n\n${content.toString('base64')}\n`
  const bomb = Buffer.from('UEsDBBQAAAAIAAAAIQAAAAAA', 'base64')
  const body = `${part('../../notes.zip', bomb, 'application/zip')}${part('evil.exe', Buffer.from('MZ'))}${part('page.html', Buffer.from('<script>1</script>'), 'text/html')}${part('big.bin', Buffer.alloc(1_100_000))}--b--`
  await site.come(mailFrom('ann@x.test', { 'Content-Type': 'multipart/mixed; boundary="b"' }, body))
  const [mail] = await site.received()
  const files = await site.asSystem((ctx) =>
    ctx.db.query<{ file_name: string; is_private: number; file_url: string }>(
      ctx.db.dialect.compile(
        sql`select file_name, is_private, file_url from ${sql.id('tabFile')} where attached_to_name = ${mail?.name} order by file_name`,
      ),
    ),
  )
  assert.deepEqual(
    files.map((file) => [file.file_name, file.is_private]),
    [
      ['notes.zip', 1],
      ['page.html', 1],
    ],
  )
  assert.match(String(mail?.content), /not kept: evil\.exe .*big\.bin \(it is too large\)/)
})

test('two programs do not answer each other for ever', async () => {
  const site = await world({ enable_auto_reply: 1, auto_reply_message: '<p>Dear {{ doc.sender_name }}, thank you.</p>' })
  const answers = async () =>
    Number(
      (
        await site.asSystem((ctx) =>
          ctx.db.query<{ n: number }>(ctx.db.dialect.compile(sql`select count(*) as n from ${sql.id('tabEmail Queue')}`)),
        )
      )[0]?.n,
    )
  const robots: Record<string, string>[] = [
    { 'Auto-Submitted': 'auto-replied' },
    { Precedence: 'bulk' },
    { 'X-Auto-Response-Suppress': 'All' },
    { 'List-Id': '<l.x.test>' },
    { 'Return-Path': '<>' },
  ]
  for (const headers of robots) await site.come(mailFrom('robot@x.test', headers))
  await site.come(mailFrom('MAILER-DAEMON@x.test'))
  await site.come(mailFrom('help@mail.test'))
  assert.equal(await answers(), 0)
  await site.come(mailFrom('Ann <ann@x.test>'))
  await site.come(mailFrom('Ann <ann@x.test>', { Subject: 'again' }))
  assert.equal(await answers(), 1, 'one answer a day')
  const [own] = await site.asSystem((ctx) =>
    ctx.db.query<{ message_id: string; message: string; auto_submitted: string }>(
      ctx.db.dialect.compile(sql`select message_id, message, auto_submitted from ${sql.id('tabEmail Queue')}`),
    ),
  )
  assert.deepEqual([own?.message, own?.auto_submitted], ['<p>Dear Ann, thank you.</p>', 'auto-replied'])
  assert.equal(await site.come(mailFrom('help@mail.test', { 'Message-ID': String(own?.message_id) })), 'own', 'our own mail came round')
})

const bounce = (recipient: string, messageId: string, status = '5.1.1', action = 'failed') =>
  mailFrom(
    'MAILER-DAEMON@x.test',
    { 'Content-Type': 'multipart/report; report-type=delivery-status; boundary="b"' },
    `--b\nContent-Type: text/plain\n\nfailed\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x.test\n\nFinal-Recipient: rfc822; ${recipient}\nAction: ${action}\nStatus: ${status}\nDiagnostic-Code: smtp; 550 no such user\n--b\nContent-Type: message/rfc822\n\nMessage-ID: ${messageId}\nSubject: x\n\nbody\n--b--`,
  )

test('a mail that comes back marks its recipient, and a report that fits no mail of ours marks nobody', async () => {
  const site = await world()
  const todo = await site.make('ToDo', { description: 'x' })
  const name = await site.asSystem((ctx) =>
    sendMail(ctx, { to: ['gone@x.test', 'ann@x.test'], subject: 's', text: 't', about: { doctype: 'ToDo', name: todo } }),
  )
  const id = await sentId(site)
  assert.equal(await site.come(bounce('victim@x.test', id)), 'stored')
  assert.equal(await site.come(bounce('gone@x.test', '<guess@mail.test>')), 'stored')
  assert.equal(await site.come(bounce('gone@x.test', id, '4.4.1', 'delayed')), 'stored')
  assert.equal(await site.come(bounce('Gone@x.test', id)), 'report')
  const [queue, suppressed] = await site.asSystem(
    async (ctx) =>
      [
        await load(ctx, await ctx.site.meta.get('Email Queue'), name),
        await ctx.db.query<{ email: string }>(ctx.db.dialect.compile(sql`select email from ${sql.id('tabEmail Suppression')}`)),
      ] as const,
  )
  const rows = queue.recipients as unknown as { recipient: string; status: string; error: string }[]
  assert.deepEqual(
    rows.map((row) => [row.recipient, row.status]),
    [
      ['gone@x.test', 'Error'],
      ['ann@x.test', 'Kept'],
    ],
  )
  assert.match(rows[0]?.error ?? '', /5\.1\.1 .*no such user/)
  assert.deepEqual(
    suppressed.map((row) => row.email),
    ['gone@x.test'],
  )
  assert.equal((await communications(site, 'Sent'))[0]?.delivery_status, 'Bounced')
})

test('a mail that its trusted server calls forged joins no document, and a header that the sender wrote counts for nothing', async () => {
  const site = await world({ trusted_authserv_id: 'mx.mail.test' })
  const todo = await site.make('ToDo', { description: 'x' })
  await site.asSystem((ctx) => sendMail(ctx, { to: ['ann@x.test'], subject: 's', text: 'x', about: { doctype: 'ToDo', name: todo } }))
  const answer = { 'In-Reply-To': await sentId(site) }
  await site.come(mailFrom('ann@x.test', { 'Authentication-Results': 'mx.mail.test; dmarc=fail header.from=x.test', ...answer }))
  await site.come(mailFrom('ann@x.test', { 'Authentication-Results': 'evil.test; dmarc=fail', ...answer }))
  const found = await site.received()
  assert.deepEqual(
    found.map((one) => [one.email_status, one.reference_name]),
    [
      ['Spam', null],
      ['Open', todo],
    ],
  )
})

const servers = testMailServers()

suite('mail through real servers', { skip: servers ? false : 'no mail servers are configured: run "dev/services start"' }, () => {
  const { smtp, imap } = servers ?? { smtp: new URL('smtp://x'), imap: new URL('imap://x') }
  const box = () => `t${randomUUID().slice(0, 12)}`

  /** A site whose only account sends through and reads from the servers. */
  async function office(mailbox: string, options: TestSiteOptions = {}) {
    const site = await testSite(options)
    await site.make('Email Account', {
      email_account_name: 'Office',
      email_id: `${mailbox}@mail.test`,
      password: imap.password,
      enable_incoming: 1,
      default_incoming: 1,
      email_server: imap.hostname,
      incoming_port: Number(imap.port),
      use_ssl: 0,
      email_sync_option: 'ALL',
    })
    await site.make('Email Account', {
      email_account_name: 'Relay',
      email_id: `${mailbox}@mail.test`,
      login_id_is_different: 1,
      login_id: smtp.username,
      password: smtp.password,
      enable_outgoing: 1,
      default_outgoing: 1,
      smtp_server: smtp.hostname,
      smtp_port: smtp.port,
      use_tls: 0,
    })
    const pull = async () => {
      await site.asSystem((ctx) => enqueue(ctx, 'core.pull-mail', { of: 'Office' }))
      await work(site)
      const [job] = await readJobs(site.site, { limit: 1 })
      return JSON.parse(String(job?.result)) as { taken?: number; failed?: string }
    }
    const pullUntil = async (count: number) => {
      for (let n = 0; n < 100; n++) {
        await pull()
        if ((await communications(site, 'Received')).length >= count) return
        await pause(50)
      }
      assert.fail('the mail did not come')
    }
    return { ...site, pull, pullUntil }
  }

  for (const { name: database } of testDatabases())
    test(`on ${database} mail goes out by SMTP, comes back by IMAP into its document, and is read once`, async () => {
      const [ours, theirs] = [await office(box(), { database }), await office(box())]
      const [ourBox, theirBox] = await Promise.all(
        [ours, theirs].map(async (site) =>
          site.asSystem(async (ctx) => String((await load(ctx, await ctx.site.meta.get('Email Account'), 'Office')).email_id)),
        ),
      )
      const todo = await ours.make('ToDo', { description: 'x' })
      await ours.asSystem((ctx) =>
        sendMail(ctx, {
          to: [String(theirBox)],
          subject: 'Offer ✓',
          html: '<p>Grüße</p>',
          about: { doctype: 'ToDo', name: todo },
          attachments: [{ filename: 'offer.txt', content: Buffer.from('42') }],
        }),
      )
      await work(ours)
      await theirs.pullUntil(1)
      const [got] = await communications(theirs, 'Received')
      assert.deepEqual([got?.subject, got?.sender, got?.has_attachment], ['Offer ✓', ourBox, 1])
      assert.match(String(got?.content), /Grüße/)
      await theirs.asSystem((ctx) =>
        sendMail(ctx, { to: [String(ourBox)], subject: 'Re: Offer ✓', text: 'Agreed', inReplyTo: String(got?.message_id) }),
      )
      await work(theirs)
      await ours.pullUntil(1)
      const [answer] = await communications(ours, 'Received')
      assert.deepEqual([answer?.reference_doctype, answer?.reference_name, answer?.status], ['ToDo', todo, 'Linked'])
      assert.deepEqual((await ours.pull()).taken, 0)
      await ours.asSystem((ctx) => ctx.db.execute(ctx.db.dialect.compile(sql`update ${sql.id('__Mailbox')} set uidvalidity = 1`)))
      assert.equal((await ours.pull()).taken, 1, 'the mailbox is numbered anew')
      assert.equal((await communications(ours, 'Received')).length, 1)
    })

  test('a real server that refuses one recipient and puts off another is understood', async () => {
    const site = await office(box())
    const name = await site.asSystem((ctx) =>
      sendMail(ctx, { to: ['nobody@mail.test', 'later@mail.test', `${box()}@mail.test`, 'x@elsewhere.test'], subject: 's', text: 't' }),
    )
    await work(site)
    const queue = await site.asSystem(async (ctx) => load(ctx, await ctx.site.meta.get('Email Queue'), name))
    const rows = queue.recipients as unknown as { status: string }[]
    assert.deepEqual(
      rows.map((row) => row.status),
      ['Error', 'Not Sent', 'Sent', 'Error'],
    )
  })

  test('a mailbox that does not let us in is told on the account, and ends no job', async () => {
    const site = await office(box())
    await site.asSystem(async (ctx) => {
      const { save } = await import('#kernel/documents/save.ts')
      await save(ctx, await load(ctx, await ctx.site.meta.get('Email Account'), 'Office'), { password: 'wrong' })
    })
    const { failed } = await site.pull()
    assert.match(String(failed), /mailbox of Office cannot be read/)
    const account = await site.asSystem(async (ctx) => load(ctx, await ctx.site.meta.get('Email Account'), 'Office'))
    assert.equal(account.no_failed, 1)
    assert.doesNotMatch(String(account.last_error), /wrong/)
  })

  test('an account that reads mail does so by a schedule of the site', async () => {
    const site = await office(box())
    const { accountSchedules } = await import('./jobs.ts')
    assert.deepEqual(await accountSchedules(site.site), [{ every: '* * * * *', job: 'pull-mail', of: 'Office' }])
    assert.equal(messageKey('a@b'), messageKey('<a@b>'))
  })
})
