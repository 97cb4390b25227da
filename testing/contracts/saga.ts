import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { sql } from '#kernel/database/sql.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { setValue } from '#kernel/documents/values.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { ServiceInputRefused } from '#kernel/external/errors.ts'
import type { JobRun } from '#kernel/jobs/job.ts'
import { purgeJobs } from '#kernel/jobs/manage.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { MethodDenied } from '#kernel/methods/errors.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { driveSaga } from '#kernel/saga/drive.ts'
import { SagaInvalid, SagaStateWrong, SagaUnknown } from '#kernel/saga/errors.ts'
import type { SagaMonitor } from '#kernel/saga/monitor.ts'
import { lockSaga, type SagaLog } from '#kernel/saga/saga-log.ts'
import { cancelSaga, startSaga } from '#kernel/saga/start.ts'
import { reviveSaga, strandedSagas } from '#kernel/saga/watch.ts'
import { type OtherSide, otherSides } from '#testing/apps/travel/app.ts'
import { testApps } from '#testing/documents-world.ts'
import { type TestSite, testSite } from '#testing/site.ts'

const script = join(import.meta.dirname, '../kill/run-jobs.ts')
const apps = join(import.meta.dirname, '../../apps')
const starter = 'starter@example.com'
const manager = 'manager@example.com'

/** Random sagas of the property test; more with ORC_SAGA_WORLDS. */
const worlds = Number(process.env.ORC_SAGA_WORLDS ?? 40)

