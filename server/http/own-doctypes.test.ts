import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testServer } from '#testing/server.ts'

const server = await testServer()
const clerk = await server.keyOf(await server.user('clerk@example.com', ['Desk User']))

const submitting = { submit: 1, cancel: 1, amend: 1 }
const define = async (name: string, fields: object[], more: { istable?: 1; issingle?: 1; is_submittable?: 1 } = {}) => {
  const permissions = more.istable
    ? []
    : [
        {
          role: 'System Manager',
          read: 1,
          write: 1,
          create: 1,
          ...(!more.issingle && { delete: 1 }),
          ...(more.is_submittable && submitting),
        },
      ]
  const answer = await server.call('POST', '/api/resource/DocType', {
    body: { name, module: 'Custom', custom: 1, fields, permissions, ...more },
  })
  assert.equal(answer.status, 200, answer.text.slice(0, 500))
}

await define(
  'Test Line',
  [
    { fieldname: 'item', fieldtype: 'Data', label: 'Item' },
    { fieldname: 'price', fieldtype: 'Currency', label: 'Price', precision: '9' },
  ],
  { istable: 1 },
)
await define(
  'Test Order',
  [
    { fieldname: 'customer', fieldtype: 'Link', options: 'User', label: 'Customer' },
    { fieldname: 'total', fieldtype: 'Currency', label: 'Total', precision: '9' },
    { fieldname: 'due', fieldtype: 'Datetime', label: 'Due' },
    { fieldname: 'lines', fieldtype: 'Table', options: 'Test Line', label: 'Lines' },
  ],
  { is_submittable: 1 },
)

const order = async (values: object = {}) =>
  (await server.call('POST', '/api/v2/document/Test%20Order', { body: { customer: 'clerk@example.com', ...values } })).json.data

test('a DocType made at run time works at once', async () => {
  const { name } = await order()
  assert.equal((await server.call('GET', `/api/resource/Test Order/${name}`)).json.data.customer, 'clerk@example.com')
  assert.equal((await server.call('GET', '/api/resource/Test%20Order', { as: clerk })).status, 403)
  const { fields } = (await server.call('GET', '/api/v2/doctype/Test%20Order/meta')).json.data
  assert.deepEqual(
    fields.slice(0, 2).map((field: { fieldname: string }) => field.fieldname),
    ['customer', 'total'],
  )
})

test('amounts keep every digit from the request to the answer', async () => {
  const made = await server.call('POST', '/api/resource/Test%20Order', {
    body: '{"total":123456789012.123456789,"lines":[{"item":"a","price":0.1},{"item":"b","price":99999999999.999999999}]}',
  })
  assert.match(made.text, /"total":123456789012\.123456789/)
  assert.match(made.text, /"price":99999999999\.999999999/)
  const read = await server.call('GET', `/api/resource/Test%20Order/${made.json.data.name}`)
  assert.match(read.text, /"total":123456789012\.123456789/)
})

test('rows that are given replace the rows, rows that are named stay', async () => {
  const made = await order({ lines: [{ item: 'a' }, { item: 'b' }] })
  const path = `/api/v2/document/Test%20Order/${made.name}`
  const changed = (await server.call('PATCH', path, { body: { lines: [{ name: made.lines[1].name, price: 2 }, { item: 'c' }] } })).json.data
  assert.deepEqual(
    changed.lines.map((line: { item: string; idx: number }) => [line.item, line.idx]),
    [
      ['b', 1],
      ['c', 2],
    ],
  )
  assert.equal((await server.call('PATCH', path, { body: { customer: null } })).json.data.lines.length, 2)
  const refused = await server.call('PATCH', path, { body: { lines: [{ item: 'd' }, { item: 'e', nope: 1 }] } })
  assert.equal(refused.json.errors[0].field, 'lines[1].nope')
})

test('times are naive in the zone of the site in v1, and carry their offset in v2', async () => {
  await server.call('PUT', '/api/resource/System%20Settings/System%20Settings', { body: { time_zone: 'Asia/Kolkata' } })
  const { name, due } = await order({ due: '2026-11-20T10:00:00Z' })
  assert.match(due, /^2026-11-20T15:30:00(\.0+)?\+05:30$/)
  assert.match((await server.call('GET', `/api/resource/Test%20Order/${name}`)).json.data.due, /^2026-11-20 15:30:00/)
  const v1 = await server.call('PUT', `/api/resource/Test%20Order/${name}`, { body: { due: '2026-11-20 16:30:00' } })
  assert.equal(v1.status, 200)
  const { modified } = v1.json.data
  assert.equal((await server.call('PUT', `/api/resource/Test%20Order/${name}`, { body: { due: null, modified } })).status, 200)
  assert.equal(
    (await server.call('PUT', `/api/resource/Test%20Order/${name}`, { body: { due: null, modified } })).json.exc_type,
    'TimestampMismatchError',
  )
  await server.call('PUT', '/api/resource/System%20Settings/System%20Settings', { body: { time_zone: 'UTC' } })
})

