import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { Scheduler } from '#kernel/schedule/scheduler.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { ScriptFailed, ScriptInvalid, ScriptRefused, ScriptsForbidden, ScriptsNested } from '#kernel/scripts/errors.ts'
import { writeConfig } from '#kernel/sites/config-file.ts'
import { list } from '#kernel/query/list.ts'
import { testServer } from '#testing/server.ts'

const server = await testServer()
let counter = 0
await server.user('ada@example.com', ['Desk User'])
await server.user('boss@example.com', ['System Manager', 'Desk User'])

const onSave = (event: string, doctype = 'ToDo') => ({ script_type: 'DocType Event', reference_doctype: doctype, doctype_event: event })

async function script(values: Record<string, unknown>): Promise<string> {
  return server.make('Server Script', { name: `script ${++counter}`, ...values })
}

/** Runs some work with a script in force, and takes it away again. */
async function during(values: Record<string, unknown>, work: (name: string) => Promise<void>): Promise<void> {
  const name = await script(values)
  try {
    await work(name)
  } finally {
    await server.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Server Script', name), { disabled: 1 }))
  }
}

const todo = (description: string, as = 'ada@example.com') => server.as(as, (ctx) => insert(ctx, 'ToDo', { description, allocated_to: as }))

test('a site runs scripts only when its configuration says so', async () => {
  const { site } = server
  await assert.rejects(script({ script: 'return 1', ...onSave('Before Save') }), ScriptsForbidden.is)
  await writeConfig(site.folder, { ...site.config, server_script_enabled: true })
  site.reloadConfig()
})

test('a script before the save changes the document, computes with it, and may say no', async () => {
  const source = `
    if (doc.description === 'forbidden') frappe.throw('Not this one', 'Rule')
    doc.description = doc.description + ' by ' + frappe.session.user
    doc.date = frappe.utils.add_days(frappe.utils.today(), 1)`
  await during({ script: source, ...onSave('Before Save') }, async (name) => {
    const made = await todo('paint')
    const stored = await server.asSystem((ctx) => getDocument(ctx, 'ToDo', made.name))
    assert.equal(stored.description, 'paint by ada@example.com')
    assert.match(String(stored.date), /^\d{4}-\d\d-\d\d$/)
    await assert.rejects(
      todo('forbidden'),
      (error) => ScriptRefused.is(error) && error.message === 'Not this one' && error.data.script === name,
    )
  })
  assert.equal((await todo('plain')).description, 'plain')
})

test('what a script writes belongs to the save: it is undone with it', async () => {
  const source = `
    await frappe.new_doc('Note', { title: 'of ' + doc.name, public: 1 }).insert()
    if (doc.description === 'undo') null.fails`
  await during({ script: source, ...onSave('After Save') }, async (name) => {
    const kept = await todo('keep', 'boss@example.com')
    await assert.rejects(
      todo('undo', 'boss@example.com'),
      (error) => ScriptFailed.is(error) && error.data.line === 3 && error.data.script === name,
    )
    const titles = await server.asSystem(
      async (ctx) => (await list(ctx, 'Note', { fields: ['title'], wire: { version: 1, zone: 'UTC' } })).rows,
    )
    assert.deepEqual(titles, [{ title: `of ${kept.name}` }])
  })
})

test('a script may do what the person may for whom it runs; with full rights the audit log names it', async () => {
  const source = "await frappe.new_doc('Role', { role_name: doc.description }).insert()"
  await during({ script: source, ...onSave('After Save') }, async () => {
    await assert.rejects(todo('Painter'), PermissionDenied.is)
  })
  await during({ script: source, run_as_system: 1, ...onSave('After Save') }, async (name) => {
    await todo('Painter')
    const [entry] = await server.asSystem(
      async (ctx) =>
        (
          await list(ctx, 'Audit Entry', {
            fields: ['elevation_reason', 'user'],
            filters: { ref_doctype: 'Role', docname: 'Painter' },
            wire: { version: 1, zone: 'UTC' },
          })
        ).rows,
    )
    assert.deepEqual(entry, { elevation_reason: `server script: ${name}`, user: 'ada@example.com' })
  })
})

