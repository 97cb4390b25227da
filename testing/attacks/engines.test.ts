import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDatabases } from '#testing/services.ts'
import { type Fort, marks, openFort, type PersonName, theirs } from './fort.ts'

/** What is asked of every engine. `$now` stands for a value that differs between them. */
const attacks: readonly [who: PersonName, verb: string, path: string, body?: unknown][] = [
  ['ann', 'POST', '/api/resource/Fort Plain', { name: 'x', no_such_field: 1 }],
  ['ann', 'POST', '/api/resource/Fort Plain', { name: 'x', label: { a: 1 } }],
  ['ann', 'POST', '/api/resource/Fort Plain', { name: 'x', label: 'x'.repeat(141) }],
  ['ann', 'POST', '/api/resource/Fort Plain', { name: 'x'.repeat(141) }],
  ['ann', 'POST', '/api/resource/Fort Plain', { name: 'a\u0000b' }],
  ['ann', 'POST', '/api/resource/Fort Plain', { name: '\u202ex' }],
  ['ann', 'POST', '/api/resource/Fort Plain', { name: '' }],
  ['ann', 'POST', '/api/resource/Fort Plain', { name: 'plain-1' }],
  ['ann', 'POST', '/api/resource/Fort Plain', '{"label":"\\ud800"}'],
  ['ann', 'POST', '/api/resource/Fort Plain', '{"label":"a","label":"b"}'],
  ['ann', 'POST', '/api/resource/Fort Plain', '['.repeat(1000)],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', amount: 'x' }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', amount: 1e30 }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', amount: '9999999999999.5' }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', due: '2026-02-30' }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', due: '0000-00-00 00:00:00' }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', status: 'Odd' }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', lines: [{ qty: 99999999999 }] }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', lines: [{ qty: 'x' }] }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', lines: 'x' }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', code: 'A-code-1' }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', client: `${marks.other}-client` }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', client: 'a-CLIENT' }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: 'Org A', client: 'A-client ' }],
  ['ann', 'POST', '/api/resource/Fort Ticket', { name: 'x', organization: theirs }],
  ['ann', 'GET', `/api/resource/Fort Ticket/${marks.other}-ticket-1`],
  ['ann', 'GET', '/api/resource/Fort Ticket/a-TICKET-1'],
  ['ann', 'GET', '/api/resource/Fort Ticket/A-ticket-1%20'],
  ['ann', 'GET', '/api/resource/Fort Ticket/%C3%81-ticket-1'],
  ['ann', 'GET', "/api/resource/Fort Ticket/' or 1=1 --"],
  ['ann', 'GET', '/api/resource/Fort Ticket/0'],
  ['ann', 'GET', '/api/resource/fort ticket/A-ticket-1'],
  ['ann', 'GET', '/api/resource/Fort Ticket?filters=[["salary","=","x"]]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?filters=[["name","like","%25\\\\"]]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?filters=[["name","like","\' or \'1\'=\'1"]]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?filters=[["amount","=","x"]]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?filters=[["amount",">","1e400"]]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?filters=[["due","between",["x","y"]]]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?filters=[["name","in",[]]]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?filters=[["docstatus","=","1 or 1=1"]]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?filters=[["name","=",0]]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?filters=[["subject","=",0]]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?filters=[["subject","=",true]]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?filters=[["region","descendants of","A-region"]]&fields=["name"]&order_by=name'],
  ['ann', 'GET', `/api/resource/Fort Ticket?filters=[["region","descendants of","${marks.other}-region"]]`],
  ['ann', 'GET', '/api/resource/Fort Ticket?order_by=name;drop table x'],
  ['ann', 'GET', '/api/resource/Fort Ticket?fields=["name as `x`"]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?fields=["count(name) as n; --"]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?fields=["sum(amount) as \\"x\\""]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?fields=["status","amount"]&group_by=status'],
  ['ann', 'GET', '/api/resource/Fort Ticket?fields=["max(subject) as m"]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?fields=["sum(subject) as m"]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?fields=["avg(amount) as m"]'],
  ['ann', 'GET', '/api/resource/Fort Ticket?limit_start=999999999999999'],
  ['ann', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { organization: theirs }],
  ['ann', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { code: 'A-code-2' }],
  ['ann', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { code: 'a-CODE-2', subject: 'x'.repeat(200) }],
  ['ann', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { modified: '1999-01-01 00:00:00' }],
  ['ann', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { docstatus: [1] }],
  ['ann', 'PUT', '/api/resource/Fort Region/A-region', { parent_fort_region: 'A-town' }],
  ['ann', 'PUT', '/api/resource/Fort Region/A-region', { parent_fort_region: 'A-region' }],
  ['ann', 'DELETE', '/api/resource/Fort Region/A-region'],
  ['ann', 'DELETE', '/api/resource/Fort Client/A-client'],
  ['ann', 'DELETE', `/api/resource/Fort Client/${marks.other}-client`],
  [
    'ann',
    'POST',
    '/api/method/frappe.client.rename_doc',
    { doctype: 'Fort Client', old_name: 'A-client', new_name: `${marks.other}-client`, merge: 1 },
  ],
  [
    'ann',
    'POST',
    '/api/method/frappe.client.rename_doc',
    { doctype: 'Fort Client', old_name: 'A-client', new_name: `${marks.other}-client` },
  ],
  [
    'ann',
    'POST',
    '/api/method/frappe.client.insert_many',
    {
      docs: [
        { doctype: 'Fort Plain', name: 'half' },
        { doctype: 'Fort Plain', name: 'plain-1' },
      ],
    },
  ],
  [
    'ann',
    'POST',
    '/api/v2/batch',
    {
      operations: [
        { method: 'POST', path: '/api/v2/document/Fort Plain', body: { name: 'half' } },
        { method: 'POST', path: '/api/v2/document/Fort Plain', body: { name: 'plain-1' } },
      ],
    },
  ],
  ['ann', 'POST', '/api/method/frappe.desk.search.search_link', { doctype: 'Fort Ticket', txt: "%' or '1'='1" }],
  ['ann', 'POST', '/api/method/frappe.desk.search.search_link', { doctype: 'Fort Ticket', txt: '\\' }],
  [
    'ann',
    'POST',
    '/api/method/frappe.client.get_value',
    { doctype: 'Fort Ticket', fieldname: 'name', filters: { code: ['like', '%\\%'] } },
  ],
  ['mal', 'GET', '/api/resource/Fort Ticket'],
  ['guest', 'GET', '/api/resource/Fort Ticket'],
  ['manager', 'PUT', '/api/resource/User/Administrator', { enabled: 0 }],
  [
    'manager',
    'POST',
    '/api/method/frappe.client.rename_doc',
    { doctype: 'User', old_name: 'manager@example.com', new_name: 'administrator', merge: 1 },
  ],
  ['manager', 'POST', '/api/resource/User', { email: 'ANN@example.com', first_name: 'x' }],
  ['manager', 'POST', '/api/resource/User', { email: 'administrator', first_name: 'x' }],
  ['manager', 'POST', '/api/resource/DocType', { name: 'tabUser; drop', module: 'Custom', custom: 1, fields: [] }],
  [
    'manager',
    'POST',
    '/api/resource/DocType',
    { name: 'Bad', module: 'Custom', custom: 1, fields: [{ fieldname: 'select * from', fieldtype: 'Data' }] },
  ],
  [
    'manager',
    'POST',
    '/api/resource/DocType',
    { name: 'Bad', module: 'Custom', custom: 1, fields: [{ fieldname: 'a', fieldtype: 'Evil' }] },
  ],
  [
    'manager',
    'POST',
    '/api/resource/DocType',
    { name: 'fort plain', module: 'Custom', custom: 1, fields: [{ fieldname: 'a', fieldtype: 'Data' }] },
  ],
  ['manager', 'POST', '/api/resource/Custom Field', { dt: 'Fort Plain', fieldname: 'LABEL', fieldtype: 'Data', label: 'X' }],
  ['manager', 'POST', '/api/resource/Custom Field', { dt: 'Fort Plain', fieldname: 'x"; --', fieldtype: 'Data', label: 'X' }],
]

