import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, suite, test } from 'node:test'
import { RuleInvalid } from '#kernel/automation/errors.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { setValue } from '#kernel/documents/values.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { Scheduler } from '#kernel/schedule/scheduler.ts'
import { writeConfig } from '#kernel/sites/config-file.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { readConfig } from '#kernel/sites/open-site.ts'
import { testDatabases } from '#testing/services.ts'
import { type TestSite, testSite } from '#testing/site.ts'

const [ann, ben, cho, off] = ['ann@example.com', 'ben@example.com', 'cho@example.com', 'off@example.com'] as const
const week = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'].map((one) => ({ day: one }))

for (const { name: database } of testDatabases())
  suite(`automation: ${database}`, () => {
    let site: TestSite
    let now = Date.parse('2027-01-30T08:00:00Z')
    before(async () => {
      site = await testSite({ database, clock: { now: () => now }, closedByCaller: true })
      for (const role of ['Clerk', 'Chief']) await site.make('Role', { role_name: role })
      await site.user(ann, ['Clerk'])
      await site.user(ben, ['Clerk'])
      await site.user(cho, ['Clerk', 'Chief'])
      await site.user(off, ['Clerk'])
      await site.asSystem((ctx) => setValue(ctx, 'User', off, { enabled: 0 }))
      await site.user('stranger@example.com', [])
      await site.make('DocType', {
        name: 'Errand',
        module: 'Custom',
        custom: 1,
        autoname: 'hash',
        allow_auto_repeat: 1,
        fields: [
          { fieldname: 'subject', fieldtype: 'Data', label: 'Subject' },
          { fieldname: 'status', fieldtype: 'Select', label: 'Status', options: 'Open\nDone\nTold', default: 'Open' },
          { fieldname: 'who', fieldtype: 'Data', label: 'Who' },
          { fieldname: 'due_on', fieldtype: 'Date', label: 'Due' },
          { fieldname: 'made_on', fieldtype: 'Date', label: 'Made', default: 'Today' },
          { fieldname: 'secret', fieldtype: 'Data', label: 'Secret', permlevel: 1 },
        ],
        permissions: [
          { role: 'Clerk', read: 1, write: 1, create: 1, email: 1 },
          { role: 'Chief', permlevel: 1, read: 1, write: 1 },
        ],
      })
    })
    after(() => site?.close())

    const work = () => new Worker({ sites: async () => [site.site], pollMs: 20 }).drain()
    const errand = async (values: Record<string, unknown> = {}, user: string = ann) =>
      String((await site.as(user, (ctx) => insert(ctx, 'Errand', { subject: 'Bread', ...values }))).name)
    const rows = (doctype: string, fields: string[], filters: unknown[] = []) =>
      site.asSystem(
        async (ctx) =>
          (await list(ctx, doctype, { fields, filters: filters as never, wire: documentForm, limit: 1000, orderBy: 'creation asc' })).rows,
      )
    const disable = (doctype: string, name: string, values: Record<string, unknown>) =>
      site.asSystem((ctx) => setValue(ctx, doctype, name, values))
    const mails = async (subject: string): Promise<{ to: string; message: string }[]> => {
      const found: { to: string; message: string }[] = []
      for (const { name } of await rows('Email Queue', ['name'], [['subject', '=', subject]])) {
        const mail = await site.asSystem((ctx) => getDocument(ctx, 'Email Queue', String(name)))
        for (const row of mail.recipients as { recipient: string }[]) found.push({ to: row.recipient, message: String(mail.message) })
      }
      return found.sort((a, b) => (a.to < b.to ? -1 : 1))
    }
    /** Moves on to another day and does what the schedules ask for. */
    const scheduler = new Scheduler({ sites: async () => [] })
    const turnTo = async (date: string) => {
      now = Date.parse(`${date}T00:01:00Z`)
      await scheduler.tick(site.site)
      await work()
    }

    test('a notification tells everybody once, in words made of what each may read', async () => {
      const rule = await site.make('Notification', {
        name: 'New errand',
        document_type: 'Errand',
        event: 'New',
        channel: 'Email',
        condition: "doc.subject == 'Bread <b>'",
        subject: 'New: {{ doc.subject }}',
        message: '<p>{{ doc.subject }} {{ doc.secret }}</p>',
        recipients: [
          { receiver_by_role: 'Clerk' },
          { receiver_by_document_field: 'who' },
          { cc: 'outside@example.org\noff@example.com\nstranger@example.com' },
        ],
      })
      await errand({ subject: 'Cake' })
      const name = await errand({ subject: 'Bread <b>', secret: 'gold', who: ann }, cho)
      await work()
      await work()
      const sent = await mails('New: Bread <b>')
      assert.deepEqual(
        sent.map((mail) => mail.to),
        [ann, ben, cho, 'outside@example.org'],
      )
      for (const mail of sent) assert.equal(mail.message.includes('gold'), mail.to === cho, mail.to)
      assert.ok(sent[0]?.message.includes('Bread &#60;b&#62;'))
      assert.deepEqual(await mails('New: Cake'), [])
      // A change that is undone was never told of.
      await assert.rejects(
        site.as(ann, async (ctx) => {
          await insert(ctx, 'Errand', { subject: 'Bread <b>' })
          throw new Error('undone')
        }),
        /undone/,
      )
      await work()
      assert.equal((await mails('New: Bread <b>')).length, sent.length)
      const trigger = { name, key: 'again' }
      await site.asSystem((ctx) => callDocumentMethod(ctx, 'Notification', rule, 'trigger', trigger, 'POST'))
      await site.asSystem((ctx) => callDocumentMethod(ctx, 'Notification', rule, 'trigger', trigger, 'POST'))
      await work()
      assert.equal((await mails('New: Bread <b>')).length, 2 * sent.length)
      await assert.rejects(
        site.as(ann, (ctx) => callDocumentMethod(ctx, 'Notification', rule, 'trigger', trigger, 'POST')),
        PermissionDenied.is,
      )
      await disable('Notification', rule, { enabled: 0 })
    })

    test('a changed value is told of in the app, and what is set afterwards sets off no storm', async () => {
      const base = { document_type: 'Errand', channel: 'System Notification', recipients: [{ receiver_by_document_field: 'owner' }] }
      const rules = [
        await site.make('Notification', {
          ...base,
          name: 'Status',
          event: 'Value Change',
          value_changed: 'status',
          subject: 'Status {{ doc.name }}',
          set_property_after_alert: 'status',
          property_value: 'Told',
        }),
        await site.make('Notification', {
          ...base,
          name: 'Saved',
          event: 'Save',
          condition: 'previous.name',
          subject: 'Saved {{ doc.name }}',
          set_property_after_alert: 'subject',
          property_value: 'changed',
        }),
      ]
      const name = await errand()
      await work()
      await site.as(ann, (ctx) => setValue(ctx, 'Errand', name, { status: 'Done' }))
      for (let round = 0; round < 4; round++) await work()
      const told = await rows('Notification Log', ['subject', 'for_user'], [['subject', 'like', `%${name}`]])
      assert.ok(told.every((one) => one.for_user === ann))
      const count = (word: string) => told.filter((one) => String(one.subject).startsWith(word)).length
      assert.equal(count('Status'), 1)
      assert.ok(count('Saved') >= 1 && count('Saved') <= 3, String(count('Saved')))
      const document = await site.asSystem((ctx) => getDocument(ctx, 'Errand', name))
      assert.deepEqual([document.status, document.subject], ['Told', 'changed'])
      for (const rule of rules) await disable('Notification', rule, { enabled: 0 })
    })

    test('what is due some days before a date is told of once, also after days of silence', async () => {
      await turnTo('2027-02-01')
      const rule = await site.make('Notification', {
        name: 'Due soon',
        document_type: 'Errand',
        event: 'Days Before',
        date_changed: 'due_on',
        days_in_advance: 2,
        channel: 'Email',
        subject: 'Due {{ doc.due_on }}',
        message: 'x',
        recipients: [{ receiver_by_document_field: 'owner' }],
      })
      for (const due_on of ['2027-02-04', '2027-02-06', '2027-02-07', '2027-02-20']) await errand({ due_on })
      const told = async () =>
        (await rows('Email Queue', ['subject'], [['subject', 'like', 'Due 2027%']])).map((mail) => mail.subject).sort()
      const dueToday = (user: string) =>
        site.as(user, (ctx) =>
          callMethod(
            ctx,
            findMethod(ctx, 'frappe.email.doctype.notification.notification.get_documents_for_today'),
            { notification: rule },
            'GET',
          ),
        )
      await turnTo('2027-02-02')
      assert.equal(((await dueToday('Administrator')) as string[]).length, 1)
      await assert.rejects(dueToday(cho), PermissionDenied.is)
      assert.deepEqual(await told(), ['Due 2027-02-04'])
      // Nobody was there on the 3rd and the 4th.
      await turnTo('2027-02-05')
      assert.deepEqual(await told(), ['Due 2027-02-04', 'Due 2027-02-06', 'Due 2027-02-07'])
      await turnTo('2027-02-06')
      assert.equal((await told()).length, 3)
      await disable('Notification', rule, { enabled: 0 })
    })

    test('a rule that cannot work is refused, and not everybody makes rules', async () => {
      const good = {
        name: 'Bad',
        document_type: 'Errand',
        event: 'New',
        subject: 'x',
        message: 'x',
        recipients: [{ receiver_by_document_field: 'owner' }],
      }
      const refused = (values: Record<string, unknown>, field: string) =>
        assert.rejects(site.make('Notification', { ...good, ...values }), (error) => RuleInvalid.is(error) && error.field === field)
      await refused({ condition: 'doc.(' }, 'condition')
      await refused({ message: '{% if %}' }, 'message')
      await refused({ recipients: [] }, 'recipients')
      await refused({ recipients: [{ receiver_by_document_field: 'nothing' }] }, 'recipients[0].receiver_by_document_field')
      await refused({ event: 'Days After', date_changed: 'subject' }, 'date_changed')
      await refused({ event: 'Method', method: 'validate' }, 'method')
      await refused({ set_property_after_alert: 'nothing' }, 'set_property_after_alert')
      await assert.rejects(
        site.as(cho, (ctx) => insert(ctx, 'Notification', good)),
        PermissionDenied.is,
      )
    })

    test('Slack is told through a job, of what is open to everybody', async () => {
      const posts: string[] = []
      const server = createServer((request, response) => {
        let body = ''
        request
          .on('data', (part) => (body += part))
          .on('end', () => {
            posts.push((JSON.parse(body) as { text: string }).text)
            response.end('ok')
          })
      })
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      const { port } = server.address() as AddressInfo
      try {
        const { folder } = site.site
        await writeConfig(folder, { ...readConfig(folder), external_allow: [`127.0.0.1:${port}`] })
        await site.asSystem((ctx) => bumpEpoch(ctx, 'config'))
        await site.make('Slack Webhook URL', { webhook_name: 'Room', webhook_url: `http://127.0.0.1:${port}/hook`, show_document_link: 1 })
        const rule = await site.make('Notification', {
          name: 'To Slack',
          document_type: 'Errand',
          event: 'New',
          channel: 'Slack',
          slack_webhook_url: 'Room',
          subject: 'S',
          message: '{{ doc.subject }} {{ doc.secret }}',
        })
        const name = await errand({ subject: 'Milk & <tea>', secret: 'gold' }, cho)
        await work()
        await work()
        assert.deepEqual(posts, [`S\nMilk & <tea> \n${posts[0]?.split('\n')[2]}`])
        assert.ok(posts[0]?.endsWith(name))
        await disable('Notification', rule, { enabled: 0 })
      } finally {
        server.close()
      }
    })

    test('assignments go round, also when many come at once; who is disabled or may not read is passed over', async () => {
      const rule = await site.make('Assignment Rule', {
        name: 'Round',
        document_type: 'Errand',
        rule: 'Round Robin',
        description: 'Do {{ doc.subject }}',
        assign_condition: "status == 'Open' and subject == 'Turn'",
        unassign_condition: "subject == 'Nothing'",
        close_condition: "status == 'Done'",
        due_date_based_on: 'due_on',
        assignment_days: week,
        users: [ann, off, 'stranger@example.com', ben, cho].map((user) => ({ user })),
      })
      const names = await Promise.all(Array.from({ length: 9 }, () => errand({ subject: 'Turn', due_on: '2027-03-01' }, cho)))
      const todos = await rows(
        'ToDo',
        ['allocated_to', 'description', 'date', 'reference_name', 'assignment_rule'],
        [['reference_name', 'in', names]],
      )
      const count = (user: string) => todos.filter((todo) => todo.allocated_to === user).length
      assert.deepEqual([count(ann), count(ben), count(cho), todos.length], [3, 3, 3, 9])
      assert.deepEqual([todos[0]?.description, todos[0]?.date, todos[0]?.assignment_rule], ['Do Turn', '2027-03-01', rule])
      const stateOf = async (name: string) => (await rows('ToDo', ['status'], [['reference_name', '=', name]])).map((todo) => todo.status)
      await site.as(ann, (ctx) => setValue(ctx, 'Errand', String(names[0]), { status: 'Done' }))
      assert.deepEqual(await stateOf(String(names[0])), ['Closed'])
      await site.as(ann, (ctx) => setValue(ctx, 'Errand', String(names[1]), { subject: 'Nothing' }))
      assert.deepEqual(await stateOf(String(names[1])), ['Cancelled'])
      await assert.rejects(
        site.as(ann, async (ctx) => save(ctx, await openForWrite(ctx, 'Assignment Rule', rule), { priority: 3 })),
        PermissionDenied.is,
      )
      await disable('Assignment Rule', rule, { disabled: 1 })
    })

    test('load balancing gives to whoever has least, a field names its user, and leftovers are assigned on a working day', async () => {
      const base = { document_type: 'Errand', description: 'Do', assignment_days: week, users: [ann, ben].map((user) => ({ user })) }
      for (let had = 0; had < 6; had++)
        await site.make('ToDo', { allocated_to: ann, reference_type: 'Errand', reference_name: await errand(), description: 'x' })
      const balance = await site.make('Assignment Rule', {
        ...base,
        name: 'Balance',
        rule: 'Load Balancing',
        assign_condition: "subject == 'Load'",
      })
      const field = await site.make('Assignment Rule', {
        ...base,
        name: 'Field',
        rule: 'Based on Field',
        field: 'who',
        assign_condition: "subject == 'Named'",
      })
      const assignee = async (name: string) =>
        (await rows('ToDo', ['allocated_to'], [['reference_name', '=', name]])).map((todo) => todo.allocated_to)
      assert.deepEqual(await assignee(await errand({ subject: 'Load' })), [ben])
      assert.deepEqual(await assignee(await errand({ subject: 'Named', who: cho })), [cho])
      assert.deepEqual(await assignee(await errand({ subject: 'Named', who: 'stranger@example.com' })), [])
      // 6 February 2027 is a Saturday.
      await disable('Assignment Rule', balance, { assignment_days: week.slice(0, 5) })
      const lying = await errand({ subject: 'Load' })
      assert.deepEqual(await assignee(lying), [])
      const applyTo = (user: string) =>
        site.as(user, (ctx) =>
          callMethod(
            ctx,
            findMethod(ctx, 'frappe.automation.doctype.assignment_rule.assignment_rule.bulk_apply'),
            { doctype: 'Errand', docnames: [lying] },
            'POST',
          ),
        )
      await applyTo(ann)
      assert.deepEqual(await assignee(lying), [], 'not on a day off')
      await assert.rejects(applyTo('stranger@example.com'), PermissionDenied.is)
      await turnTo('2027-02-07')
      assert.deepEqual(await assignee(lying), [])
      await turnTo('2027-02-08')
      assert.deepEqual(await assignee(lying), [ben])
      for (const rule of [balance, field]) await disable('Assignment Rule', rule, { disabled: 1 })
    })

    test('a document is repeated once per date, missed dates follow, and it belongs to whoever set it up', async () => {
      await turnTo('2027-03-01')
      const original = await errand({ subject: 'Rent' })
      const repeat = String(
        (
          await site.as(ann, (ctx) =>
            insert(ctx, 'Auto Repeat', {
              reference_doctype: 'Errand',
              reference_document: original,
              start_date: '2027-01-31',
              frequency: 'Monthly',
              end_date: '2027-07-15',
              next_schedule_date: '2020-01-01',
              notify_by_email: 1,
              recipients: 'a@example.org',
              subject: 'Rent {{ doc.made_on }}',
            }),
          )
        ).name,
      )
      const made = async () =>
        (
          await rows(
            'Errand',
            ['made_on', 'owner'],
            [
              ['subject', '=', 'Rent'],
              ['name', '!=', original],
            ],
          )
        )
          .map((one) => [one.made_on, one.owner])
          .sort()
      const state = () => site.asSystem((ctx) => getDocument(ctx, 'Auto Repeat', repeat))
      assert.equal((await state()).next_schedule_date, '2027-03-31')
      await turnTo('2027-03-30')
      assert.deepEqual(await made(), [])
      await turnTo('2027-03-31')
      // However often somebody asks for the same date, at once or later.
      const again = { repeat, date: '2027-03-31' }
      await site.as(ann, async (ctx) => {
        for (let times = 0; times < 3; times++) await enqueue(ctx, 'core.repeat', again)
      })
      await Promise.all([work(), work()])
      assert.deepEqual(await made(), [['2027-03-31', ann]])
      await turnTo('2027-06-02')
      assert.deepEqual(
        (await made()).map(([on]) => on),
        ['2027-03-31', '2027-04-30', '2027-05-31'],
      )
      assert.equal((await mails('Rent 2027-05-31')).length, 1)
      await turnTo('2027-06-30')
      assert.equal((await made()).length, 4)
      assert.deepEqual([(await state()).status, (await state()).next_schedule_date], ['Completed', null])
    })

    test('a repetition that fails day after day is disabled and says why', async () => {
      await turnTo('2027-08-01')
      const original = await errand({ subject: 'Tax' }, ben)
      const values = { reference_doctype: 'Errand', reference_document: original, start_date: '2027-08-02', frequency: 'Daily' }
      await assert.rejects(
        site.as('stranger@example.com', (ctx) => insert(ctx, 'Auto Repeat', values)),
        PermissionDenied.is,
      )
      const repeat = String((await site.as(ben, (ctx) => insert(ctx, 'Auto Repeat', values))).name)
      await site.asSystem((ctx) => setValue(ctx, 'User', ben, { roles: [] }))
      for (const date of ['2027-08-02', '2027-08-03', '2027-08-04']) await turnTo(date)
      const document = await site.asSystem((ctx) => getDocument(ctx, 'Auto Repeat', repeat))
      assert.deepEqual([document.disabled, document.status, document.failures], [1, 'Disabled', 3])
      assert.match(String(document.last_error), /not/)
      assert.equal((await rows('Errand', ['name'], [['subject', '=', 'Tax']])).length, 1)
      await assert.rejects(site.make('Auto Repeat', { ...values, reference_doctype: 'Role', reference_document: 'Clerk' }), RuleInvalid.is)
    })
  })
