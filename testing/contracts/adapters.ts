import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, suite, test } from 'node:test'
import { always, where } from '#client/rules/predicate.ts'
import { AdapterBusy, AdapterStateWrong, AdapterUnknown } from '#kernel/adapters/errors.ts'
import type { RunResult } from '#kernel/adapters/result.ts'
import { readRun, startRun } from '#kernel/adapters/run.ts'
import { sql } from '#kernel/database/sql.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { remove } from '#kernel/documents/remove.ts'
import { setValue } from '#kernel/documents/values.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { MethodDenied } from '#kernel/methods/errors.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { receiveWebhook } from '#kernel/webhooks/receive.ts'
import { standardSignature } from '#kernel/webhooks/verify.ts'
import { testApps } from '#testing/documents-world.ts'
import { type TestSite, testSite } from '#testing/site.ts'

const manager = 'manager@example.com'

interface Lodge {
  id: string
  name: string
  mail?: string
  tel?: string
  stars?: number
  at: string
  kind?: string
}

/** The exam of adapters against a stand-in of another system, with pages, failures, and records that change and vanish. */
export function adapterContract(database: 'sqlite' | 'postgres' | 'mariadb'): void {
  suite(`adapters: ${database}`, () => {
    let world: TestSite
    let address = ''
    let lodges: Lodge[] = []
    let deleted: string[] = []
    let troubles: { status: number; headers?: Record<string, string> }[] = []
    let served = 0
    let failAt: string | undefined
    const pageSize = 2
    const stranger = createServer((request, response) => {
      const { searchParams: asked } = new URL(request.url ?? '', 'http://stranger')
      if (request.headers.authorization !== 'Bearer fake-key') return void response.writeHead(401).end()
      const trouble = asked.get('cursor') === failAt ? { status: 500 } : troubles.shift()
      if (trouble) return void response.writeHead(trouble.status, trouble.headers).end()
      served++
      const wanted = lodges.filter(({ at }) => at > (asked.get('since') ?? '')).sort((a, b) => (a.at < b.at ? -1 : 1))
      const from = Number(asked.get('cursor') || 0)
      const records = wanted.slice(from, from + pageSize)
      const next = from + pageSize < wanted.length ? String(from + pageSize) : undefined
      response.end(JSON.stringify({ records, next, highWater: records.at(-1)?.at, ...(next === undefined && { deleted }) }))
    })
    before(async () => {
      world = await testSite({
        database,
        apps: ['travel'],
        appFolders: [testApps],
        closedByCaller: true,
        config: { external_allow: ['127.0.0.1'] },
      })
      await world.user(manager, ['System Manager'])
      for (const name of ['North', 'South']) await world.make('Organization', { organization_name: name })
      await world.make('User Permission', { user: manager, allow: 'Organization', for_value: 'North' })
      await new Promise<void>((done) => stranger.listen(0, '127.0.0.1', done))
      address = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}/lodges`
    })
    after(async () => {
      stranger.closeAllConnections()
      stranger.close()
      await world?.close()
    })
    beforeEach(async () => {
      lodges = [
        { id: 'a', name: 'Alp', mail: 'alp@example.com', stars: 3, at: '2026-01-01T00:00:00Z' },
        { id: 'b', name: 'Bay', tel: '1', at: '2026-01-02T00:00:00Z' },
        { id: 'c', name: 'Cove', at: '2026-01-03T00:00:00Z' },
        { id: 'd', name: 'Dell', stars: 9, at: '2026-01-04T00:00:00Z' },
        { id: 'e', name: 'Tent', kind: 'tent', at: '2026-01-05T00:00:00Z' },
      ]
      ;[deleted, troubles, served, failAt] = [[], [], 0, undefined]
      for (const table of ['tabLodge', 'tabExternal Id', 'tabSync Conflict'])
        await world.site.database.transaction((tx) => tx.execute(tx.dialect.compile(sql`delete from ${sql.id(table)}`)))
    })

    const connect = (rule = 'theirs', values = {}) =>
      world.make('Adapter Connection', {
        title: rule,
        adapter: `lodges-${rule}`,
        organization: 'North',
        address,
        secret: 'fake-key',
        ...values,
      })
    const call = (user: string, verb: string, input: Record<string, unknown>, method: 'GET' | 'POST' = 'POST') =>
      world.as(user, (ctx) => callMethod(ctx, findMethod(ctx, `orchestrator.adapters.${verb}`), input, method))
    const drain = async (rounds = 1) => {
      for (let n = 0; n < rounds; n++) {
        await world.site.database.transaction((tx) =>
          tx.execute(tx.dialect.compile(sql`update ${sql.id('__Job')} set run_at = 0 where state = ${'queued'}`)),
        )
        await new Worker({ sites: async () => [world.site], pollMs: 20, queues: ['long', 'default'] }).drain()
      }
    }
    const pull = async (connection: string, input: Record<string, unknown> = {}) => {
      const { run } = (await call(manager, 'run', { connection, ...input })) as { run: string }
      await drain()
      return { run, result: (await call(manager, 'result', { run }, 'GET')) as RunResult }
    }
    const counts = ({ imported, updated, skipped, conflicts, deleted: gone, errors }: RunResult) => [
      imported,
      updated,
      skipped,
      conflicts,
      gone,
      errors.length,
    ]
    const rowsOf = (doctype: string, condition = always) =>
      world.asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get(doctype), condition))
    const lodge = async (title: string) =>
      (await rowsOf('Lodge', where('title', '=', title)))[0] as Record<string, unknown> & { name: string }
    const change = (id: string, values: Partial<Lodge>) => Object.assign(lodges.find((one) => one.id === id) as Lodge, values)
    const edit = (name: string, values: Record<string, unknown>) => world.asSystem((ctx) => setValue(ctx, 'Lodge', name, values))
    const mark = async (connection: string) => (await rowsOf('Adapter Connection', where('name', '=', connection)))[0]?.high_water

    test('a dry run does all of it and leaves nothing; the real one takes every page, and one bad record keeps nobody back', async () => {
      const connection = await connect()
      const dry = await pull(connection, { dry_run: true })
      assert.deepEqual(
        [counts(dry.result), (await rowsOf('Lodge')).length, (await rowsOf('External Id')).length, await mark(connection)],
        [[3, 0, 1, 0, 0, 1], 0, 0, null],
      )
      const { result } = await pull(connection)
      assert.deepEqual([result.status, counts(result), served], ['Partly', [3, 0, 1, 0, 0, 1], 6])
      assert.deepEqual(result.errors, [{ external_id: 'd', error: 'Nobody has more than five stars.' }])
      assert.deepEqual(
        (await rowsOf('Lodge')).map((row) => row.organization),
        ['North', 'North', 'North'],
        'whatever the record says',
      )
      assert.equal(await mark(connection), '2026-01-05T00:00:00Z')
      change('b', { tel: '2', at: '2026-02-01T00:00:00Z' })
      const again = await pull(connection)
      assert.deepEqual([counts(again.result), (await lodge('Bay')).phone], [[0, 1, 0, 0, 0, 0], '2'])
      const full = await pull(connection, { sync_type: 'full' })
      assert.deepEqual(counts(full.result), [0, 0, 4, 0, 0, 1])
    })

    test('429 and 500 are waited out; a run that fails for long goes on with the page that it had not finished', async () => {
      const connection = await connect()
      troubles = [{ status: 500 }, { status: 429, headers: { 'retry-after': '0' } }]
      failAt = '2'
      const { run } = (await call(manager, 'run', { connection })) as { run: string }
      await drain(2)
      assert.deepEqual(
        [(await world.asSystem((ctx) => readRun(ctx, run))).pages, (await rowsOf('Lodge')).length, await mark(connection)],
        [1, 2, '2026-01-02T00:00:00Z'],
      )
      await assert.rejects(call(manager, 'run', { connection }), AdapterBusy.is)
      failAt = undefined
      await world.site.database.transaction((tx) => tx.execute(tx.dialect.compile(sql`delete from ${sql.id('__Circuit')}`)))
      await drain(2)
      assert.deepEqual(counts((await call(manager, 'result', { run }, 'GET')) as RunResult), [3, 0, 1, 0, 0, 1])
      await world.asSystem((ctx) => setValue(ctx, 'Adapter Connection', connection, { secret: 'fake-wrong' }))
      const refused = await pull(connection)
      assert.equal(refused.result.status, 'Failed')
      assert.match(String((await world.asSystem((ctx) => readRun(ctx, refused.run))).error), /does not accept the credentials/)
    })

    test('a document that was here before is recognised, and never one of another organization', async () => {
      const own = await world.make('Lodge', { title: 'Old Alp', email: 'alp@example.com', organization: 'North' })
      const other = await world.make('Lodge', { title: 'Other Alp', email: 'alp@example.com', organization: 'South' })
      await pull(await connect())
      const names = (await rowsOf('Lodge')).map((row) => [row.name, row.title])
      assert.deepEqual(
        names.find(([name]) => name === own),
        [own, 'Alp'],
      )
      assert.deepEqual(
        names.find(([name]) => name === other),
        [other, 'Other Alp'],
      )
    })

    test('a field that was changed on both sides goes by the rule; what only one side changed is kept or taken', async () => {
      for (const [rule, title] of [
        ['theirs', 'Alp there'],
        ['ours', 'Alp here'],
        ['newest', 'Alp here'],
      ] as const) {
        const connection = await connect(rule)
        change('a', { name: 'Alp', stars: 3, at: '2026-01-01T00:00:00Z' })
        await pull(connection)
        const { name } = (await rowsOf('Lodge', where('title', '=', 'Alp'))).at(-1) as { name: string }
        await edit(name, { title: 'Alp here', phone: 'ours only' })
        change('a', { name: 'Alp there', stars: 4, at: '2026-03-01T00:00:00Z' })
        await pull(connection)
        const [row] = await rowsOf('Lodge', where('name', '=', name))
        assert.deepEqual([rule, row?.title, row?.stars, row?.phone], [rule, title, 4, 'ours only'])
        // Asked again without news, nothing moves.
        await pull(connection, { sync_type: 'full' })
        assert.equal((await rowsOf('Lodge', where('name', '=', name)))[0]?.title, title)
        await world.site.database.transaction((tx) => tx.execute(tx.dialect.compile(sql`delete from ${sql.id('tabLodge')}`)))
      }
      const connection = await connect('newest')
      change('b', { name: 'Bay', at: '2026-01-02T00:00:00Z' })
      await pull(connection)
      await edit((await lodge('Bay')).name, { title: 'Bay here' })
      change('b', { name: 'Bay later', at: '2099-01-01T00:00:00Z' })
      await pull(connection)
      assert.ok(await lodge('Bay later'))
    })

    test('a person decides a conflict, who may write the document', async () => {
      const connection = await connect('manual')
      await pull(connection)
      const { name } = await lodge('Alp')
      await edit(name, { title: 'Alp here' })
      change('a', { name: 'Alp there', stars: 5, at: '2026-03-01T00:00:00Z' })
      const { result } = await pull(connection)
      assert.deepEqual([counts(result), (await lodge('Alp here')).stars], [[0, 0, 0, 1, 0, 0], 5])
      const open = await rowsOf('Sync Conflict')
      await pull(connection, { sync_type: 'full' })
      assert.deepEqual([open.length, (await rowsOf('Sync Conflict')).length], [1, 1], 'it is asked once')
      const conflict = open[0]?.name as string
      assert.deepEqual(await call(manager, 'conflict', { conflict }, 'GET'), {
        ours: { title: 'Alp here' },
        theirs: { title: 'Alp there' },
      })
      const southern = await world.user(`southern-${database}@example.com`, ['System Manager'])
      await world.make('User Permission', { user: southern, allow: 'Organization', for_value: 'South' })
      const isHidden = (error: unknown): boolean => PermissionDenied.is(error) || DocumentNotFound.is(error)
      await assert.rejects(call(southern, 'decide', { conflict, decision: 'theirs' }), isHidden)
      await call(manager, 'decide', { conflict, decision: 'theirs' })
      assert.ok(await lodge('Alp there'))
      await assert.rejects(call(manager, 'decide', { conflict, decision: 'ours' }), AdapterStateWrong.is)
      assert.deepEqual(counts((await pull(connection, { sync_type: 'full' })).result), [0, 0, 4, 0, 0, 1])
    })

    test('what was deleted there is closed here, told or only missing; much at once is left to people', async () => {
      const connection = await connect()
      await pull(connection)
      deleted = ['a']
      lodges = lodges.filter(({ id }) => id !== 'a')
      assert.equal((await pull(connection)).result.deleted, 1)
      assert.deepEqual([(await lodge('Alp')).is_closed, (await lodge('Bay')).is_closed], [1, 0])
      deleted = []
      lodges = lodges.filter(({ id }) => id !== 'b')
      assert.equal((await pull(connection, { sync_type: 'full' })).result.deleted, 1)
      assert.equal((await lodge('Bay')).is_closed, 1)
      lodges = Array.from({ length: 14 }, (_, n) => ({ id: `n${n}`, name: `N${n}`, at: `2026-05-${String(n + 10)}T00:00:00Z` }))
      await pull(connection)
      lodges = lodges.slice(0, 1)
      const { run, result } = await pull(connection, { sync_type: 'full' })
      assert.deepEqual([result.status, result.deleted], ['Partly', 0])
      assert.match(String((await world.asSystem((ctx) => readRun(ctx, run))).error), /did not come/)
    })

    test('a run is undone where nobody has changed anything since, and says where it could not be', async () => {
      const connection = await connect()
      const first = await pull(connection)
      await assert.rejects(
        call(manager, 'undo', { run: (await pull(connection, { dry_run: true })).run, reason: 'A mistake' }),
        AdapterStateWrong.is,
      )
      change('a', { name: 'Alp new', stars: 1, at: '2026-03-01T00:00:00Z' })
      const second = await pull(connection)
      await edit((await lodge('Alp new')).name, { stars: 2 })
      await call(manager, 'undo', { run: second.run, reason: 'It was the wrong file' })
      await drain()
      const alp = await lodge('Alp')
      assert.deepEqual([alp.stars, (await world.asSystem((ctx) => readRun(ctx, second.run))).status], [2, 'Partly undone'])
      const [left] = await rowsOf('Adapter Record', where('undo', '=', 'Left'))
      assert.equal(left?.undo_note, 'Changed since: stars.')
      await world.asSystem(async (ctx) => remove(ctx, 'Lodge', (await lodge('Cove')).name))
      await call(manager, 'undo', { run: first.run, reason: 'All of it' })
      await drain()
      assert.deepEqual(
        (await rowsOf('Lodge')).map((row) => row.title),
        ['Alp'],
        'which somebody changed',
      )
      assert.deepEqual([(await rowsOf('External Id')).length, (await world.asSystem((ctx) => readRun(ctx, first.run))).undo_left], [1, 1])
      // What is gone comes again, with a full run.
      await pull(connection, { sync_type: 'full' })
      assert.deepEqual((await rowsOf('Lodge')).map((row) => row.title).sort(), ['Alp new', 'Bay', 'Cove'])
    })

    test('webhooks are taken for the connection of their address; late ones change nothing', async () => {
      const connection = await connect()
      const secret = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='
      const endpoint = await world.make('Incoming Webhook', { title: 'Lodges', provider: 'lodges-theirs', organization: 'North', secret })
      // Of the connections that earlier tests made, only this one takes part.
      for (const { name } of await rowsOf('Adapter Connection'))
        if (name !== connection) await world.asSystem((ctx) => setValue(ctx, 'Adapter Connection', name, { enabled: 0 }))
      const tell = async (id: string, event: object) => {
        const body = Buffer.from(JSON.stringify(event))
        const time = String(Math.floor(Date.now() / 1000))
        const headers = {
          'webhook-id': id,
          'webhook-timestamp': time,
          'webhook-signature': standardSignature(secret, id, time, body.toString()),
        }
        await receiveWebhook(
          world.site,
          { provider: 'lodges-theirs', endpoint, isGet: false },
          { body, headers, url: 'http://x.localhost/', query: {} },
        )
        await drain()
      }
      await tell('1', { records: [{ id: 'w', name: 'Weir', at: '2026-04-02' }] })
      await tell('2', { records: [{ id: 'w', name: 'Old Weir', at: '2026-04-01' }] })
      assert.ok(await lodge('Weir'))
      await tell('3', { records: [], deleted: ['w'] })
      assert.equal((await lodge('Weir')).is_closed, 1)
      const runs = await rowsOf('Adapter Run', where('mode', '=', 'webhook'))
      assert.deepEqual(
        runs.map((run) => [run.connection, run.status]),
        Array(3).fill([connection, 'Completed']),
      )
    })

    test('others are refused, and a run that lost its job does not stand in the way', async () => {
      const connection = await connect()
      const clerk = await world.user(`clerk-${database}@example.com`, ['Desk User'])
      for (const [verb, input] of [
        ['run', { connection }],
        ['undo', { run: 'x', reason: 'Because' }],
        ['decide', { conflict: 'x', decision: 'ours' }],
      ] as const)
        await assert.rejects(call(clerk, verb, input), MethodDenied.is)
      const foreign = await connect('theirs', { organization: 'South' })
      await assert.rejects(
        call(manager, 'run', { connection: foreign }),
        (error) => PermissionDenied.is(error) || DocumentNotFound.is(error),
      )
      await assert.rejects(connect('nobody'), AdapterUnknown.is)
      const lost = await world.asSystem((ctx) => startRun(ctx, connection, 'full'))
      await world.site.database.transaction((tx) => tx.execute(tx.dialect.compile(sql`delete from ${sql.id('__Job')}`)))
      assert.equal((await pull(connection)).result.imported, 3)
      assert.equal((await world.asSystem((ctx) => readRun(ctx, lost))).status, 'Failed')
    })
  })
}
