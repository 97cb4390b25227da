import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { inspect } from 'node:util'
import { AppError } from '#client/rules/errors.ts'
import { maximumRows } from '#kernel/documents/cast.ts'
import { RowsExpected, TooManyRows, UnknownField } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { rename } from '#kernel/documents/rename.ts'
import { insert } from '#kernel/documents/save.ts'
import { type DocumentsWorld, field, refuses } from '#testing/documents-world.ts'

/** One field of every type that takes values. */
const everything = [
  field('data'),
  field('long', 'Data', { length: 1000 }),
  field('int', 'Int'),
  field('big', 'Long Int'),
  field('float', 'Float'),
  field('money', 'Currency'),
  field('percent', 'Percent'),
  field('check', 'Check'),
  field('date', 'Date'),
  field('datetime', 'Datetime'),
  field('time', 'Time'),
  field('duration', 'Duration'),
  field('rating', 'Rating'),
  field('json', 'JSON'),
  field('choice', 'Select', { options: '\nA\nB' }),
  field('text', 'Text'),
  field('code', 'Code'),
  field('color', 'Color'),
  field('phone', 'Phone'),
  field('link', 'Link', { options: 'User' }),
  field('geo', 'Geolocation'),
  field('secret', 'Password'),
  field('rows', 'Table', { options: 'Every Row' }),
]

/** What hostile or careless callers send in place of a value. */
const oddities: readonly unknown[] = [
  '',
  ' ',
  'x',
  '1; drop table x',
  "' or 1=1 --",
  '\u0000',
  '\ud800',
  'é'.normalize('NFD'),
  '😀',
  'x'.repeat(5000),
  -1,
  1.5,
  1e21,
  2 ** 53 + 2,
  Number.NaN,
  Infinity,
  true,
  false,
  [],
  {},
  [[]],
  [1],
  { toString: 'x' },
  { $gt: 1 },
  '9'.repeat(400),
  '2026-13-01',
  '25:00:00',
  '0x10',
  '１２',
  new Date(Number.NaN),
  10n ** 30n,
]

