import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { Decimal } from '#client/rules/decimal.ts'
import { ConstantChanged, DocumentNotFound, MandatoryMissing, NotForDocuments } from '#kernel/documents/errors.ts'
import { find, getDocument, getSingle } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { newDocument } from '#kernel/documents/new-document.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { toWire } from '#kernel/documents/wire.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import { type DocumentsWorld, field, refuses, row } from '#testing/documents-world.ts'

const wire = { version: 1, zone: 'UTC' } as const

export function valueTests(world: () => DocumentsWorld): void {
  before(() =>
    world().define(
      {
        name: 'Firm',
        autoname: 'prompt',
        fields: [field('city'), field('rate', 'Currency'), field('boss', 'Link', { options: 'Firm Boss' }), field('count', 'Int')],
      },
      { name: 'Firm Boss', autoname: 'prompt', fields: [field('mail')] },
      {
        name: 'Deal',
        autoname: 'prompt',
        is_submittable: 1,
        fields: [
          field('firm', 'Link', { options: 'Firm' }),
          field('city', 'Data', { fetch_from: 'firm.city' }),
          field('rate', 'Currency', { fetch_from: 'firm.rate', fetch_if_empty: 1 }),
          field('late', 'Data', { fetch_from: 'firm.city', allow_on_submit: 1 }),
          field('boss', 'Link', { options: 'Firm Boss', fetch_from: 'firm.boss' }),
          field('boss_mail', 'Data', { fetch_from: 'boss.mail' }),
          field('open', 'Data', { allow_on_submit: 1 }),
          field('size', 'Int', { fetch_from: 'firm.count' }),
          field('lines', 'Table', { options: 'Deal Line' }),
        ],
      },
      {
        name: 'Deal Line',
        istable: 1,
        fields: [field('firm', 'Link', { options: 'Firm' }), field('city', 'Data', { fetch_from: 'firm.city' })],
      },
      {
        name: 'Strict',
        autoname: 'hash',
        fields: [
          field('needed', 'Data', { reqd: 1 }),
          field('kind', 'Select', { options: '\nA\nB', default: 'A' }),
          field('why', 'Data', { mandatory_depends_on: 'eval:doc.kind=="B"' }),
          field('short', 'Data', { length: 5 }),
          field('positive', 'Int', { non_negative: 1 }),
          field('price', 'Currency', { non_negative: 1 }),
          field('mail', 'Data', { options: 'Email' }),
          field('once', 'Table', { options: 'Strict Line', set_only_once: 1 }),
          field('lines', 'Table', { options: 'Strict Line' }),
          field('own', 'Data', { unique: 1 }),
          field('day', 'Date', { default: 'Today' }),
          field('moment', 'Datetime', { default: 'Now' }),
          field('who', 'Data', { default: '__user' }),
          field('on', 'Check', { default: '1' }),
        ],
      },
      {
        name: 'Strict Line',
        istable: 1,
        fields: [
          field('word', 'Data', { reqd: 1 }),
          field('more', 'Data', { mandatory_depends_on: 'eval:parent.kind=="B"' }),
          field('choice', 'Select', { options: 'X\nY' }),
        ],
      },
      { name: 'Label', autoname: 'prompt', fields: [field('color')] },
      { name: 'Labelled', istable: 1, fields: [field('label', 'Link', { options: 'Label' })] },
      { name: 'Tagged', autoname: 'prompt', fields: [field('labels', 'Table MultiSelect', { options: 'Labelled' })] },
      {
        name: 'House Rules',
        issingle: 1,
        fields: [
          field('motto', 'Data', { default: 'none' }),
          field('limit', 'Currency'),
          field('since', 'Datetime'),
          field('strict', 'Check'),
          field('key', 'Password'),
          field('lines', 'Table', { options: 'Strict Line' }),
          field('firm', 'Link', { options: 'Firm' }),
        ],
      },
    ),
  )

  test('values are fetched over links, again at every save', async () => {
    const w = world()
    await w.add('Firm Boss', { name: 'P1', mail: 'p1@example.com' })
    await w.add('Firm', { name: 'F1', city: 'Ulm', rate: '12.345', boss: 'P1', count: 7 })
    await w.add('Deal', { name: 'D1', firm: 'F1', city: 'overwritten', lines: [{ firm: 'F1' }, {}] })
    let deal = await w.read('Deal', 'D1')
    assert.deepEqual([deal.city, String(deal.rate), deal.boss, deal.boss_mail, deal.size], ['Ulm', '12.345', 'P1', 'p1@example.com', 7])
    assert.deepEqual(
      (deal.lines as { city: string | null }[]).map(({ city }) => city),
      ['Ulm', null],
    )
    await w.change('Firm', 'F1', { city: 'Bonn', rate: '99' })
    deal = await w.change('Deal', 'D1', { open: 'x' })
    assert.deepEqual([deal.city, String(deal.rate)], ['Bonn', '12.345'], 'a filled fetch_if_empty field stays')
    assert.equal((deal.lines as { city: string }[])[0]?.city, 'Bonn')
    deal = await w.change('Deal', 'D1', { rate: 0 })
    assert.equal(String(deal.rate), '99')
    await w.change('Deal', 'D1', { docstatus: 1 })
    await w.change('Firm', 'F1', { city: 'Kiel' })
    deal = await w.change('Deal', 'D1', { open: 'y' })
    assert.deepEqual([deal.city, deal.late], ['Bonn', 'Kiel'], 'after submission only what is left open is fetched')
  })

  test('mandatory fields, also by condition and in rows, are named with their places', async () => {
    const w = world()
    const one = await refuses(
      w.add('Strict', { needed: ' ', kind: 'B', lines: [{ word: 'ok', more: 'x' }, { choice: 'X' }] }),
      MandatoryMissing,
      'needed',
    )
    assert.deepEqual(one.data.fields, ['needed', 'why', 'lines[1].word', 'lines[1].more'])
    await w.add('Strict', { needed: 'x', kind: 'A', lines: [{ word: 'ok' }] })
  })

  test('options, lengths, signs and formats are kept, with the place of the fault', async () => {
    const w = world()
    const bad: [string, unknown][] = [
      ['kind', 'C'],
      ['short', 'sixsix'],
      ['positive', -1],
      ['price', '-0.01'],
      ['mail', 'no mail'],
      ['positive', 'many'],
      ['positive', 1.5],
      ['day', '2026-02-30'],
      ['moment', 'yesterday'],
      ['on', 'perhaps'],
      ['price', 'NaN'],
      ['price', '1e400'],
      ['positive', 99999999999],
      ['needed', 'a\u0000b'],
      ['needed', { deep: 1 }],
      ['needed', ['x']],
    ]
    const before = await w.snapshot()
    for (const [fieldname, value] of bad)
      await assert.rejects(w.add('Strict', { needed: 'x', [fieldname]: value }), (error: { field?: string; status?: number }) => {
        assert.equal(error.field, fieldname, `${fieldname} ${JSON.stringify(value)}: ${String(error)}`)
        assert.equal(error.status, 417)
        return true
      })
    await assert.rejects(w.add('Strict', { needed: 'x', lines: [{ word: 'a' }, { word: 'b', choice: 'Z' }] }), { field: 'lines[1].choice' })
    assert.deepEqual(await w.snapshot(), before)
  })

  test('defaults fill what was left open, and not what was given empty', async () => {
    const w = world()
    const made = await w.add('Strict', { needed: 'x', who: null })
    assert.deepEqual([made.kind, made.on, made.who, made.day], ['A', 1, null, new Date().toISOString().slice(0, 10)])
    assert.match(String(made.moment), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/)
    const unsaved = await w.asSystem((ctx) => newDocument(ctx, 'Strict', { kind: 'B' }))
    assert.deepEqual([unsaved.kind, unsaved.who, unsaved.name, unsaved.lines], ['B', 'Administrator', undefined, []])
  })

  test('a unique field takes a value once, and nothing often', async () => {
    const w = world()
    await w.add('Strict', { needed: 'x', own: 'mine' })
    await w.add('Strict', { needed: 'x', own: '' })
    await w.add('Strict', { needed: 'x', own: null })
    await assert.rejects(w.add('Strict', { needed: 'x', own: 'mine' }), {
      code: 'document/value-taken',
      field: 'own',
      excType: 'UniqueValidationError',
    })
  })

  test('money stays exact to the last of nine places', async () => {
    const w = world()
    for (const amount of ['0.1', '0.000000001', '999999999999.999999999', '-123456789012.123456789', '0']) {
      const { name } = await w.add('Rite', { amount })
      const stored = (await w.read('Rite', name)).amount
      assert.ok(stored instanceof Decimal)
      assert.equal(stored.toString(), amount)
    }
    await assert.rejects(w.add('Rite', { amount: '1000000000000' }), { field: 'amount' })
  })

  test('rows keep their order, their names and their places', async () => {
    const w = world()
    const { name } = await w.add('Rite', { rows: ['a', 'b', 'c'].map((word) => ({ word })) })
    const words = async () => (await w.read('Rite', name)).rows as { word: string; idx: number; name: string }[]
    const [a, , c] = await words()
    await w.change('Rite', name, { rows: [{ name: c?.name }, { word: 'new' }, { name: a?.name, qty: 5 }] })
    const now = await words()
    assert.deepEqual(
      now.map((one) => [one.word, one.idx]),
      [
        ['c', 1],
        ['new', 2],
        ['a', 3],
      ],
    )
    assert.deepEqual([now[0]?.name, now[2]?.name], [c?.name, a?.name])
    await w.change('Rite', name, { title: 'only the title' })
    assert.equal((await words()).length, 3)
    const twice = await w.change('Rite', name, {
      rows: [
        { name: a?.name, word: 'x' },
        { name: a?.name, word: 'y' },
      ],
    })
    assert.equal(new Set((twice.rows as { name: string }[]).map((one) => one.name)).size, 2)
    await w.change('Rite', name, { rows: null })
    assert.equal((await w.rows('tabRite Row', 'parent', name)).length, 0)
  })

  test('a row of another document is not taken over by naming it', async () => {
    const w = world()
    const mine = await w.add('Rite', { rows: [{ word: 'mine' }] })
    const [row] = mine.rows as { name: string }[]
    const { name } = await w.add('Rite', { rows: [{ name: row?.name, word: 'stolen' }] })
    assert.notEqual(((await w.read('Rite', name)).rows as { name: string }[])[0]?.name, row?.name)
    assert.equal(((await w.read('Rite', mine.name)).rows as { word: string }[])[0]?.word, 'mine')
  })

  test('a thousand rows are stored, changed and dropped', async () => {
    const w = world()
    const { name } = await w.add('Rite', { rows: Array.from({ length: 1000 }, (_, index) => ({ word: `w${index}`, qty: index })) })
    const stored = (await w.read('Rite', name)).rows as { name: string; word: string; qty: number; idx: number; modified: string }[]
    assert.deepEqual([stored.length, stored[999]?.word, stored[999]?.idx], [1000, 'w999', 1000])
    const kept = stored.map(({ name: row }, index) => ({ name: row, ...(index === 500 ? { qty: -1 } : {}) }))
    await w.change('Rite', name, { rows: kept })
    const after = (await w.read('Rite', name)).rows as typeof stored
    assert.deepEqual(
      after.filter((row, index) => row.modified !== stored[index]?.modified).map((row) => row.word),
      ['w500'],
      'only the changed row was written',
    )
    await w.change('Rite', name, { rows: kept.slice(0, 10) })
    assert.equal((await w.rows('tabRite Row', 'parent', name)).length, 10)
  })

  test('a table that may be set once keeps its rows', async () => {
    const w = world()
    const { name } = await w.add('Strict', { needed: 'x' })
    const filled = await w.change('Strict', name, { once: [{ word: 'a' }] })
    await w.change('Strict', name, { once: filled.once, needed: 'y' })
    await refuses(w.change('Strict', name, { once: [] }), ConstantChanged, 'once')
    await refuses(
      w.change('Strict', name, { once: [{ name: (filled.once as { name: string }[])[0]?.name, word: 'b' }] }),
      ConstantChanged,
      'once',
    )
  })

  test('a multi-select holds rows of one link each', async () => {
    const w = world()
    await w.add('Label', { name: 'red' })
    await w.add('Label', { name: 'blue' })
    await w.add('Tagged', { name: 'T1', labels: [{ label: 'red' }, { label: 'blue' }] })
    const shown = await w.asSystem(async (ctx) => toWire(ctx, await getDocument(ctx, 'Tagged', 'T1'), wire))
    assert.deepEqual(
      (shown.labels as { label: string; idx: number }[]).map(({ label, idx }) => [label, idx]),
      [
        ['red', 1],
        ['blue', 2],
      ],
    )
    await assert.rejects(w.add('Tagged', { name: 'T2', labels: [{ label: 'green' }] }), {
      field: 'labels[0].label',
      excType: 'LinkValidationError',
    })
    await assert.rejects(
      w.asSystem((ctx) => remove(ctx, 'Label', 'red')),
      { code: 'document/still-linked' },
    )
  })

  test('a single holds its values, its rows and its secret', async () => {
    const w = world()
    const read = () => w.asSystem((ctx) => getSingle(ctx, 'House Rules'))
    assert.deepEqual([(await read()).motto, String((await read()).limit)], ['none', '0'])
    await w.change('House Rules', 'House Rules', {
      motto: 'be kind',
      limit: '0.3',
      strict: 1,
      since: '2026-01-02 03:04:05',
      key: 'hush',
      lines: [{ word: 'one' }],
    })
    const now = await read()
    assert.deepEqual(
      [now.motto, String(now.limit), now.strict, now.since, now.key, (now.lines as { word: string }[])[0]?.word],
      ['be kind', '0.3', 1, '2026-01-02 03:04:05.000000', '*****', 'one'],
    )
    await w.add('House Rules', { motto: 'inserted over' })
    assert.deepEqual([(await read()).motto, (await read()).strict], ['inserted over', 1])
    assert.equal(await w.asSystem((ctx) => getSecret(ctx, 'House Rules', 'House Rules', 'key')), 'hush')
    await refuses(
      w.asSystem((ctx) => remove(ctx, 'House Rules', 'House Rules')),
      NotForDocuments,
    )
    await assert.rejects(
      w.asSystem((ctx) => rename(ctx, 'House Rules', 'House Rules', 'Other')),
      { code: 'document/not-renamable' },
    )
    await refuses(
      w.asSystem((ctx) => getDocument(ctx, 'House Rules', 'Other')),
      DocumentNotFound,
    )
    await assert.rejects(w.change('House Rules', 'House Rules', { limit: 'x' }), { field: 'limit' })
  })

  test('many writers of one single at once mix no two states', async () => {
    const w = world()
    await Promise.all(Array.from({ length: 8 }, (_, index) => w.change('House Rules', 'House Rules', { motto: `m${index}`, limit: index })))
    const now = await w.asSystem((ctx) => getSingle(ctx, 'House Rules'))
    assert.equal(`m${String(now.limit)}`, now.motto)
  })

  test('a virtual DocType is stored where its controller says', async () => {
    const w = world()
    await w.add('Ghost', { title: 'Boo', weight: '3' })
    await w.change('Ghost', 'Boo', { weight: 4 })
    assert.deepEqual([(await w.read('Ghost', 'Boo')).weight, (await w.read('Ghost', 'Boo')).doctype], [4, 'Ghost'])
    await assert.rejects(w.add('Ghost', { weight: 1 }), { field: 'title' })
    await assert.rejects(w.add('Ghost', { title: 'x', weight: 'heavy' }), { field: 'weight' })
    await w.asSystem((ctx) => remove(ctx, 'Ghost', 'Boo'))
    await refuses(w.read('Ghost', 'Boo'), DocumentNotFound)
    await w.define({ name: 'Nowhere', is_virtual: 1, fields: [field('title')] })
    await refuses(w.add('Nowhere', { title: 'x' }), NotForDocuments)
  })

  test('virtual fields are computed for the reader and never stored', async () => {
    const w = world()
    const { name } = await w.add('Rite', { title: 'hey', shout: 'given', echo: 'given' })
    const shown = await w.asSystem(async (ctx) => toWire(ctx, await getDocument(ctx, 'Rite', name), wire))
    assert.deepEqual([shown.shout, shown.echo], ['hey!', 'hey hey'])
    assert.equal('shout' in ((await w.rows('tabRite', 'name', name))[0] as object), false)
  })

  test('a secret is never in a table, and lives and moves with its document and row', async () => {
    const w = world()
    const secret = (doctype: string, name: string, fieldname: string) => w.asSystem((ctx) => getSecret(ctx, doctype, name, fieldname))
    const { name, rows } = await w.add('Rite', { secret: 'open sesame 4711', rows: [{ word: 'a', pin: 'pin 0815' }] })
    const [row] = rows as { name: string }[]
    assert.deepEqual(
      [await secret('Rite', name, 'secret'), await secret('Rite Row', row?.name ?? '', 'pin')],
      ['open sesame 4711', 'pin 0815'],
    )
    const everything = [...(await w.snapshot()).values()].join('\n')
    assert.ok(!everything.includes('open sesame') && !everything.includes('pin 0815'))
    const same = await w.change('Rite', name, { secret: '*****', rows: [{ name: row?.name, pin: '*****', qty: 1 }] })
    assert.equal(same.secret, '*****')
    assert.equal(await secret('Rite', name, 'secret'), 'open sesame 4711')
    await w.asSystem((ctx) => rename(ctx, 'Rite', name, 'Secret Rite'))
    assert.deepEqual([await secret('Rite', 'Secret Rite', 'secret'), await secret('Rite', name, 'secret')], ['open sesame 4711', undefined])
    await w.change('Rite', 'Secret Rite', { secret: '', rows: [] })
    assert.deepEqual(
      [await secret('Rite', 'Secret Rite', 'secret'), await secret('Rite Row', row?.name ?? '', 'pin')],
      [undefined, undefined],
    )
    const copy = await w.add('Rite', { secret: '*****' })
    assert.equal(copy.secret, null, 'asterisks alone hide nothing')
    const last = await w.add('Rite', { secret: 'x', rows: [{ word: 'a', pin: 'y' }] })
    await w.asSystem((ctx) => remove(ctx, 'Rite', last.name))
    assert.equal(
      (await w.rows('__Auth', 'name', last.name)).length +
        (await w.rows('__Auth', 'name', (last.rows as { name: string }[])[0]?.name)).length,
      0,
    )
  })

  test('levels that a user may not write keep their value, without a word', async () => {
    const w = world()
    await w.define({
      name: 'Levelled',
      autoname: 'prompt',
      fields: [field('low'), field('high', 'Data', { permlevel: 1, default: 'default' })],
      permissions: [
        row('Clerk', 'read write create'),
        row('System Manager', 'read write create'),
        row('System Manager', 'read write', { permlevel: 1 }),
      ],
    })
    const clerk = await w.user('levels@example.com', ['Clerk'])
    await w.as(clerk, (ctx) => insert(ctx, 'Levelled', { name: 'L1', low: 'a', high: 'mine' }))
    assert.equal((await w.read('Levelled', 'L1')).high, 'default')
    await w.change('Levelled', 'L1', { high: 'set by the system' })
    await w.as(clerk, async (ctx) => save(ctx, await openForWrite(ctx, 'Levelled', 'L1'), { low: 'b', high: 'mine' }))
    const stored = await w.read('Levelled', 'L1')
    assert.deepEqual([stored.low, stored.high], ['b', 'set by the system'])
    const shown = await w.as(clerk, async (ctx) => toWire(ctx, await getDocument(ctx, 'Levelled', 'L1'), wire))
    assert.equal('high' in shown, false)
  })

  test('what is not there is told as such', async () => {
    const w = world()
    assert.equal(await w.asSystem(async (ctx) => find(ctx, await ctx.site.meta.get('Firm'), 'nobody')), undefined)
    await refuses(w.change('Firm', 'nobody', { city: 'x' }), DocumentNotFound)
    await assert.rejects(w.add('No Such Thing', {}), { code: 'meta/doctype-not-found', status: 404 })
  })
}
