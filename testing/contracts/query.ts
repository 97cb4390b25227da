import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Query } from '#kernel/database/database.ts'
import { count } from '#kernel/query/count.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { list } from '#kernel/query/list.ts'
import type { ListAnswer, ListOptions } from '#kernel/query/options.ts'
import { searchLink } from '#kernel/query/search-link.ts'
import { field, type QuerySite, type QuerySiteOptions, row } from '#testing/query-site.ts'
import { differentialTests } from './query-differential.ts'
import { queryRefusals } from './query-refusals.ts'

/** The small world of the query contract. */
export const queryWorld: QuerySiteOptions = {
  doctypes: [
    {
      name: 'Region',
      is_tree: 1,
      nsm_parent_field: 'parent_region',
      fields: [field('parent_region', 'Link', { options: 'Region' })],
      permissions: [row('Agent', 'read'), row('Boss', 'read')],
    },
    {
      name: 'Client',
      title_field: 'title',
      show_title_field_in_link: 1,
      search_fields: 'city,phone',
      fields: [
        field('title'),
        field('city'),
        field('region', 'Link', { options: 'Region' }),
        field('rating', 'Int'),
        field('disabled', 'Check'),
        field('margin', 'Currency', { permlevel: 1 }),
        field('phone', 'Data', { mask: 1 }),
      ],
      permissions: [
        row('Agent', 'read'),
        row('Boss', 'read mask'),
        row('Boss', 'read', { permlevel: 1 }),
        row('Picker', 'select'),
        row('Own', 'read', { if_owner: 1 }),
      ],
    },
    {
      name: 'Ticket',
      sort_field: 'modified',
      sort_order: 'DESC',
      fields: [
        field('subject'),
        field('status', 'Select', { options: 'Open\nClosed' }),
        field('priority', 'Int'),
        field('cost', 'Currency'),
        field('rate', 'Float'),
        field('due', 'Date'),
        field('opened', 'Datetime'),
        field('hour', 'Time'),
        field('urgent', 'Check'),
        field('client', 'Link', { options: 'Client' }),
        field('secret', 'Data', { permlevel: 1 }),
        field('masked', 'Data', { mask: 1 }),
        field('key', 'Password'),
        field('computed', 'Data', { is_virtual: 1 }),
        field('section', 'Section Break'),
        field('items', 'Table', { options: 'Ticket Item' }),
        field('costs', 'Table', { options: 'Ticket Cost', permlevel: 1 }),
      ],
      permissions: [
        row('Agent', 'read'),
        row('Boss', 'read mask'),
        row('Boss', 'read', { permlevel: 1 }),
        row('Own', 'read', { if_owner: 1 }),
        row('NoClient', 'read'),
        row('OwnClient', 'read'),
      ],
    },
    {
      name: 'Ticket Item',
      istable: 1,
      fields: [field('item'), field('qty', 'Int'), field('price', 'Currency'), field('inner', 'Data', { permlevel: 1 })],
    },
    { name: 'Ticket Cost', istable: 1, fields: [field('amount', 'Currency'), field('only_here')] },
    {
      name: 'Counted',
      autoname: 'autoincrement',
      fields: [field('title'), field('items', 'Table', { options: 'Ticket Item' })],
      permissions: [row('Agent', 'read')],
    },
    {
      name: 'Twice',
      fields: [field('first', 'Table', { options: 'Ticket Item' }), field('second', 'Table', { options: 'Ticket Item' })],
      permissions: [row('Agent', 'read')],
    },
    { name: 'Odd, (Name) & Co', fields: [field('title')], permissions: [row('Agent', 'read')] },
    { name: 'Preferences', issingle: 1, fields: [field('theme')], permissions: [row('Agent', 'read')] },
    {
      name: 'Ghost',
      is_virtual: 1,
      fields: [field('title'), field('weight', 'Int'), field('secret', 'Data', { permlevel: 1 })],
      permissions: [row('Agent', 'read')],
    },
  ],
  controllers: {
    Ghost: {
      get_list: () => [
        { name: 'g1', title: 'Boo', weight: 3, secret: 's' },
        { name: 'g2', title: 'Woo', weight: 5 },
      ],
      get_count: () => 2,
    },
  },
}

