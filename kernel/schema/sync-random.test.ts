import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { Database, Row, SqlValue } from '#kernel/database/database.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import { buildMeta } from '#kernel/meta/build-meta.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { readDefinition } from '#kernel/meta/read-definition.ts'
import { testDatabases } from '#testing/services.ts'
import { throwawayDatabase } from '#testing/throwaway-database.ts'
import { syncSchema } from './apply.ts'
import { SyncRefused } from './errors.ts'
import { planSync } from './plan.ts'

const wire = { version: 1, zone: 'UTC' } as const
const texts = ['a', 'Ünï', '12', '-3.5', '2026-02-28', '2026-02-28 10:20:30', '1', '0', '9:05', 'x'.repeat(120), '{"a":1}', '99999999999']
const types = [
  'Data',
  'Small Text',
  'Select',
  'Int',
  'Long Int',
  'Check',
  'Float',
  'Currency',
  'Duration',
  'Date',
  'Datetime',
  'Time',
  'JSON',
  'Section Break',
]

const field = fc.record({
  fieldtype: fc.constantFrom(...types),
  length: fc.constantFrom(0, 70, 100, 300, 1200),
  not_nullable: fc.constantFrom(0, 1),
  search_index: fc.constantFrom(0, 1),
  unique: fc.constantFrom(0, 0, 0, 1),
  default: fc.constantFrom('', '1', 'Today', 'x'),
})
const names = ['f0', 'f1', 'f2', 'f3']
const fields = fc.tuple(...names.map(() => fc.option(field, { freq: 5 })))
const definition = fc.record({
  fields: fields.map((list) => list.flatMap((one, place) => (one ? [{ ...one, fieldname: names[place] as string }] : []))),
  indexes: fc.array(fc.uniqueArray(fc.constantFrom(...names, 'owner', 'modified'), { minLength: 1, maxLength: 3 }), { maxLength: 2 }),
  track_seen: fc.constantFrom(0, 1),
})
const rows = fc.array(fc.dictionary(fc.constantFrom(...names), fc.constantFrom(...texts)), { minLength: 1, maxLength: 3 })

for (const engine of testDatabases()) {
  describe(`from any definition to any other on ${engine.name}`, () => {
    let database: Database
    let drop: () => Promise<void>
    before(async () => {
      ;({ database, drop } = await throwawayDatabase(engine))
    })
    after(() => drop())

    async function fill(meta: Meta, values: Record<string, string>, name: string): Promise<void> {
      const columns: [string, SqlValue][] = [['name', name]]
      for (const column of meta.columns) {
        if (!(column.fieldname in values)) continue
        try {
          const value = column.type.cast(values[column.fieldname], column, wire, '')
          column.type.check(value, column, '')
          columns.push([column.fieldname, column.type.toColumn(value, database.dialect)])
        } catch {
          // not a value of this type: the row goes without
        }
      }
      const statement = sql`insert into ${ident(meta.table)} (${join(columns.map(([column]) => ident(column)))}) values (${join(columns.map(([, value]) => sql`${value}`))})`
      await database
        .transaction((tx) => tx.execute(database.dialect.compile(statement)))
        .catch((error) => assert.equal(error.code, 'database/unique-violated'))
    }

    /** Values as text, nothing and zero alike; a day counts as its midnight. */
    async function contents(meta: Meta): Promise<Map<string, string>> {
      const found = await database.query<Row>(database.dialect.compile(sql`select * from ${ident(meta.table)} order by name`))
      const result = new Map<string, string>()
      for (const row of found)
        for (const fieldname of names) {
          const column = meta.column.get(fieldname)
          const value = column?.type.fromColumn(row[fieldname] ?? null, database.dialect)
          const text = value === null || value === undefined ? '' : String(value)
          if (column)
            result.set(
              `${row.name}.${fieldname}`,
              /^-?\d+(\.\d+)?$/.test(text) ? String(Number(text)) : text.replace(' 00:00:00.000000', ''),
            )
        }
      return result
    }

    test('data is kept or the change refused whole, and a second plan is empty', async () => {
      let count = 0
      await fc.assert(
        fc.asyncProperty(definition, definition, rows, async (first, second, given) => {
          const name = `Random ${count++}`
          const [a, b] = [first, second].map((one) =>
            buildMeta(readDefinition({ doctype: 'DocType', name, module: '', ...one }, name)),
          ) as [Meta, Meta]
          await syncSchema(database, [a])
          assert.deepEqual((await planSync(database, [a])).steps, [])
          for (const [place, values] of given.entries()) await fill(a, values, `row${place}`)
          const before = await contents(a)
          const error = await syncSchema(database, [b]).then(
            () => undefined,
            (reason) => reason,
          )
          if (error) {
            assert.ok(SyncRefused.is(error), String(error))
            assert.deepEqual((await planSync(database, [a])).steps, [], 'a refusal changes nothing')
            assert.deepEqual(await contents(a), before)
          } else {
            assert.deepEqual((await planSync(database, [b])).steps, [])
            const later = await contents(b)
            for (const [key, value] of before) {
              const kept = later.get(key)
              if (kept !== undefined && value !== '' && value !== '0') assert.equal(same(kept), same(value), key)
            }
          }
        }),
        { numRuns: engine.name === 'sqlite' ? 60 : 15, seed: 20261120 },
      )
    })
  })
}

/** Times are written with and without their seconds and fractions. */
function same(text: string): string {
  const time = /^\d{1,2}:\d\d$/.test(text) ? `${text.padStart(5, '0')}:00` : text
  return time.replace(/\.000000$/, '')
}
