import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addDays } from '#client/rules/dates.ts'
import { leaveBalance, ledgerSum, play } from '#client/rules/hr-leave-ledger.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { AppError } from '#client/rules/errors.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { cancel, insert, openForWrite, save } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { applyWorkflow } from '#kernel/workflow/apply.ts'
import { work, workingTown } from '#testing/people.ts'
import { testDatabases } from '#testing/services.ts'
import {
  AttendanceStands,
  DatesOutOfOrder,
  LeaveInUse,
  LeaveRefused,
  LeaveShort,
  LedgerIsFixed,
  NotEmployedThen,
  NotTheApprover,
  OfAnotherOrganization,
  Overlapping,
  ValueRefused,
} from '../errors.ts'
import { rowsOf } from '../shared/rows.ts'
import { ledgerOf } from './ledger.ts'

for (const { name: database } of testDatabases()) {
  const start = Date.UTC(2026, 5, 1, 9)
  let now = start
  const town = await workingTown({ database, clock: { now: () => now } })
  const { as, asSystem, make, employ, employees, hanna, lea, ben, dina, olga } = town
  const north = { organization: 'North' }
  const set = (day: string) => {
    now = Date.parse(`${day}T09:00:00Z`)
  }
  const refused = (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
    assert.rejects(work, (error) => {
      assert.ok(kind.is(error), String(error))
      assert.equal((error as AppError).field, field)
      return true
    })
  let count = 0
  const kind = (values: Record<string, unknown> = {}) => make('Leave Type', { leave_type_name: `Leave ${++count}`, ...north, ...values })
  const give = (
    employee: string,
    leave_type: string,
    days: number,
    from_date = '2026-01-01',
    to_date = '2026-12-31',
    more: Record<string, unknown> = {},
  ) => make('Leave Allocation', { employee, leave_type, new_leaves_allocated: days, from_date, to_date, docstatus: 1, ...more })
  const takes = (employee: string, leave_type: string, from_date: string, to_date: string, more: Record<string, unknown> = {}) =>
    make('Leave Application', { employee, leave_type, from_date, to_date, status: 'Approved', docstatus: 1, ...more })
  const takeBack = (doctype: string, name: string) =>
    asSystem(async (ctx) =>
      doctype === 'Leave Application' ? applyWorkflow(ctx, doctype, name, 'Cancel') : cancel(ctx, await openForWrite(ctx, doctype, name)),
    )
  const ledger = (employee: string, leave_type: string) => asSystem((ctx) => ledgerOf(ctx, employee, leave_type))
  const balance = async (employee: string, leave_type: string, day: string) => leaveBalance(await ledger(employee, leave_type), day)
  const read = (doctype: string, name: string) => asSystem((ctx) => getDocument(ctx, doctype, name))
  const details = async (user: string, input: Record<string, unknown>) =>
    (await as(user, (ctx) => callMethod(ctx, findMethod(ctx, 'orchestrator.hr.leave_details'), input, 'GET'))) as {
      leave: Record<string, unknown>[]
    }

  test(`${database}: 30 given, 4 taken, 1 waiting: 26 left`, async () => {
    const type = await kind()
    await give(employees.ben, type, 30)
    await takes(employees.ben, type, '2026-03-02', '2026-03-05')
    await as(ben, (ctx) =>
      insert(ctx, 'Leave Application', { employee: employees.ben, leave_type: type, from_date: '2026-07-01', to_date: '2026-07-01' }),
    )
    const [row] = (await details(ben, { date: '2026-06-01' })).leave
    assert.deepEqual([row?.total_leaves, row?.leaves_taken, row?.leaves_pending_approval, row?.remaining_leaves], [30, 4, 1, 26])
    assert.equal((await details(lea, { employee: employees.ben })).leave.length, 1)
    await refused(details(dina, { employee: employees.ben }), { is: (error) => (error as AppError).code === 'hr/no-employee' }, 'employee')
    await refused(details(olga, { employee: employees.ben }), { is: (error) => (error as AppError).code === 'hr/no-employee' }, 'employee')
  })

  test(`${database}: leave across the end of what was carried forward uses the old days first and writes two rows`, async () => {
    const type = await kind({ is_carry_forward: 1, expire_carry_forwarded_leaves_after_days: 90, include_holiday: 1 })
    const from = addDays('2026-06-01', -84)
    const person = await employ('Cora')
    await give(person, type, 15, '2025-03-01', addDays(from, -1))
    await give(person, type, 15, from, addDays('2026-06-01', 100), { carry_forward: 1 })
    assert.equal(await balance(person, type, '2026-06-01'), 30)
    const name = await takes(person, type, '2026-05-29', '2026-06-08', { half_day: 1, half_day_date: '2026-05-29' })
    const rows = (await ledger(person, type)).filter((row) => row.transaction_name === name).map((row) => row.leaves)
    assert.deepEqual(
      rows.sort((a, b) => a - b),
      [-8.5, -2],
    )
    set('2026-06-07')
    await work(town, 'hr.settle-leave')
    assert.equal(await balance(person, type, '2026-06-08'), 13)
    assert.equal(ledgerSum(await ledger(person, type), '2026-06-08'), 13)
    now = start
  })

  test(`${database}: days of the last year go along once it is over, no more than allowed, and follow what is changed afterwards`, async () => {
    const type = await kind({ is_carry_forward: 1, maximum_carry_forwarded_leaves: 5 })
    const person = await employ('Cleo')
    await give(person, type, 10, '2025-01-01', '2025-12-31')
    const next = await give(person, type, 10, '2026-01-01', '2026-12-31', { carry_forward: 1 })
    assert.deepEqual([await balance(person, type, '2026-06-01'), (await read('Leave Allocation', next)).unused_leaves], [15, 5])
    // Six days of last December, applied for late: one of the five that went along was used then.
    const late = await takes(person, type, '2025-12-01', '2025-12-06')
    assert.equal(await balance(person, type, '2026-06-01'), 14)
    assert.equal((await read('Leave Allocation', next)).unused_leaves, 4)
    await takeBack('Leave Application', late)
    assert.equal(await balance(person, type, '2026-06-01'), 15)
    assert.equal(ledgerSum(await ledger(person, type), '2026-06-01'), 15)
    // What went along is used up: late leave of last year cannot take it any more.
    await takes(person, type, '2026-02-01', '2026-02-15')
    await refused(takes(person, type, '2025-12-01', '2025-12-06'), LeaveShort, 'total_leave_days')
  })

  test(`${database}: an allocation for a year to come carries nothing until it begins`, async () => {
    const type = await kind({ is_carry_forward: 1 })
    const person = await employ('Zoe')
    await give(person, type, 10)
    const next = await give(person, type, 10, '2027-01-01', '2027-12-31', { carry_forward: 1 })
    assert.equal(await balance(person, type, '2027-01-01'), 10)
    await takes(person, type, '2026-12-01', '2026-12-03')
    set('2027-01-01')
    await work(town, 'hr.settle-leave')
    assert.equal(await balance(person, type, '2027-01-01'), 17)
    assert.equal((await read('Leave Allocation', next)).total_leaves_allocated, 17)
    now = start
  })

  test(`${database}: a policy gives earned leave on a schedule that everybody can see, and the rest by share`, async () => {
    const earned = await kind({ is_earned_leave: 1, earned_leave_frequency: 'Monthly', allocate_on_day: 'First Day' })
    const plain = await kind()
    const policy = await make('Leave Policy', {
      title: 'Usual',
      ...north,
      leave_policy_details: [
        { leave_type: earned, annual_allocation: 12 },
        { leave_type: plain, annual_allocation: 24 },
      ],
      docstatus: 1,
    })
    set('2023-05-16')
    const person = await employ('Emil', { date_of_joining: '2023-03-15' })
    const assign = (more: Record<string, unknown> = {}) =>
      make('Leave Policy Assignment', {
        employee: person,
        leave_policy: policy,
        effective_from: '2023-01-01',
        effective_to: '2023-12-31',
        docstatus: 1,
        ...more,
      })
    const assignment = await assign()
    await refused(assign({ effective_from: '2023-06-01' }), Overlapping, 'effective_from')
    assert.equal(await balance(person, earned, '2023-05-16'), 2.548)
    assert.equal(await balance(person, plain, '2023-05-16'), 19)
    const allocation = async () => {
      const [row] = await asSystem((ctx) =>
        rowsOf(ctx, 'Leave Allocation', and(where('employee', '=', person), where('leave_type', '=', earned))),
      )
      return read('Leave Allocation', String(row?.name))
    }
    const given = async () =>
      ((await allocation()).earned_leave_schedule as { is_allocated: number }[]).filter((row) => row.is_allocated).length
    assert.deepEqual([(await allocation()).new_leaves_allocated, await given()], [2.548, 3])
    await work(town, 'hr.give-earned-leave')
    assert.equal(await given(), 3)
    set('2023-07-01')
    await work(town, 'hr.give-earned-leave')
    assert.deepEqual([(await allocation()).new_leaves_allocated, await given()], [4.548, 5])
    assert.equal(await balance(person, earned, '2023-07-01'), 4.548)
    // People do not write the platform's figures.
    await refused(
      as(hanna, async (ctx) =>
        save(ctx, await openForWrite(ctx, 'Leave Allocation', String((await allocation()).name)), { new_leaves_allocated: 99 }),
      ),
      ValueRefused,
      'new_leaves_allocated',
    )
    const used = await takes(person, earned, '2023-06-01', '2023-06-02')
    await refused(takeBack('Leave Policy Assignment', assignment), LeaveInUse, 'docstatus')
    await takeBack('Leave Application', used)
    await takeBack('Leave Policy Assignment', assignment)
    assert.equal(await balance(person, earned, '2023-07-01'), 0)
    now = start
  })

  test(`${database}: earned leave stops at the most that is allowed, and says so`, async () => {
    const type = await kind({
      is_earned_leave: 1,
      earned_leave_frequency: 'Monthly',
      allocate_on_day: 'Last Day',
      max_leaves_allowed: 22,
      rounding: '1.0',
    })
    const policy = await make('Leave Policy', {
      title: 'Cap',
      ...north,
      leave_policy_details: [{ leave_type: type, annual_allocation: 22 }],
      docstatus: 1,
    })
    await refused(
      make('Leave Policy', { title: 'Too much', ...north, leave_policy_details: [{ leave_type: type, annual_allocation: 23 }] }),
      ValueRefused,
      'leave_policy_details[0].annual_allocation',
    )
    const person = await employ('Gus')
    set('2026-01-01')
    await make('Leave Policy Assignment', {
      employee: person,
      leave_policy: policy,
      effective_from: '2026-01-01',
      effective_to: '2026-12-31',
      docstatus: 1,
    })
    set('2026-11-30')
    await work(town, 'hr.give-earned-leave')
    assert.equal(await balance(person, type, '2026-11-30'), 22)
    set('2026-12-31')
    await work(town, 'hr.give-earned-leave')
    assert.equal(await balance(person, type, '2026-12-31'), 22)
    now = start
  })

  test(`${database}: bad applications are refused, each with its field`, async () => {
    const type = await kind({ max_continuous_days_allowed: 5, applicable_after: 30 })
    const person = await employ('Bad', { relieving_date: '2026-11-30', date_of_joining: '2026-01-01' })
    await give(person, type, 3)
    const asks = (from_date: string, to_date: string, more: Record<string, unknown> = {}) =>
      make('Leave Application', { employee: person, leave_type: type, from_date, to_date, ...more })
    await refused(asks('2026-06-05', '2026-06-04'), DatesOutOfOrder, 'to_date')
    await refused(asks('2025-12-30', '2026-06-04'), NotEmployedThen, 'from_date')
    await refused(asks('2026-11-30', '2026-12-01'), NotEmployedThen, 'to_date')
    await refused(asks('2026-06-01', '2026-06-06'), LeaveRefused, 'to_date')
    await refused(asks('2026-01-20', '2026-01-20'), LeaveRefused, 'from_date')
    await refused(asks('2026-06-01', '2026-06-04'), LeaveShort, 'total_leave_days')
    await refused(asks('2026-06-01', '2026-06-02', { half_day: 1 }), ValueRefused, 'half_day_date')
    await refused(asks('2026-06-01', '2029-06-02'), ValueRefused, 'to_date')
    const theirs = await make('Leave Type', { leave_type_name: 'Theirs', organization: 'South' })
    await refused(asks('2026-06-01', '2026-06-01', { leave_type: theirs }), OfAnotherOrganization, 'leave_type')
    const first = await asks('2026-06-01', '2026-06-02')
    await refused(asks('2026-06-02', '2026-06-02'), Overlapping, 'from_date')
    const half = { half_day: 1 }
    await asks('2026-06-10', '2026-06-10', half)
    await asks('2026-06-10', '2026-06-10', half)
    await refused(asks('2026-06-10', '2026-06-10', half), Overlapping, 'from_date')
    assert.equal((await read('Leave Application', first)).total_leave_days, 2)
    await refused(give(person, type, 3, '2026-06-01', '2027-06-01'), Overlapping, 'from_date')
    await refused(give(person, type, -3, '2027-06-01', '2027-06-02'), ValueRefused, 'new_leaves_allocated')
    await refused(
      make('Leave Type', { leave_type_name: 'Contrary', is_lwp: 1, is_carry_forward: 1, ...north }),
      ValueRefused,
      'is_carry_forward',
    )
  })

  test(`${database}: leave below zero is refused unless its kind allows it; unpaid leave needs nothing`, async () => {
    const person = await employ('Neg')
    const strict = await kind()
    await refused(takes(person, strict, '2026-06-01', '2026-06-01'), LeaveShort, 'total_leave_days')
    assert.deepEqual(await ledger(person, strict), [])
    const loose = await kind({ allow_negative: 1 })
    await takes(person, loose, '2026-06-02', '2026-06-03')
    assert.equal(await balance(person, loose, '2026-06-03'), -2)
    const unpaid = await kind({ is_lwp: 1 })
    await takes(person, unpaid, '2026-06-04', '2026-06-05')
    await refused(give(person, unpaid, 3), ValueRefused, 'leave_type')
  })

  test(`${database}: two applications that wait cannot both use the last day`, async () => {
    const type = await kind()
    const person = await employ('Last')
    await give(person, type, 1)
    const asks = (day: string) => make('Leave Application', { employee: person, leave_type: type, from_date: day, to_date: day })
    const [first, second] = [await asks('2026-06-02'), await asks('2026-06-03')]
    const approve = (name: string) => asSystem((ctx) => applyWorkflow(ctx, 'Leave Application', name, 'Approve'))
    await approve(first)
    await refused(approve(second), LeaveShort, 'total_leave_days')
    assert.equal(await balance(person, type, '2026-06-03'), 0)
  })

  test(`${database}: of two approvals at once for the same last day one is refused`, async () => {
    const type = await kind()
    const person = await employ('Race')
    await give(person, type, 1)
    const asks = (day: string) => make('Leave Application', { employee: person, leave_type: type, from_date: day, to_date: day })
    const names = [await asks('2026-06-02'), await asks('2026-06-03')]
    const ends = await Promise.allSettled(names.map((name) => asSystem((ctx) => applyWorkflow(ctx, 'Leave Application', name, 'Approve'))))
    assert.deepEqual(ends.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    assert.ok(ends.some((end) => end.status === 'rejected' && LeaveShort.is(end.reason)))
    assert.equal(await balance(person, type, '2026-06-03'), 0)
  })

  test(`${database}: holidays, half days and optional holidays`, async () => {
    const list = await make('Holiday List', {
      holiday_list_name: 'June',
      from_date: '2026-01-01',
      to_date: '2026-12-31',
      weekly_off: 'Sunday',
      holidays: [{ holiday_date: '2026-06-24', description: 'Midsummer', is_optional: 1 }],
      ...north,
    })
    const person = await employ('Holly', { holiday_list: list })
    const [plain, all, chosen] = [await kind(), await kind({ include_holiday: 1 }), await kind({ is_optional_leave: 1 })]
    for (const type of [plain, all, chosen]) await give(person, type, 20)
    const days = async (type: string, from_date: string, to_date: string, more: Record<string, unknown> = {}) =>
      (
        await read(
          'Leave Application',
          await make('Leave Application', { employee: person, leave_type: type, from_date, to_date, ...more }),
        )
      ).total_leave_days
    assert.equal(await days(plain, '2026-06-05', '2026-06-08', { half_day: 1, half_day_date: '2026-06-08' }), 2.5)
    assert.equal(await days(all, '2026-06-12', '2026-06-15'), 4)
    await refused(days(plain, '2026-06-21', '2026-06-21'), LeaveRefused, 'from_date')
    await refused(days(chosen, '2026-06-23', '2026-06-23'), LeaveRefused, 'from_date')
    assert.equal(await days(chosen, '2026-06-24', '2026-06-24'), 1)
  })

  test(`${database}: approved leave is attendance; taken back, it is not`, async () => {
    const type = await kind()
    const person = await employ('Atta')
    await give(person, type, 10)
    const attendance = () =>
      asSystem(async (ctx) =>
        (
          await rowsOf(ctx, 'Attendance', and(where('employee', '=', person), where('docstatus', '=', 1)), {
            orderBy: [['attendance_date', 'asc']],
          })
        ).map((row) => [row.attendance_date, row.status]),
      )
    await make('Attendance', { employee: person, attendance_date: '2026-05-04', status: 'Absent', docstatus: 1 })
    await make('Attendance', { employee: person, attendance_date: '2026-05-06', status: 'Present', docstatus: 1 })
    await refused(takes(person, type, '2026-05-06', '2026-05-06'), AttendanceStands, 'from_date')
    const name = await takes(person, type, '2026-05-04', '2026-05-06', { half_day: 1, half_day_date: '2026-05-06' })
    assert.deepEqual(await attendance(), [
      ['2026-05-04', 'On Leave'],
      ['2026-05-05', 'On Leave'],
      ['2026-05-06', 'Half Day'],
    ])
    assert.equal(await balance(person, type, '2026-06-01'), 7.5)
    await takeBack('Leave Application', name)
    assert.deepEqual(await attendance(), [])
    assert.equal(await balance(person, type, '2026-06-01'), 10)
    assert.equal((await read('Leave Application', name)).status, 'Cancelled')
  })

  test(`${database}: the approver approves, long leave needs HR too, and nobody decides on their own`, async () => {
    const type = await kind({ needs_second_approval_after: 3 })
    for (const name of ['ben', 'lea'] as const) await give(employees[name], type, 20)
    const asks = async (user: string, employee: string, from_date: string, to_date: string) =>
      String((await as(user, (ctx) => insert(ctx, 'Leave Application', { employee, leave_type: type, from_date, to_date }))).name)
    const act = (user: string, name: string, action: string) => as(user, (ctx) => applyWorkflow(ctx, 'Leave Application', name, action))
    const state = async (name: string) => {
      const { workflow_state, status, docstatus } = await read('Leave Application', name)
      return [workflow_state, status, docstatus]
    }
    const short = await asks(ben, employees.ben, '2026-08-03', '2026-08-04')
    assert.equal((await read('Leave Application', short)).leave_approver, lea)
    await assert.rejects(act(ben, short, 'Approve'), PermissionDenied.is)
    await assert.rejects(act(dina, short, 'Approve'), (error) => PermissionDenied.is(error))
    await assert.rejects(
      as(ben, async (ctx) => save(ctx, await openForWrite(ctx, 'Leave Application', short), { status: 'Approved' })),
      NotTheApprover.is,
    )
    await act(lea, short, 'Approve')
    assert.deepEqual(await state(short), ['Approved', 'Approved', 1])
    const long = await asks(ben, employees.ben, '2026-09-01', '2026-09-05')
    await act(lea, long, 'Approve')
    assert.deepEqual(await state(long), ['Second Approval', 'Open', 0])
    await assert.rejects(act(lea, long, 'Approve'), (error) => [403, 409, 417].includes((error as AppError).status))
    assert.deepEqual(await state(long), ['Second Approval', 'Open', 0])
    await act(hanna, long, 'Approve')
    assert.deepEqual(await state(long), ['Approved', 'Approved', 1])
    await act(hanna, long, 'Cancel')
    assert.deepEqual(await state(long), ['Cancelled', 'Cancelled', 2])
    const rejected = await asks(ben, employees.ben, '2026-10-01', '2026-10-01')
    await act(lea, rejected, 'Reject')
    assert.deepEqual(await state(rejected), ['Rejected', 'Rejected', 1])
    assert.equal(await balance(employees.ben, type, '2026-12-01'), 18)
    // Lea approves for others; her own leave is for somebody else.
    const own = await asks(lea, employees.lea, '2026-08-10', '2026-08-10')
    await assert.rejects(act(lea, own, 'Approve'))
    await act(hanna, own, 'Approve')
    assert.deepEqual(await state(own), ['Approved', 'Approved', 1])
    await assert.rejects(
      as(olga, (ctx) => getDocument(ctx, 'Leave Application', own)),
      DocumentNotFound.is,
    )
  })

  test(`${database}: HR decides on its own leave no more than others; who only serves themselves asks, changes and withdraws`, async () => {
    const type = await kind()
    await give(employees.hanna, type, 5)
    const dates = { from_date: '2026-08-20', to_date: '2026-08-20' }
    const own = await as(hanna, (ctx) => insert(ctx, 'Leave Application', { employee: employees.hanna, leave_type: type, ...dates }))
    await assert.rejects(
      as(hanna, (ctx) => applyWorkflow(ctx, 'Leave Application', own.name, 'Approve')),
      PermissionDenied.is,
    )
    const serves = await town.person('esther', ['Employee Self Service'], ['North'])
    const esther = await employ('Esther', { user_id: serves })
    await give(esther, type, 5)
    const asked = await as(serves, (ctx) => insert(ctx, 'Leave Application', { employee: esther, leave_type: type, ...dates }))
    await as(serves, async (ctx) => save(ctx, await openForWrite(ctx, 'Leave Application', asked.name), { to_date: '2026-08-21' }))
    assert.equal((await read('Leave Application', asked.name)).total_leave_days, 2)
    await refused(
      as(serves, async (ctx) => save(ctx, await openForWrite(ctx, 'Leave Application', asked.name), { employee: employees.ben })),
      ValueRefused,
      'employee',
    )
    await assert.rejects(
      as(serves, (ctx) => insert(ctx, 'Leave Application', { employee: employees.ben, leave_type: type, ...dates })),
      PermissionDenied.is,
    )
    await as(serves, (ctx) => remove(ctx, 'Leave Application', asked.name))
  })

  test(`${database}: while an approver is away, who stands in decides, and only then`, async () => {
    const type = await kind()
    await give(employees.ben, type, 20)
    const asked = await as(ben, (ctx) =>
      insert(ctx, 'Leave Application', { employee: employees.ben, leave_type: type, from_date: '2026-11-02', to_date: '2026-11-02' }),
    )
    const delegate = (user: string, values: Record<string, unknown>) =>
      as(user, (ctx) =>
        insert(ctx, 'Leave Approval Delegation', {
          approver: lea,
          delegate: dina,
          ...north,
          from_date: '2026-06-03',
          to_date: '2026-06-05',
          ...values,
        }),
      )
    await refused(delegate(lea, { delegate: lea }), ValueRefused, 'delegate')
    await assert.rejects(delegate(dina, { delegate: hanna }), PermissionDenied.is)
    await delegate(lea, {})
    const acting = async () => (await read('Leave Application', asked.name)).acting_approver
    const approve = () => as(dina, (ctx) => applyWorkflow(ctx, 'Leave Application', asked.name, 'Approve'))
    assert.equal(await acting(), null)
    await assert.rejects(approve(), PermissionDenied.is)
    set('2026-06-03')
    await work(town, 'hr.follow-delegations')
    assert.equal(await acting(), dina)
    await approve()
    assert.equal((await read('Leave Application', asked.name)).status, 'Approved')
    now = start
  })

  test(`${database}: on blocked days only those who are named approve`, async () => {
    const type = await kind()
    await give(employees.ben, type, 20)
    await make('Leave Block List', {
      leave_block_list_name: 'Stocktaking',
      ...north,
      leave_type: type,
      leave_block_list_dates: [{ block_date: '2026-12-28', reason: 'Stocktaking' }],
      leave_block_list_allowed: [{ allow_user: hanna }],
    })
    const asked = await as(ben, async (ctx) => {
      const made = await insert(ctx, 'Leave Application', {
        employee: employees.ben,
        leave_type: type,
        from_date: '2026-12-28',
        to_date: '2026-12-28',
      })
      assert.ok(ctx.messages.some(({ message }) => message.includes('Stocktaking')))
      return made.name
    })
    const approve = (user: string) => as(user, (ctx) => applyWorkflow(ctx, 'Leave Application', asked, 'Approve'))
    await refused(approve(lea), LeaveRefused, 'from_date')
    await approve(hanna)
  })

  test(`${database}: leave is paid out within its limits, and counts as used`, async () => {
    const person = await employ('Paula')
    const pay = async (given: number, rule: Record<string, unknown>, more: Record<string, unknown> = {}) => {
      const type = await kind({ allow_encashment: 1, ...rule })
      await give(person, type, given)
      const name = await make('Leave Encashment', {
        employee: person,
        leave_type: type,
        leave_encashment_amount_per_day: '50',
        docstatus: 1,
        ...more,
      })
      return { name, type, amount: String((await read('Leave Encashment', name)).encashment_amount) }
    }
    assert.equal(Number((await pay(10, { max_encashable_leaves: 5 })).amount), 250)
    assert.equal(Number((await pay(7, { non_encashable_leaves: 5 })).amount), 100)
    assert.equal(Number((await pay(10, { max_encashable_leaves: 3 })).amount), 150)
    const { name, type, amount } = await pay(7, { non_encashable_leaves: 5, max_encashable_leaves: 1 })
    assert.deepEqual([Number(amount), await balance(person, type, '2026-06-01')], [50, 6])
    await refused(pay(10, { max_encashable_leaves: 5 }, { encashment_days: 6 }), ValueRefused, 'encashment_days')
    await takeBack('Leave Encashment', name)
    assert.equal(await balance(person, type, '2026-06-01'), 7)
  })

  test(`${database}: work on holidays gives days off, work on other days does not`, async () => {
    const list = await make('Holiday List', {
      holiday_list_name: 'May',
      from_date: '2026-01-01',
      to_date: '2026-12-31',
      holidays: [{ holiday_date: '2026-05-01', description: 'May Day' }],
      ...north,
    })
    const type = await kind({ is_compensatory: 1 })
    const person = await employ('Comp', { holiday_list: list })
    const asks = (day: string) =>
      make('Compensatory Leave Request', {
        employee: person,
        leave_type: type,
        work_from_date: day,
        work_end_date: day,
        reason: 'Emergency',
        docstatus: 1,
      })
    await refused(asks('2026-05-01'), ValueRefused, 'work_from_date')
    for (const attendance_date of ['2026-05-01', '2026-05-04'])
      await make('Attendance', { employee: person, attendance_date, docstatus: 1 })
    await refused(asks('2026-05-04'), ValueRefused, 'work_from_date')
    const name = await asks('2026-05-01')
    assert.equal(await balance(person, type, '2026-06-01'), 1)
    await refused(asks('2026-05-01'), Overlapping, 'work_from_date')
    await takes(person, type, '2026-05-20', '2026-05-20')
    await refused(takeBack('Compensatory Leave Request', name), LeaveInUse, 'docstatus')
  })

  test(`${database}: an adjustment gives or takes with a reason, never below what is there`, async () => {
    const type = await kind()
    const person = await employ('Ad')
    const leave_allocation = await give(person, type, 5)
    const adjust = (values: Record<string, unknown>) =>
      make('Leave Adjustment', {
        employee: person,
        leave_type: type,
        leave_allocation,
        reason_for_adjustment: 'Count',
        posting_date: '2026-06-01',
        docstatus: 1,
        ...values,
      })
    await adjust({ leaves_to_adjust: 2 })
    await adjust({ leaves_to_adjust: 3, adjustment_type: 'Reduce' })
    assert.equal(await balance(person, type, '2026-06-01'), 4)
    await refused(adjust({ leaves_to_adjust: 5, adjustment_type: 'Reduce' }), LeaveShort, 'leaves_to_adjust')
    await refused(adjust({ leaves_to_adjust: -1 }), ValueRefused, 'leaves_to_adjust')
    await refused(adjust({ leaves_to_adjust: 1, posting_date: '2027-06-01' }), ValueRefused, 'posting_date')
  })

  test(`${database}: nobody writes the ledger, and nobody changes it`, async () => {
    const type = await kind()
    const person = await employ('Led')
    const allocation = await give(person, type, 5)
    const [row] = await ledger(person, type)
    const name = String(row?.name)
    const values = {
      employee: person,
      leave_type: type,
      transaction_type: 'Leave Allocation',
      transaction_name: allocation,
      leaves: 99,
      from_date: '2026-01-01',
      to_date: '2026-12-31',
    }
    await assert.rejects(
      as(hanna, (ctx) => insert(ctx, 'Leave Ledger Entry', values)),
      PermissionDenied.is,
    )
    await assert.rejects(
      as('Administrator', (ctx) => insert(ctx, 'Leave Ledger Entry', values)),
      LedgerIsFixed.is,
    )
    await refused(
      asSystem(async (ctx) => save(ctx, await openForWrite(ctx, 'Leave Ledger Entry', name), { leaves: 99 })),
      LedgerIsFixed,
      'name',
    )
    await refused(
      asSystem((ctx) => writeThrough(ctx, 'Leave Ledger Entry', name, { leaves: 99 })),
      LedgerIsFixed,
      'name',
    )
    await refused(
      asSystem((ctx) => remove(ctx, 'Leave Ledger Entry', name)),
      LedgerIsFixed,
      'name',
    )
    const seen = (user: string) =>
      as(user, async (ctx) =>
        (await list(ctx, 'Leave Ledger Entry', { fields: ['employee'], limit: 0, wire: documentForm })).rows.map((one) => one.employee),
      )
    assert.ok((await seen(hanna)).includes(person))
    assert.ok((await seen(ben)).every((one) => one === employees.ben))
    assert.deepEqual(await seen(olga), [])
  })

  test(`${database}: colleagues see who is away, and why only of whom they may read`, async () => {
    const type = await kind()
    const department = await make('Department', { department_name: 'Crew', ...north })
    const one = await employ('Uno', { department, user_id: await town.person('uno', ['Employee'], ['North']) })
    const two = await employ('Due', { department, reports_to: employees.lea })
    await give(two, type, 5)
    await takes(two, type, '2026-06-15', '2026-06-16')
    const calendar = async (user: string, input: Record<string, unknown> = {}) =>
      (
        (await as(user, (ctx) =>
          callMethod(
            ctx,
            findMethod(ctx, 'orchestrator.hr.team_calendar'),
            { from_date: '2026-06-01', to_date: '2026-06-30', ...input },
            'GET',
          ),
        )) as { people: { employee: string; away: Record<string, unknown>[] }[] }
      ).people
    const seen = await calendar('uno@example.com')
    assert.deepEqual(seen.map((row) => row.employee).sort(), [one, two].sort())
    assert.deepEqual(seen.find((row) => row.employee === two)?.away, [
      { from_date: '2026-06-15', to_date: '2026-06-16', half_day_date: null },
    ])
    const [away] = (await calendar(lea)).find((row) => row.employee === two)?.away ?? []
    assert.equal(away?.leave_type, type)
    assert.equal(
      (await calendar(olga)).some((row) => row.employee === two),
      false,
    )
    await refused(calendar(lea, { to_date: '2027-06-30' }), ValueRefused, 'to_date')
  })

  test(`${database}: whatever is given, taken, taken back, paid and adjusted: the ledger’s sum is the balance, and never below zero`, async () => {
    const type = await kind({ is_carry_forward: 1, maximum_carry_forwarded_leaves: 4, allow_encashment: 1, include_holiday: 1 })
    let runs = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({ what: fc.constantFrom('take', 'take', 'take', 'back', 'pay', 'more', 'less'), at: fc.nat(540), length: fc.nat(4) }),
          {
            minLength: 3,
            maxLength: 12,
          },
        ),
        async (steps) => {
          now = start
          const person = await employ(`P${++runs}`)
          const first = await give(person, type, 8, '2025-01-01', '2025-12-31')
          const second = await give(person, type, 8, '2026-01-01', '2026-12-31', { carry_forward: 1 })
          const done: [string, string][] = []
          for (const { what, at, length } of steps) {
            const day = addDays('2025-01-01', at)
            const attempt = async (doctype: string, values: Record<string, unknown>) => {
              try {
                done.push([doctype, await make(doctype, { employee: person, leave_type: type, docstatus: 1, ...values })])
              } catch (error) {
                assert.ok((error as AppError).status < 500, String(error))
              }
            }
            if (what === 'take') await attempt('Leave Application', { from_date: day, to_date: addDays(day, length), status: 'Approved' })
            else if (what === 'pay')
              await attempt('Leave Encashment', { encashment_date: day, encashment_days: 1, leave_encashment_amount_per_day: 1 })
            else if (what === 'back') {
              const last = done.splice(at % Math.max(1, done.length), 1)[0]
              // What was given and has been used since stays.
              if (last) await takeBack(...last).catch((error) => assert.ok(LeaveInUse.is(error), String(error)))
            } else
              await attempt('Leave Adjustment', {
                leave_allocation: day < '2026-01-01' ? first : second,
                posting_date: day,
                leaves_to_adjust: length + 0.5,
                adjustment_type: what === 'more' ? 'Allocate' : 'Reduce',
                reason_for_adjustment: 'Test',
              })
          }
          const rows = await ledger(person, type)
          assert.equal(play(rows).uncovered, 0)
          for (const day of ['2025-06-01', '2025-12-31', '2026-01-01', '2026-06-01'])
            assert.equal(Math.round(ledgerSum(rows, day) * 1000), Math.round(leaveBalance(rows, day) * 1000), day)
        },
      ),
      { numRuns: 12 },
    )
  })
}
