import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Patch } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Site } from '#kernel/sites/site.ts'
import type { Database } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { RequestDatabase } from '#kernel/context/request-database.ts'
import { throwawayDatabase } from '#testing/throwaway-database.ts'
import { syncSchema } from './apply.ts'
import { pendingPatches, runPatches } from './patches.ts'

let database: Database
let drop: () => Promise<void>
before(async () => {
  ;({ database, drop } = await throwawayDatabase({ name: 'sqlite' }))
  await syncSchema(database, [])
})
after(() => drop())

type PatchedSite = Pick<Site, 'apps' | 'database' | 'asSystem'>

/** A site with one app; units of work commit or roll back as the real ones do. */
function siteWith(app: string, patches: Patch[]): PatchedSite {
  return {
    database,
    apps: { all: [{ name: app, patches }] },
    async asSystem(_why: string, work: (ctx: Context) => Promise<unknown>) {
      const db = new RequestDatabase(database)
      try {
        const result = await work({ db, clock: { now: () => 0 } } as Context)
        await db.commit()
        return result
      } catch (error) {
        await db.rollback()
        throw error
      }
    },
  } as unknown as PatchedSite
}

function counting(id: string, when: Patch['when'] = 'after-sync', fails = () => false): Patch {
  return {
    id,
    when,
    async run(ctx) {
      await ctx.db.execute(
        ctx.db.dialect.compile(
          sql`insert into ${ident('tabSeries')} (name, current) values (${id}, 1) on conflict do update set current = current + 1`,
        ),
      )
      if (fails()) throw new Error('no luck')
    },
  }
}

async function runs(id: string): Promise<number> {
  const [row] = await database.query<{ current: number }>(
    database.dialect.compile(sql`select current from ${ident('tabSeries')} where name = ${id}`),
  )
  return row?.current ?? 0
}

test('an app that is new to the site brings nothing old, and later patches run once, at their time and in order', async () => {
  assert.deepEqual(await runPatches(siteWith('one', [counting('one-old')]), 'before-sync'), [])
  const grown = siteWith('one', [counting('one-old'), counting('one-b'), counting('one-a'), counting('one-early', 'before-sync')])
  assert.deepEqual(await pendingPatches(grown), ['one: one-b', 'one: one-a', 'one: one-early'])
  assert.deepEqual(await runPatches(grown, 'before-sync'), ['one: one-early'])
  assert.deepEqual(await runPatches(grown, 'after-sync'), ['one: one-b', 'one: one-a'])
  assert.deepEqual(await runPatches(grown, 'after-sync'), [])
  assert.deepEqual(await Promise.all(['one-old', 'one-b', 'one-a', 'one-early'].map(runs)), [0, 1, 1, 1])
})

test('a patch that fails leaves nothing behind, keeps those before it, and is tried again', async () => {
  await runPatches(siteWith('two', []), 'before-sync')
  let isBroken = true
  const site = siteWith('two', [counting('two-a'), counting('two-b', 'after-sync', () => isBroken), counting('two-c')])
  await assert.rejects(runPatches(site, 'after-sync'), { code: 'schema/patch-failed' })
  assert.deepEqual(await Promise.all(['two-a', 'two-b', 'two-c'].map(runs)), [1, 0, 0])
  isBroken = false
  assert.deepEqual(await runPatches(site, 'after-sync'), ['two: two-b', 'two: two-c'])
  assert.deepEqual(await Promise.all(['two-a', 'two-b', 'two-c'].map(runs)), [1, 1, 1])
})
