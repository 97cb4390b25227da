import assert from 'node:assert/strict'
import { test } from 'node:test'
import { everyCase, marks, openFort } from './fort.ts'

const fort = await openFort()
const asAdmin = async (path: string) => (await fort.ask('admin', 'GET', `/api/v2/document/${path}`)).json.data
const together = <T>(count: number, work: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))
const tally = (statuses: readonly number[]) =>
  Object.fromEntries([...Map.groupBy(statuses, (one) => String(one))].map(([status, list]) => [status, list.length]))

test('one request sent twice with one key has one effect, also when both arrive together', async () => {
  const body = { label: 'once' }
  const answers = await together(12, () =>
    fort.ask('ann', 'POST', '/api/v2/document/Fort Plain', { body: { ...body, name: 'once' }, headers: { 'idempotency-key': 'the-key' } }),
  )
  for (const answer of answers) assert.ok([200, 409].includes(answer.status), answer.text)
  assert.ok(answers.some((one) => one.status === 200))
  const later = await fort.ask('ann', 'POST', '/api/v2/document/Fort Plain', {
    body: { ...body, name: 'once' },
    headers: { 'idempotency-key': 'the-key' },
  })
  assert.equal(later.status, 200)
  assert.equal(later.headers.get('idempotency-replayed'), 'true')
  const { json } = await fort.method('ann', 'frappe.client.get_count', { doctype: 'Fort Plain', filters: { label: 'once' } })
  assert.equal(json.message, 1)
})

test('a key of somebody else, or with another request, opens no stored answer', async () => {
  const key = { 'idempotency-key': 'chiefs-key' }
  const body = { name: 'A-secret-ticket', organization: 'Org A', salary: `${marks.level}-idem`, subject: 'x' }
  assert.equal((await fort.ask('chief', 'POST', '/api/v2/document/Fort Ticket', { body, headers: key })).status, 200)
  for (const who of ['ann', 'rita', 'mal', 'guest'] as const) {
    const answer = await fort.refused(who, 'POST', '/api/v2/document/Fort Ticket', { body, headers: key })
    assert.equal(answer.headers.get('idempotency-replayed'), null)
  }
  await fort.refused('chief', 'POST', '/api/v2/document/Fort Ticket', { body: { ...body, subject: 'y' }, headers: key })
  await fort.refused('chief', 'PUT', '/api/v2/document/Fort Ticket/A-secret-ticket', { body, headers: key })
  await fort.refused('chief', 'POST', '/api/v2/document/Fort Plain', { body: { name: 'x' }, headers: key })
  for (const odd of ['', ' ', 'a b', 'é', 'a'.repeat(201)]) {
    const answer = await fort
      .call('POST', '/api/v2/document/Fort Plain', {
        body: { name: `odd-${odd.length}` },
        headers: { 'idempotency-key': odd },
        as: fort.people.ann.authorization,
      })
      .catch(() => undefined)
    assert.ok(!answer || answer.status < 500)
  }
})

test('what an answer says in confidence is not kept in the clear for a repeat', async () => {
  const made = await fort.ask('ann', 'POST', '/api/method/orchestrator.identity.create_key', {
    body: { label: 'kept' },
    headers: { 'idempotency-key': 'key-for-a-key' },
  })
  const { api_secret } = made.json.message
  await fort.ask('guest', 'POST', '/api/method/login', {
    body: { usr: 'ann@example.com', pwd: 'a-password-in-a-request' },
    headers: { 'idempotency-key': 'guests-key' },
  })
  const kept = await fort.asSystem(async (ctx) => {
    const { ident, sql } = await import('#kernel/database/sql.ts')
    return JSON.stringify(await ctx.db.query(ctx.db.dialect.compile(sql`select * from ${ident('__Idempotency')}`)))
  })
  assert.ok(!kept.includes(api_secret), 'the secret of a key')
})

