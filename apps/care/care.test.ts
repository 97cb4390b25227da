import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { and, where } from '#client/rules/predicate.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { toWire } from '#kernel/documents/wire.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { MethodDenied } from '#kernel/methods/errors.ts'
import { LinkNotFound, PermissionDenied } from '#kernel/permissions/errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { receiveWebhook } from '#kernel/webhooks/receive.ts'
import { standardSignature } from '#kernel/webhooks/verify.ts'
import { kipuServer } from '#testing/kipu/kipu-server.ts'
import { testDatabases } from '#testing/services.ts'
import { testSite } from '#testing/site.ts'
import { ChecklistOpen, ConnectionUnclear, OfAnotherOrganization, ProgramFull, ValueRefused } from './errors.ts'

interface Synced {
  imported: number
  updated: number
  skipped: number
  errors: { external_id: string; error: string }[]
  conflicts: number
  run: string
  status: string
}

for (const { name: database } of testDatabases()) {
  const kipu = await kipuServer({ accessId: 'north-access', secret: 'fake-kipu-secret', perPage: 2 })
  after(() => kipu.close())
  const world = await testSite({
    database,
    apps: ['care'],
    clock: { now: () => Date.UTC(2026, 10, 20, 9) },
    config: { external_allow: ['127.0.0.1'] },
  })
  const { as, asSystem, make, site } = world
  for (const organization_name of ['North', 'South']) await make('Organization', { organization_name })
  const north = { organization: 'North' }
  const medical = await make('Department', { department_name: 'Medical', ...north })
  const program = await make('Department', { department_name: 'Program', ...north })
  const person = async (name: string, roles: string[], organization = 'North', department?: string) => {
    const user = await world.user(`${name}@example.com`, roles)
    await make('User Permission', { user, allow: 'Organization', for_value: organization })
    if (department) await make('User Permission', { user, allow: 'Department', for_value: department })
    return user
  }
  const sue = await person('sue', ['Super Admin'])
  const cora = await person('cora', ['Program Coordinator'])
  const mel = await person('mel', ['Medical Staff'], 'North', medical)
  const pete = await person('pete', ['Program Staff'], 'North', program)
  const hera = await person('hera', ['HR Manager'])
  const otto = await person('otto', ['Super Admin'], 'South')
  const template = (template_name: string, lines: object[], more = {}) =>
    make('Care Template', { template_name, lines, department: medical, ...north, ...more })
  const pills = await template('Pills', [
    { subject: 'Morning round', due_in_days: 0 },
    { subject: 'Blood test', due_in_days: 7 },
  ])
  const groupTasks = await template('Group', [{ subject: 'Invite to the group', due_in_days: 1 }], { department: program })
  const group = await make('Care Program', { program_name: 'Group', task_template: groupTasks, capacity: 1, department: program, ...north })

  const add = (values: Record<string, unknown> = {}, who = sue) =>
    as(who, (ctx) => insert(ctx, 'Client', { first_name: 'Ida', department: medical, ...north, ...values }))
  const change = (name: string, values: Record<string, unknown>, who = sue) =>
    as(who, async (ctx) => save(ctx, await openForWrite(ctx, 'Client', name), values))
  const verb = (name: string, action: string, input: Record<string, unknown>, who = sue) =>
    as(who, (ctx) => callDocumentMethod(ctx, 'Client', name, action, input, 'POST'))
  const tasks = (client: string, status = 'Open') =>
    asSystem(async (ctx) =>
      findRows(ctx, await ctx.site.meta.get('Care Task'), and(where('client', '=', client), where('status', '=', status)), {
        orderBy: [['due_date', 'asc']],
      }),
    )
  const call = (who: string, path: string, input: Record<string, unknown>, method: 'GET' | 'POST' = 'POST') =>
    as(who, (ctx) => callMethod(ctx, findMethod(ctx, path), input, method))
  const refused = (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
    assert.rejects(work, (error) => {
      assert.ok(kind.is(error), String(error))
      assert.equal((error as { field: string }).field, field)
      return true
    })

  test(`${database}: what is assigned makes its tasks once in a stay, whatever is saved again`, async () => {
    const { name } = await add({ medical_assignments: [{ template_id: pills }] })
    assert.deepEqual(await tasks(name), [])
    await verb(name, 'admit', { date: '2026-11-10' })
    assert.deepEqual(
      (await tasks(name)).map(({ subject, due_date, department }) => [subject, due_date, department]),
      [
        ['Morning round', '2026-11-20', medical],
        ['Blood test', '2026-11-27', medical],
      ],
    )
    await change(name, { last_name: 'Berg' })
    await change(name, { medical_assignments: [] })
    const back = await change(name, {
      medical_assignments: [{ template_id: pills }],
      program_assignments: [{ program_id: group, start_date: '2026-11-12', group_assignment: 'A' }],
    })
    assert.deepEqual(
      (await tasks(name)).map(({ subject }) => subject),
      ['Invite to the group', 'Morning round', 'Blood test'],
    )
    assert.ok((back.medical_assignments as { activated_at: string }[])[0]?.activated_at)
    assert.match(String((back.medical_assignments as { task_generation_metadata: unknown }[])[0]?.task_generation_metadata), /"episode":1/)
    await verb(name, 'discharge', { reason: 'Went home', date: '2026-11-20' })
    assert.equal((await tasks(name, 'Cancelled')).length, 3)
    const gone = await asSystem((ctx) => getDocument(ctx, 'Client', name))
    assert.deepEqual(
      [(gone.medical_assignments as { status: string }[])[0]?.status, (gone.program_assignments as { status: string }[])[0]?.status],
      ['Inactive', 'Completed'],
    )
    // Another stay is another time.
    await verb(name, 'admit', {})
    const [row] = (await asSystem((ctx) => getDocument(ctx, 'Client', name))).medical_assignments as { name: string }[]
    await change(name, { medical_assignments: [{ ...row, status: 'Active' }] })
    assert.equal((await tasks(name)).length, 2)
    await verb(name, 'discharge', { reason: 'Went home' })
  })

  test(`${database}: somebody comes and goes when the checklist is done, and in the order of days`, async () => {
    await template('Coming', [{ subject: 'Consent signed' }, { subject: 'Photo', required: 0 }], { purpose: 'Admission checklist' })
    await template('Going', [{ subject: 'Medication handed over' }], { purpose: 'Discharge checklist' })
    const client = await add()
    const list = client.checklist as { name: string; item: string }[]
    assert.deepEqual(list.map(({ item }) => item).sort(), ['Consent signed', 'Medication handed over', 'Photo'])
    const at = (item: string) => list.findIndex((row) => row.item === item)
    const tick = (item: string) =>
      change(client.name, { checklist: list.map((row) => ({ ...row, done: row.item === item ? 1 : (row as { done?: number }).done })) })
    await refused(verb(client.name, 'admit', {}), ChecklistOpen, `checklist[${at('Consent signed')}].done`)
    const ticked = (await tick('Consent signed')).checklist as { done_by: string | null; item: string }[]
    assert.equal(ticked.find(({ item }) => item === 'Consent signed')?.done_by, sue)
    await refused(verb(client.name, 'admit', { date: '2026-11-21' }), ValueRefused, 'admission_date')
    await verb(client.name, 'admit', { date: '2026-11-15' })
    await refused(
      verb(client.name, 'discharge', { reason: 'Well again' }),
      ChecklistOpen,
      `checklist[${at('Medication handed over')}].done`,
    )
    await change(client.name, { checklist: list.map((row) => ({ ...row, done: 1 })) })
    await refused(verb(client.name, 'discharge', { reason: 'Well again', date: '2026-11-14' }), ValueRefused, 'discharge_date')
    await refused(change(client.name, { status: 'Pending' }), ValueRefused, 'status')
    await refused(change(client.name, { discharge_date: '2026-11-16' }), ValueRefused, 'discharge_date')
    await verb(client.name, 'discharge', { reason: 'Well again' })
    await asSystem(async (ctx) => {
      for (const { name } of await findRows(ctx, await ctx.site.meta.get('Care Template'), where('purpose', '!=', 'Tasks')))
        await save(ctx, await openForWrite(ctx, 'Care Template', name), { disabled: 1 })
    })
  })

  test(`${database}: a program takes as many as it has places`, async () => {
    const first = await add({ program_assignments: [{ program_id: group }] })
    await refused(add({ program_assignments: [{ program_id: group }] }), ProgramFull, 'program_assignments[0].program_id')
    await change(first.name, { program_assignments: [] })
    await refused(
      add({ program_assignments: [{ program_id: group, start_date: '2026-02-01', end_date: '2026-01-01' }] }),
      ValueRefused,
      'program_assignments[0].end_date',
    )
  })

  test(`${database}: staff see the clients of their department, HR no assignments, another organization nothing`, async () => {
    const { name } = await add({ medical_assignments: [{ template_id: pills }], program_assignments: [{ program_id: group }] })
    const seen = (who: string) => as(who, async (ctx) => toWire(ctx, await getDocument(ctx, 'Client', name), { version: 1, zone: 'UTC' }))
    const tables = async (who: string) =>
      Object.keys(await seen(who))
        .filter((key) => key.endsWith('_assignments'))
        .sort()
    assert.deepEqual(await tables(mel), ['medical_assignments', 'program_assignments'])
    assert.deepEqual(await tables(hera), [])
    assert.deepEqual(await tables(cora), ['program_assignments'])
    await assert.rejects(seen(pete), (error) => PermissionDenied.is(error))
    await assert.rejects(seen(otto), (error) => DocumentNotFound.is(error))
    // What one may only read stays as it is.
    await change(name, { program_assignments: [], medical_assignments: [] }, mel)
    const kept = await asSystem((ctx) => getDocument(ctx, 'Client', name))
    assert.deepEqual([(kept.program_assignments as unknown[]).length, (kept.medical_assignments as unknown[]).length], [1, 0])
    for (const who of [mel, hera]) await assert.rejects(add({}, who), (error) => PermissionDenied.is(error))
    await assert.rejects(add({ department: null, organization: 'South' }), (error) => LinkNotFound.is(error) || PermissionDenied.is(error))
    await refused(
      asSystem((ctx) => insert(ctx, 'Client', { first_name: 'X', organization: 'South', medical_assignments: [{ template_id: pills }] })),
      OfAnotherOrganization,
      'medical_assignments[0].template_id',
    )
    await change(name, { program_assignments: [] })
  })

  test(`${database}: a summary holds what its reader may see`, async () => {
    const { name } = await add({
      medical_assignments: [{ template_id: pills }],
      program_assignments: [{ program_id: group, group_assignment: 'A' }],
    })
    await verb(name, 'admit', {})
    const summary = (who: string) =>
      call(who, 'orchestrator.crm.get_client_summary', { client_id: name }, 'GET') as Promise<{
        client: { name: string }
        active_tasks: number
        recent_activities: { subject: string }[]
        assigned_modules: { module: string }[]
      }>
    const all = await summary(sue)
    assert.deepEqual(
      [all.client.name, all.active_tasks, all.assigned_modules.map(({ module }) => module)],
      [name, 3, ['Medical', 'Program']],
    )
    assert.ok(all.recent_activities.some(({ subject }) => subject === 'Blood test (Open)'))
    assert.deepEqual(
      [(await summary(mel)).active_tasks, (await summary(hera)).active_tasks, (await summary(hera)).assigned_modules],
      [2, 0, []],
    )
    await assert.rejects(summary(otto), (error) => DocumentNotFound.is(error))
    await verb(name, 'discharge', { reason: 'Well again' })
  })

  test(`${database}: clients of Kipu come in full and by what changed, tried first, taken back, and never by halves`, async () => {
    const sync = (input: Record<string, unknown> = {}, who = sue) =>
      call(who, 'orchestrator.sync.sync_kipu_clients', input) as Promise<Synced>
    const worker = () => new Worker({ sites: async () => [site], pollMs: 20, queues: ['long', 'default'] })
    /** Calls, while a worker of another process does the work. */
    const synced = async (input: Record<string, unknown> = {}) => {
      const asked = sync(input)
      const done = asked.then(
        () => true,
        () => true,
      )
      for (let ended = false; !ended; ) {
        await worker().drain()
        ended = await Promise.race([done, new Promise<boolean>((go) => setTimeout(() => go(false), 20))])
      }
      return asked
    }
    const kipuClients = () =>
      asSystem(async (ctx) =>
        findRows(ctx, await ctx.site.meta.get('Client'), where('synced_from_kipu', '=', 1), { orderBy: [['kipu_id', 'asc']] }),
      )
    await refused(sync(), ConnectionUnclear, 'connection')
    await assert.rejects(sync({}, mel), (error) => MethodDenied.is(error))
    await make('Adapter Connection', {
      title: 'Kipu',
      adapter: 'kipu',
      ...north,
      address: kipu.address,
      account: 'north-access',
      secret: 'fake-kipu-secret',
    })
    await refused(sync({}, otto), ConnectionUnclear, 'connection')
    const here = await add({ first_name: 'Nora', mr_number: 'MR-2' })
    kipu.patients = [
      {
        casefile_id: 'k1',
        first_name: 'Max',
        last_name: 'Alt',
        mr_number: 'MR-1',
        dob: '1980-01-01',
        gender: 'Male',
        admission_date: '2026-11-01T08:00:00Z',
        updated_at: '2026-11-01T08:00:00Z',
      },
      { casefile_id: 'k2', first_name: 'Nora', last_name: 'Neu', mr_number: 'MR-2', updated_at: '2026-11-02T08:00:00Z' },
      { casefile_id: 'k3', first_name: '', last_name: 'Nobody', mr_number: 'MR-3', updated_at: '2026-11-03T08:00:00Z' },
      {
        casefile_id: 'k4',
        first_name: 'Olaf',
        last_name: 'Gone',
        mr_number: 'MR-4',
        admission_date: '2026-10-01',
        discharge_date: '2026-10-20',
        updated_at: '2026-11-04T08:00:00Z',
      },
    ]
    const tried = await synced({ sync_type: 'full', dry_run: true })
    assert.deepEqual([tried.imported, tried.updated, tried.errors.map(({ external_id }) => external_id)], [2, 1, ['k3']])
    assert.deepEqual(await kipuClients(), [])

    const first = await synced({ sync_type: 'full' })
    assert.deepEqual([first.imported, first.updated, first.skipped, first.errors.length, first.status], [2, 1, 0, 1, 'Partly'])
    assert.match(first.errors[0]?.error ?? '', /first name/)
    const clients = await kipuClients()
    assert.deepEqual(
      clients.map(({ kipu_id, client_name, status, organization }) => [kipu_id, client_name, status, organization]),
      [
        ['k1', 'Max Alt', 'Active', 'North'],
        ['k2', 'Nora Neu', 'Pending', 'North'],
        ['k4', 'Olaf Gone', 'Discharged', 'North'],
      ],
    )
    assert.equal(clients[1]?.name, here.name)

    // Nothing new: nothing asked for twice is taken twice.
    const again = await synced({})
    assert.deepEqual([again.imported, again.updated, again.status], [0, 0, 'Completed'])
    assert.equal(kipu.asked.at(-1), 'latest')

    // Both sides changed the same field: a person decides, the rest is taken; a failure in between is gone over.
    await change(String(clients[0]?.name), { last_name: 'Ours' })
    Object.assign(kipu.patients[0] as object, { last_name: 'Theirs', dob: '1981-01-01', updated_at: '2026-11-05T08:00:00Z' })
    kipu.troubles = [{ status: 500 }]
    const third = await synced({})
    assert.deepEqual([third.conflicts, third.errors], [1, []])
    const [max] = await kipuClients()
    assert.deepEqual([max?.last_name, max?.dob], ['Ours', '1981-01-01'])

    // Told by itself: one that is verified counts, a forged one does not.
    const secret = `whsec_${Buffer.from('fake-hook-secret-of-kipu-0123456').toString('base64')}`
    const endpoint = await make('Incoming Webhook', { title: 'Kipu', provider: 'kipu', secret, ...north })
    const tell = async (id: string, event: object, key = secret) => {
      const body = Buffer.from(JSON.stringify(event))
      const time = String(Date.UTC(2026, 10, 20, 9) / 1000)
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': time,
        'webhook-signature': standardSignature(key, id, time, body.toString()),
      }
      const arrived = { body, headers, url: 'http://x.localhost/', query: {} }
      await receiveWebhook(site, { provider: 'kipu', endpoint, isGet: false }, arrived).catch(() => undefined)
      await worker().drain()
    }
    const event = { patients: [{ casefile_id: 'k5', first_name: 'Paula', mr_number: 'MR-5', updated_at: '2026-11-06T08:00:00Z' }] }
    await tell('1', event, `whsec_${Buffer.from('somebody-else-0123456789abcdefgh').toString('base64')}`)
    assert.equal((await kipuClients()).length, 3)
    await tell('2', event)
    await tell('2', event)
    assert.deepEqual(
      (await kipuClients()).map(({ kipu_id }) => kipu_id),
      ['k1', 'k2', 'k4', 'k5'],
    )

    const { job } = (await as('Administrator', (ctx) =>
      callMethod(ctx, findMethod(ctx, 'orchestrator.adapters.undo'), { run: first.run, reason: 'wrong account' }, 'POST'),
    )) as { job: string }
    assert.ok(job)
    await worker().drain()
    const left = await kipuClients()
    assert.ok(!left.some(({ kipu_id }) => kipu_id === 'k4'))
    const nora = await asSystem((ctx) => getDocument(ctx, 'Client', here.name))
    assert.deepEqual([nora.last_name, nora.synced_from_kipu], [null, 0])
  })
}
