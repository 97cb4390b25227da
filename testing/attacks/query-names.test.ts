import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyCase, openFort } from './fort.ts'

const fort = await openFort()

/** What somebody writes where a name is expected. */
const hostileNames = [
  "name' or '1'='1",
  'name"; drop table "tabFort Ticket"; --',
  'name`; drop table `tabFort Ticket`; --',
  'name union select pwd from __Auth',
  '(select secret from __Auth limit 1)',
  'name, (select 1)',
  'name /* */',
  'name--',
  'sleep(5)',
  'pg_sleep(5)',
  'load_file(0x2f)',
  'count(*) over ()',
  'name)',
  '`tabUser`.`name`',
  'tabUser.email',
  '`tab__Auth`.secret',
  '__proto__',
  'constructor',
  'toString',
  'name\u0000',
  'náme\u202e',
  'a'.repeat(10_000),
  'case when 1=1 then name end',
  'if(1=1,name,owner)',
  '\u0024{7*7}',
  '{{7*7}}',
  '../../etc/passwd',
  '%00',
  '\\',
  '1;',
]

const places: Record<string, (name: string) => Record<string, unknown>> = {
  fields: (name) => ({ fields: [name] }),
  'fields, aliased': (name) => ({ fields: ['name', `name as ${name}`] }),
  'fields, as text': (name) => ({ fields: name }),
  'fields, aggregate': (name) => ({ fields: [{ SUM: name, as: 'x' }] }),
  'fields, alias of aggregate': (name) => ({ fields: [{ COUNT: '*', as: name }] }),
  'fields, function': (name) => ({ fields: [{ [name]: 'amount', as: 'x' }] }),
  'fields, function as text': (name) => ({ fields: [`sum(${name})`] }),
  'fields, over a link': (name) => ({ fields: [`client.${name}`] }),
  'fields, of a child': (name) => ({ fields: [{ lines: [name] }] }),
  'fields, child table': (name) => ({ fields: [{ [name]: ['name'] }] }),
  filters: (name) => ({ filters: { [name]: 'x' } }),
  'filters, operator': (name) => ({ filters: [['name', name, 'x']] }),
  'filters, list': (name) => ({ filters: [[name, '=', 'x']] }),
  'filters, DocType': (name) => ({ filters: [[name, 'name', '=', 'x']] }),
  'filters, child field': (name) => ({ filters: [['Fort Line', name, '=', 'x']] }),
  or_filters: (name) => ({ or_filters: [[name, '=', 'x']] }),
  order_by: (name) => ({ order_by: name }),
  'order_by, direction': (name) => ({ order_by: `name ${name}` }),
  'order_by, second': (name) => ({ order_by: `name asc, ${name} desc` }),
  group_by: (name) => ({ fields: ['status'], group_by: name }),
  parent: (name) => ({ parent: name }),
  expand: (name) => ({ expand: [name] }),
  cursor: (name) => ({ after: name }),
}

/** Where a list does not read the name, or takes any label: the answer only has to be one. */
const harmless = new Set(['parent', 'fields, aliased', 'fields, alias of aggregate'])

test('a name that is none is refused in every place of a list, and the table stands', { timeout: 60_000 }, async () => {
  await fort.writesNothing(async () => {
    const cases = Object.entries(places).flatMap(([place, make]) =>
      hostileNames.map((name) => ({ place, name, body: { doctype: 'Fort Ticket', ...make(name) } })),
    )
    await everyCase(cases, async ({ place, name, body }) => {
      const answer = await fort.method('ann', 'frappe.client.get_list', body)
      if (!harmless.has(place))
        assert.ok(answer.status >= 400, `${place}: ${name.slice(0, 80)} -> ${answer.status} ${answer.text.slice(0, 300)}`)
    })
  })
})

test('the same in the address of a list', async () => {
  const encode = (value: unknown) => encodeURIComponent(typeof value === 'string' ? value : JSON.stringify(value))
  const names = hostileNames.filter((one) => one.length < 1000 && !one.includes('\0'))
  const cases = names.flatMap((name) =>
    ['fields', 'filters', 'or_filters', 'order_by', 'group_by'].map((place) => places[place]?.(name) ?? {}),
  )
  await everyCase(cases, async (given) => {
    const query = Object.entries(given)
      .map(([key, value]) => `${key}=${encode(value)}`)
      .join('&')
    await fort.refused('ann', 'GET', `/api/resource/Fort%20Ticket?${query}`)
    await fort.refused('ann', 'GET', `/api/v2/document/Fort%20Ticket?${query}`)
  })
})

