import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BadLink, DependencyCycle } from '#client/rules/schedule-plan.ts'
import { where } from '#client/rules/predicate.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { FieldNotPermitted } from '#kernel/query/errors.ts'
import { list } from '#kernel/query/list.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { planningTown } from '#testing/projects.ts'
import { testDatabases } from '#testing/services.ts'
import { DatesOutOfOrder, OfAnotherOrganization, OfAnotherProject, StillOpen, ValueRefused, WrongPlace } from './errors.ts'

for (const { name: database } of testDatabases()) {
  const town = await planningTown({ database })
  const { as, asSystem, make, mia, paul, eva, olaf, cleo, employees, customer } = town
  const project = async (values: Record<string, unknown> = {}, user = mia): Promise<string> =>
    (
      await as(user, (ctx) =>
        insert(ctx, 'Project', { project_name: 'New Roof', organization: 'North', expected_start_date: '2026-01-05', ...values }),
      )
    ).name
  const task = async (of: string | null, values: Record<string, unknown> = {}, user = mia): Promise<string> =>
    (await as(user, (ctx) => insert(ctx, 'Task', { subject: 'Work', project: of, ...values }))).name
  const read = (doctype: string, name: string, user = mia): Promise<AnyDocument> => as(user, (ctx) => getDocument(ctx, doctype, name))
  const change = (doctype: string, name: string, values: Record<string, unknown>, user = mia) =>
    as(user, async (ctx) => save(ctx, await openForWrite(ctx, doctype, name), values))
  const verb = async <T>(doctype: string, name: string, called: string, input: Record<string, unknown> = {}, user = mia): Promise<T> =>
    (await as(user, (ctx) => callDocumentMethod(ctx, doctype, name, called, input, 'POST'))).result as T
  const refused = (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
    assert.rejects(work, (error) => kind.is(error) && (error as { field: string }).field === field)
  const seen = async (doctype: string, user: string): Promise<string[]> =>
    (await as(user, (ctx) => list(ctx, doctype, { fields: ['name'], limit: 1000, wire: documentForm }))).rows.map((row) => String(row.name))
  const dates = async (name: string) => {
    const { exp_start_date, exp_end_date } = await read('Task', name)
    return [String(exp_start_date).slice(5, 16), String(exp_end_date).slice(5, 16)]
  }

  test(`${database}: tasks are planned as they are made, around night and holiday, and say why they stand where they do`, async () => {
    const roof = await project()
    const a = await task(roof, { subject: 'Order slates', expected_time: 6 })
    const b = await task(roof, { subject: 'Lay slates', expected_time: 4, depends_on: [{ task: a }] })
    // Nine in Berlin is eight in UTC; the sixth is a holiday.
    assert.deepEqual(await dates(a), ['01-05 08:00', '01-05 14:00'])
    assert.deepEqual(await dates(b), ['01-05 14:00', '01-07 10:00'])
    const second = await read('Task', b)
    assert.deepEqual([second.is_critical, second.slack_hours, second.task_key], [1, 0, 'NR-2'])
    assert.match(String(second.schedule_note), /Order slates.*begins when it is done/)
    await change('Task', a, { expected_time: 8 })
    assert.deepEqual(await dates(b), ['01-07 08:00', '01-07 12:00'])
    assert.equal(String((await read('Project', roof)).forecast_end).slice(0, 16), '2026-01-07 12:00')
    await change('Task', b, { depends_on: [{ task: a, dependency_type: 'Start to Start', lag_hours: 2 }] })
    assert.deepEqual(await dates(b), ['01-05 10:00', '01-05 14:00'])
    await as(mia, (ctx) => remove(ctx, 'Task', b))
    assert.equal(String((await read('Project', roof)).forecast_end).slice(0, 16), '2026-01-05 16:00')
  })

  test(`${database}: pinned dates stay, and what they run against is told; trying out changes nothing`, async () => {
    const roof = await project()
    const a = await task(roof, { expected_time: 8 })
    const b = await task(roof, {
      expected_time: 1,
      schedule_mode: 'Pinned',
      exp_start_date: '2026-01-05 10:00:00',
      exp_end_date: '2026-01-05 11:00:00',
      depends_on: [{ task: a }],
    })
    interface Answer {
      end: string
      moved: { task: string; to_end: string; because: string }[]
      conflicts: { kind: string; task?: string; hours: number }[]
    }
    const now = await verb<Answer>('Project', roof, 'schedule')
    assert.deepEqual(
      now.conflicts.map(({ kind, task: name, hours }) => [kind, name, hours]),
      [['link', b, 6]],
    )
    await change('Project', roof, { expected_end_date: '2026-01-07' })
    const tried = await verb<Answer>('Project', roof, 'what_if', { changes: [{ task: a, delay_hours: 16 }] }, paul)
    assert.deepEqual(
      tried.moved.map(({ task: name }) => name),
      [a],
    )
    assert.ok(tried.conflicts.some(({ kind }) => kind === 'project'))
    assert.deepEqual(await dates(a), ['01-05 08:00', '01-05 16:00'])
    await refused(verb('Project', roof, 'what_if', { changes: [{ task: 'nobody' }] }), ValueRefused, 'changes[0].task')
    await refused(
      verb('Project', roof, 'what_if', { changes: [{ task: a, exp_start_date: '2026-01-07' }] }),
      ValueRefused,
      'changes[0].exp_end_date',
    )
    await refused(verb('Project', roof, 'what_if', { changes: [{ task: a, depends_on: [{ task: b }] }] }), DependencyCycle, 'depends_on')
    await refused(verb('Project', roof, 'schedule', { changes: [{ task: a }] }), ValueRefused, 'changes')
    await assert.rejects(verb('Project', roof, 'schedule', {}, olaf), DocumentNotFound.is)
    await assert.rejects(verb('Project', roof, 'set_baseline', {}, eva), PermissionDenied.is)
  })

  test(`${database}: circles are refused, across the hierarchy too, as are links to elsewhere and twice the same`, async () => {
    const [roof, other] = [await project(), await project({ project_name: 'Other' })]
    const epic = await task(roof, { task_type: 'Epic' })
    const story = await task(roof, { task_type: 'Story', parent_task: epic })
    const a = await task(roof, { depends_on: [{ task: epic }] })
    await refused(change('Task', story, { depends_on: [{ task: a }] }), DependencyCycle, 'depends_on')
    await refused(change('Task', story, { depends_on: [{ task: epic }] }), DependencyCycle, 'depends_on')
    await refused(change('Task', a, { depends_on: [{ task: a }] }), DependencyCycle, 'depends_on')
    await refused(change('Task', a, { depends_on: [{ task: epic }, { task: epic }] }), ValueRefused, 'depends_on[1].task')
    await refused(task(other, { depends_on: [{ task: a }] }), OfAnotherProject, 'depends_on[0].task')
    const first = await task(roof)
    await refused(change('Task', epic, { depends_on: [{ task: first, dependency_type: 'Finish to Finish' }] }), BadLink, 'dependency_type')
  })

  test(`${database}: epics have stories, stories tasks, tasks subtasks, and nothing else; progress climbs up`, async () => {
    const [roof, other] = [await project(), await project({ project_name: 'Other' })]
    const epic = await task(roof, { task_type: 'Epic' })
    const story = await task(roof, { task_type: 'Story', parent_task: epic })
    const one = await task(roof, { parent_task: story, expected_time: 3 })
    const sub = await task(roof, { task_type: 'Subtask', parent_task: one, expected_time: 3 })
    const two = await task(roof, { parent_task: story, expected_time: 1 })
    await refused(task(roof, { task_type: 'Subtask' }), WrongPlace, 'parent_task')
    await refused(task(roof, { task_type: 'Subtask', parent_task: story }), WrongPlace, 'parent_task')
    await refused(task(roof, { task_type: 'Epic', parent_task: epic }), WrongPlace, 'parent_task')
    await refused(task(other, { task_type: 'Story', parent_task: epic }), OfAnotherProject, 'parent_task')
    await refused(change('Task', story, { task_type: 'Task', parent_task: null }), WrongPlace, 'task_type')
    assert.equal((await read('Task', epic)).is_group, 1)
    await change('Task', sub, { progress: 50 })
    assert.equal((await read('Task', epic)).progress, 37.5)
    await refused(change('Task', story, { status: 'Completed' }), StillOpen, 'status')
    await change('Task', sub, { status: 'Completed' })
    const done = await read('Task', sub)
    assert.deepEqual([done.progress, done.completed_by, String(done.act_end_date).slice(0, 16)], [100, mia, '2026-01-05 07:00'])
    // Two tasks have no parts, one of them is done.
    assert.equal((await read('Project', roof)).percent_complete, 50)
    await change('Project', roof, { percent_complete_method: 'Task Progress' })
    await change('Task', two, { progress: 20 })
    assert.equal((await read('Project', roof)).percent_complete, 60)
    await refused(change('Project', roof, { status: 'Completed' }), StillOpen, 'status')
    await change('Task', sub, { status: 'Open' })
    const again = await read('Task', sub)
    assert.deepEqual([again.progress, again.completed_by, again.act_end_date], [0, null, null])
  })

  test(`${database}: what waits for something cannot be done before it`, async () => {
    const roof = await project()
    const a = await task(roof, { expected_time: 1 })
    const b = await task(roof, { expected_time: 1, depends_on: [{ task: a }] })
    await refused(change('Task', b, { status: 'Completed' }), StillOpen, 'status')
    await change('Task', a, { status: 'Cancelled' })
    await change('Task', b, { status: 'Completed' })
    assert.equal((await read('Task', b)).status, 'Completed')
  })

  test(`${database}: what makes no sense is refused with its field`, async () => {
    const roof = await project()
    await refused(project({ expected_end_date: '2026-01-01' }), DatesOutOfOrder, 'expected_end_date')
    await refused(project({ project_key: '1 X' }), ValueRefused, 'project_key')
    await refused(project({ users: [{ user: eva }, { user: eva }] }), ValueRefused, 'users[1].user')
    await refused(
      task(roof, { exp_start_date: '2026-01-08 09:00:00', exp_end_date: '2026-01-07 09:00:00' }),
      DatesOutOfOrder,
      'exp_end_date',
    )
    await refused(task(roof, { schedule_mode: 'Pinned', exp_start_date: '2026-01-08 09:00:00' }), ValueRefused, 'exp_end_date')
    await refused(task(roof, { progress: 101 }), ValueRefused, 'progress')
    await assert.rejects(task(roof, { expected_time: -1 }), (error) => (error as { field: string }).field === 'expected_time')
    await assert.rejects(
      task(roof, { constraint_type: 'Must Start On' }),
      (error) => (error as { field: string }).field === 'constraint_date',
    )
    const southern = await make('Project', { project_name: 'South', organization: 'South' })
    const foreign = await make('Task', { subject: 'There', project: southern })
    await refused(
      asSystem((ctx) => insert(ctx, 'Task', { subject: 'x', project: southern, employee: employees.eva })),
      OfAnotherOrganization,
      'employee',
    )
    await refused(
      asSystem((ctx) => insert(ctx, 'Task', { subject: 'x', project: roof, depends_on: [{ task: foreign }] })),
      OfAnotherProject,
      'depends_on[0].task',
    )
    await assert.rejects(task(roof, { employee: 'nobody' }))
  })

  test(`${database}: people see what is theirs to see`, async () => {
    const [open, hidden] = [await project({ users: [{ user: eva }] }), await project({ is_private: 1 })]
    const shown = await project({ customer, client_visible: 1 })
    const [inOpen, inHidden] = [await task(open), await task(hidden)]
    const [forClient, notForClient] = [await task(shown, { client_visible: 1 }), await task(shown)]
    const evas = await task(hidden, { employee: employees.eva })
    assert.ok((await seen('Project', mia)).includes(hidden))
    const pauls = await seen('Project', paul)
    assert.deepEqual([pauls.includes(open), pauls.includes(hidden)], [true, false])
    assert.ok(!(await seen('Task', paul)).includes(inHidden))
    await assert.rejects(read('Task', inHidden, paul), PermissionDenied.is)
    assert.deepEqual(await seen('Project', eva), [open])
    assert.deepEqual((await seen('Task', eva)).sort(), [inOpen, evas].sort())
    assert.ok((await seen('Project', olaf)).every((name) => ![open, hidden, shown].includes(name)))
    await assert.rejects(read('Project', open, olaf), DocumentNotFound.is)
    assert.deepEqual(await seen('Project', cleo), [shown])
    assert.deepEqual(await seen('Task', cleo), [forClient])
    await assert.rejects(read('Task', notForClient, cleo), PermissionDenied.is)
    await assert.rejects(change('Task', forClient, { subject: 'Mine' }, cleo), PermissionDenied.is)
    // What else is done in the project is not told with a task.
    await assert.rejects(
      as(cleo, (ctx) => list(ctx, 'Task', { fields: ['name', 'schedule_note'], wire: documentForm })),
      FieldNotPermitted.is,
    )
    await as(paul, (ctx) => list(ctx, 'Task', { fields: ['name', 'schedule_note'], wire: documentForm }))
    // Who works on a project changes its tasks; who only looks on does not.
    await change('Task', inOpen, { progress: 10 }, eva)
    await change('Project', open, { users: [{ user: eva, role: 'Viewer' }] })
    await assert.rejects(change('Task', inOpen, { progress: 20 }, eva), PermissionDenied.is)
    await assert.rejects(project({}, eva), PermissionDenied.is)
    await change('Project', shown, { client_visible: 0 })
    assert.deepEqual(await seen('Task', cleo), [])
  })

  test(`${database}: money is on a level of its own`, async () => {
    const roof = await project({ estimated_costing: '1000' })
    assert.equal((await read('Project', roof)).currency, 'EUR')
    await assert.rejects(
      as(paul, (ctx) => list(ctx, 'Project', { fields: ['name', 'gross_margin'], wire: documentForm })),
      FieldNotPermitted.is,
    )
  })

  test(`${database}: cards keep their places, and go between others`, async () => {
    const roof = await project()
    const [a, b, c] = [await task(roof), await task(roof), await task(roof)]
    const column = async (status: string) =>
      (
        await asSystem(async (ctx) =>
          findRows(
            ctx,
            await ctx.site.meta.get('Task'),
            { all: [where('project', '=', roof), where('status', '=', status)] },
            { fields: ['name'], orderBy: [['rank', 'asc']] },
          ),
        )
      ).map(({ name }) => name)
    assert.deepEqual(await column('Open'), [a, b, c])
    await verb('Task', c, 'move', { after: a, before: b })
    assert.deepEqual(await column('Open'), [a, c, b])
    await verb('Task', a, 'move', { after: b })
    assert.deepEqual(await column('Open'), [c, b, a])
    await verb('Task', b, 'move', { status: 'Working' })
    await verb('Task', a, 'move', { status: 'Working', before: b })
    assert.deepEqual([await column('Open'), await column('Working')], [[c], [a, b]])
    await refused(verb('Task', c, 'move', { after: a }), ValueRefused, 'after')
    for (let turn = 0; turn < 8; turn++) await verb('Task', turn % 2 ? a : b, 'move', { status: 'Working', before: turn % 2 ? b : a })
    assert.deepEqual(await column('Working'), [a, b])
  })

  test(`${database}: a baseline shows what slips; milestones follow their tasks`, async () => {
    const roof = await project()
    const milestone = (await as(mia, (ctx) => insert(ctx, 'Milestone', { milestone_name: 'Dry', project: roof, due_date: '2026-01-07' })))
      .name
    const a = await task(roof, { expected_time: 8, milestone })
    await verb('Project', roof, 'set_baseline')
    await change('Task', a, { expected_time: 20 })
    const slipped = await read('Project', roof)
    assert.equal(slipped.slippage_hours, 12)
    const late = await read('Milestone', milestone)
    assert.deepEqual([late.forecast_date, late.slippage_days, late.baseline_date], ['2026-01-08', 1, '2026-01-07'])
    assert.equal(String((await read('Task', a)).baseline_end).slice(5, 16), '01-05 16:00')
    const elsewhere = await project({ project_name: 'Other' })
    await refused(task(elsewhere, { milestone }), OfAnotherProject, 'milestone')
  })
}