export function refusalTests(world: () => DocumentsWorld): void {
  before(() =>
    world().define(
      { name: 'Every Row', istable: 1, fields: [field('qty', 'Int'), field('price', 'Currency'), field('when', 'Datetime')] },
      { name: 'Everything', autoname: 'prompt', fields: everything },
    ),
  )

  test('an unknown field is refused with its place, prototype keys included', async () => {
    const w = world()
    await refuses(w.add('Everything', { name: 'x', nonsense: 1 }), UnknownField, 'nonsense')
    await refuses(w.add('Everything', { name: 'x', rows: [{ qty: 1 }, { nonsense: 1 }] }), UnknownField, 'rows[1].nonsense')
    for (const key of [
      'constructor',
      'prototype',
      'toString',
      'hasOwnProperty',
      'data; drop table x',
      'data"',
      '`data`',
      'DATA',
      '',
      'x'.repeat(500),
    ])
      await refuses(w.add('Everything', { name: 'x', [key]: 'v' }), UnknownField, key)
    await refuses(
      w.add('Everything', JSON.parse('{"name":"x","__proto__":{"data":"polluted"}}') as Record<string, unknown>),
      UnknownField,
      '__proto__',
    )
    await refuses(
      w.add('Everything', { name: 'x', rows: [JSON.parse('{"__proto__":{"qty":1}}') as object] }),
      UnknownField,
      'rows[0].__proto__',
    )
    assert.equal(({} as { data?: string }).data, undefined)
  })

  test('what clients send along is passed over', async () => {
    const sent = {
      name: 'Sent',
      doctype: 'Other',
      __islocal: 1,
      __unsaved: 1,
      flags: {},
      ignore_permissions: 1,
      _user_tags: 'x',
      owner: 'x',
      docstatus: 0,
      parent: 'x',
      idx: 4,
    }
    const made = await world().add('Everything', sent)
    assert.deepEqual([made.doctype, made.owner, made._user_tags ?? null, made.idx], ['Everything', 'Administrator', null, 0])
  })

  test('rows must be a list of objects, and not too many', async () => {
    const w = world()
    for (const rows of ['text', 5, { 0: {} }, true]) await refuses(w.add('Everything', { name: 'x', rows }), RowsExpected, 'rows')
    for (const [at, one] of ['text', 5, null, []].entries())
      await refuses(w.add('Everything', { name: 'x', rows: [...Array.from({ length: at }, () => ({})), one] }), RowsExpected, `rows[${at}]`)
    await refuses(w.add('Everything', { name: 'x', rows: Array.from({ length: maximumRows + 1 }, () => ({})) }), TooManyRows, 'rows')
  })

  test('every type takes or refuses every oddity with its place; nothing is written, and all engines agree', async () => {
    const w = world()
    const before = await w.snapshot()
    const taken: [string, unknown][] = []
    for (const { fieldname, fieldtype } of everything) {
      if (fieldtype === 'Table') continue
      for (const value of oddities) {
        const name = `odd ${fieldname}`
        const answer = await w
          .asSystem(async (ctx) => {
            await insert(ctx, 'Everything', { name, [fieldname]: value })
            throw new Taken()
          })
          .catch((error: unknown) => error)
        if (answer instanceof Taken) taken.push([fieldname, value])
        else {
          assert.ok(answer instanceof AppError, `${fieldname} ${inspect(value)}: ${String((answer as Error).stack)}`)
          assert.ok(
            answer.status >= 400 && answer.status < 500,
            `${fieldname} ${inspect(value)}: ${answer.status} ${answer.message} ${String(answer.cause)}`,
          )
          assert.equal(answer.field, fieldname, inspect(value))
        }
      }
    }
    assert.deepEqual(await w.snapshot(), before)
    answers.set(w.engine, JSON.stringify(taken.map(([fieldname, value]) => [fieldname, typeof value === 'bigint' ? String(value) : value])))
    for (const other of answers.values()) assert.equal(answers.get(w.engine), other, 'the same answers on every engine')
  })

  test('a row’s value is refused with the path of the row', async () => {
    const w = world()
    await assert.rejects(w.add('Everything', { name: 'x', rows: [{}, {}, {}, { qty: 'many' }] }), { field: 'rows[3].qty', status: 417 })
    await assert.rejects(w.add('Everything', { name: 'x', rows: [{ price: {} }] }), { field: 'rows[0].price' })
    await assert.rejects(w.add('Everything', { name: 'x', rows: [{ when: 'soon' }] }), { field: 'rows[0].when' })
  })

  test('hostile names of DocTypes and documents find nothing and harm nothing', async () => {
    const w = world()
    const before = await w.snapshot()
    const hostile = [
      "User'; drop table `tabUser`; --",
      'User"',
      '../../etc/passwd',
      '__proto__',
      'constructor',
      'tabUser',
      '',
      ' ',
      'user',
      'x'.repeat(10_000),
      'a\u0000b',
      '\ud800',
      '%',
      '*',
    ]
    for (const one of hostile) {
      for (const work of [
        () => w.add(one, {}),
        () => w.read(one, 'x'),
        () => w.asSystem((ctx) => remove(ctx, one, 'x')),
        () => w.asSystem((ctx) => rename(ctx, one, 'x', 'y')),
        () => w.asSystem((ctx) => getDocument(ctx, 'User', one)),
        () => w.asSystem((ctx) => remove(ctx, 'User', one)),
        () => w.asSystem((ctx) => rename(ctx, 'User', one, 'y')),
      ])
        await assert.rejects(work(), (error: unknown) => {
          assert.ok(
            error instanceof AppError && error.status === 404,
            `${JSON.stringify(one).slice(0, 40)}: ${String(error)} ${String((error as Error).cause)}`,
          )
          return true
        })
    }
    assert.deepEqual(await w.snapshot(), before)
  })
}

class Taken extends Error {}

/** Which oddities each engine took, to compare them. */
const answers = new Map<string, string>()