export async function fillWorld(site: QuerySite): Promise<void> {
  await site.add(
    'Region',
    { name: 'World', lft: 1, rgt: 10 },
    { name: 'Europe', parent_region: 'World', lft: 2, rgt: 7 },
    { name: 'Germany', parent_region: 'Europe', lft: 3, rgt: 4 },
    { name: 'France', parent_region: 'Europe', lft: 5, rgt: 6 },
    { name: 'Asia', parent_region: 'World', lft: 8, rgt: 9 },
  )
  await site.add(
    'Client',
    { name: 'C1', title: 'Acme', city: 'Bonn', region: 'Germany', rating: 5, margin: '12.5', phone: '0123456789', owner: 'anna@x' },
    { name: 'C2', title: 'Bolt', city: 'Paris', region: 'France', rating: 3, margin: '7', owner: 'ben@x' },
    { name: 'C3', title: 'acme 100%', city: 'Kyoto', region: 'Asia', disabled: 1 },
  )
  const item = (name: string, qty: number, price = '1.10') => ({ item: name, qty, price, inner: `in-${name}` })
  await site.add(
    'Ticket',
    {
      name: 'T1',
      subject: 'Alpha',
      status: 'Open',
      priority: 3,
      cost: '10.10',
      rate: 0.1,
      due: '2026-11-20',
      opened: '2026-11-20 23:30:00',
      hour: '09:05:00',
      urgent: 1,
      client: 'C1',
      secret: 'sss',
      masked: 'abc',
      key: 'p',
      owner: 'anna@x',
      items: [item('nail', 5), item('screw', 2, '0.05')],
      costs: [{ amount: '3', only_here: 'x' }],
    },
    {
      name: 'T2',
      subject: 'beta',
      status: 'Closed',
      priority: 1,
      cost: '0.20',
      rate: 0.2,
      due: '2026-10-01',
      opened: '2026-11-19 10:00:00',
      client: 'C2',
      owner: 'ben@x',
      items: [item('nail', 1)],
    },
    {
      name: 'T3',
      subject: 'Gamma',
      status: 'Open',
      priority: 2,
      cost: '9.70',
      rate: 0.7,
      due: '2025-12-31',
      opened: '2026-11-20 00:00:00',
      client: 'C1',
    },
    { name: 'T4', subject: '', status: 'Open', priority: 0, cost: '0', client: 'C3', items: [item('bolt', 9)] },
    { name: 'T5', subject: 'Äpfel 100%', priority: -1, cost: '123456789012.000000001', secret: 'x' },
  )
  await site.add('Counted', { name: 1, title: 'one', items: [item('a', 1)] }, { name: 2, title: 'two' }, { name: 3, title: 'three' })
  await site.add(
    'Twice',
    { name: 'W1', first: [item('a', 1)], second: [item('b', 2)] },
    { name: 'W2', second: [item('a', 2)] },
    { name: 'W3' },
  )
  await site.add('Odd, (Name) & Co', { name: 'o1', title: 'odd' })
}

const v1 = { version: 1, zone: 'UTC' } as const

