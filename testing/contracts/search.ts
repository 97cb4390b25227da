import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import { insert } from '#kernel/documents/save.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { setValue } from '#kernel/documents/values.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { count } from '#kernel/query/count.ts'
import { list } from '#kernel/query/list.ts'
import { askOpenSearch, indexName } from '#kernel/search/opensearch/connection.ts'
import { rebuildSearch, searchStatus } from '#kernel/search/rebuild.ts'
import { search, type SearchOptions } from '#kernel/search/search.ts'
import { nearest } from '#kernel/search/vectors.ts'
import { learnWordsSince } from '#kernel/search/words.ts'
import { type TestSite, testSite } from '#testing/site.ts'

const wire = { version: 2, zone: 'UTC' } as const
const reader = 'reader@example.com'
const chief = 'chief@example.com'

/** The exam of a site's search index: the same hits for the same documents on every engine, and nothing that one may not read. */
export function searchContract(database: 'sqlite' | 'postgres' | 'mariadb', openSearchUrl?: string): void {
  suite(`search contract: ${openSearchUrl ? 'opensearch beside ' : ''}${database}`, () => {
    let world: TestSite
    /** What is eventually consistent is made so: jobs done, and what was written there to be seen. */
    const settle = async () => {
      if (openSearchUrl) await settleOpenSearch(world)
    }
    before(async () => {
      const { host, port } = new URL(openSearchUrl ?? 'http://none')
      const config = openSearchUrl ? { search: 'opensearch', opensearch_url: openSearchUrl, external_allow: [host || port] } : {}
      world = await testSite({ database, closedByCaller: true, config })
      await makeDocTypes(world)
      await world.user(reader, ['Reader of Papers'])
      await world.user(chief, ['Reader of Papers', 'Chief of Papers'])
      for (const kind of ['Shown', 'Hidden']) await world.make('Paper Kind', { name: kind })
      await world.make('User Permission', { user: reader, allow: 'Paper Kind', for_value: 'Shown', apply_to_all_doctypes: 1 })
      for (const paper of papers) await make(paper)
    })
    after(async () => {
      if (openSearchUrl && world) await dropIndex(world)
      await world?.close()
    })

    let made = 0
    const make = (values: Record<string, unknown>) => world.make('Paper', { name: `N-${++made}`, status: 'Open', ...values })

    const find = async (text: string, options: Partial<SearchOptions> = {}, user = chief) => {
      await settle()
      return world.as(user, (ctx) => search(ctx, { text, wire, doctypes: ['Paper'], ...options }))
    }
    const names = async (text: string, options: Partial<SearchOptions> = {}, user = chief) =>
      (await find(text, options, user)).hits.map(({ name }) => name).sort()

    test('every word must be there, in whatever field, case and accent; a word finds what begins with it', async () => {
      assert.deepEqual(await names('invoice'), ['P-1', 'P-2'])
      assert.deepEqual(await names('INVOICE müller'), ['P-1'])
      assert.deepEqual(await names('Muller'), ['P-1', 'P-4'])
      assert.deepEqual(await names('hauptstrasse'), ['P-4'])
      assert.deepEqual(await names('inv'), ['P-1', 'P-2'])
      assert.deepEqual(await names('voice'), [])
      assert.deepEqual(await names('P-3'), ['P-3'])
    })

    test('stop words and words of one or two letters are words like others', async () => {
      assert.deepEqual(await names('to be'), ['P-3'])
      assert.deepEqual(await names('the'), ['P-2', 'P-3'])
      assert.deepEqual(await names('x'), ['P-5'])
    })

    test('a phrase is found in a row and nowhere else, and not across two fields', async () => {
      assert.deepEqual(await names('"overdue invoice"'), ['P-2'])
      assert.deepEqual(await names('"invoice overdue"'), [])
      assert.deepEqual(await names('"invo"'), [])
      assert.deepEqual(await names('dana@example.com'), ['P-4'])
      assert.deepEqual(await names('dana@exam'), ['P-4'])
      assert.deepEqual(await names('"hamlet to"'), [])
    })

    test('excluded words and phrases keep documents out', async () => {
      assert.deepEqual(await names('invoice -müller'), ['P-2'])
      assert.deepEqual(await names('invoice -"overdue invoice"'), ['P-1'])
      assert.deepEqual(await names('-invoice'), [])
    })

    test('scripts without spaces, right-to-left text and pictographs are found', async () => {
      assert.deepEqual(await names('東京'), ['P-5'])
      assert.deepEqual(await names('京都'), [])
      assert.deepEqual(await names('京'), ['P-5'])
      assert.deepEqual(await names('東京支店'), ['P-5'])
      assert.deepEqual(await names('فاتورة'), ['P-5'])
      assert.deepEqual(await names('Договор'), ['P-5'])
      assert.deepEqual(await names('🚀'), ['P-5'])
      assert.deepEqual(await names('สวัสดี'), ['P-5'])
    })

    test('text of child rows finds the document', async () => {
      assert.deepEqual(await names('gasket'), ['P-2'])
    })

    test('a word of the title counts above one of the body', async () => {
      assert.deepEqual(
        (await find('hamlet')).hits.map(({ name }) => name),
        ['P-3', 'P-1'],
      )
    })

    test('nothing that people type is an error', async () => {
      const hostile = [
        '',
        ' ',
        '"',
        '""',
        '-',
        '--',
        '*',
        '(',
        ')) OR 1=1 --',
        'NEAR(a b)',
        'title:x',
        '{title body}: x',
        'a AND OR NOT',
        '^a',
        "'; drop table x; --",
        '+-><()~*"@',
        '\\',
        '%',
        '_',
        '&|!:*<->',
        '\0',
        '\ud800',
        'a'.repeat(10_000),
        'word '.repeat(2000),
        '"'.repeat(10_000),
        '-'.repeat(10_000),
        'doctype:',
        'doctype:Nothing x',
        ':',
        'a:b:c',
        '🏳️‍🌈',
        '\u202eabc',
        'e\u0301'.repeat(500),
        '\n\t',
        '$1 ? $2',
      ] // prettier-ignore
      for (const text of hostile) await assert.doesNotReject(find(text, { doctypes: [] }), JSON.stringify(text.slice(0, 40)))
    })

    test('doctype: and conditions narrow the search; conditions follow the rules of lists', async () => {
      assert.deepEqual(await names('invoice doctype:paper', { doctypes: [] }), ['P-1', 'P-2'])
      assert.deepEqual(await names('invoice doctype:User', { doctypes: [] }), [])
      assert.deepEqual(await names('invoice status:Open'), ['P-1'])
      assert.deepEqual(await names('invoice', { filters: { status: ['!=', 'Open'] } }), ['P-2'])
      await assert.rejects(names('invoice', { filters: { secret: 'x' } }, reader), /secret/)
      await assert.rejects(names('invoice', { filters: { status: 'Open' }, doctypes: [] }), /one DocType/)
    })

    test('text that one may not read, or only disguised, neither finds nor shows itself', async () => {
      assert.deepEqual(await names('zephyrium'), ['P-1'])
      assert.deepEqual(await names('5550199'), ['P-1'])
      for (const text of ['zephyrium', 'zeph', '5550199', 'invoice zephyrium', '"zephyrium"']) {
        const { hits, groups, suggestion } = await find(text, { withGroups: true, withSuggestion: true }, reader)
        assert.deepEqual([hits, groups, suggestion], [[], [], undefined], text)
      }
      // Excluding such a word must not tell either.
      assert.deepEqual(await names('invoice -zephyrium', {}, reader), await names('invoice', {}, reader))
      const { hits } = await find('invoice', {}, reader)
      assert.doesNotMatch(JSON.stringify(hits), /zephyr|5550199/i)
    })

    test('the order of hits does not depend on text that one may not read', async () => {
      const order = async () => (await find('turbine', {}, reader)).hits.map(({ name, score }) => [name, score.toFixed(3)])
      const first = await make({ paper_title: 'First', body: 'turbine' })
      await make({ paper_title: 'Second', body: 'turbine' })
      const earlier = (await order()).map(([name]) => name)
      await world.asSystem((ctx) => setValue(ctx, 'Paper', first, { secret: 'turbine '.repeat(300) }))
      assert.deepEqual(
        (await order()).map(([name]) => name),
        earlier,
      )
    })

    test('documents that one may not read are not found, not counted and leave no gaps in pages', async () => {
      for (let n = 0; n < 30; n++) await make({ paper_title: `Quarry ${n}`, body: 'granite', kind: n % 3 === 0 ? 'Hidden' : '' })
      const seen: string[] = []
      for (let start = 0; ; start += 7) {
        const { hits, hasNextPage } = await find('granite', { start, limit: 7 }, reader)
        seen.push(...hits.map(({ name }) => name))
        if (hasNextPage) assert.equal(hits.length, 7)
        else break
      }
      assert.deepEqual([seen.length, new Set(seen).size], [20, 20])
      const { groups } = await find('granite', { withGroups: true, limit: 1 }, reader)
      assert.deepEqual(groups, [{ doctype: 'Paper', count: 20 }])
      assert.deepEqual((await world.as('Administrator', (ctx) => search(ctx, { text: 'granite', wire, withGroups: true }))).groups, [
        { doctype: 'Paper', count: 30 },
      ])
      const nobody = await world.user('nobody@example.com', ['Desk User'])
      assert.deepEqual((await find('granite', { doctypes: [], withGroups: true }, nobody)).groups, [])
    })

    test('a list and its count take the words beside filters, order and cursor, under the same rights', async () => {
      const listed = (user: string, more: object) =>
        world.as(user, async (ctx) => [
          (await list(ctx, 'Paper', { orderBy: 'name asc', wire, limit: 2, ...more })).rows.map(({ name }) => name),
          await count(ctx, 'Paper', { wire, ...more }),
        ])
      assert.deepEqual(await listed(chief, { search: 'invoice', filters: { status: 'Closed' } }), [['P-2'], 1])
      assert.deepEqual(await listed(chief, { search: 'zephyrium' }), [['P-1'], 1])
      assert.deepEqual(await listed(reader, { search: 'zephyrium' }), [[], 0])
      assert.deepEqual(await listed(reader, { search: '-invoice' }), [[], 0])
      const { cursor } = await world.as(reader, (ctx) => list(ctx, 'Paper', { search: 'granite', orderBy: 'name asc', limit: 19, wire }))
      const { rows } = await world.as(reader, (ctx) =>
        list(ctx, 'Paper', { search: 'granite', orderBy: 'name asc', after: cursor ?? '', wire }),
      )
      assert.equal(rows.length, 1)
      await assert.rejects(
        world.as('Administrator', (ctx) => list(ctx, 'Paper Kind', { search: 'x', wire })),
        /cannot be searched/,
      )
    })

    test('what people wrote is shown as text, never as markup', async () => {
      const name = await make({ paper_title: '<b>Bold</b> & co', body: 'see <script>alert(1)</script> &lt;img onerror=x&gt; wolfram' })
      const { hits } = await find('wolfram')
      assert.equal(hits[0]?.name, name)
      assert.match(hits[0].snippet.html, /<mark>wolfram<\/mark>/)
      assert.doesNotMatch(hits[0].snippet.html.replaceAll(/<\/?mark>/g, ''), /</)
      assert.deepEqual(await names('alert'), [])
    })

    test('the index follows saves, renames, cancelling and deletion', async () => {
      const name = await make({ paper_title: 'Axolotl', body: 'first words' })
      await world.asSystem((ctx) => setValue(ctx, 'Paper', name, { body: 'other words' }))
      assert.deepEqual([await names('axolotl first'), await names('axolotl other')], [[], [name]])
      const renamed = await world.asSystem((ctx) => rename(ctx, 'Paper', name, 'Salamander 7'))
      assert.deepEqual([await names('axolotl'), await names('salamander')], [[renamed], [renamed]])
      await world.asSystem((ctx) => setValue(ctx, 'Paper', renamed, { docstatus: 1 }))
      await world.asSystem((ctx) => setValue(ctx, 'Paper', renamed, { docstatus: 2 }))
      assert.deepEqual(await names('axolotl'), [])
      const other = await make({ paper_title: 'Olm', body: 'cave' })
      await world.asSystem((ctx) => remove(ctx, 'Paper', other))
      assert.deepEqual(await names('olm'), [])
      await assert.rejects(
        world.asSystem(async (ctx) => {
          await insert(ctx, 'Paper', { name: 'Undone', paper_title: 'Undone', body: 'ephemeral' })
          throw new Error('undone')
        }),
        /undone/,
      )
      assert.deepEqual(await names('ephemeral'), [])
    })

    test('a save that changes no searched text leaves the index alone', async () => {
      await settle()
      const entry = () => (openSearchUrl ? versionsOf(world, 'P-1') : entryOf(world, 'P-1'))
      const before = await entry()
      await world.asSystem((ctx) => setValue(ctx, 'Paper', 'P-1', { status: 'Closed' }))
      await world.asSystem((ctx) => setValue(ctx, 'Paper', 'P-1', { status: 'Open' }))
      await settle()
      assert.deepEqual(await entry(), before)
    })

    test('a rebuild that is stopped goes on where it was, and finds what was written past the documents', async () => {
      const count = 230
      await world.asSystem(async (ctx) => {
        for (let n = 0; n < count; n++) await insert(ctx, 'Paper', { name: `Batch ${n}`, paper_title: `Batch ${n}`, body: 'cobalt' })
      })
      await world.site.database.transaction((tx) =>
        tx.execute(tx.dialect.compile(sql`update ${sql.id('tabPaper')} set body = ${'nickel'} where body = ${'cobalt'}`)),
      )
      let units = 0
      const stopping = rebuildSearch(
        (_key, work) => {
          if (++units > 2) throw new Error('killed')
          return world.site.asSystem('test', work)
        },
        { doctype: 'Paper', force: true },
      )
      await assert.rejects(stopping, /killed/)
      const status = async () => (await world.asSystem(searchStatus)).find(({ doctype }) => doctype === 'Paper')
      assert.equal((await status())?.state, 'building')
      await rebuildSearch((_key, work) => world.site.asSystem('test', work))
      assert.equal((await status())?.state, 'ready')
      const { groups } = await find('nickel', { withGroups: true })
      assert.deepEqual([groups?.[0]?.count, await names('cobalt')], [count, []])
      assert.equal(await rebuildSearch((_key, work) => world.site.asSystem('test', work)), 0)
    })

    test('a field that is closed takes its text out of everybody else’s sight at once, before anything is indexed anew', async () => {
      const setLevel = (level: string) =>
        world.make('Property Setter', {
          doctype_or_field: 'DocField',
          doc_type: 'Paper',
          field_name: 'body',
          property: 'permlevel',
          property_type: 'Int',
          value: level,
        })
      assert.deepEqual(await names('hauptstrasse', {}, reader), ['P-4'])
      const setter = await setLevel('1')
      assert.deepEqual(await names('hauptstrasse', {}, reader), [])
      assert.deepEqual(await names('kontakt', {}, reader), [])
      await rebuildSearch((_key, work) => world.site.asSystem('test', work))
      assert.deepEqual([await names('hauptstrasse', {}, reader), await names('kontakt', {}, reader)], [[], ['P-4']])
      assert.deepEqual(await names('hauptstrasse'), ['P-4'])
      await world.asSystem((ctx) => remove(ctx, 'Property Setter', setter))
      await rebuildSearch((_key, work) => world.site.asSystem('test', work))
      assert.deepEqual(await names('hauptstrasse', {}, reader), ['P-4'])
    })

    test('where nothing is found another spelling is suggested, if it finds something for this user', async () => {
      await world.asSystem((ctx) => learnWordsSince(ctx, 0))
      const suggested = async (text: string, user = chief) => (await find(text, { withSuggestion: true }, user)).suggestion
      assert.equal(await suggested('invioce'), 'invoice')
      assert.equal(await suggested('ovredue invoice'), 'overdue invoice')
      assert.equal(await suggested('zephyriun'), 'zephyrium')
      assert.equal(await suggested('zephyriun', reader), undefined)
      assert.equal(await suggested('qqqqqqq'), undefined)
    })

    test('vectors of documents follow them, and only chunks that one may read are near', async () => {
      const config = world.site.config as Record<string, unknown>
      const near = (text: string, user = chief, options: Partial<SearchOptions> = {}) =>
        world.as(user, (ctx) => nearest(ctx, { text, wire, doctypes: ['Paper'], limit: 3, ...options }))
      const drain = () => new Worker({ sites: async () => [world.site], pollMs: 50 }).drain()
      await assert.rejects(near('anything'), /keeps no vectors/)
      config.search_embeddings = 'offline'
      await world.asSystem((ctx) => setValue(ctx, 'Paper', 'P-1', { secret: 'Zephyrium deal about kryptonite' }))
      const long = await make({
        paper_title: 'Handbook',
        body: `${'Lorem ipsum dolor sit amet. '.repeat(60)} Replace the filter cartridge yearly.`,
      })
      const hidden = await make({ paper_title: 'Filter cartridges', body: 'filter cartridge', kind: 'Hidden' })
      await drain()
      assert.deepEqual((await near('filter cartridge'))[0]?.name, hidden)
      const [best, ...others] = await near('filter cartridges', reader)
      assert.deepEqual([best?.name, (best?.place ?? 0) > 0, /cartridge/.test(best?.content ?? '')], [long, true, true])
      assert.ok(others.every(({ name }) => name !== hidden))
      assert.match((await near('kryptonite'))[0]?.content ?? '', /kryptonite/)
      assert.doesNotMatch(JSON.stringify(await near('kryptonite', reader)), /kryptonite|Zephyrium/)
      assert.deepEqual(await near('kryptonite', chief, { filters: { status: 'Closed' } }), [])
      const chunks = await world.asSystem((ctx) => remove(ctx, 'Paper', long).then(() => chunksOf(world)))
      assert.ok(chunks.includes(long), 'they go with the commit')
      await drain()
      assert.ok(!(await chunksOf(world)).includes(long))
    })
  })
}

