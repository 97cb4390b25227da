import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from '#kernel/database/sql.ts'
import { setValue } from '#kernel/documents/values.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { BadJob, JobFenced, JobNotFound, JobStateWrong, JobUnknown } from '#kernel/jobs/errors.ts'
import type { EnqueueOptions, JobRow } from '#kernel/jobs/job.ts'
import { cancelJob, purgeJobs, readJobs, retryJob } from '#kernel/jobs/manage.ts'
import type { JobQueue } from '#kernel/jobs/job-queue.ts'
import { openQueue } from '#kernel/jobs/open-queue.ts'
import { runJob } from '#kernel/jobs/run-job.ts'
import { Worker, type WorkerOptions } from '#kernel/jobs/worker.ts'
import { testApps } from '#testing/documents-world.ts'
import { type TestSite, testSite } from '#testing/site.ts'

const script = join(import.meta.dirname, '../kill/run-jobs.ts')
const apps = join(import.meta.dirname, '../../apps')

/** The exam of a site's job queue: nothing lost, nothing twice, whatever the engine. @param redis  a Redis that hands out the jobs; default: the database does */
export function jobsContract(database: 'sqlite' | 'postgres' | 'mariadb', redis?: string): void {
  suite(`jobs contract: ${database}${redis ? ', handed out by Redis' : ''}`, () => {
    let world: TestSite
    let queue: JobQueue
    let texts = 0
    before(async () => {
      const config = redis ? { queue: 'redis', redis_url: redis } : {}
      world = await testSite({ database, apps: ['busy'], appFolders: [testApps], closedByCaller: true, config })
      queue = await openQueue(world.site)
      await world.user('worker@example.com', ['Desk User', 'System Manager'])
    })
    after(async () => {
      await queue?.close()
      await world?.close()
    })

    const fresh = () => `text ${++texts}`
    const put = async (job: string, input: Record<string, unknown> = {}, options: EnqueueOptions = {}) =>
      (await world.as('worker@example.com', (ctx) => enqueue(ctx, `busy.${job}`, input, options))).id
    const workerOf = (options: Partial<WorkerOptions> = {}) => new Worker({ sites: async () => [world.site], pollMs: 50, ...options })
    const drain = (options: Partial<WorkerOptions> = {}) => workerOf(options).drain()
    const query = <R>(fragment: ReturnType<typeof sql>) => world.site.database.query<R>(world.site.database.dialect.compile(fragment))
    const write = (fragment: ReturnType<typeof sql>) =>
      world.site.database.transaction((tx) => tx.execute(world.site.database.dialect.compile(fragment)))
    const rowOf = async (id: string): Promise<JobRow> => {
      const [row] = await query<JobRow>(sql`select * from ${sql.id('__Job')} where id = ${id}`)
      assert.ok(row, `job ${id} is there`)
      return row
    }
    const stateOf = async (id: string) => (await rowOf(id)).state
    const effects = async (text: string) =>
      Number((await query<{ n: number }>(sql`select count(*) as n from ${sql.id('tabToDo')} where description = ${text}`))[0]?.n)
    const dueNow = () => write(sql`update ${sql.id('__Job')} set run_at = 0 where state = ${'queued'}`)
    /** A worker in a process of its own, to be killed. */
    const startWorker = (leaseMs: number) =>
      spawn(process.execPath, [script, world.runtime.sitesFolder, world.site.host, String(leaseMs), apps, testApps], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
    const until = async (what: () => Promise<boolean>, ms = 15_000) => {
      for (const end = Date.now() + ms; Date.now() < end; await pause(25)) if (await what()) return
      assert.fail('it did not come to pass in time')
    }

    test('a job exists exactly if the transaction that asked for it was committed', async () => {
      const text = fresh()
      const failing = world.as('worker@example.com', async (ctx) => {
        await enqueue(ctx, 'busy.note', { text })
        throw new Error('undone')
      })
      await assert.rejects(failing, /undone/)
      assert.equal((await readJobs(world.site, { limit: 10 })).length, 0)
      const id = await put('note', { text })
      await drain()
      assert.deepEqual([await stateOf(id), await effects(text)], ['finished', 1])
    })

    test('what cannot be a job is refused with the field that is wrong', async () => {
      await assert.rejects(put('none'), JobUnknown.is)
      await assert.rejects(put('constructor'), JobUnknown.is)
      for (const [field, options] of [
        ['queue', { queue: 'huge' as never }],
        ['delayMs', { delayMs: -1 }],
        ['priority', { priority: 0.5 }],
        ['attempts', { attempts: 0 }],
        ['timeout', { timeout: Number.NaN }],
      ] as const)
        await assert.rejects(put('note', {}, options), (error) => BadJob.is(error) && error.field === field)
      const circular: Record<string, unknown> = {}
      circular.self = circular
      await assert.rejects(put('note', circular), (error) => BadJob.is(error) && error.field === 'input')
      await assert.rejects(put('note', {}, { after: ['nothing'] }), JobNotFound.is)
    })

    test('a job runs as the user who asked for it, whatever its input says, and is elevated only by its declaration', async () => {
      const plain = await put('whoami', { user: 'Administrator', run_as: 'Administrator' })
      const fromElevated = (await world.as('worker@example.com', (ctx) => enqueue(ctx.asSystem('test'), 'busy.whoami'))).id
      const scoped = (await world.as('worker@example.com', (ctx) => enqueue(ctx.as({ ...ctx.user, scopes: ['read'] }), 'busy.whoami'))).id
      const elevated = await put('elevated')
      await drain()
      const results = await Promise.all(
        [plain, fromElevated, scoped, elevated].map(async (id) => JSON.parse((await rowOf(id)).result ?? '')),
      )
      const own = { user: 'worker@example.com', scopes: null, unrestricted: false }
      assert.deepEqual(results, [own, own, { ...own, scopes: ['read'] }, { unrestricted: true, elevation: 'the contract asks' }])
    })

    test('the job of a user who was disabled meanwhile does not run', async () => {
      const user = await world.user('leaver@example.com', ['Desk User'])
      const text = fresh()
      const { id } = await world.as(user, (ctx) => enqueue(ctx, 'busy.note', { text }))
      await world.asSystem((ctx) => setValue(ctx, 'User', user, { enabled: 0 }))
      await drain()
      const row = await rowOf(id)
      assert.deepEqual([row.state, Number(row.attempts), await effects(text)], ['failed', 1, 0])
    })

    test('two workers share a hundred jobs and run each once', async () => {
      const text = fresh()
      await world.as('worker@example.com', async (ctx) => {
        for (let n = 0; n < 100; n++) await enqueue(ctx, 'busy.note', { text: `${text} ${n}` })
      })
      await Promise.all([drain(), drain()])
      for (let n = 0; n < 100; n++) assert.equal(await effects(`${text} ${n}`), 1)
    })

    test('a failed run leaves nothing behind and is repeated, later and later, until its attempts are used up', async () => {
      const text = fresh()
      const id = await put('flaky', { text, failures: 2 })
      const waits: number[] = []
      for (let attempt = 1; attempt <= 2; attempt++) {
        await drain()
        const row = await rowOf(id)
        assert.deepEqual([row.state, Number(row.attempts), await effects(text)], ['queued', attempt, 0])
        assert.match(row.error ?? '', new RegExp(`attempt ${attempt} fails`))
        waits.push(Number(row.run_at) - Date.now())
        await dueNow()
      }
      assert.ok((waits[0] ?? 0) <= 1000 && (waits[1] ?? 0) > 500 && (waits[1] ?? 0) <= 2000, String(waits))
      await drain()
      assert.deepEqual([await stateOf(id), await effects(text)], ['finished', 1])
    })

    test('a job that failed for good waits for a person, who retries it', async () => {
      const text = fresh()
      const id = await put('flaky', { text, failures: 1 }, { attempts: 1 })
      await drain()
      assert.equal(await stateOf(id), 'failed')
      await drain()
      assert.equal(await stateOf(id), 'failed')
      await write(sql`update ${sql.id('__Job')} set input = ${JSON.stringify({ text, failures: 0 })} where id = ${id}`)
      await world.asSystem((ctx) => retryJob(ctx, id))
      await drain()
      assert.deepEqual([await stateOf(id), await effects(text)], ['finished', 1])
      await assert.rejects(
        world.asSystem((ctx) => retryJob(ctx, id)),
        JobStateWrong.is,
      )
    })

    test('a refusal is not repeated', async () => {
      const id = await put('refused')
      await drain()
      const row = await rowOf(id)
      assert.deepEqual([row.state, Number(row.attempts)], ['failed', 1])
    })

    test('a step is done once, however often the job is repeated, and gives its first result', async () => {
      const text = fresh()
      const id = await put('steps', { text, failures: 2 })
      for (let attempt = 1; attempt <= 3; attempt++) {
        await drain()
        await dueNow()
      }
      const row = await rowOf(id)
      assert.deepEqual([row.state, row.result], ['finished', '{"attempt":1}'])
      assert.deepEqual([await effects(`${text} first`), await effects(`${text} second`)], [1, 1])
    })

    test('a step after the job has written by itself is refused at once, not left to wait for itself', async () => {
      const text = fresh()
      const id = await put('step-after-write', { text })
      const started = Date.now()
      await drain()
      assert.match((await rowOf(id)).error ?? '', /jobs\/step/)
      assert.ok(Date.now() - started < 5000)
      assert.equal(await effects(text), 0)
    })

    test('a delayed job waits, and higher priority goes first', async () => {
      const late = await put('note', { text: fresh() }, { delayMs: 60_000, priority: 100 })
      const low = await put('note', { text: fresh() }, { priority: -1 })
      const normal = await put('note', { text: fresh() })
      const high = await put('note', { text: fresh() }, { priority: 5 })
      const order: string[] = []
      for (let n = 0; n < 4; n++) {
        const rows = await queue.claim('one-by-one', new Map([['default', 1]]), Date.now(), 60_000)
        order.push(...rows.map(({ id }) => id))
      }
      assert.deepEqual(order, [high, normal, low])
      assert.equal(await stateOf(late), 'queued')
      await write(
        sql`update ${sql.id('__Job')} set state = ${'cancelled'}, lease_until = 0 where id in (${sql.join([late, low, normal, high])})`,
      )
    })

    test('while a job with a key waits no second one is made, however many ask at once; once it has started, one is', async () => {
      const text = fresh()
      const ids = await Promise.all(Array.from({ length: 6 }, () => put('note', { text }, { key: text })))
      assert.equal(new Set(ids).size, 1)
      await drain()
      assert.equal(await effects(text), 1)
      assert.notEqual(await put('note', { text }, { key: text }), ids[0])
      await drain()
      assert.equal(await effects(text), 2)
    })

    test('one user does not get the job of another by its key, unless it runs elevated whoever asks', async () => {
      const key = fresh()
      const ask = async (job: string, user: string) =>
        (await world.as(user, (ctx) => enqueue(ctx, `busy.${job}`, {}, { key, idempotencyKey: key }))).id
      const other = await world.user(`other-${texts}@example.com`, ['Desk User'])
      assert.notEqual(await ask('whoami', 'worker@example.com'), await ask('whoami', other))
      assert.equal(await ask('elevated', 'worker@example.com'), await ask('elevated', other))
      await drain()
    })

    test('a job that was found by its key does not start before the change is committed of which it should know', async () => {
      const key = fresh()
      const id = await put('whoami', {}, { key })
      let claiming: Promise<JobRow[]> | undefined
      await world.as('worker@example.com', async (ctx) => {
        assert.deepEqual(await enqueue(ctx, 'busy.whoami', {}, { key }), { id, isNew: false })
        claiming = queue.claim('eager', new Map([['default', 1]]), Date.now(), 60_000)
        await pause(100)
        assert.equal(await stateOf(id), 'queued')
      })
      await claiming
      await world.asSystem((ctx) => cancelJob(ctx, id))
    })

    test('an idempotency key gives the same job also after it has run', async () => {
      const text = fresh()
      const first = await put('note', { text }, { idempotencyKey: text })
      await drain()
      const again = await Promise.all([1, 2, 3].map(() => put('note', { text }, { idempotencyKey: text })))
      await drain()
      assert.deepEqual([new Set([first, ...again]).size, await effects(text)], [1, 1])
    })

    test('a job waits for those it needs; a failed one keeps it waiting, a cancelled one takes it along', async () => {
      const needed = await Promise.all([1, 2].map(() => put('note', { text: fresh() })))
      const last = await put('note', { text: fresh() }, { after: needed })
      assert.equal(await stateOf(last), 'waiting')
      await drain()
      assert.equal(await stateOf(last), 'finished')
      const failing = await put('refused')
      const waiting = await put('note', { text: fresh() }, { after: [failing] })
      const behind = await put('note', { text: fresh() }, { after: [waiting] })
      await drain()
      assert.deepEqual([await stateOf(failing), await stateOf(waiting)], ['failed', 'waiting'])
      await world.asSystem((ctx) => cancelJob(ctx, failing))
      assert.deepEqual([await stateOf(waiting), await stateOf(behind)], ['cancelled', 'cancelled'])
      await assert.rejects(put('note', {}, { after: [failing] }), BadJob.is)
      await world.asSystem((ctx) => retryJob(ctx, waiting))
      assert.equal(await stateOf(waiting), 'waiting')
      await world.asSystem((ctx) => cancelJob(ctx, waiting))
    })

    test('two jobs that end together let the one go that waits for both', async () => {
      for (let round = 0; round < 5; round++) {
        const needed = [await put('note', { text: fresh() }), await put('note', { text: fresh() })]
        const last = await put('note', { text: fresh() }, { after: needed })
        await drain({ slots: 2 })
        assert.equal(await stateOf(last), 'finished')
      }
    })

    test('a running job that is cancelled hears of it and writes nothing more', async () => {
      const text = fresh()
      const id = await put('steps', { text, hangMs: 20_000 })
      const worker = workerOf({ leaseMs: 2000, heartbeatMs: 100 }).start()
      await until(async () => (await effects(`${text} first`)) === 1)
      await until(async () => Number((await rowOf(id)).progress) === 50)
      assert.equal((await rowOf(id)).progress_text, 'half of it')
      await world.asSystem((ctx) => cancelJob(ctx, id))
      const started = Date.now()
      await pause(300)
      await worker.stop()
      assert.ok(Date.now() - started < 5000, 'the worker did not wait for the job')
      assert.deepEqual([await stateOf(id), await effects(`${text} second`)], ['cancelled', 0])
    })

    test('a run that takes too long is ended and repeated, and what it writes afterwards is refused', async () => {
      const text = fresh()
      const id = await put('stubborn', { text, ms: 1600 }, { timeout: 1, attempts: 1 })
      await drain()
      const row = await rowOf(id)
      assert.deepEqual([row.state, /jobs\/timed-out/.test(row.error ?? '')], ['failed', true])
      await pause(900)
      assert.deepEqual([await effects(text), await effects(`${text} step`)], [0, 0])
    })

    test('a worker that stalled beyond its lease can write nothing when it wakes up', async () => {
      const text = fresh()
      const id = await put('stubborn', { text, ms: 700 })
      const [stalled] = await queue.claim('stalled', new Map([['default', 1]]), Date.now(), 100)
      assert.equal(stalled?.id, id)
      const ending = runJob(world.site, queue, stalled, new AbortController())
      await pause(150)
      await drain()
      assert.equal(await ending, 'lost')
      assert.deepEqual([await stateOf(id), await effects(text)], ['finished', 1])
      assert.equal(await queue.fail(stalled, { error: 'late', retryAt: 0 }, Date.now()), false)
      await assert.rejects(
        world.asSystem((ctx) => queue.finish(ctx, stalled, null)),
        JobFenced.is,
      )
    })

    test('the jobs of a process that was killed are taken over, and its steps are not done again', async () => {
      const text = fresh()
      const leaseMs = 1500
      const id = await put('steps', { text, hangMs: 4000 }, { timeout: 60 })
      const child = startWorker(leaseMs)
      try {
        await once(child.stdout, 'data')
        await until(async () => (await effects(`${text} first`)) === 1)
      } finally {
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      assert.equal(await stateOf(id), 'running')
      await write(sql`update ${sql.id('__Job')} set input = ${JSON.stringify({ text })} where id = ${id}`)
      const killed = Date.now()
      const worker = workerOf().start()
      await until(async () => (await stateOf(id)) === 'finished')
      const took = Date.now() - killed
      await worker.stop()
      assert.ok(took < leaseMs + 3000, `taken over after ${took} ms`)
      const row = await rowOf(id)
      assert.deepEqual([Number(row.lost), await effects(`${text} first`), await effects(`${text} second`)], [1, 1, 1])
    })

    test('however often workers are killed, every job ends and each step takes effect once', async () => {
      const text = fresh()
      const count = 24
      const ids = await world.as('worker@example.com', async (ctx) => {
        const made: string[] = []
        for (let n = 0; n < count; n++) made.push((await enqueue(ctx, 'busy.steps', { text: `${text} ${n}`, hangMs: 30 })).id)
        return made
      })
      for (const lifeMs of [40, 120]) {
        const child = startWorker(400)
        await once(child.stdout, 'data')
        await pause(lifeMs)
        child.kill('SIGKILL')
        await once(child, 'exit')
      }
      const left = (await Promise.all(ids.map(stateOf))).filter((state) => state !== 'finished').length
      assert.ok(left > 0, 'the workers died in the middle of it')
      const worker = workerOf().start()
      await until(async () => (await Promise.all(ids.map(stateOf))).every((state) => state === 'finished'))
      await worker.stop()
      for (let n = 0; n < count; n++)
        assert.deepEqual([await effects(`${text} ${n} first`), await effects(`${text} ${n} second`)], [1, 1], `job ${n}`)
    })

    test('a job that costs five workers their life is put aside', async () => {
      const id = await put('note', { text: fresh() })
      for (let lost = 1; lost <= 5; lost++) {
        const [row] = await queue.claim(`victim ${lost}`, new Map([['default', 1]]), Date.now(), -1)
        assert.equal(row?.id, id)
        await queue.recover(Date.now() + 1, 5)
      }
      const row = await rowOf(id)
      assert.deepEqual([row.state, /vanished 5 times/.test(row.error ?? '')], ['failed', true])
    })

    test('a worker that is told to end puts back what takes too long', async () => {
      const text = fresh()
      const id = await put('steps', { text, hangMs: 20_000 })
      const worker = workerOf({ patienceMs: 100 }).start()
      await until(async () => (await effects(`${text} first`)) === 1)
      await worker.stop()
      const row = await rowOf(id)
      assert.deepEqual([row.state, Number(row.attempts), Number(row.lost)], ['queued', 0, 0])
      await world.asSystem((ctx) => cancelJob(ctx, id))
    })

    test('a running worker starts what was enqueued in its process at once', async () => {
      const text = fresh()
      const worker = workerOf({ pollMs: 60_000 }).start()
      await pause(200)
      await put('note', { text })
      await until(async () => (await effects(text)) === 1, 5000)
      await worker.stop()
    })

    test('a result too large to keep fails the job', async () => {
      const id = await put('big')
      await drain()
      assert.equal(await stateOf(id), 'failed')
    })

    test('ended jobs are forgotten with their steps, and failed ones only when asked for', async () => {
      const failed = await put('refused')
      await drain()
      assert.ok((await purgeJobs(world.site, Date.now() + 1)) > 0)
      assert.equal(await stateOf(failed), 'failed')
      await purgeJobs(world.site, Date.now() + 1, ['finished', 'cancelled', 'failed'])
      assert.equal((await readJobs(world.site, { limit: 10, states: ['finished', 'failed', 'cancelled'] })).length, 0)
      const [steps] = await query<{ n: number }>(sql`select count(*) as n from ${sql.id('__Job_Step')}`)
      assert.equal(Number(steps?.n), 0)
    })
  })
}