test('of many who insert the same unique value or name, one succeeds', async () => {
  const byName = await together(10, () => fort.ask('ann', 'POST', '/api/v2/document/Fort Plain', { body: { name: 'contested' } }))
  assert.deepEqual(tally(byName.map((one) => one.status)), { 200: 1, 409: 9 })
  const byCode = await together(10, (index) =>
    fort.ask('ann', 'POST', '/api/v2/document/Fort Ticket', { body: { name: `code-${index}`, organization: 'Org A', code: 'one-code' } }),
  )
  assert.equal(byCode.filter((one) => one.status === 200).length, 1)
  for (const answer of byCode.filter((one) => one.status !== 200)) assert.equal(answer.json.errors[0].type, 'UniqueValidationError')
})

test('of two who save what both have read, one is told that the other was first', async () => {
  const { modified } = await asAdmin('Fort Plain/plain-1')
  const answers = await together(8, (index) =>
    fort.ask('ann', 'PUT', '/api/v2/document/Fort Plain/plain-1', { body: { label: `save ${index}`, modified } }),
  )
  assert.equal(answers.filter((one) => one.status === 200).length, 1)
  for (const answer of answers.filter((one) => one.status !== 200)) assert.equal(answer.json.errors[0].type, 'TimestampMismatchError')
  const etag = (await fort.ask('ann', 'GET', '/api/v2/document/Fort Plain/plain-1')).headers.get('etag') as string
  const conditional = await together(8, (index) =>
    fort.ask('ann', 'PUT', '/api/v2/document/Fort Plain/plain-1', { body: { label: `if ${index}` }, headers: { 'if-match': etag } }),
  )
  assert.deepEqual(tally(conditional.map((one) => one.status)), { 200: 1, 412: 7 })
})

test('a document is submitted once and cancelled once, however often it is asked for at the same time', async () => {
  await fort.ask('ann', 'POST', '/api/v2/document/Fort Ticket', { body: { name: 'rush', organization: 'Org A' } })
  for (const method of ['frappe.client.submit', 'frappe.client.cancel']) {
    const body = method.endsWith('submit') ? { doc: { doctype: 'Fort Ticket', name: 'rush' } } : { doctype: 'Fort Ticket', name: 'rush' }
    const answers = await together(8, () => fort.method('ann', method, body))
    assert.ok(answers.filter((one) => one.status === 200).length >= 1)
    const history = await fort.asSystem(async (ctx) => {
      const { list } = await import('#kernel/query/list.ts')
      return (
        await list(ctx, 'Audit Entry', {
          filters: { docname: 'rush', action: method.endsWith('submit') ? 'submit' : 'cancel' },
          wire: { version: 1, zone: 'UTC' },
        })
      ).rows
    })
    assert.equal(history.length, 1, method)
  }
  assert.equal((await asAdmin('Fort Ticket/rush')).docstatus, 2)
})

test('a document is deleted once, and whoever changes it meanwhile is told', async () => {
  for (let round = 0; round < 5; round++) {
    const name = `doomed-${round}`
    await fort.ask('ann', 'POST', '/api/v2/document/Fort Plain', { body: { name } })
    const answers = await together(9, (index) =>
      index % 3 === 0
        ? fort.ask('ann', 'DELETE', `/api/v2/document/Fort Plain/${name}`)
        : fort.ask('ann', 'PUT', `/api/v2/document/Fort Plain/${name}`, { body: { label: `x ${index}` } }),
    )
    assert.equal(answers.filter((one) => one.status === 202).length, 1)
    assert.equal((await fort.ask('ann', 'GET', `/api/v2/document/Fort Plain/${name}`)).status, 404)
  }
})

test('regions moved under each other at the same time make no loop', async () => {
  const make = (name: string) =>
    fort.ask('ann', 'POST', '/api/v2/document/Fort Region', { body: { name, organization: 'Org A', is_group: 1 } })
  for (const name of ['loop-1', 'loop-2', 'loop-3']) assert.equal((await make(name)).status, 200)
  await together(9, (index) =>
    fort.ask('ann', 'PUT', `/api/v2/document/Fort Region/loop-${(index % 3) + 1}`, {
      body: { parent_fort_region: `loop-${((index + 1) % 3) + 1}` },
    }),
  )
  const rows = (
    await fort.method('ann', 'frappe.client.get_list', {
      doctype: 'Fort Region',
      fields: ['name', 'lft', 'rgt', 'parent_fort_region'],
      limit_page_length: 0,
    })
  ).json.message
  const parent = new Map<string, string>(rows.map((row: Record<string, string>) => [row.name, row.parent_fort_region]))
  for (const start of parent.keys()) {
    const seen = new Set<string>()
    for (let at: string | undefined = start; at; at = parent.get(at)) {
      assert.ok(!seen.has(at), `a loop through ${at}`)
      seen.add(at)
    }
  }
  for (const row of rows) assert.ok(row.lft < row.rgt)
})