/** The promises of lists, counts and searches on one database. */
export function queryContract(engine: string, openSite: () => Promise<QuerySite>): void {
  suite(`queries on ${engine}`, () => {
    let site: QuerySite
    before(async () => {
      site = await openSite()
      await fillWorld(site)
    })
    after(() => site?.drop())
    const agent = () => site.as('agent@x', ['Agent'])
    const boss = () => site.as('boss@x', ['Boss', 'Agent'])
    const ask = (options: Partial<ListOptions>, ctx: Context = agent(), doctype = 'Ticket') => list(ctx, doctype, { wire: v1, ...options })
    const rowsOf = async (options: Partial<ListOptions>, ctx?: Context, doctype?: string) => (await ask(options, ctx, doctype)).rows
    const names = async (options: Partial<ListOptions>, ctx?: Context, doctype?: string) =>
      (await rowsOf(options, ctx, doctype)).map((one) => one.name)
    const filtered = (filters: unknown, ctx?: Context) => names({ filters, orderBy: 'name' }, ctx)

    test('a list without wishes gives names in the DocType’s own order', async () => {
      assert.deepEqual(await ask({}), { rows: ['T5', 'T4', 'T3', 'T2', 'T1'].map((name) => ({ name })), hasNextPage: false })
      assert.deepEqual(await names({ orderBy: '' }), ['T5', 'T4', 'T3', 'T2', 'T1'])
    })

    test('values arrive in wire form', async () => {
      const fields = ['name', 'subject', 'priority', 'cost', 'rate', 'due', 'opened', 'hour', 'urgent', 'key']
      const [first] = await rowsOf({ fields, filters: { name: 'T1' } })
      assert.equal(
        JSON.stringify(first),
        '{"name":"T1","subject":"Alpha","priority":3,"cost":10.1,"rate":0.1,"due":"2026-11-20","opened":"2026-11-20 23:30:00","hour":"9:05:00","urgent":1,"key":"*****"}',
      )
      const [large] = await rowsOf({ fields: ['cost'], filters: { name: 'T5' } })
      assert.equal(JSON.stringify(large), '{"cost":123456789012.000000001}')
      const [berlin] = await rowsOf({ fields: ['opened'], filters: { name: 'T1' }, wire: { version: 1, zone: 'Europe/Berlin' } })
      assert.deepEqual(berlin, { opened: '2026-11-21 00:30:00' })
    })

    test('fields are taken in every shape that clients send', async () => {
      const shapes: unknown[] = [
        ['name', 'subject as s'],
        '["name","subject as s"]',
        'name, subject as s',
        ['`tabTicket`.`name`', '`tabTicket`.`subject` as `s`'],
        ['tabTicket.name', "subject AS 's'"],
      ]
      for (const fields of shapes)
        assert.deepEqual(await rowsOf({ fields, filters: { name: 'T1' } }), [{ name: 'T1', s: 'Alpha' }], JSON.stringify(fields))
    })

    test('a star gives what the user may read and no more', async () => {
      const [mine] = await rowsOf({ fields: '*', filters: { name: 'T1' } })
      assert.ok(mine && !('secret' in mine) && !('computed' in mine) && !('items' in mine))
      assert.equal(mine.masked, 'XXXX')
      const [theirs] = await rowsOf({ fields: ['*'], filters: { name: 'T1' } }, boss())
      assert.equal(theirs?.secret, 'sss')
      assert.equal(theirs?.masked, 'abc')
    })

    test('fields of a linked document are joined', async () => {
      const found = await rowsOf({ fields: ['name', 'client.city', 'client.title as who'], orderBy: 'client.title desc, name' })
      assert.deepEqual(
        found.map((one) => [one.name, one.city, one.who]),
        [
          ['T4', 'Kyoto', 'acme 100%'],
          ['T2', 'Paris', 'Bolt'],
          ['T1', 'Bonn', 'Acme'],
          ['T3', 'Bonn', 'Acme'],
          ['T5', null, null],
        ],
      )
      assert.deepEqual(await filtered({ 'client.city': 'Bonn' }), ['T1', 'T3'])
      assert.deepEqual(
        await filtered([
          ['client.rating', '>', 3],
          ['status', '=', 'Open'],
        ]),
        ['T1', 'T3'],
      )
    })

    test('a linked document that the user may not read is as if it were missing', async () => {
      const own = site.as('anna@x', ['Own', 'OwnClient'])
      const found = await rowsOf({ fields: ['name', 'client.title as who'], orderBy: 'name' }, own)
      assert.deepEqual(
        found.map((one) => one.who),
        ['Acme', null, 'Acme', null, null],
      )
      assert.deepEqual(await filtered({ 'client.title': 'Bolt' }, own), [])
      assert.deepEqual(await names({ filters: { 'client.title': ['like', 'B%'] } }, own), [])
      const expanded = await rowsOf({ fields: ['name', 'client'], expand: ['client'], orderBy: 'name' }, own)
      assert.equal((expanded[0] as { client: { title: string } }).client.title, 'Acme')
      assert.deepEqual(expanded[1]?.client, { name: 'C2' })
    })

    test('rows of a child table come nested, in one more query for all documents', async () => {
      site.takeStatements()
      const found = await rowsOf({ fields: ['name', { items: ['item', 'qty'] }], orderBy: 'name' }, site.system)
      assert.equal(site.takeStatements().length, 2)
      assert.deepEqual(found[0], {
        name: 'T1',
        items: [
          { item: 'nail', qty: 5 },
          { item: 'screw', qty: 2 },
        ],
      })
      assert.deepEqual(found[2], { name: 'T3', items: [] })
      const all = await rowsOf({ fields: ['items'], filters: { name: 'T2' } })
      const [only] = (all[0] as { items: Record<string, unknown>[] }).items
      assert.equal(only?.item, 'nail')
      assert.ok(only && !('inner' in only))
      const counted = await rowsOf({ fields: ['name', 'items'], orderBy: 'name' }, agent(), 'Counted')
      assert.deepEqual(
        counted.map((one) => [one.name, (one.items as unknown[]).length]),
        [
          [1, 1],
          [2, 0],
          [3, 0],
        ],
      )
    })

    test('fields of a child table by name give one row per child row', async () => {
      const found = await rowsOf({ fields: ['name', 'items.item', 'items.qty as n'], orderBy: 'name, items.idx' })
      assert.deepEqual(
        found.map((one) => [one.name, one.item, one.n]),
        [
          ['T1', 'nail', 5],
          ['T1', 'screw', 2],
          ['T2', 'nail', 1],
          ['T3', null, null],
          ['T4', 'bolt', 9],
          ['T5', null, null],
        ],
      )
      assert.deepEqual(
        (await rowsOf({ fields: ['items.qty'], filters: [['Ticket Item', 'item', '=', 'nail']], orderBy: 'name' })).map((one) => one.qty),
        [5, 1],
      )
    })

    test('conditions on a child table ask for one row that meets them all', async () => {
      assert.deepEqual(await filtered([['Ticket Item', 'item', '=', 'nail']]), ['T1', 'T2'])
      assert.deepEqual(await filtered({ item: 'nail' }), ['T1', 'T2'])
      assert.deepEqual(await filtered({ 'items.item': 'nail' }), ['T1', 'T2'])
      assert.deepEqual(
        await filtered([
          ['Ticket Item', 'item', '=', 'nail'],
          ['Ticket Item', 'qty', '<', 3],
        ]),
        ['T2'],
      )
      assert.deepEqual(await filtered([['Ticket Item', 'item', '!=', 'nail']]), ['T1', 'T3', 'T4', 'T5'])
      assert.deepEqual(await filtered([['Ticket Item', 'item', 'is', 'not set']]), ['T3', 'T5'])
      assert.equal(await count(agent(), 'Ticket', { filters: [['Ticket Item', 'qty', '>', 1]], wire: v1 }), 2)
    })

    test('a condition on a child DocType looks into every table of it', async () => {
      const found = (filters: unknown) => names({ filters, orderBy: 'name' }, agent(), 'Twice')
      assert.deepEqual(await found([['Ticket Item', 'item', '=', 'a']]), ['W1', 'W2'])
      assert.deepEqual(await found({ 'second.item': 'a' }), ['W2'])
      assert.deepEqual(
        await found([
          ['Ticket Item', 'item', '=', 'a'],
          ['Ticket Item', 'qty', '=', 2],
        ]),
        ['W2'],
      )
      assert.deepEqual(await found([['Ticket Item', 'item', 'is', 'not set']]), ['W3'])
    })

    test('the kernel finds rows without asking for rights', async () => {
      const { system, meta } = site
      const found = await findRows(system, meta('Ticket'), where('priority', '>', 0), {
        fields: ['name', 'cost'],
        orderBy: [['cost', 'desc']],
        limit: 2,
      })
      assert.deepEqual(
        found.map(({ name, cost }) => [name, String(cost)]),
        [
          ['T1', '10.1'],
          ['T3', '9.7'],
        ],
      )
      assert.deepEqual(await findRows(system, meta('Ticket'), { any: [] }), [])
      const nailed = await findRows(system, meta('Ticket'), { child: 'items', where: where('item', '=', 'nail') })
      assert.deepEqual(
        nailed.map((one) => [one.name, one.opened]),
        [
          ['T1', '2026-11-20 23:30:00.000000'],
          ['T2', '2026-11-19 10:00:00.000000'],
        ],
      )
      await assert.rejects(findRows(system, meta('Ticket'), { all: [] }, { fields: ['nope'] }), /stores no field nope/)
      const locking = site.as('Administrator')
      assert.equal((await findRows(locking, meta('Ticket'), where('name', '=', 'T1'), { lock: true })).length, 1)
      assert.ok(locking.db.isWriting)
      await locking.db.rollback()
    })

    test('missing values count as the zero of their kind', async () => {
      assert.deepEqual(await filtered({ subject: ['!=', 'Alpha'] }), ['T2', 'T3', 'T4', 'T5'])
      assert.deepEqual(await filtered({ status: ['not in', 'Open'] }), ['T2', 'T5'])
      assert.deepEqual(await filtered({ client: null }), ['T5'])
      assert.deepEqual(await filtered({ due: ['is', 'not set'] }), ['T4', 'T5'])
      assert.deepEqual(await filtered({ status: ['is', 'set'] }), ['T1', 'T2', 'T3', 'T4'])
    })

    test('like ignores case and knows escapes', async () => {
      assert.deepEqual(await filtered({ subject: ['like', 'äpfel%'] }), ['T5'])
      assert.deepEqual(await filtered({ subject: ['like', '%100\\%'] }), ['T5'])
      assert.deepEqual(await filtered({ subject: ['not like', '%a%'] }), ['T4', 'T5'])
    })

    test('days widen to whole days of the site’s zone where a time is compared', async () => {
      assert.deepEqual(await filtered({ opened: ['between', ['2026-11-20', '2026-11-20']] }), ['T1', 'T3'])
      assert.deepEqual(
        await names({ filters: { opened: ['between', ['2026-11-21', '2026-11-21']] }, wire: { version: 1, zone: 'Europe/Berlin' } }),
        ['T1'],
      )
      assert.deepEqual(await filtered({ opened: ['timespan', 'yesterday'] }), ['T2'])
      assert.deepEqual(await filtered({ due: ['timespan', 'this month'] }), ['T1'])
      assert.deepEqual(await filtered([['due', 'previous', '1 year']]), ['T3'])
    })

    test('a tree filter finds what hangs below or above', async () => {
      assert.deepEqual(await names({ filters: { region: ['descendants of', 'Europe'] }, orderBy: 'name' }, agent(), 'Client'), ['C1', 'C2'])
      assert.deepEqual(await filtered({ 'client.region': ['not descendants of', 'Europe'] }), ['T4', 'T5'])
      assert.deepEqual(await names({ filters: { name: ['ancestors of', 'Germany'] }, orderBy: 'lft' }, agent(), 'Region'), [
        'World',
        'Europe',
      ])
      assert.deepEqual(await names({ filters: { name: ['descendants of (inclusive)', 'Europe'] }, orderBy: 'lft' }, agent(), 'Region'), [
        'Europe',
        'Germany',
        'France',
      ])
      assert.deepEqual(await names({ filters: { name: ['descendants of', 'Nowhere'] } }, agent(), 'Region'), [])
    })

    test('or_filters and nested conditions combine', async () => {
      assert.deepEqual(
        await names({
          filters: { status: 'Open' },
          orFilters: [
            ['priority', '=', 3],
            ['subject', '=', 'Gamma'],
          ],
          orderBy: 'name',
        }),
        ['T1', 'T3'],
      )
      assert.deepEqual(await filtered([['status', '=', 'Closed'], 'or', ['priority', '>=', 3]]), ['T1', 'T2'])
      assert.deepEqual(await filtered(['T1', 'T5', 'none']), ['T1', 'T5'])
    })

    test('money is compared, summed and averaged exactly', async () => {
      assert.deepEqual(await filtered({ cost: 10.1 }), ['T1'])
      assert.deepEqual(await filtered({ cost: ['>', '9.7'] }), ['T1', 'T5'])
      assert.deepEqual(await names({ orderBy: 'cost' }), ['T4', 'T2', 'T3', 'T1', 'T5'])
      const [total] = await rowsOf({
        fields: ['sum(cost) as s', { AVG: 'cost', as: 'a' }, 'min(cost) as low', 'max(cost) as high', 'count(*) as n'],
        filters: { name: ['!=', 'T5'] },
      })
      assert.equal(JSON.stringify(total), '{"s":20,"a":5,"low":0,"high":10.1,"n":4}')
    })

    test('grouped lists count and sum', async () => {
      const options = {
        fields: ['status', 'count(name) as n', { SUM: 'priority', as: 'p' }, 'avg(priority) as mean', 'sum(rate)'],
        groupBy: 'status',
        orderBy: 'n desc, status',
      }
      assert.deepEqual(
        await rowsOf(options),
        [
          { status: 'Open', n: 3, p: 5, mean: 1.666666667, 'sum(rate)': 0.8 },
          { status: 'Closed', n: 1, p: 1, mean: 1, 'sum(rate)': 0.2 },
          { status: null, n: 1, p: -1, mean: -1, 'sum(rate)': 0 },
        ].sort((a, b) => b.n - a.n || (a.status === null ? -1 : 1)),
      )
      assert.deepEqual(await rowsOf({ fields: ['count(distinct client) as n'] }), [{ n: 3 }])
      assert.deepEqual(
        await rowsOf({
          fields: ['year(due) as y', 'quarter(due) as q', 'count(name) as n'],
          filters: { due: ['is', 'set'] },
          groupBy: 'y, q',
          orderBy: 'y desc, q',
        }),
        [
          { y: 2026, q: 4, n: 2 },
          { y: 2025, q: 4, n: 1 },
        ],
      )
      const byItem = await rowsOf({
        fields: ['items.item', 'sum(items.qty) as q'],
        filters: { 'items.item': ['is', 'set'] },
        groupBy: 'items.item',
        orderBy: 'q desc',
      })
      assert.deepEqual(byItem, [
        { item: 'bolt', q: 9 },
        { item: 'nail', q: 6 },
        { item: 'screw', q: 2 },
      ])
      assert.deepEqual(
        await rowsOf({
          fields: ['client.city', 'count(name) as n'],
          groupBy: 'client.city',
          orderBy: 'count(name) desc, client.city',
          limit: 1,
        }),
        [{ city: 'Bonn', n: 2 }],
      )
      const byCost = await rowsOf({ fields: ['client', 'sum(cost) as c'], groupBy: 'client', orderBy: 'c desc' })
      assert.deepEqual(
        byCost.map((one) => one.client),
        [null, 'C1', 'C2', 'C3'],
      )
    })

    test('functions of one value need no group', async () => {
      assert.deepEqual(
        await rowsOf({
          fields: ['abs(priority) as p', { IFNULL: ['status', 'none'], as: 's' }, 'month(due) as m'],
          filters: { name: 'T5' },
        }),
        [{ p: 1, s: 'none', m: null }],
      )
    })

    test('distinct lists give each value once', async () => {
      const expected = [{ status: null }, { status: 'Closed' }, { status: 'Open' }]
      assert.deepEqual(await rowsOf({ fields: ['distinct status'] }), expected)
      assert.deepEqual(await rowsOf({ fields: ['status'], distinct: true, orderBy: 'status desc' }), expected.toReversed())
    })

    test('pages say whether more follows', async () => {
      const first = await ask({ limit: 2, orderBy: 'name' })
      assert.deepEqual([first.rows.map((one) => one.name), first.hasNextPage], [['T1', 'T2'], true])
      const last = await ask({ start: 3, limit: 2, orderBy: 'name' })
      assert.deepEqual([last.rows.map((one) => one.name), last.hasNextPage, last.cursor], [['T4', 'T5'], false, undefined])
      assert.equal((await ask({ limit: 0 })).rows.length, 5)
    })

    test('a cursor walks every order without losing or repeating a row', async () => {
      const orders = [
        '',
        'name',
        'name desc',
        'status',
        'status desc',
        'cost',
        'cost desc, name',
        'due desc',
        'due',
        'opened',
        'hour desc',
        'rate',
        'priority desc, status asc',
        'client.city',
        'client.city desc, subject',
        'urgent desc',
        'modified',
      ]
      for (const orderBy of orders) {
        const expected = await names({ orderBy, limit: 0 })
        const walked: unknown[] = []
        let page: ListAnswer | undefined
        do {
          page = await ask({ orderBy, limit: 2, ...(page?.cursor ? { after: page.cursor } : {}) })
          walked.push(...page.rows.map((one) => one.name))
        } while (page.hasNextPage && walked.length < 10)
        assert.deepEqual(walked, expected, orderBy)
      }
      const counted = await ask({ limit: 2 }, agent(), 'Counted')
      assert.deepEqual(await names({ limit: 2, after: counted.cursor as string }, agent(), 'Counted'), [1])
    })

    test('a cursor also walks rows of a joined table', async () => {
      const fields = ['name', 'items.item']
      const expected = await rowsOf({ fields, orderBy: 'priority' })
      const walked: unknown[] = []
      let page: ListAnswer | undefined
      do {
        page = await ask({ fields, orderBy: 'priority', limit: 1, ...(page?.cursor ? { after: page.cursor } : {}) })
        walked.push(...page.rows)
      } while (page.hasNextPage && walked.length < 10)
      assert.deepEqual(walked, expected)
    })

    test('links expand to the fields that the user may read', async () => {
      site.takeStatements()
      const [first] = await rowsOf({ fields: ['name'], expand: ['client', 'items'], filters: { name: 'T1' } })
      assert.equal(site.takeStatements().filter((one) => one.sql.includes('Client')).length, 1)
      const client = first?.client as Record<string, unknown>
      assert.deepEqual([client.name, client.title, 'margin' in client], ['C1', 'Acme', false])
      assert.notEqual(client.phone, '0123456789')
      assert.equal((first as { items: unknown[] }).items.length, 2)
      assert.deepEqual(await rowsOf({ fields: ['client'], expand: ['client'], filters: { name: 'T5' } }), [{ client: null }])
    })

    test('titles of linked documents come beside the rows', async () => {
      const answer = await ask({ fields: ['name', 'client'], withLinkTitles: true })
      assert.deepEqual(answer.linkTitles, { 'Client::C1': 'Acme', 'Client::C2': 'Bolt', 'Client::C3': 'acme 100%' })
      const blind = await ask({ fields: ['name', 'client'], withLinkTitles: true }, site.as('n@x', ['NoClient']))
      assert.deepEqual(blind.linkTitles, {})
    })

    test('an alias changes the answer’s key and nothing else', async () => {
      const [first] = await rowsOf({
        fields: ['subject as name', 'status as client', { items: ['item as qty'], as: 'rows' }],
        filters: { name: 'T2' },
        withLinkTitles: true,
      })
      assert.deepEqual(first, { name: 'beta', client: 'Closed', rows: [{ qty: 'nail' }] })
      assert.deepEqual(await names({ fields: ['subject as name'], filters: { name: 'T2' }, orderBy: 'name' }), ['beta'])
    })

    test('the DocType’s own order is read from its index', async () => {
      if (engine === 'mariadb') return // decides by the number of rows, which are few here
      site.takeStatements()
      await ask({ fields: ['name', 'subject'] })
      const query = site.takeStatements().at(-1) as Query
      const isSqlite = engine === 'sqlite'
      const plan = await site.system.site.database.transaction(async (tx) => {
        if (!isSqlite) await tx.execute({ sql: 'set local enable_seqscan = off', parameters: [] })
        return tx.query({ ...query, sql: `explain ${isSqlite ? 'query plan ' : ''}${query.sql}` })
      })
      assert.match(JSON.stringify(plan), /ix_ticket_modified_name/)
      assert.doesNotMatch(JSON.stringify(plan), /sort|b-tree/i)
    })

    test('only own documents are listed and counted where the right is for owners', async () => {
      const own = site.as('anna@x', ['Own'])
      assert.deepEqual(await names({}, own), ['T1'])
      assert.equal(await count(own, 'Ticket', { wire: v1 }), 1)
    })

    test('counting stops where told', async () => {
      assert.equal(await count(agent(), 'Ticket', { wire: v1 }), 5)
      assert.equal(await count(agent(), 'Ticket', { wire: v1, upTo: 3 }), 3)
      assert.equal(await count(agent(), 'Ticket', { wire: v1, filters: { 'client.city': 'Bonn' } }), 2)
    })

    test('rows of a child DocType are listed through readable parents and tables', async () => {
      const asked = { fields: ['parent', 'item'], orderBy: 'parent, idx' }
      const all = await rowsOf({ ...asked, parent: 'Ticket' }, agent(), 'Ticket Item')
      assert.deepEqual(
        all.map((one) => one.parent),
        ['T1', 'T1', 'T2', 'T4'],
      )
      assert.deepEqual(
        (await rowsOf({ ...asked, parent: 'Ticket' }, site.as('ben@x', ['Own']), 'Ticket Item')).map((one) => one.parent),
        ['T2'],
      )
      assert.deepEqual(
        (await rowsOf({ ...asked, parent: 'Counted' }, agent(), 'Ticket Item')).map((one) => one.item),
        ['a'],
      )
      assert.equal((await rowsOf(asked, site.system, 'Ticket Item')).length, 8)
      assert.equal(await count(boss(), 'Ticket Cost', { wire: v1, parent: 'Ticket' }), 1)
    })

    test('names with unusual characters are no trouble', async () => {
      assert.deepEqual(await rowsOf({ fields: ['`tabOdd, (Name) & Co`.`title`'] }, agent(), 'Odd, (Name) & Co'), [{ title: 'odd' }])
    })

    test('a virtual DocType lists through its controller, within the user’s rights', async () => {
      const answer = await ask({ fields: ['*'], filters: { weight: ['>', 3] } }, agent(), 'Ghost')
      assert.equal(answer.rows.length, 1)
      assert.equal(answer.rows[0]?.title, 'Woo')
      assert.ok(!('secret' in (answer.rows[0] ?? {})))
      assert.equal(await count(agent(), 'Ghost', { wire: v1 }), 2)
    })

    test('a link search finds by name, title and search fields, beginnings first', async () => {
      const search = (txt: string, ctx = agent(), more = {}) => searchLink(ctx, { doctype: 'Client', txt, wire: v1, ...more })
      assert.deepEqual(await search('ac'), [{ value: 'C1', description: 'Bonn', label: 'Acme' }])
      assert.deepEqual(
        (await search('o', agent(), { filters: { disabled: ['in', [0, 1]] } })).map((one) => one.value),
        ['C1', 'C2', 'C3'],
      )
      assert.deepEqual(
        (await search('b')).map((one) => one.value),
        ['C2', 'C1'],
      )
      assert.deepEqual(await search('100%'), [])
      assert.deepEqual((await search('', agent(), { pageLength: 1 })).length, 1)
      assert.deepEqual(
        (await search('C2', site.as('p@x', ['Picker']))).map((one) => one.label),
        ['Bolt'],
      )
      assert.deepEqual(
        (await searchLink(agent(), { doctype: 'Counted', txt: '1', wire: v1 })).map((one) => one.value),
        ['1'],
      )
      assert.deepEqual(await searchLink(agent(), { doctype: 'Ghost', txt: 'g2', wire: v1 }), [{ value: 'g2', description: '' }])
      await assert.rejects(search('a', site.as('nobody@x')), { excType: 'PermissionError' })
    })

    test('somebody who may only choose sees name, title and search fields', async () => {
      const picker = site.as('p@x', ['Picker'])
      assert.deepEqual(Object.keys((await rowsOf({ fields: '*', limit: 1 }, picker, 'Client'))[0] ?? {}).sort(), [
        'city',
        'name',
        'phone',
        'title',
      ])
      for (const options of [{ fields: ['rating'] }, { filters: { rating: 1 } }, { orderBy: 'rating' }]) {
        await assert.rejects(ask(options, picker, 'Client'), { code: 'query/field-not-permitted' })
      }
    })

    queryRefusals({ ask, agent, boss, site: () => site })
    differentialTests(() => site)
  })
}
