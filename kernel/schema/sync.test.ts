import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Database, Dialect, Row, SqlValue } from '#kernel/database/database.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import { buildMeta } from '#kernel/meta/build-meta.ts'
import type { FieldDefinition } from '#kernel/meta/definition.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { readDefinition } from '#kernel/meta/read-definition.ts'
import { testDatabases } from '#testing/services.ts'
import { throwawayDatabase } from '#testing/throwaway-database.ts'
import { applySync, syncSchema } from './apply.ts'
import { type Refusal, SyncRefused } from './errors.ts'
import { planSync } from './plan.ts'

const wire = { version: 1, zone: 'UTC' } as const

function meta(name: string, fields: Partial<FieldDefinition>[], more: Record<string, unknown> = {}): Meta {
  return buildMeta(readDefinition({ doctype: 'DocType', name, module: 'Test', fields, ...more }, name))
}

async function put(database: Database, of: Meta, values: Record<string, unknown>): Promise<void> {
  const given = of.columns.filter((field) => field.fieldname in values)
  const stored = given.map((field) =>
    field.type.toColumn(field.type.cast(values[field.fieldname], field, wire, field.fieldname), database.dialect),
  )
  const statement = sql`insert into ${ident(of.table)} (${join(given.map((field) => ident(field.fieldname)))}) values (${join(stored.map((value) => sql`${value}`))})`
  await database.transaction((tx) => tx.execute(database.dialect.compile(statement)))
}

async function read(database: Database, of: Meta, name: SqlValue): Promise<Record<string, unknown>> {
  const [row] = await database.query<Row>(database.dialect.compile(sql`select * from ${ident(of.table)} where name = ${name}`))
  assert.ok(row, `row ${name} is there`)
  return Object.fromEntries(
    of.columns.map((field) => [field.fieldname, plain(field.type.fromColumn(row[field.fieldname] ?? null, database.dialect))]),
  )
}

const plain = (value: unknown) => (typeof value === 'object' && value !== null ? String(value) : value)

async function refusalsOf(work: Promise<unknown>): Promise<readonly Refusal[]> {
  const error = await work.then(
    () => undefined,
    (reason) => reason,
  )
  assert.ok(SyncRefused.is(error), `refused, not ${error}`)
  return (error as unknown as { data: { refusals: Refusal[] } }).data.refusals
}

const everyType = [
  'Data',
  'Link',
  'Dynamic Link',
  'Select',
  'Autocomplete',
  'Read Only',
  'Color',
  'Icon',
  'Phone',
  'Small Text',
  'Text',
  'Attach',
  'Attach Image',
  'Password',
  'Long Text',
  'Code',
  'Text Editor',
  'Markdown Editor',
  'HTML Editor',
  'Signature',
  'Barcode',
  'Geolocation',
  'Int',
  'Long Int',
  'Check',
  'Float',
  'Currency',
  'Percent',
  'Rating',
  'Duration',
  'Date',
  'Datetime',
  'Time',
  'JSON',
  'Section Break',
  'Table',
]