const costly: readonly Record<string, unknown>[] = [
  { filters: Array.from({ length: 201 }, (_, index) => ['name', '!=', `x${index}`]) },
  { filters: Array.from({ length: 5000 }, (_, index) => ['name', '!=', `x${index}`]) },
  { filters: [['name', 'in', Array.from({ length: 10_001 }, (_, index) => `x${index}`)]] },
  { filters: [['name', 'not in', Array.from({ length: 50_000 }, (_, index) => `x${index}`)]] },
  { filters: [['name', 'in', 'x,'.repeat(20_000)]] },
  { fields: Array.from({ length: 101 }, (_, index) => `name as a${index}`) },
  { fields: Array.from({ length: 5000 }, () => 'name') },
  { fields: 'name,'.repeat(5000) },
  { order_by: 'name asc,'.repeat(500) },
  { group_by: 'status,'.repeat(500), fields: ['count(name) as n'] },
  { start: 10_000_000 },
  { limit_start: 1e15 },
  { limit_page_length: -1 },
  { limit_start: -1 },
  { limit_page_length: 1e30 },
  { fields: ['('.repeat(5000)] },
  { fields: [`sum(${'('.repeat(2000)}amount${')'.repeat(2000)}) as x`] },
  { filters: JSON.parse(`${'['.repeat(90)}["name","=","x"]${']'.repeat(90)}`) },
  { expand: Array.from({ length: 500 }, () => 'client') },
  { after: 'x'.repeat(100_000) },
]

test('questions that would cost too much are refused at once', async () => {
  await everyCase(costly, async (given) => {
    const started = performance.now()
    const answer = await fort.method('ann', 'frappe.client.get_list', { doctype: 'Fort Ticket', ...given })
    assert.ok(answer.status >= 400, `${JSON.stringify(given).slice(0, 120)} -> ${answer.status} ${answer.text.slice(0, 200)}`)
    assert.ok(performance.now() - started < 3000, `${JSON.stringify(given).slice(0, 120)} took ${performance.now() - started} ms`)
  })
})

test('no text makes a pattern, a rule or a sanitizer run for long', async () => {
  const bombs = [
    '%'.repeat(5000),
    '%a'.repeat(2000),
    '_'.repeat(5000),
    '\\'.repeat(5000),
    `${'a'.repeat(5000)}!`,
    '<'.repeat(50_000),
    '<a '.repeat(20_000),
    '<!--'.repeat(20_000),
    '&#'.repeat(20_000),
    `${'<div>'.repeat(10_000)}`,
    `<p style="${'a:b;'.repeat(10_000)}">`,
    '@'.repeat(5000),
    `${'a@'.repeat(3000)}`,
    `${'-'.repeat(5000)}1`,
    '1'.repeat(5000),
    `${'9'.repeat(400)}e${'9'.repeat(400)}`,
    '2026-01-01T'.repeat(500),
    '+'.repeat(5000),
  ]
  const timed = async (work: () => Promise<unknown>, told: string) => {
    const started = performance.now()
    await work()
    assert.ok(performance.now() - started < 2000, `${told} took ${Math.round(performance.now() - started)} ms`)
  }
  await everyCase(bombs, async (bomb) => {
    const told = `${bomb.slice(0, 12)} × ${bomb.length}`
    for (const fieldname of ['subject', 'amount', 'due', 'code'])
      for (const operator of ['like', '=', 'between', 'timespan'])
        await timed(
          () => fort.method('ann', 'frappe.client.get_list', { doctype: 'Fort Ticket', filters: [[fieldname, operator, bomb]] }),
          `${fieldname} ${operator} ${told}`,
        )
    await timed(() => fort.method('ann', 'frappe.desk.search.search_link', { doctype: 'Fort Ticket', txt: bomb }), `search ${told}`)
    await timed(() => fort.ask('ann', 'PUT', '/api/resource/Fort Plain/plain-1', { body: { notes: bomb } }), `html ${told}`)
    await timed(() => fort.ask('ann', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { body: { amount: bomb } }), `amount ${told}`)
    await timed(() => fort.ask('ann', 'PUT', '/api/resource/Fort Ticket/A-ticket-1', { body: { due: bomb } }), `due ${told}`)
    await timed(
      () => fort.ask('manager', 'POST', '/api/resource/User', { body: { email: bomb.slice(0, 2000), first_name: 'x' } }),
      `email ${told}`,
    )
  })
})

