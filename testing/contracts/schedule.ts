import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { sql } from '#kernel/database/sql.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { readJobs } from '#kernel/jobs/manage.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { ScheduleNotFound } from '#kernel/schedule/errors.ts'
import { Scheduler } from '#kernel/schedule/scheduler.ts'
import { stopSchedule, triggerSchedule } from '#kernel/schedule/schedules.ts'
import { writeConfig } from '#kernel/sites/config-file.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { readConfig } from '#kernel/sites/open-site.ts'
import { type TestSite, testSite } from '#testing/site.ts'

const hour = 3_600_000
const tidyUp = 'core.tidy-up daily'

/** The exam of schedules on one engine; its clock is turned by hand. */
export function scheduleContract(database: 'sqlite' | 'postgres' | 'mariadb'): void {
  suite(`schedule contract: ${database}`, () => {
    let world: TestSite
    let now = Date.parse('2026-06-15T10:00:00Z')
    const clock = { now: () => now }
    before(async () => {
      world = await testSite({ database, clock, closedByCaller: true })
      await world.user('boss@example.com', ['System Manager'])
    })
    after(() => world?.close())

    const scheduler = () => new Scheduler({ sites: async () => [world.site] })
    const ticks = async () => {
      const rows = await readJobs(world.site, { scheduled: true, limit: 1000 })
      return rows.filter((row) => row.schedule === tidyUp).length
    }
    const leaderLost = () => (now += 60_000)

    test('a schedule begins with its next tick, not with the moment at which it appeared', async () => {
      const first = scheduler()
      assert.deepEqual(await first.tick(world.site), [])
      now += hour
      assert.ok(!(await first.tick(world.site)).includes(tidyUp))
      now = Date.parse('2026-06-16T00:00:00Z')
      assert.ok((await first.tick(world.site)).includes(tidyUp))
      assert.deepEqual(await first.tick(world.site), [])
      assert.equal(await ticks(), 1)
    })

    test('two schedulers that look at once make one job of a tick', async () => {
      for (let day = 0; day < 5; day++) {
        now += 24 * hour
        const before = await ticks()
        const both = await Promise.all([scheduler(), scheduler(), scheduler()].map((one) => one.tick(world.site)))
        assert.equal(both.filter((ticked) => ticked.includes(tidyUp)).length, 1)
        assert.equal((await ticks()) - before, 1)
      }
    })

    test('a leader that was thought dead finds that another leads, and does nothing', async () => {
      leaderLost()
      const [old, next] = [scheduler(), scheduler()]
      now += 24 * hour
      assert.ok((await old.tick(world.site)).includes(tidyUp))
      now += 24 * hour
      assert.ok((await next.tick(world.site)).includes(tidyUp))
      const [lease] = await world.site.database.query<{ holder: string }>(
        world.site.database.dialect.compile(sql`select holder from ${sql.id('__Lease')} where name = ${'scheduler'}`),
      )
      assert.equal(lease?.holder, next.holder)
      await world.asSystem((ctx) =>
        ctx.db.execute(ctx.db.dialect.compile(sql`update ${sql.id('__Schedule')} set last_tick = last_tick - 86400000`)),
      )
      assert.deepEqual(await old.tick(world.site), [])
      // The tick itself was made already: even a leader makes no second job of it.
      const made = await ticks()
      await next.tick(world.site)
      assert.equal(await ticks(), made)
    })

    test('after a week without any scheduler each schedule is made up for once', async () => {
      leaderLost()
      now += 7 * 24 * hour
      const before = await ticks()
      assert.ok((await scheduler().tick(world.site)).includes(tidyUp))
      assert.equal((await ticks()) - before, 1)
    })

    test('a paused site ticks no more, and makes up for one tick when it goes on', async () => {
      const pause = async (isPaused: boolean) => {
        await writeConfig(world.site.folder, { ...readConfig(world.site.folder), pause_scheduler: isPaused })
        await world.asSystem((ctx) => bumpEpoch(ctx, 'config'))
      }
      leaderLost()
      await pause(true)
      now += 48 * hour
      assert.deepEqual(await scheduler().tick(world.site), [])
      await pause(false)
      const before = await ticks()
      await scheduler().tick(world.site)
      assert.equal((await ticks()) - before, 1)
    })

    test('one schedule can be stopped by a person who manages the system; when it goes on it waits for its next tick', async () => {
      const asBoss = <T>(work: Parameters<typeof world.as<T>>[1]) => world.as('boss@example.com', work)
      await asBoss(async (ctx) => save(ctx, await openForWrite(ctx, 'Scheduled Job Type', tidyUp), { stopped: 1 }))
      leaderLost()
      now += 48 * hour
      assert.ok(!(await scheduler().tick(world.site)).includes(tidyUp))
      assert.equal((await asBoss((ctx) => getDocument(ctx, 'Scheduled Job Type', tidyUp))).next_execution, null)
      await asBoss((ctx) => stopSchedule(ctx, tidyUp, false))
      leaderLost()
      assert.ok(!(await scheduler().tick(world.site)).includes(tidyUp))
      const user = await world.user('nobody@example.com', ['Desk User'])
      await assert.rejects(
        world.as(user, (ctx) => openForWrite(ctx, 'Scheduled Job Type', tidyUp)),
        PermissionDenied.is,
      )
    })

    test('a schedule can be run by hand, and runs as the platform', async () => {
      const id = await world.asSystem((ctx) => triggerSchedule(ctx, 'core.tidy-up'))
      const other = await world.as('boss@example.com', (ctx) =>
        callDocumentMethod(ctx, 'Scheduled Job Type', tidyUp, 'execute_event', {}, 'POST'),
      )
      assert.notEqual(other.result, id)
      await assert.rejects(
        world.asSystem((ctx) => triggerSchedule(ctx, 'core.no-such')),
        ScheduleNotFound.is,
      )
      await new Worker({ sites: async () => [world.site] }).drain()
      const rows = await readJobs(world.site, { limit: 10_000 })
      assert.equal(rows.find((row) => row.id === id)?.state, 'finished')
      assert.ok(rows.filter((row) => row.schedule === tidyUp).every((row) => row.state === 'finished'))
    })

    test('managers see jobs, schedules and what they did; others see nothing of them', async () => {
      const wire = { version: 1, zone: 'UTC' } as const
      const asBoss = (doctype: string, filters: unknown, fields: string[]) =>
        world.as('boss@example.com', async (ctx) => (await list(ctx, doctype, { filters, fields, limit: 5, wire })).rows)
      const jobs = await asBoss('Background Job', { job: 'core.tidy-up' }, ['name', 'job', 'status', 'schedule'])
      assert.equal(jobs.length, 5)
      assert.ok(jobs.every((row) => row.status === 'Finished' && row.schedule === tidyUp))
      assert.deepEqual(await asBoss('Background Job', { status: 'Failed', job: 'core.tidy-up' }, ['name']), [])
      const logs = await asBoss('Scheduled Job Log', { scheduled_job_type: tidyUp }, ['status'])
      assert.deepEqual(logs[0], { status: 'Complete' })
      const types = await asBoss('Scheduled Job Type', { name: tidyUp }, ['name', 'frequency', 'cron_format'])
      assert.deepEqual(types, [{ name: tidyUp, frequency: 'daily', cron_format: '0 0 * * *' }])
      for (const doctype of ['Background Job', 'Scheduled Job Log', 'Scheduled Job Type'])
        await assert.rejects(
          world.as('nobody@example.com', (ctx) => list(ctx, doctype, { wire })),
          PermissionDenied.is,
        )
    })
  })
}
