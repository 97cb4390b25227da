import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Decimal } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { cancel, insert, openForWrite, save } from '#kernel/documents/save.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { applyWorkflow } from '#kernel/workflow/apply.ts'
import { planningTown } from '#testing/projects.ts'
import { testDatabases } from '#testing/services.ts'
import { DatesOutOfOrder, HistoryIsFixed, OfAnotherProject, SprintStateWrong, ValueRefused } from './errors.ts'

const day = 86_400_000

for (const { name: database } of testDatabases()) {
  const town = await planningTown({ database })
  const { as, asSystem, make, mia, paul, eva, olaf, employees, clock } = town
  const begin = clock.at
  const project = async (values: Record<string, unknown> = {}): Promise<string> =>
    (
      await as(mia, (ctx) =>
        insert(ctx, 'Project', { project_name: 'Portal', organization: 'North', expected_start_date: '2026-01-05', ...values }),
      )
    ).name
  const add = async (doctype: string, values: Record<string, unknown>, user = mia): Promise<string> =>
    (await as(user, (ctx) => insert(ctx, doctype, values))).name
  const read = (doctype: string, name: string, user = mia): Promise<AnyDocument> => as(user, (ctx) => getDocument(ctx, doctype, name))
  const change = (doctype: string, name: string, values: Record<string, unknown>, user = mia) =>
    as(user, async (ctx) => save(ctx, await openForWrite(ctx, doctype, name), values))
  const verb = async <T>(doctype: string, name: string, called: string, input: Record<string, unknown> = {}, user = mia): Promise<T> =>
    (await as(user, (ctx) => callDocumentMethod(ctx, doctype, name, called, input, 'POST'))).result as T
  const call = async <T>(path: string, input: Record<string, unknown>, user = mia): Promise<T> =>
    (await as(user, (ctx) => callMethod(ctx, findMethod(ctx, path), input, 'POST'))) as T
  const refused = (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
    assert.rejects(work, (error) => kind.is(error) && (error as { field: string }).field === field)
  const work = async (job: string) => {
    await asSystem((ctx) => enqueue(ctx, job))
    await new Worker({ sites: async () => [town.site], pollMs: 20, queues: ['short', 'default', 'long'] }).drain()
  }
  const tasksOf = (field: string, value: string) =>
    asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get('Task'), where(field, '=', value), { orderBy: [['creation', 'asc']] }))

  test(`${database}: a sprint is begun and closed; burndown and velocity follow from its events`, async () => {
    clock.at = begin
    const portal = await project()
    const sprint = (name: string, from: string, to: string, values: Record<string, unknown> = {}) =>
      add('Sprint', { sprint_name: name, project: portal, start_date: from, end_date: to, ...values })
    const [one, two] = [await sprint('One', '2026-01-05', '2026-01-09'), await sprint('Two', '2026-01-12', '2026-01-16')]
    await refused(sprint('Back', '2026-02-05', '2026-02-01'), DatesOutOfOrder, 'end_date')
    await refused(sprint('Same', '2026-01-09', '2026-01-11'), ValueRefused, 'start_date')
    await refused(change('Sprint', one, { status: 'Active' }), SprintStateWrong, 'status')
    const task = (points: number) => add('Task', { subject: 'Page', project: portal, sprint: one, story_points: points })
    const [a, b] = [await task(5), await task(3)]
    assert.deepEqual(await verb('Sprint', one, 'start'), { committed_points: 8, tasks: 2 })
    await refused(verb('Sprint', two, 'start'), SprintStateWrong, 'status')
    clock.at = begin + 2 * day
    await change('Task', a, { status: 'Completed' })
    clock.at = begin + 3 * day
    await change('Task', b, { story_points: 8 })
    const c = await task(2)
    const { lines } = await verb<{ lines: { scope: number; remaining: number; ideal: number }[] }>('Sprint', one, 'burndown', {}, paul)
    assert.deepEqual(
      lines.map(({ scope, remaining, ideal }) => [scope, remaining, ideal]),
      [
        [8, 8, 6],
        // A holiday.
        [8, 8, 6],
        [8, 3, 4],
        [15, 10, 2],
      ],
    )
    clock.at = begin + 4 * day
    const elsewhere = await project({ project_name: 'Other' })
    const far = await add('Sprint', { sprint_name: 'Far', project: elsewhere, start_date: '2026-01-05', end_date: '2026-01-09' })
    await refused(verb('Sprint', one, 'complete', { carry_over_to: far }), OfAnotherProject, 'carry_over_to')
    await refused(add('Task', { subject: 'x', project: portal, sprint: far }), OfAnotherProject, 'sprint')
    const closed = await verb<{ completed_points: number; carried_over: string[] }>('Sprint', one, 'complete', { carry_over_to: two })
    assert.deepEqual([closed.completed_points, closed.carried_over.sort()], [5, [b, c].sort()])
    assert.equal((await read('Task', b)).sprint, two)
    assert.deepEqual((await verb<{ committed_points: number }>('Sprint', two, 'start')).committed_points, 10)
    await refused(
      change('Task', a, { sprint: null }).then(() => change('Task', a, { sprint: one })),
      ValueRefused,
      'sprint',
    )
    const after = await verb<{ lines: { remaining: number }[] }>('Sprint', one, 'burndown')
    assert.equal(after.lines.at(-1)?.remaining, 10)
    const { velocity } = await call<{ velocity: unknown }>('orchestrator.projects.velocity', { project: portal }, paul)
    assert.deepEqual(velocity, { average: 5, worst: 5, best: 5 })
    const [event] = await asSystem(async (ctx) =>
      findRows(ctx, await ctx.site.meta.get('Sprint Event'), where('sprint', '=', one), { limit: 1 }),
    )
    await assert.rejects(
      asSystem((ctx) => remove(ctx, 'Sprint Event', String(event?.name))),
      HistoryIsFixed.is,
    )
    await assert.rejects(
      asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Sprint Event', String(event?.name)), { points: 9 })),
      HistoryIsFixed.is,
    )
    await assert.rejects(
      as(mia, (ctx) => insert(ctx, 'Sprint Event', { sprint: one, task: a, at: textOfInstant(begin), sequence: 99 })),
      PermissionDenied.is,
    )
  })

  /** As the app hr leaves it when it was approved. */
  const away = (employee: string, from: string, to: string, half?: string) =>
    asSystem(async (ctx) => {
      const meta = await ctx.site.meta.get('Leave Application')
      const name = `L-${employee}-${from}`
      await ctx.db.begin()
      const values = {
        name,
        employee,
        organization: 'North',
        from_date: from,
        to_date: to,
        status: 'Approved',
        docstatus: 1,
        half_day: half ? 1 : 0,
        half_day_date: half ?? null,
      }
      const columns = Object.keys(values).map((column) => ident(column))
      const cells = Object.values(values).map((value) => sql`${value}`)
      const list = (parts: readonly ReturnType<typeof ident>[]) => parts.reduce((all, part) => sql`${all}, ${part}`)
      await ctx.db.execute(ctx.db.dialect.compile(sql`insert into ${ident(meta.table)} (${list(columns)}) values (${list(cells)})`))
    })

  test(`${database}: leave that is approved moves the plan at once`, async () => {
    clock.at = begin
    const portal = await project()
    const ada = await make('Employee', { first_name: 'Ada', organization: 'North', date_of_joining: '2020-01-01' })
    const task = await add('Task', { subject: 'Write', project: portal, employee: ada, expected_time: 10 })
    const end = async () => String((await read('Task', task)).exp_end_date).slice(5, 16)
    assert.equal(await end(), '01-07 10:00')
    const leave_type = await make('Leave Type', { leave_type_name: 'Unpaid', organization: 'North', is_lwp: 1 })
    const leave = { employee: ada, organization: 'North', leave_type, from_date: '2026-01-07', to_date: '2026-01-08', leave_approver: mia }
    const name = await make('Leave Application', leave)
    assert.equal(await end(), '01-07 10:00')
    await asSystem((ctx) => applyWorkflow(ctx, 'Leave Application', name, 'Approve'))
    assert.equal(await end(), '01-09 10:00')
    await asSystem((ctx) => applyWorkflow(ctx, 'Leave Application', name, 'Cancel'))
    assert.equal(await end(), '01-07 10:00')
  })

  interface Capacity {
    employee: string
    available: number
    booked: number
    overbooked: string[]
    days: { day: string; available: number; booked: number; free: number }[]
  }

  test(`${database}: capacity counts leave, holidays and shifts, and what is booked too much is said`, async () => {
    clock.at = begin
    const portal = await project()
    await away(employees.ben, '2026-01-08', '2026-01-09', '2026-01-08')
    const week = { organization: 'North', from_date: '2026-01-05', to_date: '2026-01-11' }
    const ben = async () =>
      (await call<Capacity[]>('orchestrator.projects.capacity', { ...week, employees: [employees.ben] }, paul))[0] as Capacity
    // Monday, Wednesday and half of Thursday; Tuesday is a holiday.
    assert.equal((await ben()).available, 20)
    const allocate = (values: Record<string, unknown>, user = mia) =>
      as(user, async (ctx) => {
        const made = await insert(ctx, 'Resource Allocation', {
          employee: employees.ben,
          project: portal,
          from_date: '2026-01-05',
          to_date: '2026-01-09',
          ...values,
        })
        return { made, messages: [...ctx.messages] }
      })
    const first = await allocate({ hours_per_day: 6 })
    assert.deepEqual([first.made.organization, first.made.over_days], ['North', 2])
    assert.match(String(first.messages[0]?.message), /Ben.*2026-01-08 6 h of 4 h/)
    const booked = await ben()
    assert.deepEqual([booked.booked, booked.overbooked], [24, ['2026-01-08', '2026-01-09']])
    assert.equal((await allocate({ allocation_percent: 25, to_date: '2026-01-05' })).made.over_days, 0)
    assert.equal((await allocate({ allocation_percent: 25, to_date: '2026-01-05' })).made.over_days, 1)
    await refused(allocate({ hours_per_day: 2, allocation_percent: 5 }), ValueRefused, 'hours_per_day')
    await refused(allocate({}), ValueRefused, 'hours_per_day')
    await refused(allocate({ hours_per_day: 25 }), ValueRefused, 'hours_per_day')
    await refused(allocate({ allocation_percent: 101 }), ValueRefused, 'allocation_percent')
    await refused(allocate({ hours_per_day: 2, to_date: '2026-01-04' }), DatesOutOfOrder, 'to_date')
    await refused(allocate({ hours_per_day: 2, from_date: '2019-12-31' }), ValueRefused, 'to_date')
    await refused(allocate({ hours_per_day: 2, from_date: '2019-12-31', to_date: '2020-02-01' }), ValueRefused, 'from_date')
    await assert.rejects(allocate({ hours_per_day: 1 }, eva), PermissionDenied.is)
    await assert.rejects(call('orchestrator.projects.capacity', week, eva), PermissionDenied.is)
    await assert.rejects(call('orchestrator.projects.capacity', week, olaf), PermissionDenied.is)
  })

  test(`${database}: a task of somebody on leave waits until they are back, and tasks of one person do not overlap when levelled`, async () => {
    clock.at = begin
    const portal = await project()
    await away(employees.eva, '2026-01-07', '2026-01-08')
    const task = (subject: string) => add('Task', { subject, project: portal, employee: employees.eva, expected_time: 10 })
    const [a, b] = [await task('First'), await task('Second')]
    const dates = async (name: string) => String((await read('Task', name)).exp_end_date).slice(5, 16)
    assert.deepEqual([await dates(a), await dates(b)], ['01-09 10:00', '01-09 10:00'])
    const tried = await verb<{ moved: unknown[] }>('Project', portal, 'what_if', { level: true })
    assert.equal(tried.moved.length, 1)
    await change('Project', portal, { level_resources: 1 })
    assert.deepEqual([await dates(a), await dates(b)].sort(), ['01-09 10:00', '01-12 12:00'])
    const { moved } = await verb<{ moved: { to_start: string }[] }>('Project', portal, 'what_if', { as_of: '2026-01-15 09:00:00' })
    assert.equal(moved.length, 2)
    assert.ok(moved.every(({ to_start }) => to_start >= '2026-01-15'))
  })

  test(`${database}: a project comes from a template with its order, its wholes and its parts`, async () => {
    clock.at = begin
    const checked = await add('Task Template', {
      template_name: 'Test',
      organization: 'North',
      subject: 'Test it',
      expected_time: 4,
      checklist: [{ item: 'Phone' }],
    })
    const rows = [
      { ref: '1', subject: 'Build', task_type: 'Story' },
      { ref: '1.1', subject: 'Draw', parent_ref: '1', expected_time: 8 },
      { ref: '1.2', subject: 'Code', parent_ref: '1', expected_time: 4, depends_on_refs: '1.1 FS+2' },
      { ref: '2', task_template: checked, depends_on_refs: '1; 1.1 SS' },
    ]
    const template = await add('Project Template', { template_name: 'Site', organization: 'North', tasks: rows })
    const made = await verb<{ project: string; tasks: Record<string, string> }>(
      'Project Template',
      template,
      'create_project',
      {
        project_name: 'Site of Ada',
        expected_start_date: '2026-01-05',
      },
      paul,
    )
    const ends = async (ref: string) => String((await read('Task', made.tasks[ref] as string)).exp_end_date).slice(5, 16)
    assert.deepEqual(
      [await ends('1.1'), await ends('1.2'), await ends('1'), await ends('2')],
      ['01-05 16:00', '01-07 14:00', '01-07 14:00', '01-08 10:00'],
    )
    assert.equal(((await read('Task', made.tasks['2'] as string)).checklist as unknown[]).length, 1)
    const bad = (row: Record<string, unknown>) =>
      add('Project Template', { template_name: 'Bad', organization: 'North', tasks: [rows[0], { ref: '2', subject: 'x', ...row }] })
    await refused(bad({ ref: '1' }), ValueRefused, 'tasks[1].ref')
    await refused(bad({ parent_ref: '9' }), ValueRefused, 'tasks[1].parent_ref')
    await refused(bad({ depends_on_refs: '9' }), ValueRefused, 'tasks[1].depends_on_refs')
    await refused(bad({ depends_on_refs: '1 XX' }), ValueRefused, 'tasks[1].depends_on_refs')
    await refused(bad({ subject: '' }), ValueRefused, 'tasks[1].subject')
    await assert.rejects(bad({ depends_on_refs: '2' }))
    await assert.rejects(verb('Project Template', template, 'create_project', { project_name: 'x' }, eva), PermissionDenied.is)
  })

  test(`${database}: tasks come by themselves, once each, on the last of short months too`, async () => {
    clock.at = Date.UTC(2026, 0, 30, 12)
    const portal = await project()
    const template = await add('Task Template', {
      template_name: 'Close the month',
      organization: 'North',
      subject: 'Close {day}',
      enabled: 1,
      frequency: 'Month',
      start_on: '2026-01-31',
      lead_days: 2,
      project: portal,
      until: '2026-03-31',
    })
    const occurrences = async () => (await tasksOf('task_template', template)).map((task) => String(task.occurrence)).sort()
    await work('projects.make-recurring-tasks')
    await work('projects.make-recurring-tasks')
    assert.deepEqual(await occurrences(), ['2026-01-31'])
    assert.equal((await tasksOf('task_template', template))[0]?.subject, 'Close 2026-01-31')
    clock.at = Date.UTC(2026, 4, 1)
    await work('projects.make-recurring-tasks')
    assert.deepEqual(await occurrences(), ['2026-01-31', '2026-02-28', '2026-03-31'])
    assert.equal((await read('Task Template', template)).next_on, null)
    await refused(change('Task Template', template, { until: '2026-01-01' }), DatesOutOfOrder, 'until')
  })

  test(`${database}: what should be done and is not, is overdue the day after`, async () => {
    clock.at = begin
    const portal = await project()
    const late = await add('Task', { subject: 'Late', project: portal, expected_time: 2 })
    clock.at = begin + 3 * day
    await work('projects.mark-overdue')
    assert.equal((await read('Task', late)).status, 'Overdue')
  })

  test(`${database}: hours, cost and margin follow from time sheets and invoices, and follow them back`, async () => {
    clock.at = begin
    const portal = await project({ estimated_costing: '500' })
    const task = await add('Task', { subject: 'Bill me', project: portal })
    if (!(await asSystem((ctx) => ctx.site.meta.exists('Timesheet')))) await standInForBilling(make)
    const sheet = await make('Timesheet', {
      organization: 'North',
      exchange_rate: 1.5,
      docstatus: 1,
      time_logs: [
        { project: portal, task, hours: 2.5, costing_amount: '100.01', billing_amount: '200' },
        { project: portal, hours: 1, costing_amount: '10', billing_amount: '0' },
      ],
    })
    await make('Sales Invoice', { organization: 'North', project: portal, base_net_total: '400', docstatus: 1 })
    await make('Sales Invoice', { organization: 'North', project: portal, base_net_total: '999' })
    const figures = async (name = portal) => {
      const { actual_time, total_costing_amount, total_billable_amount, total_billed_amount, gross_margin, per_gross_margin, budget_left } =
        await asSystem((ctx) => getDocument(ctx, 'Project', name))
      return [
        actual_time,
        ...[total_costing_amount, total_billable_amount, total_billed_amount, gross_margin, per_gross_margin, budget_left].map((amount) =>
          Decimal.from(amount as Decimal).toNumber(),
        ),
      ]
    }
    // 110.01 at 1.5 is 165.015, rounded half up once.
    assert.deepEqual(await figures(), [3.5, 165.02, 300, 400, 234.98, 58.75, 334.98])
    const worked = await asSystem((ctx) => getDocument(ctx, 'Task', task))
    assert.deepEqual([worked.actual_time, Decimal.from(worked.total_costing_amount as Decimal).toNumber()], [2.5, 150.02])
    await verb('Project', portal, 'recalculate')
    assert.deepEqual(await figures(), [3.5, 165.02, 300, 400, 234.98, 58.75, 334.98])
    await asSystem(async (ctx) => cancel(ctx, await openForWrite(ctx, 'Timesheet', sheet)))
    assert.deepEqual(await figures(), [0, 0, 0, 400, 400, 100, 500])
    await assert.rejects(verb('Project', portal, 'recalculate', {}, eva), PermissionDenied.is)
  })
}

