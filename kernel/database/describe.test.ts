import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { testDatabases } from '#testing/services.ts'
import { throwawayDatabase } from '#testing/throwaway-database.ts'
import type { Database } from './database.ts'

for (const engine of testDatabases()) {
  describe(`describing tables on ${engine.name}`, () => {
    let database: Database
    let drop: () => Promise<void>
    before(async () => {
      ;({ database, drop } = await throwawayDatabase(engine))
      const { quote, columnType } = database.dialect
      const text = columnType({ kind: 'text', length: 20 })
      await database.alter([
        ...['One Thing', 'Apfel', 'Äpfel'].flatMap((name, place) => [
          `create table ${quote(`tab${name}`)} (${quote('name')} ${text} not null, ${quote('a')} ${text}, primary key (${quote('name')}))`,
          `create index ${quote(`ix_${place}`)} on ${quote(`tab${name}`)} (${quote('a')})`,
        ]),
        `create view ${quote('tabSeen')} as select ${quote('name')} from ${quote('tabApfel')}`,
      ])
    })
    after(() => drop())

    test('all of them, without views', async () => {
      const names = (await database.describe()).map(({ name }) => name)
      assert.deepEqual(names.sort(), ['tabApfel', 'tabOne Thing', 'tabÄpfel'])
    })

    test('only those that are named, in whatever case, and no others that look alike', async () => {
      const all = await database.describe()
      for (const [asked, found] of [
        [['TABONE thing'], ['tabOne Thing']],
        [['tabäpfel', 'tabMissing'], ['tabÄpfel']],
        [['tabSeen', '%', "tab'"], []],
        [[], []],
      ] as const) {
        const wanted = all.filter(({ name }) => (found as readonly string[]).includes(name))
        assert.equal(wanted.length, found.length)
        assert.deepEqual(await database.describe(asked), wanted)
      }
    })
  })
}
