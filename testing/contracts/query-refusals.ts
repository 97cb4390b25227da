import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { count } from '#kernel/query/count.ts'
import type { ListAnswer, ListOptions } from '#kernel/query/options.ts'
import { searchLink } from '#kernel/query/search-link.ts'
import type { QuerySite } from '#testing/query-site.ts'

interface Means {
  ask(options: Partial<ListOptions>, ctx?: Context, doctype?: string): Promise<ListAnswer>
  agent(): Context
  boss(): Context
  site(): QuerySite
}

const hostile = [
  "name'; drop table tabTicket; --",
  'name"',
  'name`',
  '`name` union select 1',
  '(select secret from tabTicket limit 1)',
  'name -- x',
  'name /* x */',
  'name; select 1',
  '1=1',
  'sleep(5)',
  'load_extension(name)',
  'name || secret',
  'if(1,2,3)',
  'case when 1 then 2 end',
  'tabTicket.name.x',
  'name name',
  '*, secret',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'name\0',
  'ｎａｍｅ',
  'na\u202eme',
  '\ud800',
  '`',
  '``',
  '"',
  "''",
  '(',
  ')',
  '.',
  'x.',
  '.x',
  'name as',
  'name as __proto__',
  'count(',
  'count(name',
  'count(count(name))',
  'sum(*)',
  'count(distinct *)',
  'group_concat(secret)',
  'a'.repeat(10_000),
  '`'.repeat(10_000),
  '('.repeat(10_000),
  'tabTicket`.`name',
  '`tabUser`.`name`',
  'tabUser.name',
  'sqlite_master.sql',
  'information_schema.tables',
  'rowid',
  'ctid',
  'c0',
  't.name',
  'j1.name',
  '$1',
  '?',
  '@@version',
  'name collate nocase',
  'name asc',
  'null',
  '1',
  "'x'",
]

