import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import { testDatabases } from '#testing/services.ts'
import { testSite } from '#testing/site.ts'
import { publish } from './publish.ts'
import { startListening, stopListening, takeRelayed } from './relay.ts'

for (const { name: database } of testDatabases())
  suite(`live events between processes on ${database}`, async () => {
    const { site, asSystem } = await testSite({ database })
    const { compile } = site.database.dialect
    const say = (n: number) => asSystem((ctx) => publish(ctx, 'said', { n }, { room: 'website' }))
    const taken = async (id: string) =>
      (await takeRelayed(site, id)).map(({ word: event }) =>
        'frames' in event ? (event.frames[0]?.message as { n: number } | undefined)?.n : undefined,
      )

    test('each listener gets what was committed since it began, in order and once', async () => {
      await say(0)
      assert.deepEqual(await startListening(site, 'one'), [])
      await say(1)
      assert.deepEqual(await startListening(site, 'two'), ['one'])
      await say(2)
      await assert.rejects(
        asSystem(async (ctx) => {
          await publish(ctx, 'said', { n: 99 }, { room: 'website' })
          throw new Error('undone')
        }),
      )
      await say(3)
      assert.deepEqual(await taken('one'), [1, 2, 3])
      assert.deepEqual(await taken('two'), [2, 3])
      assert.deepEqual(await taken('one'), [])
    })

    test('many wait as patiently as few', async () => {
      await asSystem(async (ctx) => {
        for (let n = 0; n < 600; n++) await publish(ctx, 'said', { n }, { room: 'website' })
      })
      assert.deepEqual(
        await taken('one'),
        Array.from({ length: 600 }, (_, n) => n),
      )
    })

    test('a listener that left, or went without a word, is written to no more, and its rows go', async () => {
      await startListening(site, 'two')
      await say(4)
      await site.database.transaction((tx) => tx.execute(compile(sql`update ${sql.id('__Listener')} set expires = 1 where id = ${'two'}`)))
      await stopListening(site, 'one')
      await startListening(site, 'three')
      await say(5)
      const rows = await site.database.query<{ listener: string }>(compile(sql`select listener from ${sql.id('__Event')}`))
      assert.deepEqual(
        rows.map((row) => row.listener),
        ['three'],
      )
    })
  })