test('a DocType, method or document of a hostile name does not exist', async () => {
  await fort.writesNothing(async () => {
    const names = [...hostileNames, 'tabUser', 'tab__Auth', 'Singles', 'DocType/../User']
    await everyCase(
      names.filter((one) => one.length < 1000 && !one.includes('\0')),
      async (name) => {
        const part = encodeURIComponent(name)
        await fort.refused('ann', 'GET', `/api/resource/${part}`)
        await fort.refused('ann', 'POST', `/api/resource/${part}`, { body: { a: 1 } })
        await fort.refused('ann', 'GET', `/api/v2/document/${part}`)
        await fort.refused('ann', 'GET', `/api/v2/doctype/${part}/meta`)
        await fort.refused('ann', 'GET', `/api/method/${part}`)
        await fort.refused('ann', 'POST', `/api/v2/method/${part}/${part}`, { body: {} })
        await fort.refused('ann', 'GET', `/files/${part}`)
        await fort.refused('ann', 'GET', `/private/files/${part}`)
        await fort.refused('ann', 'GET', `/api/resource/Fort%20Ticket/${part}`)
        await fort.refused('ann', 'PUT', `/api/resource/Fort%20Ticket/${part}`, { body: { subject: 'x' } })
        await fort.refused('ann', 'DELETE', `/api/resource/Fort%20Ticket/${part}`)
        for (const [method, body] of [
          ['frappe.client.get', { doctype: name, name: 'x' }],
          ['frappe.client.get_list', { doctype: name }],
          ['frappe.client.get_count', { doctype: name }],
          ['frappe.client.get_value', { doctype: name, fieldname: 'name', filters: 'x' }],
          ['frappe.client.get_value', { doctype: 'Fort Ticket', fieldname: name, filters: 'A-ticket-1' }],
          ['frappe.client.get_value', { doctype: 'Fort Ticket', fieldname: 'name', filters: { [name]: 1 } }],
          ['frappe.client.insert', { doc: { doctype: name } }],
          ['frappe.client.delete', { doctype: name, name: 'x' }],
          ['frappe.client.delete', { doctype: 'Fort Ticket', name }],
          ['frappe.client.set_value', { doctype: 'Fort Ticket', name, fieldname: 'subject', value: 'x' }],
          ['frappe.client.set_value', { doctype: 'Fort Ticket', name: 'A-ticket-1', fieldname: name, value: 'x' }],
          ['frappe.client.rename_doc', { doctype: name, old_name: 'a', new_name: 'b' }],
          ['frappe.client.get_single_value', { doctype: name, field: 'x' }],
          ['frappe.desk.search.search_link', { doctype: name, txt: '' }],
          ['frappe.desk.search.search_link', { doctype: 'Fort Ticket', txt: '', searchfield: name }],
          ['frappe.desk.reportview.get', { doctype: 'Fort Ticket', fields: [name] }],
          ['frappe.desk.reportview.get_count', { doctype: name }],
          ['run_doc_method', { dt: name, dn: 'x', method: 'y' }],
          ['run_doc_method', { dt: 'Fort Ticket', dn: 'A-ticket-1', method: name }],
        ] as const) {
          const answer = await fort.method('ann', method, body)
          assert.ok(
            answer.status >= 400,
            `${method} ${JSON.stringify(body).slice(0, 200)} -> ${answer.status} ${answer.text.slice(0, 300)}`,
          )
        }
      },
    )
  })
})

test('hostile values are values: they are stored and found as they are', async () => {
  const values = [
    "' or 1=1 --",
    '"; drop table x; --',
    '%',
    '_',
    '\\',
    '\\%',
    "it''s",
    '<script>alert(1)</script>',
    '𝕊',
    '\u200b',
    '\u0024{x}',
    '{{x}}',
    'null',
    'NaN',
    '[]',
    '{}',
  ]
  for (const value of values) {
    const { json } = await fort.ask('ann', 'POST', '/api/resource/Fort%20Plain', {
      body: { name: `v-${values.indexOf(value)}`, label: value },
    })
    assert.equal(json.data.label, value)
    const found = await fort.method('ann', 'frappe.client.get_list', {
      doctype: 'Fort Plain',
      filters: { label: value },
      fields: ['label'],
    })
    assert.deepEqual(found.json.message, [{ label: value }])
  }
})

test('hostile values of every type are refused in every operator, or compare as what they are', async () => {
  const operators = [
    '=',
    '!=',
    '<',
    '>',
    '<=',
    '>=',
    'like',
    'not like',
    'in',
    'not in',
    'is',
    'between',
    'timespan',
    'previous',
    'next',
    'descendants of',
    'not ancestors of',
    '__proto__',
    'regexp',
    '= 1 or 1=1 --',
  ]
  const values = [null, -1, 1e308, '', [], {}, [null], [{}], ['a', 'b', 'c'], "' or '1'='1", '%'.repeat(1000), '2026-13-45', '\ud800x']
  const fieldnames = ['name', 'amount', 'due', 'region', '_assign']
  const cases = fieldnames.flatMap((fieldname) => operators.flatMap((operator) => values.map((value) => [fieldname, operator, value])))
  await everyCase(cases, (filter) => fort.method('ann', 'frappe.client.get_list', { doctype: 'Fort Ticket', filters: [filter], limit: 1 }))
})