/** The exam of sagas: whatever fails and whatever dies, each ends done, or undone, or failed with somebody told. */
export function sagaContract(database: 'sqlite' | 'postgres' | 'mariadb'): void {
  suite(`sagas: ${database}`, () => {
    let world: TestSite
    let skew = 0
    let sides = 0
    before(async () => {
      world = await testSite({
        database,
        apps: ['travel'],
        appFolders: [testApps],
        closedByCaller: true,
        clock: { now: () => Date.now() + skew },
        config: { external_allow: ['127.0.0.1'] },
      })
      await world.user(starter, ['Desk User'])
      await world.user(manager, ['System Manager'])
      for (const name of ['North', 'South']) await world.make('Organization', { organization_name: name })
      await world.make('User Permission', { user: manager, allow: 'Organization', for_value: 'North' })
    })
    after(async () => world?.close())

    /** Plays the other side for one saga. */
    const play = (side: OtherSide): string => {
      const name = `side ${++sides}`
      otherSides.set(name, side)
      return name
    }
    const start = (saga: string, side: string, options = {}) =>
      world.as(starter, (ctx) => startSaga(ctx, saga, { side }, { organization: 'North', ...options }))
    const read = (name: string) => world.asSystem((ctx) => lockSaga(ctx, name))
    const todos = async (saga: string): Promise<number> => {
      const { dialect } = world.site.database
      const [row] = await world.site.database.query<{ n: number }>(
        dialect.compile(sql`select count(*) as n from ${sql.id('tabToDo')} where description like ${`${saga} %`}`),
      )
      return Number(row?.n)
    }
    const makeDue = () =>
      world.site.database.transaction((tx) =>
        tx.execute(tx.dialect.compile(sql`update ${sql.id('__Job')} set run_at = 0 where state = ${'queued'}`)),
      )
    /** Lets workers run until the saga has ended. */
    const finish = async (name: string): Promise<SagaLog> => {
      for (let round = 0; round < 30; round++) {
        await makeDue()
        await new Worker({ sites: async () => [world.site], pollMs: 20 }).drain()
        const log = await read(name)
        if (log.status !== 'running') return log
      }
      return assert.fail('it does not end')
    }
    const call = (user: string, verb: string, input: Record<string, unknown>, method: 'GET' | 'POST' = 'POST') =>
      world.as(user, (ctx) => callMethod(ctx, findMethod(ctx, `dartwing_company.api.v1.saga.${verb}`), input, method))
    const statuses = (log: SagaLog) => log.steps.map(({ status }) => status)

    test('a saga exists exactly if its cause does, and what cannot be one is refused', async () => {
      const side = play(async () => undefined)
      const count = async () =>
        Number(
          (await world.asSystem((ctx) => ctx.db.query({ sql: `select name from ${ctx.db.dialect.quote('tabSaga Log')}`, parameters: [] })))
            .length,
        )
      const failing = world.as(starter, async (ctx) => {
        await startSaga(ctx, 'trip', { side }, { organization: 'North' })
        throw new Error('undone')
      })
      await assert.rejects(failing, /undone/)
      assert.equal(await count(), 0)
      await assert.rejects(start('nowhere', side), SagaUnknown.is)
      await assert.rejects(start('trip', side, { organization: '' }), (error) => SagaInvalid.is(error) && error.field === 'organization')
      await assert.rejects(start('trip', side, { timeoutMs: 0 }), (error) => SagaInvalid.is(error) && error.field === 'timeoutMs')
      await assert.rejects(start('trip', side, { organization: 'Nobody' }), { excType: 'LinkValidationError' })
    })

    test('steps are done in order with a key of their own each, as the user who started them', async () => {
      const seen: string[] = []
      const name = await start(
        'trip',
        play(async (verb, step, key) => void seen.push(`${verb} ${step} ${key}`)),
      )
      const log = await finish(name)
      assert.deepEqual([log.status, statuses(log), await todos(name)], ['completed', Array(5).fill('success'), 3])
      assert.equal(new Set(seen).size, 5)
      assert.deepEqual(
        seen.map((one) => one.split(' ')[1]),
        ['trip', 'traveller', 'flight', 'hotel', 'itinerary'],
      )
      assert.deepEqual(JSON.parse(log.steps[2]?.result ?? ''), { booked: 'flight', as: starter })
      assert.match(name, /^SAGA-\d{4}-\d{5}$/)
      assert.ok(log.completed_at && log.steps.every((row) => row.started_at && row.completed_at))
    })

    test('a refused step turns the saga back at once, in reverse order, and only what was done', async () => {
      const seen: string[] = []
      const name = await start(
        'trip',
        play(async (verb, step) => {
          seen.push(`${verb} ${step}`)
          if (step === 'hotel') throw new ServiceInputRefused({ service: 'hotel', operation: 'book' })
        }),
      )
      const log = await finish(name)
      assert.deepEqual([log.status, await todos(name)], ['compensated', 0])
      assert.deepEqual(statuses(log), ['compensated', 'compensated', 'compensated', 'failed', 'pending'])
      assert.deepEqual(seen.slice(2), ['do flight', 'do hotel', 'undo flight'])
      assert.match(log.error_message ?? '', /hotel: external\/input-refused/)
    })

    test('a step whose answer never came is undone too, by the key under which it was tried', async () => {
      const done: string[] = []
      const undone: string[] = []
      const name = await start(
        'slow',
        play(async (verb, _step, key, isUnsure) => {
          if (verb === 'undo') return void undone.push(`${key} ${isUnsure}`)
          done.push(key)
          await new Promise(() => undefined)
        }),
      )
      const log = await finish(name)
      assert.equal(log.status, 'compensated')
      assert.deepEqual([done.length, new Set(done).size, undone], [2, 1, [`${done[0]} true`]])
    })

    test('undoing is repeated; what cannot be undone leaves the saga failed, says who was told, and a person goes on', async () => {
      let isDown = true
      const name = await start(
        'trip',
        play(async (verb, step) => {
          if (step === 'hotel' && verb === 'do') throw new ServiceInputRefused({ service: 'hotel', operation: 'book' })
          if (verb === 'undo' && isDown) throw new Error('the airline is closed')
        }),
      )
      let log = await finish(name)
      assert.deepEqual([log.status, log.steps[2]?.status, log.steps[2]?.undo_attempts], ['failed', 'compensation_failed', 5])
      assert.equal(await todos(name), 0, 'the others are undone all the same')
      assert.ok(log.told?.includes(manager))
      const notices = await world.asSystem((ctx) =>
        ctx.db.query<{ document_name: string }>({
          sql: `select document_name from ${ctx.db.dialect.quote('tabNotification Log')}`,
          parameters: [],
        }),
      )
      assert.ok(notices.some((notice) => notice.document_name === name))
      const board = (await call(manager, 'status', {}, 'GET')) as SagaMonitor
      assert.deepEqual(board.attention.find((one) => one.name === name)?.failed_at, ['flight', 'hotel'])
      await assert.rejects(call(manager, 'retry', { saga: name }), { field: 'reason' })
      isDown = false
      await call(manager, 'retry', { saga: name, reason: 'The airline is open again' })
      log = await finish(name)
      assert.equal(log.status, 'compensated')
      await assert.rejects(call(manager, 'mark_resolved', { saga: name, reason: 'By hand' }), SagaStateWrong.is)
      const { saga: next } = (await call(manager, 'retry', { saga: name, reason: 'Try the trip again' })) as { saga: string }
      assert.notEqual(next, name)
      assert.equal((await finish(next)).status, 'compensated')
    })

    test('what a person put right asks for nobody any more', async () => {
      const name = await start(
        'shape-bb',
        play(async (verb, step) => {
          if (step === 'b1' || verb === 'undo') throw new ServiceInputRefused({ service: 'x', operation: 'y' })
        }),
      )
      assert.equal((await finish(name)).status, 'failed')
      await call(manager, 'mark_resolved', { saga: name, reason: 'Cancelled by telephone' })
      const log = await read(name)
      assert.deepEqual([log.status, log.resolved_by, log.resolution], ['failed', manager, 'Cancelled by telephone'])
      const board = (await call(manager, 'status', {}, 'GET')) as SagaMonitor
      assert.ok(!board.attention.some((one) => one.name === name))
      await assert.rejects(call(manager, 'retry', { saga: name, reason: 'Once more' }), SagaStateWrong.is)
    })

    test('only System Managers act on sagas, and only on those of organizations that they may see', async () => {
      const name = await start(
        'shape-b',
        play(async () => undefined),
      )
      await finish(name)
      for (const verb of ['retry', 'mark_resolved', 'cancel'])
        await assert.rejects(call(starter, verb, { saga: name, reason: 'Because' }), MethodDenied.is)
      await assert.rejects(
        world.as(starter, (ctx) => getDocument(ctx, 'Saga Log', name)),
        PermissionDenied.is,
      )
      await assert.rejects(
        world.as(manager, (ctx) => setValue(ctx, 'Saga Log', name, { status: 'failed' })),
        PermissionDenied.is,
      )
      const southern = await world.user('southern@example.com', ['System Manager'])
      await world.make('User Permission', { user: southern, allow: 'Organization', for_value: 'South' })
      await assert.rejects(
        call(southern, 'cancel', { saga: name, reason: 'Because' }),
        (error) => PermissionDenied.is(error) || DocumentNotFound.is(error),
      )
      const board = (await call(southern, 'status', {}, 'GET')) as SagaMonitor
      assert.deepEqual([board.attention, board.by_saga_7_days], [[], []])
    })

    test('a saga that waits is cancelled at once, and one that is late turns back', async () => {
      const broken = async (verb: string, step: string) => {
        if (verb === 'do' && step === 'later') throw new Error('not yet')
      }
      const waits = await start('patient', play(broken))
      await new Worker({ sites: async () => [world.site], pollMs: 20 }).drain()
      assert.ok((await read(waits)).next_attempt_at)
      await world.as(manager, (ctx) => cancelSaga(ctx, waits, 'The customer called'))
      await new Worker({ sites: async () => [world.site], pollMs: 20 }).drain()
      const log = await read(waits)
      assert.deepEqual([log.status, statuses(log)], ['compensated', ['compensated', 'compensated']])
      assert.match(log.error_message ?? '', /The customer called/)
      await assert.rejects(
        world.as(manager, (ctx) => cancelSaga(ctx, waits, 'Again')),
        SagaStateWrong.is,
      )
      const late = await start('patient', play(broken), { timeoutMs: 60_000 })
      await new Worker({ sites: async () => [world.site], pollMs: 20 }).drain()
      skew += 61_000
      assert.equal((await finish(late)).status, 'compensated')
    })

    test('what the user may not do fails; a user who left has the saga taken back', async () => {
      const name = await start(
        'elevated',
        play(async () => undefined),
      )
      assert.equal((await finish(name)).status, 'completed')
      const leaver = await world.user('leaver@example.com', ['Desk User'])
      const undone: string[] = []
      const side = play(async (verb, step) => {
        if (verb === 'undo') undone.push(step)
        else if (step === 'later')
          await world.asSystem((ctx) => setValue(ctx, 'User', leaver, { enabled: 0 })).then(() => Promise.reject(new Error('not yet')))
      })
      const left = await world.as(leaver, (ctx) => startSaga(ctx, 'patient', { side }, { organization: 'North' }))
      const log = await finish(left)
      assert.deepEqual([log.status, undone], ['compensated', ['later', 'first']])
    })

    test('what a failed step wrote is undone with it', async () => {
      const name = await start(
        'writes-before-it-calls',
        play(async () => undefined),
      )
      const log = await finish(name)
      assert.equal(log.status, 'compensated')
      assert.match(log.error_message ?? '', /Left as it is, because it cannot be undone: wrong/)
      const { dialect } = world.site.database
      assert.deepEqual(
        await world.site.database.query(dialect.compile(sql`select name from ${sql.id('tabToDo')} where description = ${'must not stay'}`)),
        [],
      )
    })

    test('a driver that stalled and wakes up can write nothing more', async () => {
      const held = Promise.withResolvers<void>()
      let calls = 0
      const name = await start(
        'shape-bn',
        play(async (_verb, step) => {
          if (step === 'b0' && ++calls === 1) await held.promise
        }),
      )
      const { job } = await read(name)
      const run = fakeRun(world, String(job), () => false)
      const stalled = driveSaga(name, run.job)
      while (calls === 0) await pause(5)
      await world.site.database.transaction((tx) => tx.execute(tx.dialect.compile(sql`delete from ${sql.id('__Job')} where id = ${job}`)))
      skew += 61_000
      assert.deepEqual((await world.asSystem((ctx) => strandedSagas(ctx))).names, [name])
      assert.equal(await world.asSystem((ctx) => reviveSaga(ctx, name)), true)
      assert.equal((await finish(name)).status, 'completed')
      held.resolve()
      assert.equal(await stalled, 'handed over')
      assert.deepEqual([(await read(name)).status, await todos(name)], ['completed', 1])
      await purgeJobs(world.site, world.site.clock.now() + 1)
    })

    test(`${worlds} random sagas, each with failures and deaths at random points, end done, undone, or failed and reported`, async (t) => {
      const seed = Number(process.env.ORC_SAGA_SEED ?? Math.floor(Math.random() * 1e9))
      t.diagnostic(`ORC_SAGA_SEED=${seed}`)
      const random = generator(seed)
      const outcomes = { completed: 0, compensated: 0, failed: 0 }
      for (let n = 0; n < worlds; n++) outcomes[await randomSaga(world, random, start, read, todos, `seed ${seed}, saga ${n}`)]++
      t.diagnostic(JSON.stringify(outcomes))
    })

    test('a worker that is killed while others are called loses nothing and does nothing twice', { timeout: 60_000 }, async () => {
      // Other processes go by the real time.
      skew = 0
      const ledger = new Set<string>()
      const hold: { at: string; held: ServerResponse[] } = { at: 'hotel', held: [] }
      const reached: string[] = []
      const server = createServer((request, response) => {
        const url = new URL(request.url ?? '', 'http://side')
        const [, verb, step] = url.pathname.split('/') as [string, string, string]
        const key = `${verb} ${url.searchParams.get('key')}`
        ledger.add(key)
        reached.push(`${verb} ${step}`)
        if (hold.at === (verb === 'undo' ? `undo ${step}` : step)) hold.held.push(response)
        else response.writeHead(step === 'b2' ? 422 : 200).end()
      })
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      const side = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      let child: ChildProcess | undefined
      /** Starts a worker in a process of its own, and kills it as soon as it has come so far. */
      const killWhen = async (what: () => Promise<boolean> | boolean) => {
        child = spawn(process.execPath, [script, world.runtime.sitesFolder, world.site.host, '1000', apps, testApps], {
          stdio: ['ignore', 'ignore', 'inherit'],
        })
        for (let n = 0; !(await what()) && n < 400; n++) await pause(25)
        child.kill('SIGKILL')
        await once(child, 'exit')
        assert.ok(await what(), `it came no further than ${reached.join(', ')}`)
      }
      after(() => {
        child?.kill('SIGKILL')
        server.closeAllConnections()
        server.close()
      })
      const name = await start('trip', side)
      await killWhen(() => hold.held.length > 0)
      hold.at = 'undo b1'
      const back = await start('shape-bbb', side)
      await killWhen(() => hold.held.length > 1)
      hold.at = ''
      await killWhen(async () => (await read(name)).status !== 'running' && (await read(back)).status !== 'running')
      assert.deepEqual([(await read(name)).status, await todos(name)], ['completed', 3])
      const undone = await read(back)
      assert.deepEqual([undone.status, statuses(undone)], ['compensated', ['compensated', 'compensated', 'failed']])
      const keys = [...ledger].filter((key) => key.includes(back)).map((key) => `${key.split(' ')[0]} ${key.split(':').at(-1)}`)
      assert.deepEqual(keys.sort(), ['do b0', 'do b1', 'do b2', 'undo b0', 'undo b1'])
    })
  })
}