for (const engine of testDatabases()) {
  describe(`schema sync on ${engine.name}`, () => {
    let database: Database
    let dialect: Dialect
    let drop: () => Promise<void>
    before(async () => {
      ;({ database, drop } = await throwawayDatabase(engine))
      dialect = database.dialect
      await syncSchema(database, [])
    })
    after(() => drop())

    async function sync(...metas: Meta[]): Promise<void> {
      await applySync(database, await planSync(database, metas))
      assert.deepEqual((await planSync(database, metas)).steps, [], 'a second plan is empty')
    }

    test('every field type gets a column, and a second plan is empty', async () => {
      const all = meta(
        'All Types',
        everyType.map((fieldtype, n) => ({ fieldname: `f${n}`, fieldtype, options: fieldtype === 'Table' ? 'Row' : '' })),
      )
      const plan = await planSync(database, [all])
      assert.match(plan.steps[0]?.text ?? '', /create/)
      await sync(all)
      await put(database, all, { name: 'A', f0: 'text', f26: '1.25' })
      const row = await read(database, all, 'A')
      assert.equal(row.f0, 'text')
      assert.equal(row.f26, '1.25')
      assert.equal(row.f22, 0)
      assert.equal(row.f30, null)
    })

    test('child, tree, submittable and counted DocTypes settle in one go', async () => {
      const counted = meta('Counted', [{ fieldname: 'a', fieldtype: 'Data' }], { autoname: 'autoincrement' })
      await sync(
        meta('Child Row', [{ fieldname: 'a', fieldtype: 'Data' }], { istable: 1 }),
        meta('Branch', [{ fieldname: 'a', fieldtype: 'Data' }], { is_tree: 1 }),
        meta('Paper', [{ fieldname: 'amended_from', fieldtype: 'Link', options: 'Paper' }], { is_submittable: 1, track_seen: 1 }),
        counted,
        meta('Settings', [{ fieldname: 'a', fieldtype: 'Data' }], { issingle: 1 }),
      )
      const insert = sql`insert into ${ident('tabCounted')} (a) values (${'x'}) returning name`
      const numbers = await database.transaction(async (tx) => [
        await tx.query<{ name: number }>(dialect.compile(insert)),
        await tx.query<{ name: number }>(dialect.compile(insert)),
      ])
      assert.deepEqual(
        numbers.map(([row]) => Number(row?.name)),
        [1, 2],
      )
      const tables = (await database.describe()).map((table) => table.name)
      assert.ok(!tables.includes('tabSettings'))
    })

    test('new fields give old rows their default', async () => {
      await sync(meta('Grown', [{ fieldname: 'a', fieldtype: 'Data' }]))
      await put(database, meta('Grown', [{ fieldname: 'a', fieldtype: 'Data' }]), { name: 'old', a: 'kept' })
      const grown = meta('Grown', [
        { fieldname: 'a', fieldtype: 'Data' },
        { fieldname: 'b', fieldtype: 'Check', default: '1' },
        { fieldname: 'c', fieldtype: 'Select', options: 'Red\nBlue', default: 'Blue' },
        { fieldname: 'd', fieldtype: 'Currency', default: '2.50' },
        { fieldname: 'e', fieldtype: 'Date', default: 'Today' },
        { fieldname: 'f', fieldtype: 'Int', default: 'nonsense' },
      ])
      await sync(grown)
      const { a, b, c, d, e, f } = await read(database, grown, 'old')
      assert.deepEqual({ a, b, c, d, e, f }, { a: 'kept', b: 1, c: 'Blue', d: '2.5', e: null, f: 0 })
    })

    test('widening keeps values; narrowing is refused while a value would be lost, and done when none would', async () => {
      const size = (length: number) => meta('Sized', [{ fieldname: 'a', fieldtype: 'Data', length }])
      await sync(size(100))
      await put(database, size(100), { name: '1', a: '😀'.repeat(100) })
      await sync(size(300))
      assert.equal((await read(database, size(300), '1')).a, '😀'.repeat(100))
      const refusals = await refusalsOf(planSync(database, [size(99)]))
      assert.deepEqual(
        refusals.map(({ table, column }) => [table, column]),
        [['tabSized', 'a']],
      )
      await sync(size(100))
      await syncSchema(database, [size(99)], { allowDataLoss: true })
      assert.equal((await read(database, size(99), '1')).a, '😀'.repeat(99))
    })

    test('a field may change its type when every value fits', async () => {
      const typed = (fieldtype: string) => meta('Retyped', [{ fieldname: 'a', fieldtype, search_index: 1 }])
      await sync(typed('Data'))
      await put(database, typed('Data'), { name: '1', a: '12.5' })
      await put(database, typed('Data'), { name: '2', a: '-3' })
      await put(database, typed('Data'), { name: '3' })
      await sync(typed('Currency'))
      assert.deepEqual(await Promise.all(['1', '2', '3'].map(async (name) => (await read(database, typed('Currency'), name)).a)), [
        '12.5',
        '-3',
        '0',
      ])
      assert.equal((await refusalsOf(planSync(database, [typed('Int')])))[0]?.column, 'a')
      await sync(typed('Float'))
      assert.equal((await read(database, typed('Float'), '1')).a, 12.5)
      await sync(typed('Small Text'))
      assert.equal((await read(database, typed('Small Text'), '1')).a, '12.5')
      await refusalsOf(planSync(database, [typed('Date')]))
      await syncSchema(database, [typed('Int')], { allowDataLoss: true })
      assert.deepEqual((await planSync(database, [typed('Int')])).steps, [])
      assert.deepEqual(await Promise.all(['1', '2'].map(async (name) => (await read(database, typed('Int'), name)).a)), [0, -3])
    })

    test('days become time stamps and back, unless an hour would be lost', async () => {
      const typed = (fieldtype: string) => meta('Moment', [{ fieldname: 'a', fieldtype }])
      await sync(typed('Date'))
      await put(database, typed('Date'), { name: '1', a: '2026-02-28' })
      await sync(typed('Datetime'))
      assert.equal((await read(database, typed('Datetime'), '1')).a, '2026-02-28 00:00:00.000000')
      await sync(typed('Date'))
      await sync(typed('Datetime'))
      await put(database, typed('Datetime'), { name: '2', a: '2026-02-28 10:00:00' })
      assert.match((await refusalsOf(planSync(database, [typed('Date')])))[0]?.reason ?? '', /1 values/)
    })

    test('a renamed field takes its values along', async () => {
      const before = meta('Renamed', [
        { fieldname: 'a', fieldtype: 'Data', search_index: 1 },
        { fieldname: 'B', fieldtype: 'Date' },
      ])
      const after = meta('Renamed', [
        { fieldname: 'z', fieldtype: 'Data', search_index: 1 },
        { fieldname: 'b', fieldtype: 'Datetime' },
      ])
      await sync(before)
      await put(database, before, { name: '1', a: 'value', B: '2026-01-02' })
      const renames = [{ doctype: 'Renamed', from: 'a', to: 'z' }]
      await applySync(database, await planSync(database, [after], { renames }))
      assert.deepEqual((await planSync(database, [after])).steps, [])
      const row = await read(database, after, '1')
      assert.deepEqual([row.z, row.b], ['value', '2026-01-02 00:00:00.000000'])
      const remembered = meta('Renamed', [{ fieldname: 'y', fieldtype: 'Data', oldfieldname: 'z' }])
      await sync(remembered)
      assert.equal((await read(database, remembered, '1')).y, 'value')
    })

    test('columns without a field stay until data may be lost', async () => {
      const two = meta('Dropped', [
        { fieldname: 'a', fieldtype: 'Data' },
        { fieldname: 'b', fieldtype: 'Datetime', search_index: 1 },
      ])
      const one = meta('Dropped', [{ fieldname: 'a', fieldtype: 'Data' }])
      await sync(two)
      await put(database, two, { name: '1', a: 'x', b: '2026-01-01' })
      await sync(one)
      await sync(two)
      assert.equal((await read(database, two, '1')).b, '2026-01-01 00:00:00.000000')
      const plan = await syncSchema(database, [one], { allowDataLoss: true })
      assert.ok(plan.steps.some((step) => step.kind === 'drop-column'))
      await sync(two)
      assert.equal((await read(database, two, '1')).b, null)
    })

    test('indexes and uniqueness follow the definition, and twins are refused', async () => {
      const unique = (flag: 0 | 1) =>
        meta(
          'Keyed',
          [
            { fieldname: 'a', fieldtype: 'Data', unique: flag },
            { fieldname: 'b', fieldtype: 'Text', search_index: 1 },
          ],
          {
            indexes: [['a', 'modified'], { fields: ['a', 'owner'], unique: flag }, ['nobody']],
          },
        )
      await sync(unique(0))
      await put(database, unique(0), { name: '1', a: 'same', owner: 'x' })
      await put(database, unique(0), { name: '2', a: 'same', owner: 'x' })
      await put(database, unique(0), { name: '3' })
      await put(database, unique(0), { name: '4' })
      assert.equal((await refusalsOf(planSync(database, [unique(1)]))).length, 2)
      await database.transaction((tx) =>
        tx.execute(dialect.compile(sql`update ${ident('tabKeyed')} set a = ${'other'} where name = ${'2'}`)),
      )
      await sync(unique(1))
      await assert.rejects(put(database, unique(1), { name: '5', a: 'same' }), /already exists/)
      await put(database, unique(1), { name: '6' })
      await sync(unique(0))
      await put(database, unique(0), { name: '7', a: 'same' })
    })

    test('names of an empty table may become counted; of a filled one not', async () => {
      const named = meta('Recounted', [{ fieldname: 'a', fieldtype: 'Data' }])
      const counted = meta('Recounted', [{ fieldname: 'a', fieldtype: 'Data' }], { autoname: 'autoincrement' })
      await sync(named)
      await sync(counted)
      await sync(named)
      await put(database, named, { name: '1' })
      assert.equal((await refusalsOf(planSync(database, [counted])))[0]?.column, 'name')
    })

    test('a DocType of 400 texts works, also when it grows', async () => {
      const wide = (count: number) =>
        meta(
          'Wide',
          Array.from(
            { length: count },
            (_, n) => ({ fieldname: `f${n}`, fieldtype: n % 3 ? 'Data' : 'Link', unique: n === count - 1 ? 1 : 0 }) as never,
          ),
        )
      await sync(wide(220))
      const values = Object.fromEntries(Array.from({ length: 220 }, (_, n) => [`f${n}`, 'x'.repeat(140)]))
      await put(database, wide(220), { name: '1', ...values })
      await put(database, wide(220), { name: '2', f1: 'y' })
      await sync(wide(400))
      assert.equal((await read(database, wide(400), '2')).f1, 'y')
    })

    test('names that differ only by case, or after 63 bytes, are told apart or refused alike', async () => {
      assert.equal((await refusalsOf(planSync(database, [meta('Twin', []), meta('TWIN', [])]))).length, 1)
      const long = meta('A'.repeat(61), [{ fieldname: 'a', fieldtype: 'Data' }])
      await sync(long)
      await put(database, long, { name: '1', a: 'x' })
      await sync(long)
    })

    test('a table made anew under an old name is not taken for the old one', async () => {
      const typed = (fieldtype: string) => meta('Reborn', [{ fieldname: 'a', fieldtype }])
      await sync(typed('Currency'))
      await database.alter([`drop table ${dialect.quote('tabReborn')}`])
      await sync(typed('Data'))
      await put(database, typed('Data'), { name: '1', a: 'text' })
      assert.equal((await read(database, typed('Data'), '1')).a, 'text')
    })

    test('two processes that sync at once do the work once', async () => {
      const racing = meta('Raced', [{ fieldname: 'a', fieldtype: 'Data' }])
      const plan = await planSync(database, [racing])
      const done = await Promise.all([applySync(database, plan), applySync(database, plan)])
      assert.deepEqual(done.map(({ isEmpty }) => isEmpty).sort(), [false, true])
    })

    test('a conversion that was killed half way is done again', async () => {
      const typed = (fieldtype: string) => meta('Killed', [{ fieldname: 'a', fieldtype }])
      await sync(typed('Data'))
      await put(database, typed('Data'), { name: '1', a: '7' })
      const step = (await planSync(database, [typed('Int')])).steps[0]
      assert.ok(step?.conversion)
      await database.alter(step.statements)
      await sync(typed('Int'))
      assert.equal((await read(database, typed('Int'), '1')).a, 7)
    })
  })
}
