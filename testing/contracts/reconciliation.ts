import assert from 'node:assert/strict'
import { after, before, suite, test } from 'node:test'
import { where } from '#client/rules/predicate.ts'
import { type Sql, sql } from '#kernel/database/sql.ts'
import { setValue } from '#kernel/documents/values.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { enqueueMail, sendMail } from '#kernel/mail/send-mail.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { MethodDenied } from '#kernel/methods/errors.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { ReconciliationRefused, ReconciliationSettled, ReconciliationUnknown } from '#kernel/reconciliation/errors.ts'
import type { ReconciliationStatus } from '#kernel/reconciliation/manage.ts'
import { schedulesOf } from '#kernel/schedule/schedules.ts'
import { rebuildSearch } from '#kernel/search/rebuild.ts'
import { startSaga } from '#kernel/saga/start.ts'
import { weather } from '#testing/apps/travel/app.ts'
import { testApps } from '#testing/documents-world.ts'
import { type TestSite, testSite } from '#testing/site.ts'

/** Logs about the site as a whole are the Administrator's: they name what belongs to every organization. */
const operator = 'Administrator'
const manager = 'manager@example.com'

/** The exam of reconciliations: what was planted is found, put right within limits, and told of. */
export function reconciliationContract(database: 'sqlite' | 'postgres' | 'mariadb'): void {
  suite(`reconciliation: ${database}`, () => {
    let world: TestSite
    before(async () => {
      world = await testSite({ database, apps: ['travel'], appFolders: [testApps], closedByCaller: true })
      await world.user(manager, ['System Manager'])
      await world.make('Organization', { organization_name: 'North' })
      await world.make('Organization', { organization_name: 'South' })
    })
    after(async () => world?.close())

    const write = (statement: Sql) =>
      world.site.database.transaction((tx) => tx.execute(tx.dialect.compile(statement as ReturnType<typeof sql>)))
    const call = (user: string, end: string, input: Record<string, unknown> = {}, verb: 'GET' | 'POST' = 'POST') =>
      world.as(user, (ctx) => callMethod(ctx, findMethod(ctx, `dartwing_company.tasks.reconciliation.${end}`), input, verb))
    const drain = () => new Worker({ sites: async () => [world.site], pollMs: 20, queues: ['long'] }).drain()
    const logs = (name: string) =>
      world.asSystem(async (ctx) =>
        findRows(ctx, await ctx.site.meta.get('Reconciliation Log'), where('job_type', '=', name), { orderBy: [['creation', 'asc']] }),
      )
    /** Runs it, and gives the log. */
    const reconcile = async (name: string, input: Record<string, unknown> = {}) => {
      const before = (await logs(name)).length
      await call(operator, 'run', { name, ...input })
      await drain()
      const found = await logs(name)
      assert.equal(found.length, before + 1, `${name} left one log`)
      const log = found.at(-1) as Record<string, unknown>
      const details = JSON.parse(String(log.details ?? '{}')) as { discrepancies?: { kind: string; name: string; why?: string }[] }
      const numbers = ['records_checked', 'discrepancies_found', 'discrepancies_fixed', 'manual_review_required'].map((key) =>
        Number(log[key]),
      )
      return { log, details, numbers, left: (details.discrepancies ?? []).map((one) => one.name) }
    }
    const plant = async (count: number) => {
      const names: string[] = []
      for (let n = 0; n < count; n++) names.push(await world.make('ToDo', { description: `drift ${n}` }))
      return names.sort()
    }
    const clear = () => write(sql`delete from ${sql.id('tabToDo')}`)

    test('what was planted is found over several batches and put right; a dry run changes nothing', async () => {
      await plant(3)
      const dry = await reconcile('drift', { dry_run: true })
      assert.deepEqual([dry.log.status, dry.numbers, dry.left.length, Number(dry.log.dry_run)], ['warnings', [3, 3, 0, 3], 3, 1])
      const real = await reconcile('drift')
      assert.deepEqual([real.log.status, real.numbers], ['success', [3, 3, 3, 0]])
      assert.match(String(real.log.name), /^RECON-\d{4}-\d{5}$/)
      assert.deepEqual((await reconcile('drift')).numbers, [0, 0, 0, 0])
    })

    test('more than its limit is held back until a person says so', async () => {
      const names = await plant(5)
      const held = await reconcile('drift')
      assert.deepEqual([held.log.status, held.numbers, held.left], ['warnings', [5, 5, 0, 5], names])
      const status = (await call(operator, 'status', {}, 'GET')) as ReconciliationStatus
      assert.deepEqual(
        status.attention.map((one) => [one.name, one.left, one.can_be_healed]),
        [[held.log.name, 5, true]],
      )
      await call(operator, 'heal', { log: held.log.name, reason: 'All five are known' })
      await drain()
      const last = (await logs('drift')).at(-1)
      assert.deepEqual([last?.status, Number(last?.discrepancies_fixed)], ['success', 5])
      await assert.rejects(call(operator, 'heal', { log: held.log.name, reason: 'Again' }), ReconciliationSettled.is)
      await assert.rejects(call(operator, 'resolve', { log: last?.name, reason: 'Nothing to do' }), ReconciliationSettled.is)
    })

    test('one that cannot be put right keeps nobody from the others, and nothing of its try stays', async () => {
      const [first, second] = (await plant(2)) as [string, string]
      weather.stubborn = first
      const { log, numbers, left } = await reconcile('drift')
      weather.stubborn = ''
      assert.deepEqual([log.status, numbers, left], ['errors', [2, 2, 1, 1], [first]])
      const open = await world.asSystem(async (ctx) =>
        findRows(ctx, await ctx.site.meta.get('ToDo'), where('status', '=', 'Open'), { fields: ['name'] }),
      )
      assert.deepEqual([open.map(({ name }) => name), second !== first], [[first], true])
      await call(operator, 'resolve', { log: log.name, reason: 'Closed by hand' })
      await clear()
    })

    test('a check that fails is tried again and then says so, by every channel', async () => {
      await world.asSystem((ctx) =>
        setValue(ctx, 'Reconciliation Settings', 'Reconciliation Settings', { reconciliation_alert_email: 'ops@example.com' }),
      )
      weather.fails = true
      await call(operator, 'run', { name: 'drift' })
      for (let round = 0; round < 4; round++) {
        await write(sql`update ${sql.id('__Job')} set run_at = 0 where job_name = ${'core.reconcile'} and state = ${'queued'}`)
        await drain()
      }
      weather.fails = false
      const log = (await logs('drift')).at(-1)
      assert.deepEqual([log?.status, log?.error_message], ['errors', 'the check itself fails'])
      const [mails, notices] = await world.asSystem(async (ctx) => [
        await ctx.db.query(
          ctx.db.dialect.compile(sql`select r.name from ${sql.id('tabEmail Queue Recipient')} r where r.recipient = ${'ops@example.com'}`),
        ),
        await ctx.db.query(
          ctx.db.dialect.compile(sql`select name from ${sql.id('tabNotification Log')} where document_name = ${log?.name}`),
        ),
      ])
      assert.deepEqual([mails.length, notices.length >= 1], [1, true])
    })

    test('run_all runs those that an organization has, or all, and every one has its schedule', async () => {
      const { jobs } = (await call(operator, 'run_all', { dry_run: true })) as { jobs: Record<string, string> }
      const own = ['mail_queue', 'webhook_queue', 'file_contents', 'search_index', 'stale_saga_cleanup', 'orphan_records', 'drift']
      for (const name of own) assert.ok(jobs[name], name)
      await drain()
      await assert.rejects(call(operator, 'run', { name: 'nothing' }), ReconciliationUnknown.is)
      await assert.rejects(call(operator, 'run', { name: 'drift', org: 'North' }), ReconciliationRefused.is)
      await world.make('User Permission', { user: manager, allow: 'Organization', for_value: 'North' })
      const some = (await call(manager, 'run_all', { org: 'North' })) as { jobs: Record<string, string> }
      assert.deepEqual(Object.keys(some.jobs), ['by_organization'])
      await drain()
      assert.deepEqual(
        (await logs('by_organization')).map((log) => [log.organization, Number(log.records_checked)]),
        [
          [null, 2],
          ['North', 1],
        ],
      )
      const schedules = await schedulesOf(world.site)
      for (const name of own)
        assert.ok(
          schedules.some(({ job, of }) => job === 'core.reconcile' && of === name),
          name,
        )
    })

    test('others than System Managers are refused, and those of other organizations', async () => {
      const clerk = await world.user('clerk@example.com', ['Desk User'])
      for (const [end, input, verb] of [
        ['run_all', {}, 'POST'],
        ['run', { name: 'drift' }, 'POST'],
        ['status', {}, 'GET'],
        ['heal', { log: 'RECON-2026-00001', reason: 'Because' }, 'POST'],
        ['resolve', { log: 'RECON-2026-00001', reason: 'Because' }, 'POST'],
      ] as const)
        await assert.rejects(call(clerk, end, input, verb), MethodDenied.is)
      const [own, others] = [(await call(manager, 'status', {}, 'GET')) as ReconciliationStatus, await logs('drift')]
      assert.deepEqual(
        [own.attention, own.by_job_type_7_days.map((one) => one.job_type), others.length > 0],
        [[], ['by_organization'], true],
      )
      const isHidden = (error: unknown): boolean => PermissionDenied.is(error) || DocumentNotFound.is(error)
      await assert.rejects(call(manager, 'run_all', { org: 'South' }), isHidden)
    })

    test('a mail that nobody sends and a saga that nobody drives are taken up again', async () => {
      const mail = await world.asSystem((ctx) => sendMail(ctx, { to: ['late@example.com'], subject: 'Late', text: 'Late' }))
      const saga = await world.asSystem((ctx) => startSaga(ctx, 'shape-l', { side: 'nobody' }, { organization: 'North' }))
      const old = '2020-01-01 00:00:00.000000'
      await write(sql`update ${sql.id('tabEmail Queue')} set status = ${'Not Sent'}, modified = ${old} where name = ${mail}`)
      await write(sql`update ${sql.id('tabSaga Log')} set modified = ${old} where name = ${saga}`)
      await world.asSystem((ctx) => enqueueMail(ctx, mail))
      assert.ok(!(await reconcile('mail_queue', { dry_run: true })).left.includes(mail), 'its job is on its way')
      await write(sql`delete from ${sql.id('__Job')} where job_name in (${'core.send-mail'}, ${'core.run-saga'})`)
      const dry = await reconcile('mail_queue', { dry_run: true })
      assert.ok(dry.left.includes(mail))
      const healed = await reconcile('mail_queue')
      assert.equal(healed.numbers[2], dry.numbers[1])
      assert.deepEqual((await reconcile('mail_queue')).numbers.slice(1), [0, 0, 0])
      assert.deepEqual((await reconcile('stale_saga_cleanup')).numbers, [1, 1, 1, 0])
      const jobs = await world.site.database.query(
        world.site.database.dialect.compile(sql`select id from ${sql.id('__Job')} where job_name = ${'core.run-saga'}`),
      )
      assert.equal(jobs.length, 1)
    })

    test('a file whose content is gone, and a link that leads nowhere, are named and left to people', async () => {
      const file = await world.make('File', { file_name: 'gone.txt', is_private: 1, file_url: 'https://elsewhere.example/gone.txt' })
      await write(sql`update ${sql.id('tabFile')} set file_url = ${'/private/files/gone.txt'} where name = ${file}`)
      const todo = await world.make('ToDo', { description: 'points nowhere', allocated_to: manager })
      await write(sql`update ${sql.id('tabToDo')} set allocated_to = ${'ghost@example.com'} where name = ${todo}`)
      assert.ok((await reconcile('orphan_records')).left.includes(todo))
      assert.deepEqual((await reconcile('file_contents')).left, [file])
      await clear()
    })

    test('a document that the index lost, and an entry without a document, are put right', async () => {
      const note = await world.make('Note', { title: 'Lighthouse' })
      await rebuildSearch((_key, work) => world.asSystem(work))
      // The notes that were deleted past the platform are still found until then.
      await reconcile('search_index')
      assert.equal((await reconcile('search_index')).numbers[1], 0)
      await write(sql`update ${sql.id('__Search_Entry')} set name = ${'nobody'} where doctype = ${'Note'} and name = ${note}`)
      const { numbers } = await reconcile('search_index')
      assert.deepEqual(numbers.slice(1), [2, 2, 0])
      assert.equal((await reconcile('search_index')).numbers[1], 0)
    })
  })
}