test('rules in definitions cannot run code, or for long', async () => {
  const rules = [
    'eval:process.exit()',
    'eval:(()=>{while(true){}})()',
    'eval:constructor.constructor("return process")()',
    'eval:doc.__proto__.x',
    'eval:doc["constructor"]',
    `eval:${'('.repeat(2000)}1${')'.repeat(2000)}`,
    `eval:${'1+'.repeat(5000)}1`,
    'eval:[1,2,3].map(x => [1,2,3].map(y => [1,2,3].map(z => doc.label)))',
    'eval:"a".repeat(1e9)',
    'eval:this.constructor',
    'eval:globalThis',
    'eval:import("fs")',
    'eval:doc.label.replace(/(a+)+$/, "")',
    'fn:x',
    'eval:',
    'eval:`\u0024{1}`',
    "eval:doc.lines.filter(x => x.constructor('return 1')())",
  ]
  for (const [index, rule] of rules.entries()) {
    const name = `Fort Rule ${index}`
    const made = await fort.ask('admin', 'POST', '/api/resource/DocType', {
      body: {
        name,
        module: 'Custom',
        custom: 1,
        autoname: 'hash',
        fields: [
          {
            fieldname: 'label',
            fieldtype: 'Data',
            label: 'Label',
            mandatory_depends_on: rule,
            depends_on: rule,
            read_only_depends_on: rule,
          },
        ],
        permissions: [{ role: 'System Manager', read: 1, write: 1, create: 1 }],
      },
    })
    if (made.status >= 400) continue
    const started = performance.now()
    await fort.ask('admin', 'POST', `/api/resource/${name}`, { body: {} })
    await fort.ask('admin', 'POST', `/api/resource/${name}`, { body: { label: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' } })
    assert.ok(performance.now() - started < 2000, rule)
  }
  assert.equal((await fort.ask('guest', 'GET', '/api/method/ping')).status, 200)
})

test('a cursor is only good for the list and the reader it was made for', async () => {
  const page = await fort.ask(
    'chief',
    'GET',
    `/api/v2/document/Fort Ticket?limit=1&order_by=${encodeURIComponent('salary asc')}&fields=["name"]`,
  )
  const { cursor } = page.json
  assert.ok(cursor)
  const next = (who: 'ann' | 'chief', order: string, after: string, doctype = 'Fort Ticket') =>
    fort.ask(who, 'GET', `/api/v2/document/${doctype}?limit=1&order_by=${encodeURIComponent(order)}&after=${encodeURIComponent(after)}`)
  assert.equal((await next('chief', 'salary asc', cursor)).status, 200)
  for (const [who, order, after, doctype] of [
    ['ann', 'salary asc', cursor],
    ['chief', 'name asc', cursor],
    ['chief', 'salary desc', cursor],
    ['chief', 'salary asc', cursor, 'Fort Client'],
    ['ann', 'subject asc', cursor],
    ['chief', 'salary asc', `${cursor}x`],
    ['chief', 'salary asc', cursor.slice(0, -4)],
    ['chief', 'salary asc', Buffer.from('{"__proto__":1}').toString('base64url')],
    ['chief', 'salary asc', Buffer.from('["a"]').toString('base64url')],
    ['chief', 'salary asc', 'bnVsbA'],
  ] as const)
    assert.ok((await next(who, order, after, doctype)).status >= 400, `${who} ${order} ${after}`)
})