/** A job that dies where it is told: before a transaction, within it, or after it. */
function fakeRun(world: TestSite, id: string, dies: () => boolean): { job: JobRun; death: Promise<void> } {
  const death = Promise.withResolvers<void>()
  const die = (): Promise<never> => {
    death.resolve()
    return new Promise<never>(() => undefined)
  }
  const job: JobRun = {
    id,
    attempt: 1,
    signal: new AbortController().signal,
    progress: async () => undefined,
    step: async (_key, work) => {
      if (dies()) return die()
      const killed = new Error('killed')
      try {
        const result = await world.asSystem(async (ctx) => {
          const made = await work(ctx)
          if (dies()) throw killed
          return made
        })
        return dies() ? die() : result
      } catch (error) {
        if (error === killed) return die()
        throw error
      }
    },
  }
  return { job, death: death.promise }
}

/** One saga of random shape with random luck, driven to its end over any number of deaths; its effects must fit its status. */
async function randomSaga(
  world: TestSite,
  random: () => number,
  start: (saga: string, side: string) => Promise<string>,
  read: (name: string) => Promise<SagaLog>,
  todos: (name: string) => Promise<number>,
  label: string,
): Promise<'completed' | 'compensated' | 'failed'> {
  const word = Array.from({ length: 1 + Math.floor(random() * 4) }, () => 'bnl'[Math.floor(random() * 3)]).join('')
  const [failRate, refuseRate, deathRate, undoRate] = [
    random() * 0.5,
    random() * 0.25,
    random() * 0.2,
    random() < 0.4 ? 0.9 : random() * 0.5,
  ]
  const applied = new Set<string>()
  const undone = new Set<string>()
  const faults: string[] = []
  let kill: (() => void) | undefined
  const name = `side of ${label}`
  otherSides.set(name, async (verb, step, key) => {
    const isLocal = step.startsWith('n')
    const fate = random()
    // Within a transaction the job itself dies, so that the transaction does too.
    const dies = !isLocal && random() < deathRate
    if (dies && random() < 0.5) {
      kill?.()
      await new Promise(() => undefined)
    }
    if (verb === 'do' && undone.has(key)) faults.push(`${key} was done after it was undone`)
    if (verb === 'do' && !isLocal && fate < failRate / 2) throw new Error('before it was done')
    if (verb === 'do' && fate > 1 - refuseRate) throw new ServiceInputRefused({ service: 'side', operation: step })
    if (verb === 'undo' && fate < undoRate) throw new Error('it cannot be undone now')
    if (!isLocal) (verb === 'do' ? applied : undone).add(key)
    if (dies) {
      kill?.()
      await new Promise(() => undefined)
    }
    if (verb === 'do' && fate < failRate) throw new Error('the answer got lost')
  })
  const saga = await start(`shape-${word}`, name)
  let log = await read(saga)
  for (let round = 0; log.status === 'running' && round < 300; round++) {
    const { job, death } = fakeRun(world, String(log.job), () => random() < deathRate / 3)
    const killed = new Promise<void>((done) => {
      kill = done
    })
    await Promise.race([driveSaga(saga, job), death, killed])
    kill = undefined
    log = await read(saga)
  }
  otherSides.delete(name)
  const why = `${label}: ${word} ${log.status} ${JSON.stringify(log.steps.map((row) => [row.step_name, row.status, row.is_unsure, row.error]))}`
  assert.deepEqual(faults, [], why)
  assert.notEqual(log.status, 'running', why)
  const stepOf = (key: string) => key.split(':').at(-1) as string
  const standing = [...applied]
    .filter((key) => !undone.has(key))
    .map(stepOf)
    .sort()
  const named = (kind: (row: SagaLog['steps'][number]) => boolean) =>
    log.steps
      .filter(kind)
      .map((row) => row.step_name)
      .sort()
  const letters = standing.filter((step) => step.startsWith('l'))
  if (log.status === 'completed') {
    assert.deepEqual(
      standing,
      named((row) => !row.step_name.startsWith('n')),
      why,
    )
    assert.equal(await todos(saga), [...word].filter((kind) => kind === 'n').length, why)
  } else {
    assert.equal(await todos(saga), 0, why)
    const bookings = standing.filter((step) => step.startsWith('b'))
    const unresolved = named((row) => row.status === 'compensation_failed')
    for (const step of bookings) assert.ok(unresolved.includes(step), `${why} ${step} stands and nobody says so`)
    for (const step of letters) assert.ok(log.steps.find((row) => row.step_name === step)?.is_left, `${why} ${step}`)
    assert.equal(log.status, unresolved.length > 0 ? 'failed' : 'compensated', why)
    if (log.status === 'failed') assert.ok(log.told, why)
  }
  return log.status as 'completed'
}

/** Small, quick, repeatable (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
