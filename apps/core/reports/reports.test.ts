import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, suite, test } from 'node:test'
import { AppError } from '#client/rules/errors.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { setValue } from '#kernel/documents/values.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { testServer } from '#testing/server.ts'
import { dynamicDays, isDue } from './mailed.ts'

const wire = { version: 1, zone: 'UTC' } as const
const [anna, ben, boss] = ['anna@example.com', 'ben@example.com', 'boss@example.com']

const server = await testServer({ apps: ['ledger'], appFolders: [join(import.meta.dirname, '../../../testing/reports/apps')] })

suite('reports over HTTP', () => {
  const keys = new Map<string, string>()
  const ask = (user: string, method: string, body: object) =>
    server.call('POST', `/api/method/${method}`, { body, as: keys.get(user) ?? '' })
  const drain = () => new Worker({ sites: async () => [server.site], pollMs: 20 }).drain()

  before(async () => {
    await server.user(anna, ['Desk User'])
    await server.user(ben, ['Desk User'])
    await server.user(boss, ['System Manager', 'Report Manager'])
    for (const user of [anna, ben, boss]) keys.set(user, await server.keyOf(user))
    const todo = (user: string, description: string) =>
      server.as(user, (ctx) => insert(ctx, 'ToDo', { description, allocated_to: user, priority: 'High', status: 'Open' }))
    for (const text of ['one', 'two', 'three']) await todo(anna, text)
    await todo(ben, 'four')
  })

  test('a report that is code runs with its defaults, its totals and its chart, for each person their own', async () => {
    const { status, json } = await ask(anna, 'frappe.desk.query_report.run', { report_name: 'Open ToDos' })
    assert.equal(status, 200)
    const { result, columns, chart, add_total_row } = json.message
    assert.equal(result.length, 3 * 2 + 1)
    assert.deepEqual(result.at(-1), ['Total', 4.5, null])
    assert.deepEqual(
      columns.map((column: { fieldname: string }) => column.fieldname),
      ['todo', 'hours', 'note'],
    )
    assert.deepEqual([chart.data.datasets[0].values, add_total_row], [[3], true])
    const low = await ask(anna, 'frappe.desk.query_report.run', { report_name: 'Open ToDos', filters: { priority: 'Low' } })
    assert.deepEqual(low.json.message.result, [])
    const script = await ask(anna, 'frappe.desk.query_report.get_script', { report_name: 'Open ToDos' })
    assert.equal(script.json.message.filters[0].fieldname, 'priority')
    assert.equal((await ask(anna, 'frappe.desk.query_report.run', { report_name: 'None' })).status, 404)
  })

  test('an export needs its right, and formulas in it are disarmed', async () => {
    const body = { report_name: 'Open ToDos', file_format_type: 'CSV', include_indentation: 1 }
    const readable = { role: 'Desk User', read: 1, report: 1 }
    await server.make('DocType', {
      name: 'Shelf',
      module: 'Core',
      custom: 1,
      fields: [{ fieldname: 'title', fieldtype: 'Data', label: 'Title' }],
      permissions: [readable],
    })
    await server.make('Report', {
      report_name: 'Shelves',
      ref_doctype: 'Shelf',
      is_standard: 'No',
      report_type: 'Query Report',
      query: 'select name from tabShelf',
    })
    assert.equal((await ask(anna, 'frappe.desk.query_report.run', { report_name: 'Shelves' })).status, 200)
    assert.equal(
      (await ask(anna, 'frappe.desk.query_report.export_query', { report_name: 'Shelves', file_format_type: 'CSV' })).status,
      403,
    )
    const csv = await server.call('POST', '/api/method/frappe.desk.query_report.export_query', { body })
    assert.equal(csv.status, 200)
    assert.match(csv.headers.get('content-disposition') ?? '', /Open ToDos\.csv/)
    const lines = csv.text.trim().split('\r\n')
    assert.equal(lines.length, 1 + 8 + 1)
    assert.ok(
      lines.some((line) => line.endsWith(",1,'=1+1")),
      csv.text,
    )
    const some = await server.call('POST', '/api/method/frappe.desk.query_report.export_query', { body: { ...body, visible_idx: [0] } })
    assert.equal(some.text.trim().split('\r\n').length, 2)
    const xlsx = await server.call('POST', '/api/method/frappe.desk.query_report.export_query', {
      body: { ...body, file_format_type: 'Excel' },
    })
    assert.equal(xlsx.text.slice(0, 2), 'PK')
  })

  test('a prepared report runs in the background and is read by the person who asked, nobody else', async () => {
    const before = await ask(anna, 'frappe.desk.query_report.run', { report_name: 'Slow ToDos' })
    assert.deepEqual([before.json.message.prepared_report, before.json.message.doc, before.json.message.result], [true, null, []])
    const { json } = await ask(anna, 'frappe.desk.query_report.background_enqueue_run', {
      report_name: 'Slow ToDos',
      filters: { priority: 'High' },
    })
    const { name } = json.message
    const queued = await ask(anna, 'frappe.core.doctype.prepared_report.prepared_report.get_reports_in_queued_state', {
      report_name: 'Slow ToDos',
      filters: { priority: 'High' },
    })
    assert.deepEqual(
      queued.json.message.map((one: { name: string }) => one.name),
      [name],
    )
    await drain()
    const after = await ask(anna, 'frappe.desk.query_report.run', { report_name: 'Slow ToDos', filters: { priority: 'High' } })
    assert.equal(after.json.message.doc.name, name)
    assert.equal(after.json.message.doc.status, 'Completed')
    assert.equal(after.json.message.result.length, 7)
    for (const thief of [ben, boss]) {
      const stolen = await ask(thief, 'frappe.desk.query_report.run', {
        report_name: 'Slow ToDos',
        filters: { prepared_report_name: name },
      })
      assert.equal(stolen.status, 403)
      await assert.rejects(
        server.as(thief, (ctx) => getDocument(ctx, 'Prepared Report', name)),
        PermissionDenied.is,
      )
    }
    const [file] = (
      await server.asSystem((ctx) => list(ctx, 'File', { fields: ['name', 'file_url'], filters: { attached_to_name: name }, wire }))
    ).rows
    for (const thief of [ben, boss])
      assert.equal((await server.call('GET', String(file?.file_url), { as: keys.get(thief) ?? '' })).status, 403)
    assert.equal((await server.call('GET', String(file?.file_url), { as: keys.get(anna) ?? '' })).status, 200)
    // Whoever loses the report loses what was made of it.
    await server.asSystem((ctx) => setValue(ctx, 'Report', 'Slow ToDos', { disabled: 1 }))
    assert.equal(
      (await ask(anna, 'frappe.desk.query_report.run', { report_name: 'Slow ToDos', filters: { prepared_report_name: name } })).status,
      417,
    )
    assert.equal((await server.call('GET', String(file?.file_url), { as: keys.get(anna) ?? '' })).status, 403)
    await server.asSystem((ctx) => setValue(ctx, 'Report', 'Slow ToDos', { disabled: 0 }))
    const gone = await ask(anna, 'frappe.core.doctype.prepared_report.prepared_report.delete_prepared_reports', { reports: [{ name }] })
    assert.equal(gone.status, 200)
    await assert.rejects(
      server.asSystem((ctx) => getDocument(ctx, 'Prepared Report', name)),
      DocumentNotFound.is,
    )
  })

  test('a report that cannot be prepared says why', async () => {
    await server.make('Report', {
      report_name: 'Broken',
      ref_doctype: 'ToDo',
      is_standard: 'No',
      report_type: 'Query Report',
      query: 'select nothing from tabToDo',
    })
    const { json } = await ask(anna, 'frappe.desk.query_report.background_enqueue_run', { report_name: 'Broken' })
    await drain()
    const document = await server.as(anna, (ctx) => getDocument(ctx, 'Prepared Report', json.message.name))
    assert.equal(document.status, 'Error')
    assert.match(String(document.error_message), /no column nothing/)
  })

  test('lists are kept as reports by those who may write reports, and reports that apps bring are not touched', async () => {
    const settings = {
      fields: [
        ['name', 'ToDo'],
        ['status', 'ToDo'],
      ],
      filters: [],
    }
    assert.equal(
      (
        await ask(anna, 'frappe.desk.reportview.save_report', {
          name: 'My List',
          doctype: 'ToDo',
          report_settings: JSON.stringify(settings),
        })
      ).status,
      403,
    )
    const saved = await ask(boss, 'frappe.desk.reportview.save_report', {
      name: 'My List',
      doctype: 'ToDo',
      report_settings: JSON.stringify(settings),
    })
    assert.equal(saved.json.message, 'My List')
    assert.equal((await ask(anna, 'frappe.desk.query_report.run', { report_name: 'My List' })).json.message.result.length, 3)
    assert.equal(
      (await ask(boss, 'frappe.desk.reportview.save_report', { name: 'Open ToDos', doctype: 'ToDo', report_settings: '{}' })).status,
      417,
    )
    const custom = await ask(boss, 'frappe.desk.query_report.save_report', {
      reference_report: 'Open ToDos',
      report_name: 'Hours',
      columns: ['hours'],
    })
    assert.equal(custom.json.message, 'Hours')
    assert.deepEqual((await ask(anna, 'frappe.desk.query_report.run', { report_name: 'Hours' })).json.message.columns.length, 1)
    assert.equal((await ask(boss, 'frappe.desk.reportview.delete_report', { name: 'Open ToDos' })).status, 417)
    assert.equal((await ask(boss, 'frappe.desk.reportview.delete_report', { name: 'My List' })).status, 200)
    await assert.rejects(
      server.as(boss, (ctx) => setValue(ctx, 'Report', 'Open ToDos', { report_type: 'Query Report', query: 'select 1' })),
      (error) => error instanceof AppError && error.status === 417,
    )
  })

  test('charts, cards and dashboards are seen by those who may see what they draw', async () => {
    const chart = (chart_name: string, values: object) =>
      server.make('Dashboard Chart', { chart_name, type: 'Bar', filters_json: '[]', ...values })
    await chart('ToDos', {
      chart_type: 'Count',
      document_type: 'ToDo',
      based_on: 'creation',
      timespan: 'Last Week',
      time_interval: 'Daily',
      timeseries: 1,
    })
    await chart('Errors', {
      chart_type: 'Count',
      document_type: 'Error Log',
      based_on: 'creation',
      timespan: 'Last Week',
      time_interval: 'Daily',
      timeseries: 1,
    })
    await chart('Weather', { chart_type: 'Custom', source: 'ToDo Weather', filters_json: '{"place": "Rome"}' })
    await chart('For Bosses', { chart_type: 'Custom', source: 'ToDo Weather', roles: [{ role: 'System Manager' }] })
    await chart('From Report', { chart_type: 'Report', report_name: 'Open ToDos', use_report_chart: 1 })
    await server.make('Number Card', {
      label: 'Open',
      type: 'Document Type',
      document_type: 'ToDo',
      function: 'Count',
      filters_json: '[["ToDo","status","=","Open"]]',
      show_percentage_stats: 1,
      stats_time_interval: 'Daily',
    })
    const charts = ['ToDos', 'Errors', 'Weather', 'For Bosses', 'From Report']
    await server.make('Dashboard', {
      dashboard_name: 'Home',
      charts: charts.map((name) => ({ chart: name, width: 'Half' })),
      cards: [{ card: 'Open' }],
    })

    const get = 'frappe.desk.doctype.dashboard_chart.dashboard_chart.get'
    const drawn = (await ask(anna, get, { chart_name: 'ToDos' })).json.message
    assert.equal(drawn.labels.length, 8)
    assert.equal(drawn.datasets[0].values.at(-1), 3)
    assert.deepEqual((await ask(ben, get, { chart_name: 'Weather' })).json.message, {
      labels: ['Rome'],
      datasets: [{ name: 'ToDos', values: [1] }],
    })
    assert.deepEqual((await ask(ben, get, { chart_name: 'From Report' })).json.message.datasets[0].values, [1])
    for (const closed of ['Errors', 'For Bosses']) assert.equal((await ask(anna, get, { chart_name: closed })).status, 403, closed)
    assert.equal(
      (
        await ask(anna, get, {
          chart: JSON.stringify({ chart_type: 'Count', document_type: 'Error Log', timespan: 'Last Week', time_interval: 'Daily' }),
        })
      ).status,
      403,
    )
    assert.equal((await ask('', get, { chart: { chart_type: 'Custom', source: 'ToDo Weather' } })).status, 403)
    const heat = (await ask(anna, get, { chart: { chart_type: 'Count', type: 'Heatmap', document_type: 'ToDo', based_on: 'creation' } }))
      .json.message
    assert.deepEqual(Object.values(heat.dataPoints), [3])
    const seen = (await ask(anna, 'frappe.desk.doctype.dashboard.dashboard.get_permitted_charts', { dashboard_name: 'Home' })).json.message
    assert.deepEqual(
      seen.map((row: { chart: string }) => row.chart),
      ['ToDos', 'Weather', 'From Report'],
    )
    const cards = (await ask(anna, 'frappe.desk.doctype.dashboard.dashboard.get_permitted_cards', { dashboard_name: 'Home' })).json.message
    assert.deepEqual(
      cards.map((row: { card: string }) => row.card),
      ['Open'],
    )
    const result = 'frappe.desk.doctype.number_card.number_card.get_result'
    assert.equal((await ask(anna, result, { doc: 'Open' })).json.message, 3)
    assert.equal((await ask(ben, result, { doc: { type: 'Document Type', document_type: 'ToDo', function: 'Count' } })).json.message, 1)
    const change = 'frappe.desk.doctype.number_card.number_card.get_percentage_difference'
    assert.equal((await ask(anna, change, { doc: { name: 'Open' }, result: 3 })).json.message ?? null, null)
  })

  test('a report by mail goes out once a day as the person who set it up, and not when it is empty', async () => {
    const make = (values: object) =>
      server.as(boss, (ctx) =>
        insert(ctx, 'Auto Email Report', {
          report: 'Open ToDos',
          user: 'Administrator',
          email_to: 'a@example.com',
          frequency: 'Daily',
          format: 'HTML',
          enabled: 1,
          ...values,
        }),
      )
    const mailed = await make({ email_to: 'a@example.com, b@example.com' })
    assert.equal(mailed.user, boss)
    const empty = await make({ filters: JSON.stringify({ priority: 'Low' }), format: 'CSV' })
    await assert.rejects(make({ email_to: 'nobody' }), (error) => error instanceof AppError && error.field === 'email_to')
    await assert.rejects(
      server.as(anna, (ctx) =>
        insert(ctx, 'Auto Email Report', {
          report: 'Open ToDos',
          user: anna,
          email_to: 'a@example.com',
          frequency: 'Daily',
          format: 'CSV',
        }),
      ),
      PermissionDenied.is,
    )
    const { enqueue } = await import('#kernel/jobs/enqueue.ts')
    for (let day = 0; day < 2; day++) {
      await server.asSystem((ctx) => enqueue(ctx, 'core.mail-due-reports'))
      await drain()
    }
    const queue = await server.asSystem((ctx) => list(ctx, 'Email Queue', { fields: ['name', 'message'], limit: 0, wire }))
    assert.equal(queue.rows.length, 1)
    const sent = await server.asSystem((ctx) => getDocument(ctx, 'Auto Email Report', mailed.name))
    assert.notEqual(sent.last_sent_on, null)
    assert.equal((await server.asSystem((ctx) => getDocument(ctx, 'Auto Email Report', empty.name))).last_sent_on, null)
    const shown = await ask(boss, 'frappe.email.doctype.auto_email_report.auto_email_report.download', { name: mailed.name })
    assert.match(shown.json.message, /<table/)
    assert.match(shown.json.message, /=1\+1/)
  })
})

test('reports by mail are due on their days, and periods end today', () => {
  assert.deepEqual(
    ['2026-11-20', '2026-11-21', '2026-11-23', '2026-12-01'].map((day) => isDue('Weekdays', null, day)),
    [true, false, true, true],
  )
  assert.deepEqual(
    ['2026-11-20', '2026-11-23'].map((day) => isDue('Weekly', 'Monday', day)),
    [false, true],
  )
  assert.deepEqual(
    ['2026-11-30', '2026-12-01'].map((day) => isDue('Monthly', null, day)),
    [false, true],
  )
  assert.equal(isDue('Sometimes', null, '2026-12-01'), false)
  assert.deepEqual(dynamicDays('Monthly', '2026-03-31', false), ['2026-02-28', '2026-03-31'])
  assert.deepEqual(dynamicDays('Quarterly', '2026-05-15', true), ['2026-04-01', '2026-05-15'])
  assert.deepEqual(dynamicDays('Half Yearly', '2026-08-15', true), ['2026-07-01', '2026-08-15'])
})