/** What must be refused, on every database alike, with a code and the place in the input. */
export function queryRefusals({ ask, agent, boss, site }: Means): void {
  const refused = async (work: Promise<unknown>, expected: Record<string, unknown>, what: string) => {
    await assert.rejects(
      work,
      (error: unknown) => {
        assert.ok(error instanceof AppError, `${what}: ${String(error)}`)
        for (const [key, value] of Object.entries(expected)) assert.equal(error[key as 'code'], value, `${what}: ${error.message}`)
        return true
      },
      what,
    )
  }

  test('hostile text in any place is refused with a 4xx before it reaches the database', async () => {
    const places: [string, (text: string) => Promise<unknown>][] = [
      ['fields', (text) => ask({ fields: [text] })],
      ['fields text', (text) => ask({ fields: text })],
      ['alias', (text) => ask({ fields: [`name as ${text}`] })],
      ['function', (text) => ask({ fields: [{ [text]: 'name' }] })],
      ['function argument', (text) => ask({ fields: [{ COUNT: text }] })],
      ['function alias', (text) => ask({ fields: [{ COUNT: '*', as: `${text}"` }] })],
      ['table', (text) => ask({ fields: [{ [text]: ['name'] }] })],
      ['table field', (text) => ask({ fields: [{ items: [text] }] })],
      ['filters', (text) => ask({ filters: { [`${text} `]: 1 } })],
      ['filter field', (text) => ask({ filters: [[text, '=', 1]] })],
      ['filter operator', (text) => ask({ filters: [['name', text, 1]] })],
      ['filter doctype', (text) => ask({ filters: [[text, 'name', '=', 1]] })],
      ['or_filters', (text) => ask({ orFilters: [[text, '=', 1]] })],
      ['order_by', (text) => ask({ orderBy: text })],
      ['order direction', (text) => ask({ orderBy: `name ${text}` })],
      ['group_by', (text) => ask({ groupBy: text, fields: ['count(*) as n'] })],
      ['doctype', (text) => ask({}, agent(), text)],
      ['parent', (text) => ask({ parent: text }, agent(), 'Ticket Item')],
      ['expand', (text) => ask({ expand: [text] })],
      ['cursor', (text) => ask({ after: text })],
      ['searchfield', (text) => searchLink(agent(), { doctype: 'Client', searchfield: text, wire: { version: 1, zone: 'UTC' } })],
    ]
    const isName = (text: string) =>
      /^\p{L}\w{0,99}$|^ｎａｍｅ$/u.test(text) && !['constructor', 'hasOwnProperty', 'toString'].includes(text)
    const isFine = (place: string, text: string) =>
      (place === 'alias' && (isName(text) || text === "'x'")) || (place === 'order_by' && text === 'name asc')
    const accepted: string[] = []
    for (const [place, work] of places) {
      for (const text of hostile) {
        if (isFine(place, text)) continue
        site().takeStatements()
        const what = `${place}: ${text.slice(0, 40)}`
        const error = await work(text).then(
          () => undefined,
          (reason: unknown) => reason,
        )
        if (!(error instanceof AppError) || error.status < 400 || error.status >= 500) accepted.push(`${what} → ${String(error)}`)
        assert.ok(
          site()
            .takeStatements()
            .every((one) => text.length < 8 || !one.sql.includes(text)),
          what,
        )
      }
    }
    assert.deepEqual(accepted, [])
    assert.equal(await count(agent(), 'Ticket', { wire: { version: 1, zone: 'UTC' } }), 5)
  })

  test('a field that the user may not read is refused wherever it stands', async () => {
    const attempts: Partial<ListOptions>[] = [
      { fields: ['secret'] },
      { fields: ['secret as name2'] },
      { fields: ['`tabTicket`.`secret`'] },
      { fields: ['max(secret) as m'] },
      { fields: [{ MIN: 'secret' }] },
      { fields: ['count(secret)'] },
      { fields: ['ifnull(secret, 1)'] },
      { filters: { secret: 'sss' } },
      { filters: [['Ticket', 'secret', 'like', 's%']] },
      { filters: [['secret', 'is', 'set']] },
      { filters: [['tabTicket.secret', '=', 'x']] },
      { orFilters: { secret: ['!=', ''] } },
      { orderBy: 'secret' },
      { orderBy: '`tabTicket`.`secret` desc' },
      { groupBy: 'secret', fields: ['count(*) as n'] },
      { fields: ['status as secret', 'secret'] },
      { fields: ['client.margin'] },
      { filters: { 'client.margin': ['>', 1] } },
      { orderBy: 'client.margin' },
      { fields: ['sum(client.margin)'] },
      { fields: [{ items: ['inner'] }] },
      { fields: ['items.inner'] },
      { filters: { inner: 'in-nail' } },
      { filters: [['Ticket Item', 'inner', '=', 'in-nail']] },
      { filters: { 'items.inner': 'x' } },
      { fields: ['costs'] },
      { fields: [{ costs: ['amount'] }] },
      { fields: ['costs.amount'] },
      { filters: [['Ticket Cost', 'amount', '>', 0]] },
      { filters: { only_here: 'x' } },
      { expand: ['costs'] },
      { fields: ['sum(costs.amount)'] },
    ]
    for (const options of attempts) await refused(ask(options), { code: 'query/field-not-permitted', status: 403 }, JSON.stringify(options))
    for (const options of attempts) {
      if (options.fields === undefined || JSON.stringify(options).includes('name2') || JSON.stringify(options).includes('status as secret'))
        continue
      await ask(options, boss())
    }
  })

  test('a masked field may be shown, and used for nothing else', async () => {
    for (const options of [
      { filters: { masked: 'abc' } },
      { orderBy: 'masked' },
      { fields: ['max(masked) as m'] },
      { groupBy: 'masked', fields: ['masked'] },
      { filters: { 'client.phone': ['like', '0%'] } },
    ]) {
      await refused(ask(options), { code: 'query/field-not-permitted' }, JSON.stringify(options))
    }
  })

  test('a secret is never compared, whoever asks', async () => {
    for (const options of [{ filters: { key: 'p' } }, { orderBy: 'key' }, { fields: ['max(key)'] }, { groupBy: 'key', fields: ['key'] }]) {
      await refused(ask(options, site().system), { code: 'query/field-not-permitted' }, JSON.stringify(options))
    }
  })

  test('a linked DocType without any right is closed, not empty', async () => {
    const blind = site().as('n@x', ['NoClient'])
    for (const options of [
      { fields: ['client.title'] },
      { filters: { 'client.title': 'x' } },
      { orderBy: 'client.title' },
      { fields: ['client.title'], groupBy: 'client.title' },
    ]) {
      await refused(ask(options, blind), { code: 'query/field-not-permitted', status: 403 }, JSON.stringify(options))
    }
  })

  test('somebody without a right is refused', async () => {
    await refused(ask({}, site().as('nobody@x')), { excType: 'PermissionError', status: 403 }, 'no role')
    await refused(ask({}, site().as('Guest')), { excType: 'PermissionError', status: 403 }, 'guest')
    await refused(ask({}, agent(), 'Ticket Item'), { code: 'query/parent-needed' }, 'no parent')
    await refused(ask({ parent: 'Client' }, agent(), 'Ticket Item'), { code: 'query/parent-needed' }, 'wrong parent')
    await refused(ask({ parent: 'Ticket' }, agent(), 'Ticket Cost'), { code: 'query/parent-needed' }, 'table of a closed level')
    await refused(ask({ parent: 'Ticket' }, site().as('nobody@x'), 'Ticket Item'), { excType: 'PermissionError' }, 'parent without right')
    await refused(ask({}, agent(), 'Preferences'), { code: 'query/not-a-list' }, 'single')
    await refused(ask({}, agent(), 'Nothing'), { status: 404 }, 'unknown DocType')
  })

  test('each refusal names the place in the input', async () => {
    const cases: [Partial<ListOptions>, string, string][] = [
      [{ fields: ['name', 'nope'] }, 'query/unknown-field', 'fields[1]'],
      [{ fields: ['name', { items: ['item', 'nope'] }] }, 'query/unknown-field', 'fields[1].items[1]'],
      [{ filters: { nope: 1 } }, 'query/unknown-field', 'filters.nope'],
      [
        {
          filters: [
            ['name', '=', 'x'],
            ['Ticket Item', 'nope', '=', 1],
          ],
        },
        'query/unknown-field',
        'filters[1]',
      ],
      [{ orFilters: [['nope', '=', 1]] }, 'query/unknown-field', 'or_filters[0]'],
      [{ orderBy: 'name, nope' }, 'query/unknown-field', 'order_by'],
      [{ fields: ['computed'] }, 'query/unknown-field', 'fields[0]'],
      [{ fields: ['section'] }, 'query/unknown-field', 'fields[0]'],
      [{ fields: ['status', 'count(*) as n'] }, 'query/not-grouped', 'fields[0]'],
      [{ fields: ['status', 'priority'], groupBy: 'status' }, 'query/not-grouped', 'fields[1]'],
      [{ fields: ['status'], groupBy: 'status', orderBy: 'priority' }, 'query/not-grouped', 'order_by'],
      [{ fields: ['distinct status'], orderBy: 'priority' }, 'query/malformed', 'order_by'],
      [{ fields: ['name', 'client.name'] }, 'query/malformed', 'fields[1]'],
      [{ fields: ['sum(subject)'] }, 'query/malformed', 'fields[0]'],
      [{ orderBy: 'items.qty' }, 'query/malformed', 'order_by'],
      [{ start: -1 }, 'query/malformed', 'start'],
      [{ limit: 1.5 }, 'query/malformed', 'limit'],
      [{ expand: ['status'] }, 'query/malformed', 'expand[0]'],
      [{ fields: Array.from({ length: 101 }, () => 'name') }, 'query/too-costly', 'fields'],
      [{ start: 1_000_001 }, 'query/too-costly', 'start'],
      [{ filters: { name: ['in', Array.from({ length: 10_001 }, (_, n) => `T${n}`)] } }, 'query/too-costly', 'filters.name'],
      [{ filters: Array.from({ length: 201 }, () => ['name', '=', 'x']) }, 'filter/too-many', 'filters[200]'],
      [{ filters: { priority: 'high' } }, 'value/bad', 'filters.priority'],
      [{ filters: { due: 'soon' } }, 'value/bad', 'filters.due'],
      [{ filters: { subject: 'a\0b' } }, 'value/bad', 'filters.subject'],
      [{ filters: { subject: ['like', 'a\0b'] } }, 'query/malformed', 'filters.subject'],
      [{ filters: { priority: ['in', [1, 'x']] } }, 'value/bad', 'filters.priority[1]'],
      [{ filters: { subject: ['timespan', 'today'] } }, 'query/malformed', 'filters.subject'],
      [{ filters: { subject: ['descendants of', 'x'] } }, 'query/malformed', 'filters.subject'],
    ]
    for (const [options, code, field] of cases) {
      const what = JSON.stringify(options).slice(0, 100)
      const error = await ask(options).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      assert.ok(error instanceof AppError, `${what}: ${String(error)}`)
      assert.equal(error.field, field, `${what}: ${error.message}`)
      if (code !== 'value/bad') assert.equal(error.code, code, `${what}: ${error.message}`)
      assert.equal(error.status, 417)
    }
  })

  test('a cursor of another list, or one made by hand, is refused', async () => {
    const { cursor } = await ask({ limit: 1, orderBy: 'name' })
    const made = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const [hash] = JSON.parse(Buffer.from(cursor as string, 'base64url').toString()) as [string]
    for (const after of [
      'x',
      '!!!',
      made([]),
      made({}),
      made([hash]),
      made([hash, 5]),
      made([hash, ['T1']]),
      made([hash, null]),
      made([hash, 'a\0b']),
      made(['wrong', 'T1']),
      made([hash, 'T1', 'T1']),
    ]) {
      await refused(ask({ limit: 1, orderBy: 'name', after }), { code: 'query/bad-cursor' }, after)
    }
    await refused(ask({ orderBy: 'name desc', after: cursor as string }), { code: 'query/bad-cursor' }, 'another order')
    await refused(ask({ orderBy: 'name', after: cursor as string, start: 1 }), { code: 'query/malformed' }, 'start and cursor')
    await refused(ask({ fields: ['distinct status'], after: cursor as string }), { code: 'query/bad-cursor' }, 'distinct')
  })

  test('rights that change are seen by the next list', async () => {
    const options = { fields: ['name', 'secret'] }
    await ask(options, boss())
    await refused(ask(options, site().as('boss@x', ['Agent'])), { code: 'query/field-not-permitted' }, 'role taken away')
  })
}