/** The fields of billing that projects reads, on a site without it. */
async function standInForBilling(make: (doctype: string, values: Record<string, unknown>) => Promise<string>): Promise<void> {
  const field = (fieldname: string, fieldtype: string, options?: string) => ({
    fieldname,
    fieldtype,
    label: fieldname,
    ...(options && { options }),
  })
  const permissions = [{ role: 'System Manager', read: 1, write: 1, create: 1, submit: 1, cancel: 1 }]
  const made = { module: 'Projects', custom: 1, autoname: 'hash' }
  await make('DocType', {
    ...made,
    name: 'Timesheet Detail',
    istable: 1,
    fields: [
      field('project', 'Data'),
      field('task', 'Data'),
      field('hours', 'Float'),
      field('costing_amount', 'Currency'),
      field('billing_amount', 'Currency'),
    ],
  })
  const shared = [field('organization', 'Link', 'Organization'), field('project', 'Data')]
  await make('DocType', {
    ...made,
    name: 'Timesheet',
    is_submittable: 1,
    permissions,
    fields: [...shared, field('exchange_rate', 'Float'), field('time_logs', 'Table', 'Timesheet Detail')],
  })
  await make('DocType', {
    ...made,
    name: 'Sales Invoice',
    is_submittable: 1,
    permissions,
    fields: [...shared, field('base_net_total', 'Currency')],
  })
}