async function settleOpenSearch(world: TestSite): Promise<void> {
  await new Worker({ sites: async () => [world.site], pollMs: 20 }).drain()
  await askOpenSearch(world.site, 'test', { method: 'POST', path: `/${indexName(world.site)}/_refresh`, also: [404] })
}

async function dropIndex(world: TestSite): Promise<void> {
  await fetch(`${String(world.site.config.opensearch_url)}/${indexName(world.site)}-1`, { method: 'DELETE' })
}

async function versionsOf(world: TestSite, name: string): Promise<unknown> {
  const { database } = world.site
  return database.query(database.dialect.compile(sql`select version from ${sql.id('__Search_Feed')} where name = ${name}`))
}

async function entryOf(world: TestSite, name: string): Promise<unknown> {
  const { database } = world.site
  return database.query(database.dialect.compile(sql`select id, title, body, day from ${sql.id('__Search_Entry')} where name = ${name}`))
}

async function chunksOf(world: TestSite): Promise<string[]> {
  const { database } = world.site
  const rows = await database.query<{ name: string }>(database.dialect.compile(sql`select distinct name from ${sql.id('__Search_Chunk')}`))
  return rows.map(({ name }) => name)
}

const papers = [
  {
    name: 'P-1',
    paper_title: 'Invoice for Müller',
    body: '<p>A reminder, with a line from Hamlet</p>',
    status: 'Open',
    secret: 'Zephyrium deal',
    phone: '5550199',
  },
  { name: 'P-2', paper_title: 'Reminder', body: 'The overdue invoice of last month', status: 'Closed', lines: [{ item: 'gasket' }] },
  { name: 'P-3', paper_title: 'Hamlet', body: 'to be or not to be, that is the question', status: 'Open' },
  { name: 'P-4', paper_title: 'Kontakt', body: 'Mueller, Muller &amp; Dana, Hauptstraße 5, dana@example.com', status: 'Open' },
  { name: 'P-5', paper_title: '東京支店の契約', body: 'فاتورة · Договор №7 · 🚀 · สวัสดี · plan x', status: 'Open' },
] as const