test('a document is submitted and cancelled by every way that clients know', async () => {
  const verb = (name: string, what: string, as?: string) =>
    server.call('POST', `/api/v2/document/Test%20Order/${name}/method/${what}`, { ...(as && { as }) })
  const first = await order()
  assert.equal((await verb(first.name, 'submit')).json.docs[0].docstatus, 1)
  assert.equal((await verb(first.name, 'cancel')).json.docs[0].docstatus, 2)
  assert.equal((await verb(first.name, 'submit')).status, 417)
  const second = await order()
  const submit = (body: object) => server.call('POST', '/api/method/frappe.client.submit', { body })
  assert.equal((await submit({ doclist: JSON.stringify({ doctype: 'Test Order', name: second.name }) })).json.message.docstatus, 1)
  assert.equal(
    (await server.call('POST', '/api/method/frappe.client.cancel', { body: { doctype: 'Test Order', name: second.name } })).json.message
      .docstatus,
    2,
  )
  const third = await order()
  assert.equal((await server.call('PUT', `/api/resource/Test%20Order/${third.name}`, { body: { docstatus: 1 } })).json.data.docstatus, 1)
  assert.equal((await server.call('DELETE', `/api/resource/Test%20Order/${third.name}`)).status, 417)
  const desk = await server.call('POST', '/api/method/frappe.desk.form.save.savedocs', {
    body: { doc: { ...third, docstatus: 0, modified: undefined }, action: 'Cancel' },
  })
  assert.equal(desk.json.docs[0].docstatus, 2)
  const fourth = await order()
  const ran = await server.call('POST', '/api/method/run_doc_method', { body: { dt: 'Test Order', dn: fourth.name, method: 'submit' } })
  assert.equal(ran.json.docs[0].docstatus, 1)
  assert.equal((await server.call('POST', `/api/resource/Test%20Order/${(await order()).name}?run_method=submit`)).status, 200)
  for (const what of ['submit', 'cancel', 'discard', 'rename'])
    assert.equal((await verb((await order()).name, what, clerk)).status, 403, what)
  assert.equal((await verb(first.name, 'constructor')).status, 403)
  assert.equal((await server.call('GET', `/api/v2/document/Test%20Order/${first.name}/method/submit`)).status, 405)
})

test('links become documents where that is asked for, and only for those who may read them', async () => {
  const { name } = await order({ lines: [{ item: 'x' }] })
  const expanded = (await server.call('GET', `/api/resource/Test%20Order/${name}?expand_links=true`)).json.data
  assert.equal(expanded.customer.name, 'clerk@example.com')
  const list = await server.call(
    'GET',
    `/api/v2/document/Test%20Order?fields=["name","customer"]&expand=["customer"]&filters={"name":"${name}"}`,
  )
  assert.equal(list.json.data[0].customer.name, 'clerk@example.com')
})

test('several documents are changed and deleted in one call, each on its own', async () => {
  const [a, b] = [await order(), await order()]
  const updated = await server.call('POST', '/api/v2/document/Test%20Order/bulk_update', {
    body: {
      docs: [
        { name: a.name, total: 5 },
        { name: b.name, total: 'much' },
      ],
    },
  })
  assert.deepEqual(
    [updated.json.data.success_count, updated.json.data.failed[0].name, updated.json.data.failed[0].error.field],
    [1, b.name, 'total'],
  )
  const deleted = await server.call('POST', '/api/v2/method/bulk_delete', {
    body: { doctype: 'Test Order', names: [a.name, 'nobody', b.name] },
  })
  assert.deepEqual([deleted.json.data.deleted, deleted.json.data.failure_count], [[a.name, b.name], 1])
  assert.equal(
    (await server.call('POST', '/api/v2/document/Test%20Order/bulk_delete', { body: { names: [(await order()).name] }, as: clerk })).json
      .data.failure_count,
    1,
  )
})

test('a single document is read and changed by the name of its type', async () => {
  await define('Test Settings', [{ fieldname: 'motto', fieldtype: 'Data', label: 'Motto' }], { issingle: 1 })
  const path = '/api/resource/Test%20Settings/Test%20Settings'
  assert.equal((await server.call('PUT', path, { body: { motto: 'be kind' } })).json.data.motto, 'be kind')
  assert.equal((await server.call('GET', path)).json.data.motto, 'be kind')
  assert.equal(
    (await server.call('POST', '/api/method/frappe.client.get_single_value', { body: { doctype: 'Test Settings', field: 'motto' } })).json
      .message,
    'be kind',
  )
  assert.equal((await server.call('GET', '/api/resource/Test%20Settings')).status, 417)
})