test('scripts that set each other off end', async () => {
  const source = "await frappe.new_doc('ToDo', { description: 'again' }).insert()"
  await during({ script: source, ...onSave('After Insert') }, async () => {
    await assert.rejects(todo('first'), ScriptsNested.is)
  })
})

test('an API script answers its path to whoever signed in, and to guests only if it says so', async () => {
  const source =
    "frappe.response.extra = 1; return { hello: frappe.form_dict.name, open: frappe.user === 'Guest' || await frappe.db.count('ToDo', { status: 'Open' }) }"
  await during({ script: source, script_type: 'API', api_method: 'shop.hello' }, async (name) => {
    const ada = await server.keyOf('ada@example.com')
    const answer = await server.call('GET', '/api/method/shop.hello?name=Ada', { as: ada })
    assert.equal(answer.status, 200)
    assert.equal(answer.json.message.hello, 'Ada')
    assert.equal(answer.json.extra, 1)
    assert.equal((await server.call('POST', '/api/v2/method/shop.hello', { as: ada, body: { name: 'B' } })).json.data.hello, 'B')
    assert.equal((await server.call('GET', '/api/method/shop.hello', { as: '' })).status, 403)
    await server.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Server Script', name), { allow_guest: 1 }))
    assert.equal((await server.call('GET', '/api/method/shop.hello?name=G', { as: '' })).json.message.hello, 'G')
    await assert.rejects(script({ script: 'return 2', script_type: 'API', api_method: 'shop.hello' }), ScriptInvalid.is)
  })
  assert.equal((await server.call('GET', '/api/method/shop.hello')).status, 403)
  await assert.rejects(script({ script: 'return 2', script_type: 'API', api_method: 'login' }), /method of an app/)
})

test('an API script with a limit refuses whoever calls too often', async () => {
  const values = {
    script: 'return 1',
    script_type: 'API',
    api_method: 'shop.rare',
    enable_rate_limit: 1,
    rate_limit_count: 2,
    rate_limit_seconds: 60,
  }
  await during(values, async () => {
    const statuses = [0, 0, 0].map(() => server.call('GET', '/api/method/shop.rare'))
    assert.deepEqual((await Promise.all(statuses)).map(({ status }) => status).sort(), [200, 200, 429])
  })
})

test('a Permission Query narrows lists and single documents alike, fails closed, and takes no text', async () => {
  const mine = await todo('mine')
  const other = await server.as('ada@example.com', (ctx) => insert(ctx, 'ToDo', { description: 'secret', allocated_to: 'ada@example.com' }))
  const rows = () =>
    server.as('ada@example.com', async (ctx) =>
      (await list(ctx, 'ToDo', { filters: { name: ['in', [mine.name, other.name]] }, wire: { version: 1, zone: 'UTC' } })).rows.map(
        (row) => row.name,
      ),
    )
  assert.equal((await rows()).length, 2)
  const query = { script_type: 'Permission Query', reference_doctype: 'ToDo' }
  await during({ script: "return [['description', '!=', 'secret']]", ...query }, async () => {
    assert.deepEqual(await rows(), [mine.name])
    await assert.rejects(
      server.as('ada@example.com', (ctx) => getDocument(ctx, 'ToDo', other.name)),
      /permission|not found|may not/i,
    )
  })
  assert.equal((await rows()).length, 2)
  await during({ script: 'return "1=1) or (1=1"', ...query }, async () => assert.rejects(rows(), ScriptFailed.is))
  await during({ script: 'null.x', ...query }, async () => assert.rejects(rows(), ScriptFailed.is))
  await during({ script: "await frappe.db.set_value('ToDo', 'x', 'status', 'Closed')", ...query }, async () =>
    assert.rejects(rows(), /not a function/),
  )
})