async function makeDocTypes(world: TestSite): Promise<void> {
  for (const role of ['Reader of Papers', 'Chief of Papers']) await world.make('Role', { role_name: role })
  await world.make('DocType', {
    name: 'Paper Line',
    module: 'Core',
    custom: 1,
    istable: 1,
    fields: [{ fieldname: 'item', label: 'Item', fieldtype: 'Data', in_global_search: 1 }],
  })
  await world.make('DocType', {
    name: 'Paper Kind',
    module: 'Core',
    custom: 1,
    autoname: 'prompt',
    fields: [{ fieldname: 'note', fieldtype: 'Data' }],
  })
  await world.make('DocType', {
    name: 'Paper',
    module: 'Core',
    custom: 1,
    is_submittable: 1,
    allow_rename: 1,
    autoname: 'prompt',
    title_field: 'paper_title',
    fields: [
      { fieldname: 'paper_title', label: 'Title', fieldtype: 'Data', in_global_search: 1 },
      { fieldname: 'body', label: 'Body', fieldtype: 'Text Editor', in_global_search: 1, allow_on_submit: 1 },
      { fieldname: 'status', label: 'Status', fieldtype: 'Data' },
      { fieldname: 'kind', label: 'Kind', fieldtype: 'Link', options: 'Paper Kind' },
      { fieldname: 'secret', label: 'Secret', fieldtype: 'Small Text', in_global_search: 1, permlevel: 1 },
      { fieldname: 'phone', label: 'Phone', fieldtype: 'Data', in_global_search: 1, mask: 1 },
      { fieldname: 'lines', label: 'Lines', fieldtype: 'Table', options: 'Paper Line' },
    ],
    permissions: [
      { role: 'Reader of Papers', read: 1 },
      { role: 'Chief of Papers', read: 1, mask: 1 },
      { role: 'Chief of Papers', read: 1, permlevel: 1 },
    ],
  })
}