/** Everything of an answer that must be the same on every engine. */
async function told(fort: Fort): Promise<string[]> {
  const lines: string[] = []
  for (const [who, verb, path, body] of attacks) {
    const { status, json } = await fort.ask(who, verb, path, body === undefined ? {} : { body })
    const error = json?.error ?? json?.errors?.[0]
    const rows = Array.isArray(json?.data) && error === undefined ? ` ${JSON.stringify(json.data)}` : ''
    lines.push(
      `${who} ${verb} ${path.slice(0, 120)} ${JSON.stringify(body ?? '').slice(0, 120)} -> ${status} ${error?.code ?? 'ok'} ${error?.field ?? ''}${rows.length < 400 ? rows : ''}`,
    )
  }
  return lines
}

const answers = new Map<string, string[]>()

for (const { name } of testDatabases()) {
  test(`${name}: attacks are refused, and nothing is written`, { timeout: 120_000 }, async () => {
    const fort = await openFort({ database: name, closedByCaller: true })
    try {
      await fort.writesNothing(async () => answers.set(name, await told(fort)))
      assert.equal((await fort.ask('guest', 'GET', '/api/method/ping')).status, 200)
      // Of many at once, one.
      const rush = await Promise.all(
        Array.from({ length: 8 }, () => fort.ask('ann', 'POST', '/api/v2/document/Fort Plain', { body: { name: 'rush' } })),
      )
      assert.deepEqual(rush.map((one) => one.status).sort(), [200, 409, 409, 409, 409, 409, 409, 409])
      const keyed = await Promise.all(
        Array.from({ length: 8 }, () =>
          fort.ask('ann', 'POST', '/api/v2/document/Fort Plain', { body: { name: 'keyed' }, headers: { 'idempotency-key': 'k' } }),
        ),
      )
      for (const one of keyed) assert.ok([200, 409].includes(one.status), one.text)
      assert.ok(keyed.some((one) => one.status === 200))
      const { modified } = (await fort.ask('ann', 'GET', '/api/v2/document/Fort Plain/rush')).json.data
      const saves = await Promise.all(
        Array.from({ length: 6 }, (_, at) =>
          fort.ask('ann', 'PUT', '/api/v2/document/Fort Plain/rush', { body: { label: `s${at}`, modified } }),
        ),
      )
      assert.equal(saves.filter((one) => one.status === 200).length, 1)
    } finally {
      await fort.app.close()
      await fort.close()
    }
  })
}

test('every engine says the same', () => {
  const [[, first] = ['', []], ...others] = [...answers]
  for (const [name, lines] of others) assert.deepEqual(lines, first, name)
})