test('a scheduled script runs when its time comes', async () => {
  const source = "await frappe.new_doc('Note', { title: 'tick', public: 1 }).insert()"
  await during({ script: source, script_type: 'Scheduler Event', event_frequency: 'Cron', cron_format: '* * * * *' }, async (name) => {
    const { site } = server
    const { triggerSchedule } = await import('#kernel/schedule/schedules.ts')
    await site.freshen()
    const scheduler = new Scheduler({ sites: async () => [site] })
    await scheduler.tick(site)
    await scheduler.stop()
    await server.asSystem((ctx) => triggerSchedule(ctx, `core.run-script ${name} * * * * *`))
    const worker = new Worker({ sites: async () => [site] }).start()
    const found = async () =>
      server.asSystem(
        async (ctx) => (await list(ctx, 'Note', { filters: { title: 'tick' }, wire: { version: 1, zone: 'UTC' } })).rows.length,
      )
    for (let wait = 0; wait < 100 && (await found()) === 0; wait++) await pause(50)
    await worker.stop()
    assert.equal(await found(), 1)
  })
  await assert.rejects(
    script({ script: 'return 1', script_type: 'Scheduler Event', event_frequency: 'Cron', cron_format: '61 * * * *' }),
    ScriptInvalid.is,
  )
})

test('Python is refused by name, and so is JavaScript that cannot be read', async () => {
  const python = 'if doc.total > 5:\n    frappe.throw("too much")'
  await assert.rejects(script({ script: python, ...onSave('Before Save') }), /written in JavaScript/)
  await assert.rejects(script({ script: 'let a = 1\nlet b = ;', ...onSave('Before Save') }), /line 2/)
})

test('only those who manage the system write scripts', async () => {
  const values = { name: 'mine', script: 'return 1', ...onSave('Before Save') }
  await assert.rejects(
    server.as('ada@example.com', (ctx) => insert(ctx, 'Server Script', values)),
    PermissionDenied.is,
  )
  await assert.rejects(
    server.as('ada@example.com', (ctx) => list(ctx, 'Server Script', { wire: { version: 1, zone: 'UTC' } })),
    PermissionDenied.is,
  )
  await assert.rejects(
    server.as('ada@example.com', (ctx) => insert(ctx, 'Client Script', { name: 'c', dt: 'ToDo' })),
    PermissionDenied.is,
  )
})

test('other servers are called before anything is written, never after', async () => {
  const source = "await frappe.make_get_request('https://example.com')"
  await during({ script: source, ...onSave('After Save') }, async () => assert.rejects(todo('x'), /once something was written/))
  await during(
    { script: "return await frappe.make_get_request('http://127.0.0.1:1')", script_type: 'API', api_method: 'shop.ssrf' },
    async () => {
      const answer = await server.call('POST', '/api/method/shop.ssrf')
      assert.ok(answer.status >= 400)
      assert.match(answer.text, /127\.0\.0\.1/)
    },
  )
})

test('secrets do not reach scripts', async () => {
  const source = "if ('new_password' in doc || 'api_secret' in doc) frappe.throw('seen')"
  await during({ script: source, ...onSave('Before Save', 'User') }, async () => {
    await server.asSystem((ctx) =>
      insert(ctx, 'User', { email: 'pw@example.com', first_name: 'P', new_password: 'A-long-fake-passphrase-9', send_welcome_email: 0 }),
    )
  })
})

test('client scripts come with the form to those who may see it', async () => {
  await server.make('Client Script', { name: 'todo form', dt: 'ToDo', view: 'Form', enabled: 1, script: "frappe.ui.form.on('ToDo', {})" })
  await server.make('Client Script', { name: 'off', dt: 'ToDo', view: 'Form', enabled: 0, script: 'x' })
  const path = '/api/method/frappe.desk.form.load.get_client_scripts?doctype='
  const ada = await server.keyOf('ada@example.com')
  assert.deepEqual((await server.call('GET', `${path}ToDo`, { as: ada })).json.message, [
    { name: 'todo form', view: 'Form', script: "frappe.ui.form.on('ToDo', {})" },
  ])
  assert.equal((await server.call('GET', `${path}Server Script`, { as: ada })).status, 403)
  assert.equal((await server.call('GET', `${path}ToDo`, { as: '' })).status, 403)
})
