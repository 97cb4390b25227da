import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import { insert } from '#kernel/documents/save.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { pager } from '#testing/apps/pager/app.ts'
import { testApps } from '#testing/documents-world.ts'
import { testServer } from '#testing/server.ts'
import { testSite } from '#testing/site.ts'
import { mentionsIn } from './notifications.ts'

const { as, asSystem, call, keyOf, make, site, user } = await testServer()
const [ann, bob, eve] = await Promise.all(
  ['ann@example.com', 'bob@example.com', 'eve@example.com'].map((email) => user(email, ['Desk User'])),
)

const query = <Row>(fragment: ReturnType<typeof sql>) => site.database.query<Row>(site.database.dialect.compile(fragment))
const heard = (of: string) =>
  query<{ subject: string; type: string; document_name: string }>(
    sql`select subject, type, document_name from ${sql.id('tabNotification Log')} where for_user = ${of} order by creation, name`,
  )
const mailedTo = (address: string) =>
  query<{
    subject: string
  }>(sql`select q.subject from ${sql.id('tabEmail Queue')} q join ${sql.id('tabEmail Queue Recipient')} r on r.parent = q.name
    where r.recipient = ${address} order by q.creation, q.name`)
const clear = () =>
  asSystem(async (ctx) => {
    for (const table of ['tabNotification Log', 'tabEmail Queue', 'tabEmail Queue Recipient'])
      await ctx.db.execute(ctx.db.dialect.compile(sql`delete from ${sql.id(table)}`))
  })

test('who is assigned, shared with or mentioned hears of it, in the platform and by mail', async () => {
  await clear()
  const note = await make('Note', { title: 'plan', public: 1 })
  await as(String(ann), (ctx) =>
    insert(ctx, 'ToDo', { description: 'look', allocated_to: bob, reference_type: 'Note', reference_name: note }),
  )
  const content = `<p>Ask <span class="mention" data-id="${eve}">@Eve</span> and <span class="mention" data-id="${ann}">@me</span></p>`
  await as(String(ann), (ctx) =>
    insert(ctx, 'Comment', { comment_type: 'Comment', reference_doctype: 'Note', reference_name: note, content }),
  )
  await asSystem((ctx) => insert(ctx, 'DocShare', { user: bob, share_doctype: 'Note', share_name: note, read: 1 }))
  assert.deepEqual(
    (await heard(String(bob))).map((row) => [row.type, row.document_name]),
    [
      ['Assignment', note],
      ['Share', note],
    ],
  )
  assert.deepEqual(
    (await heard(String(eve))).map((row) => [row.type, row.subject]),
    [['Mention', `ann mentioned you in Note ${note}`]],
  )
  assert.deepEqual(await heard(String(ann)), [], 'nobody hears of what they did themselves')
  assert.equal((await mailedTo(String(bob))).length, 2)
})

test('whoever may not read a document is not told what is said about it', async () => {
  await clear()
  const todo = await make('ToDo', { description: 'secret', allocated_to: ann })
  const content = `<span class="mention" data-id="${eve}">@Eve</span> knows`
  await as(String(ann), (ctx) =>
    insert(ctx, 'Comment', { comment_type: 'Comment', reference_doctype: 'ToDo', reference_name: todo, content }),
  )
  assert.deepEqual([await heard(String(eve)), await mailedTo(String(eve))], [[], []])
})

test('what users switched off is not sent, and a disabled user hears nothing', async () => {
  await clear()
  const key = await keyOf(String(bob))
  const set = await call('POST', '/api/method/orchestrator.notifications.set', { as: key, body: { enable_email_mention: 0 } })
  assert.equal(set.json.message.enable_email_mention, 0)
  const tell = (type: 'Mention' | 'Alert') =>
    asSystem((ctx) => notify(ctx, { users: [String(bob), String(bob), 'gone@example.com', 'Guest'], subject: type, type }))
  await tell('Mention')
  await tell('Alert')
  assert.deepEqual(
    (await mailedTo(String(bob))).map((row) => row.subject),
    ['Alert'],
  )
  await call('POST', '/api/method/orchestrator.notifications.set', { as: key, body: { enabled: 0 } })
  await tell('Alert')
  assert.equal((await heard(String(bob))).length, 2)
})

test('a user reads and clears own notifications, and nobody else’s', async () => {
  await clear()
  await asSystem((ctx) => notify(ctx, { users: [String(ann), String(eve)], subject: '<b>x</b>', type: 'Alert', channels: ['system'] }))
  const [annKey, eveKey] = [await keyOf(String(ann)), await keyOf(String(eve))]
  const path = '/api/method/frappe.desk.doctype.notification_log.notification_log'
  const own = await call('GET', `${path}.get_notification_logs`, { as: annKey })
  const [first] = own.json.message.notification_logs
  assert.deepEqual([own.json.message.notification_logs.length, first.read], [1, 0])
  assert.doesNotMatch(first.subject, /<b>/)
  await call('POST', `${path}.mark_as_read`, { as: eveKey, body: { docname: first.name } })
  assert.equal((await call('GET', `${path}.get_notification_logs`, { as: annKey })).json.message.notification_logs[0].read, 0)
  await call('POST', `${path}.mark_all_as_read`, { as: annKey })
  assert.equal((await call('GET', `${path}.get_notification_logs`, { as: annKey })).json.message.notification_logs[0].read, 1)
  assert.equal((await call('GET', `${path}.get_notification_logs`, { as: '' })).status, 403)
})

test('a channel that no app brings is told to be missing, and nothing is queued for it', async () => {
  const answer = await call('GET', '/api/method/orchestrator.notifications.channels', { as: await keyOf(String(ann)) })
  assert.deepEqual(answer.json.message, { system: true, mail: true, push: false, sms: false })
  await asSystem((ctx) => notify(ctx, { users: [String(ann)], subject: 'x', type: 'Alert', channels: ['push', 'sms'] }))
  assert.deepEqual(await query(sql`select id from ${sql.id('__Job')} where job_name = ${'core.deliver-notice'}`), [])
})

test('a channel that an app brings is tried again until it has told the user, once', async () => {
  const world = await testSite({ apps: ['pager'], appFolders: [testApps] })
  const people = await Promise.all(['ann@example.com', 'bob@example.com'].map((email) => world.user(email, ['Desk User'])))
  pager.failures = 1
  const notice = { users: people, subject: 'Fire', body: '<p>in the <b>hall</b></p>', type: 'Alert', channels: ['push'] } as const
  await world.asSystem((ctx) => notify(ctx, notice))
  const work = () => new Worker({ sites: async () => [world.site], pollMs: 20 }).drain()
  await work()
  await world.asSystem((ctx) =>
    ctx.db.execute(ctx.db.dialect.compile(sql`update ${sql.id('__Job')} set run_at = 0 where state = ${'queued'}`)),
  )
  await work()
  assert.deepEqual(
    pager.shown.map((message) => [message.user, message.subject, message.text]),
    [['ann@example.com', 'Fire', 'in the hall']],
  )
})

test('mentions are read from what an editor makes, each person once', () => {
  assert.deepEqual(
    mentionsIn('<span class="mention" data-id="a@b.c"></span><span data-id="x@y.z"></span><span class="a mention b" data-id="a@b.c">'),
    ['a@b.c'],
  )
  const started = performance.now()
  mentionsIn('<span '.repeat(200_000))
  assert.ok(performance.now() - started < 1_000)
})
