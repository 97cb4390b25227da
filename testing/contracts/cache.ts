import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { pino } from 'pino'
import type { CacheStore } from '#kernel/cache/store.ts'
import { defineCache } from '#kernel/cache/cache.ts'
import { useStore } from '#kernel/cache/stores.ts'
import { getSingle } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import { testSite } from '../site.ts'

export interface CacheContract {
  /** One store for each of two processes. */
  readonly stores: () => readonly [CacheStore, CacheStore]
  /** Whether what one process worked out serves the other. */
  readonly isShared: boolean
  readonly database?: 'sqlite' | 'postgres' | 'mariadb'
}

/** What every store must let the caches above it promise. */
export function cacheContract(name: string, { stores, isShared, database = 'sqlite' }: CacheContract): void {
  suite(`cache contract: ${name} on ${database}`, async () => {
    const { site, make, asSystem, as, user } = await testSite({ database })
    const other = await openRuntime({ sitesFolder: dirname(site.folder), log: pino({ level: 'silent' }) })
    const twin = await other.site(site.host)
    const [first, second] = stores()
    useStore(site, first)
    useStore(twin, second)
    await user('ada@example.com', ['Desk User'])
    await user('bob@example.com', ['Desk User'])
    let loads = 0
    let hold: Promise<void> | undefined

    const notes = defineCache<string, { title: string }>({
      name: `test/notes-${name}-${database}`,
      scope: 'site',
      level: 'shared',
      ttlMs: 60_000,
      negativeTtlMs: 60_000,
      load: async (ctx, key) => {
        loads++
        const { rows } = await (await import('#kernel/query/list.ts')).list(ctx, 'Note', {
          fields: ['title'],
          filters: { title: ['like', `${key}%`] },
          wire: { version: 1, zone: 'UTC' },
        })
        await hold
        return rows[0] as { title: string } | undefined
      },
    })
    const mine = defineCache<string, { user: string; isElevated: boolean }>({
      name: `test/mine-${name}-${database}`,
      scope: 'user',
      level: 'shared',
      ttlMs: 60_000,
      load: async (ctx) => ({ user: ctx.user.name, isElevated: ctx.elevation !== undefined || ctx.user.unrestricted }),
    })
    const read = (where: typeof site, key: string) => where.asSystem('test', async (ctx) => (await notes.get(ctx, key))?.title)

    test('a value is worked out once, and served to everybody it is for', async () => {
      await make('Note', { title: 'a1', public: 1 })
      loads = 0
      assert.equal(await read(site, 'a'), 'a1')
      assert.equal(await read(site, 'a'), 'a1')
      assert.equal(loads, 1)
      assert.equal(await read(twin, 'a'), 'a1')
      assert.equal(loads, isShared ? 1 : 2)
    })

    test('that there is nothing is remembered, too', async () => {
      loads = 0
      assert.equal(await read(site, 'nothing'), undefined)
      assert.equal(await read(site, 'nothing'), undefined)
      assert.equal(loads, 1)
    })

    test('a change is seen by the next unit of work in each process, and by the one that makes it', async () => {
      await read(site, 'b')
      await read(twin, 'b')
      await asSystem(async (ctx) => {
        await insert(ctx, 'Note', { title: 'b1', public: 1 })
        await notes.invalidate(ctx, 'b')
        assert.equal((await notes.get(ctx, 'b'))?.title, 'b1')
      })
      assert.equal(await read(twin, 'b'), 'b1')
      assert.equal(await read(site, 'b'), 'b1')
    })

    test('a change that is undone leaves nothing behind', async () => {
      await assert.rejects(
        asSystem(async (ctx) => {
          await insert(ctx, 'Note', { title: 'c1', public: 1 })
          await notes.invalidate(ctx, 'c')
          assert.equal((await notes.get(ctx, 'c'))?.title, 'c1')
          throw new Error('undo')
        }),
        /undo/,
      )
      assert.equal(await read(site, 'c'), undefined)
      assert.equal(await read(twin, 'c'), undefined)
    })

    test('a load that a change overtakes does not outlive it', async () => {
      const gate = Promise.withResolvers<void>()
      hold = gate.promise
      loads = 0
      const slow = read(site, 'd')
      while (loads === 0) await pause(2)
      hold = undefined
      await twin.asSystem('test', async (ctx) => {
        await insert(ctx, 'Note', { title: 'd1', public: 1 })
        await notes.invalidate(ctx, 'd')
      })
      const fresh = read(site, 'd')
      gate.resolve()
      assert.equal(await slow, undefined)
      assert.equal(await fresh, 'd1')
      assert.equal(await read(site, 'd'), 'd1')
      assert.equal(await read(twin, 'd'), 'd1')
    })

    test('many who ask at once cause one load', async () => {
      loads = 0
      hold = pause(60)
      const asked = await Promise.all([...Array(20).keys()].map((n) => read(isShared && n % 2 ? twin : site, 'e')))
      hold = undefined
      assert.deepEqual(new Set(asked), new Set([undefined]))
      assert.equal(loads, 1)
    })

    test('nobody is served what was worked out for another, or for the same name with more rights', async () => {
      const ask = (who: string) => as(who, async (ctx) => mine.get(ctx, 'k'))
      const elevated = await as('ada@example.com', async (ctx) => mine.get(ctx.asSystem('look'), 'k'))
      assert.deepEqual(elevated, { user: 'ada@example.com', isElevated: true })
      assert.deepEqual(await ask('ada@example.com'), { user: 'ada@example.com', isElevated: false })
      assert.deepEqual(await ask('bob@example.com'), { user: 'bob@example.com', isElevated: false })
      assert.deepEqual(await as('ada@example.com', async (ctx) => mine.get(ctx.asSystem('look'), 'k')), elevated)
    })

    test('a right that is taken away takes the values with it', async () => {
      const ask = () => as('ada@example.com', async (ctx) => mine.get(ctx, 'rights'))
      await ask()
      const before = mine.figuresOf(site).loads
      await asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'User', 'ada@example.com'), { roles: [] }))
      await ask()
      assert.equal(mine.figuresOf(site).loads, before + 1)
    })

    test('values cannot be changed by those who get them', async () => {
      await asSystem(async (ctx) => {
        const value = (await notes.get(ctx, 'a')) as { title: string }
        assert.throws(() => {
          value.title = 'spoilt'
        }, TypeError)
        assert.ok(await getSingle(ctx, 'System Settings'))
      })
    })

    test('the store tells its own figures', async () => {
      const figures = await first.figures()
      if (isShared) assert.ok((figures.entries ?? 0) > 0)
      else assert.deepEqual(figures, {})
      await other.close()
    })
  })
}
