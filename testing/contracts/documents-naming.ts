import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { NameInvalid, NameTaken } from '#kernel/documents/errors.ts'
import { amend } from '#kernel/documents/new-document.ts'
import { cancel, insert, openForWrite, save } from '#kernel/documents/save.ts'
import { remove } from '#kernel/documents/remove.ts'
import { type DocumentsWorld, field, refuses } from '#testing/documents-world.ts'

const title = field('title')

export function namingTests(world: () => DocumentsWorld): void {
  before(() =>
    world().define(
      { name: 'By Field', autoname: 'field:title', fields: [title, field('note')] },
      {
        name: 'By Series',
        autoname: 'naming_series:',
        fields: [title, field('naming_series', 'Select', { options: 'SER-.YYYY.-\nALT-.##' })],
      },
      { name: 'By Prompt', autoname: 'prompt', fields: [title] },
      { name: 'By Format', autoname: 'format:{title}/{YY}-{####}', fields: [title] },
      { name: 'By Dots', autoname: 'DOT-.{title}.-.MM.-.###', fields: [title] },
      { name: 'By Hash', autoname: 'hash', fields: [title] },
      { name: 'By Count', autoname: 'autoincrement', fields: [title, field('rows', 'Table', { options: 'Rite Row' })] },
      { name: 'By Uuid', autoname: 'UUID', fields: [title] },
      { name: 'By Nothing', fields: [title, field('amount', 'Currency'), field('kind', 'Select', { options: '\nA\nB' })] },
      { name: 'Point Counted', autoname: 'prompt', fields: [field('to', 'Link', { options: 'By Count' })] },
    ),
  )

  const name = async (doctype: string, values: Record<string, unknown> = {}): Promise<string> => (await world().add(doctype, values)).name

  test('a field names the document, and goes on saying the same', async () => {
    const w = world()
    assert.equal(await name('By Field', { title: '  Anna  ', name: 'ignored' }), 'Anna')
    await w.change('By Field', 'Anna', { title: 'Berta', note: 'n' })
    assert.equal((await w.read('By Field', 'Anna')).title?.toString().trim(), 'Anna')
    await refuses(w.add('By Field', { title: '' }), NameInvalid, 'title')
    await refuses(w.add('By Field', { title: 'Anna' }), NameTaken)
  })

  test('a series counts by its prefix; five digits where it says nothing', async () => {
    const year = new Date().getUTCFullYear()
    assert.deepEqual(
      [
        await name('By Series', {}),
        await name('By Series', { naming_series: 'ALT-.##' }),
        await name('By Series', {}),
        await name('By Series', { naming_series: 'ALT-.##' }),
      ],
      [`SER-${year}-00001`, 'ALT-01', `SER-${year}-00002`, 'ALT-02'],
    )
  })

  test('a prompt takes what the caller says, and needs it', async () => {
    assert.equal(await name('By Prompt', { name: 'Mine' }), 'Mine')
    assert.equal(await name('By Prompt', { __newname: 'Also mine' }), 'Also mine')
    await refuses(world().add('By Prompt', { title: 'x' }), NameInvalid, 'name')
  })

  test('formats and dotted patterns take fields, dates and counters', async () => {
    const now = new Date().toISOString()
    assert.equal(await name('By Format', { title: 'X' }), `X/${now.slice(2, 4)}-0001`)
    assert.equal(await name('By Format', { title: 'Y' }), `Y/${now.slice(2, 4)}-0001`)
    assert.equal(await name('By Format', { title: 'X' }), `X/${now.slice(2, 4)}-0002`)
    assert.equal(await name('By Dots', { title: 'q' }), `DOT-q-${now.slice(5, 7)}-001`)
  })

  test('hash, nothing, counted and UUID names', async () => {
    const w = world()
    assert.match(await name('By Hash', { name: 'ignored' }), /^[a-z2-7]{10}$/)
    assert.match(await name('By Nothing'), /^[a-z2-7]{10}$/)
    const [one, two] = [await w.add('By Count', { rows: [{ word: 'a' }] }), await w.add('By Count', { title: 'second' })]
    assert.equal(Number(two.name), Number(one.name) + 1)
    assert.deepEqual(
      ((await w.read('By Count', String(one.name))).rows as { word: string }[]).map(({ word }) => word),
      ['a'],
    )
    assert.match(await name('By Uuid'), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.equal(await name('By Uuid', { name: '019A0000-0000-7000-8000-00000000ABCD' }), '019a0000-0000-7000-8000-00000000abcd')
    await refuses(w.add('By Uuid', { name: 'not a uuid' }), NameInvalid, 'name')
    await refuses(w.add('By Uuid', { name: '019a0000-0000-7000-8000-00000000abcd' }), NameTaken)
  })

  test('a link to a counted document takes its number, and no word', async () => {
    const w = world()
    const target = await w.add('By Count', {})
    const { to } = await w.add('Point Counted', { name: 'p1', to: target.name })
    assert.equal(String(to), String(target.name))
    await assert.rejects(w.add('Point Counted', { name: 'p2', to: 'word' }), { excType: 'LinkValidationError' })
    await assert.rejects(w.add('Point Counted', { name: 'p2', to: '999999' }), { excType: 'LinkValidationError' })
    await assert.rejects(
      w.asSystem((ctx) => remove(ctx, 'By Count', target.name)),
      { code: 'document/still-linked' },
    )
  })

  test('the controller names, unless it has nothing to say', async () => {
    assert.equal(await name('Self Named', { title: 'made' }), 'self made')
    assert.match(await name('Self Named'), /^[a-z2-7]{10}$/)
  })

  test('naming rules come first, the highest priority whose conditions hold', async () => {
    const w = world()
    const rule = (values: Record<string, unknown>) =>
      w.add('Document Naming Rule', { document_type: 'By Nothing', prefix_digits: 3, ...values })
    await rule({ prefix: 'LOW-', priority: 1 })
    const high = await rule({
      prefix: 'HIGH-.YYYY.-',
      priority: 5,
      conditions: [
        { field: 'kind', condition: '=', value: 'A' },
        { field: 'amount', condition: '>', value: '100' },
      ],
    })
    await rule({ prefix: 'OFF-', priority: 9, disabled: 1 })
    const year = new Date().getUTCFullYear()
    assert.equal(await name('By Nothing', { kind: 'A', amount: '100.01' }), `HIGH-${year}-001`)
    assert.equal(await name('By Nothing', { kind: 'A', amount: '99' }), 'LOW-001')
    assert.equal(await name('By Nothing', { kind: 'B', amount: '1000' }), 'LOW-002')
    await w.change('Document Naming Rule', high.name, { disabled: 1 })
    assert.equal(await name('By Nothing', { kind: 'A', amount: '1000' }), 'LOW-003')
    for (const { name: gone } of await w.rows('tabDocument Naming Rule'))
      await w.asSystem((ctx) => remove(ctx, 'Document Naming Rule', String(gone)))
    assert.match(await name('By Nothing'), /^[a-z2-7]{10}$/)
  })

  test('a rule that was rolled back names nothing', async () => {
    const w = world()
    await assert.rejects(
      w.asSystem(async (ctx) => {
        await insert(ctx, 'Document Naming Rule', { document_type: 'By Nothing', prefix: 'NEVER-', prefix_digits: 3 })
        await insert(ctx, 'By Nothing', {})
        throw new Error('back')
      }),
      /back/,
    )
    assert.match(await name('By Nothing'), /^[a-z2-7]{10}$/)
  })

  test('amendments are numbered -1, -2 after the first original', async () => {
    const w = world()
    const again = (from: string) =>
      w.asSystem(async (ctx) => {
        const copy = await amend(ctx, await openForWrite(ctx, 'Rite', from))
        return insert(ctx, 'Rite', { ...copy, docstatus: 1 })
      })
    const stop = (what: string) => w.asSystem(async (ctx) => cancel(ctx, await openForWrite(ctx, 'Rite', what)))
    const first = await w.add('Rite', { title: 'kept', secret: 'hidden', docstatus: 1, rows: [{ word: 'too' }] })
    await assert.rejects(w.add('Rite', { amended_from: first.name }), { code: 'document/transition-refused' })
    await stop(first.name)
    const second = await again(first.name)
    assert.deepEqual(
      [second.name, second.title, second.amended_from, (second.rows as { word: string }[])[0]?.word],
      [`${first.name}-1`, 'kept', first.name, 'too'],
    )
    assert.equal(second.secret, null, 'a secret is not copied, and so are its asterisks')
    await stop(second.name)
    assert.equal((await again(second.name)).name, `${first.name}-2`)
  })

  test('names that cannot be names are refused', async () => {
    const bad = ['<b>', 'a\u0000b', 'a\nb', 'x'.repeat(141), 'By Prompt', 'New By Prompt 1', '   ', '\ud800']
    for (const one of bad) await refuses(world().add('By Prompt', { name: one }), NameInvalid, 'name')
    await refuses(world().add('By Format', { title: 'y'.repeat(140) }), NameInvalid, 'name')
    for (const odd of [
      "Robert'); drop table x;--",
      'sl/ash',
      '100% _ like',
      'ünï – 名前 😀',
      '"quoted"',
      '`tick`',
      '__proto__',
      'constructor',
    ]) {
      assert.equal(await name('By Prompt', { name: odd }), odd)
      assert.equal((await world().read('By Prompt', odd)).name, odd)
    }
  })

  test('names differ by case and accent', async () => {
    for (const one of ['case', 'Case', 'CASE', 'cäse', 'case x']) await name('By Prompt', { name: one })
    for (const one of ['case', 'Case', 'CASE', 'cäse']) assert.equal((await world().read('By Prompt', one)).name, one)
    await refuses(world().add('By Prompt', { name: 'Case' }), NameTaken)
  })

  test('fifty inserts at once number one series without gap or repetition', async () => {
    const names = await Promise.all(Array.from({ length: 50 }, () => name('By Series', { naming_series: 'MANY-.###' })))
    assert.deepEqual(
      names.sort(),
      Array.from({ length: 50 }, (_, index) => `MANY-${String(index + 1).padStart(3, '0')}`),
    )
  })

  test('an insert that fails leaves no gap in its series', async () => {
    const w = world()
    const first = await name('By Series', { naming_series: 'GAP-.###' })
    await assert.rejects(
      w.asSystem(async (ctx) => {
        await insert(ctx, 'By Series', { naming_series: 'GAP-.###' })
        throw new Error('back')
      }),
      /back/,
    )
    assert.deepEqual([first, await name('By Series', { naming_series: 'GAP-.###' })], ['GAP-001', 'GAP-002'])
    await w.asSystem((ctx) => remove(ctx, 'By Series', 'GAP-002'))
    await w.asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'By Series', 'GAP-001'), { title: 'x' }))
    assert.equal(await name('By Series', { naming_series: 'GAP-.###' }), 'GAP-002')
    await w.asSystem((ctx) => remove(ctx, 'By Series', 'GAP-001'))
    assert.equal(await name('By Series', { naming_series: 'GAP-.###' }), 'GAP-003')
  })

  test('one series waits for nobody in another', async (t) => {
    const w = world()
    if (w.engine === 'sqlite') return t.skip('SQLite has one writer')
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    const holder = w.asSystem(async (ctx) => {
      await insert(ctx, 'By Series', { naming_series: 'HELD-.###' })
      await held
    })
    try {
      assert.equal(await name('By Series', { naming_series: 'FREE-.###' }), 'FREE-001')
    } finally {
      release()
      await holder
    }
  })
}
