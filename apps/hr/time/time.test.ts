import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addDays } from '#client/rules/dates.ts'
import { and, where } from '#client/rules/predicate.ts'
import { zoneToUtc } from '#client/rules/time-zone.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { cancel, insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { PermissionDenied } from '#kernel/permissions/errors.ts'
import { work, workingTown } from '#testing/people.ts'
import { testDatabases } from '#testing/services.ts'
import {
  AttendanceStands,
  DatesOutOfOrder,
  NoEmployee,
  NotDecided,
  NotEmployedThen,
  NotTheApprover,
  OfAnotherOrganization,
  Overlapping,
  ValueRefused,
} from '../errors.ts'
import { rowsOf } from '../shared/rows.ts'
import { assignmentsMeet } from './shifts.ts'

for (const { name: database } of testDatabases()) {
  const now = Date.UTC(2026, 5, 10, 12)
  const town = await workingTown({ database, clock: { now: () => now } })
  const { as, asSystem, make, employ, employees, hanna, lea, ben } = town
  const zone = 'Europe/Berlin'
  const at = (wall: string) => zoneToUtc(`${wall}:00.000000`, zone)
  const north = { organization: 'North' }
  const refused = (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
    assert.rejects(work, (error) => {
      assert.ok(kind.is(error), String(error))
      assert.equal((error as { field: string }).field, field)
      return true
    })
  const shift = (shift_type_name: string, start_time: string, end_time: string, more: Record<string, unknown> = {}) =>
    make('Shift Type', { shift_type_name, start_time, end_time, ...north, ...more })
  const early = await shift('Early', '06:00:00', '14:00:00')
  const late = await shift('Late', '14:00:00', '22:00:00')
  const night = await shift('Night', '22:00:00', '06:00:00')
  const assign = (employee: string, shift_type: string, start_date: string, end_date: string | null = null) =>
    make('Shift Assignment', { employee, shift_type, start_date, end_date, docstatus: 1 })
  const attendance = (employee: string, ...fields: string[]) =>
    asSystem(async (ctx) =>
      (
        await rowsOf(ctx, 'Attendance', and(where('employee', '=', employee), where('docstatus', '=', 1)), {
          orderBy: [['attendance_date', 'asc']],
        })
      ).map((row) => fields.map((field) => row[field])),
    )

  test(`${database}: a holiday list adds a day of each week and refuses what lies outside or stands twice`, async () => {
    const list = await make('Holiday List', {
      holiday_list_name: 'Year',
      from_date: '2026-01-01',
      to_date: '2026-12-31',
      weekly_off: 'Sunday',
      holidays: [{ holiday_date: '2026-12-25', description: 'Christmas' }],
      ...north,
    })
    const read = await asSystem((ctx) => getDocument(ctx, 'Holiday List', list))
    assert.deepEqual([read.total_holidays, read.weekly_off], [53, null])
    const bad = (...days: string[]) =>
      make('Holiday List', {
        holiday_list_name: days.join(),
        from_date: '2026-01-01',
        to_date: '2026-12-31',
        holidays: days.map((holiday_date) => ({ holiday_date, description: 'x' })),
        ...north,
      })
    await refused(bad('2027-01-01'), ValueRefused, 'holidays[0].holiday_date')
    await refused(bad('2026-05-01', '2026-05-01'), ValueRefused, 'holidays[1].holiday_date')
    await refused(
      make('Holiday List', { holiday_list_name: 'x', from_date: '2026-12-31', to_date: '2026-01-01', ...north }),
      DatesOutOfOrder,
      'to_date',
    )
  })

  test(`${database}: assignments that meet are refused; split shifts are not`, async () => {
    const carl = await employ('Carl')
    await assign(carl, early, '2026-06-01', '2026-06-05')
    await assign(carl, late, '2026-06-03', '2026-06-03')
    await refused(assign(carl, early, '2026-06-05'), Overlapping, 'start_date')
    // The night of the 31st ends at 6 on the 1st, when the early shift begins: they touch and do not meet.
    await assign(carl, night, '2026-05-31', '2026-05-31')
    const long = await shift('Long night', '22:00:00', '07:00:00')
    await refused(assign(carl, long, '2026-06-02', '2026-06-02'), Overlapping, 'start_date')
    await refused(assign(carl, early, '2019-12-31', '2019-12-31'), NotEmployedThen, 'start_date')
    await refused(assign(carl, early, '2026-07-02', '2026-07-01'), DatesOutOfOrder, 'end_date')
    await refused(assign(employees.oskar, early, '2026-07-02'), OfAnotherOrganization, 'shift_type')
  })

  test(`${database}: assignments meet exactly when a minute of one is a minute of the other`, () => {
    const time = (hour: number) => `${String(hour).padStart(2, '0')}:00:00`
    const one = fc.record({ from: fc.nat(6), length: fc.nat(3), start: fc.nat(23), end: fc.nat(23) })
    const made = ({ from, length, start, end }: { from: number; length: number; start: number; end: number }) => ({
      from: addDays('2026-06-01', from),
      to: addDays('2026-06-01', from + length),
      start_time: time(start),
      end_time: time(end),
    })
    const hours = ({ from, length, start, end }: { from: number; length: number; start: number; end: number }) => {
      const found = new Set<number>()
      for (let day = from; day <= from + length; day += 1)
        for (let hour = start; hour < (end <= start ? end + 24 : end); hour += 1) found.add(day * 24 + hour)
      return found
    }
    fc.assert(
      fc.property(one, one, (a, b) => {
        const theirs = hours(b)
        assert.equal(
          assignmentsMeet(made(a), made(b)),
          [...hours(a)].some((hour) => theirs.has(hour)),
        )
      }),
      { numRuns: 500 },
    )
  })

  test(`${database}: a shift request is decided by its approver and assigns the shift`, async () => {
    const name = String(
      (
        await as(ben, (ctx) =>
          insert(ctx, 'Shift Request', { employee: employees.ben, shift_type: late, from_date: '2026-09-01', to_date: '2026-09-02' }),
        )
      ).name,
    )
    const read = () => asSystem((ctx) => getDocument(ctx, 'Shift Request', name))
    assert.equal((await read()).approver, lea)
    await refused(
      as(ben, async (ctx) => save(ctx, await openForWrite(ctx, 'Shift Request', name), { status: 'Approved' })),
      NotTheApprover,
      'status',
    )
    const manager = await town.person('sven', ['Shift Manager'], ['North'])
    await refused(
      as(manager, async (ctx) => submit(ctx, await openForWrite(ctx, 'Shift Request', name))),
      NotDecided,
      'status',
    )
    await as(manager, async (ctx) => submit(ctx, await openForWrite(ctx, 'Shift Request', name), { status: 'Approved' }))
    const assigned = () =>
      asSystem((ctx) => rowsOf(ctx, 'Shift Assignment', and(where('shift_request', '=', name), where('docstatus', '=', 1))))
    assert.equal((await assigned()).length, 1)
    await as(manager, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Shift Request', name, 'cancel')))
    assert.equal((await assigned()).length, 0)
  })

  test(`${database}: attendance is for a day that was, of somebody employed, once`, async () => {
    const dora = await employ('Dora', { relieving_date: '2026-06-30' })
    const mark = (attendance_date: string, more: Record<string, unknown> = {}) =>
      as(hanna, (ctx) => insert(ctx, 'Attendance', { employee: dora, attendance_date, docstatus: 1, ...more }))
    await mark('2026-06-09')
    await refused(mark('2026-06-09'), AttendanceStands, 'attendance_date')
    await refused(mark('2026-06-11'), ValueRefused, 'attendance_date')
    await refused(mark('2019-06-11'), NotEmployedThen, 'attendance_date')
    await assert.rejects(
      as(ben, (ctx) => insert(ctx, 'Attendance', { employee: employees.ben, attendance_date: '2026-06-09' })),
      PermissionDenied.is,
    )
  })

  test(`${database}: a check-in over midnight belongs to the night that began the day before`, async () => {
    const nina = await employ('Nina', { default_shift: night })
    const log = (time: string, log_type = 'IN') => make('Employee Checkin', { employee: nina, time: at(time), log_type })
    const read = async (name: string) => asSystem((ctx) => getDocument(ctx, 'Employee Checkin', name))
    assert.equal((await read(await log('2026-06-08 21:50'))).shift_start, at('2026-06-08 22:00'))
    assert.equal((await read(await log('2026-06-09 06:20', 'OUT'))).shift_start, at('2026-06-08 22:00'))
    assert.deepEqual(((row) => [row.shift, row.offshift])(await read(await log('2026-06-09 12:00'))), [null, 1])
    await refused(log('2026-06-08 21:50'), Overlapping, 'time')
    await refused(log('2026-06-11 00:00'), ValueRefused, 'time')
    await refused(log('2019-01-01 00:00'), NotEmployedThen, 'time')
  })

  test(`${database}: people check themselves in, and nobody else`, async () => {
    const call = (user: string, path: string, input: Record<string, unknown>) =>
      as(user, (ctx) => callMethod(ctx, findMethod(ctx, path), input, 'POST'))
    const made = (await call(ben, 'orchestrator.hr.check_in', { log_type: 'IN' })) as Record<string, unknown>
    assert.equal(made.employee, employees.ben)
    await assert.rejects(
      as(ben, (ctx) => insert(ctx, 'Employee Checkin', { employee: employees.lea, time: '2026-06-10 08:00:00' })),
      PermissionDenied.is,
    )
    await assert.rejects(
      as(town.olga, (ctx) => getDocument(ctx, 'Employee Checkin', String(made.name))),
      DocumentNotFound.is,
    )
    // Ben of North and Oskar of South have the same number at their clocks.
    const device = 'hrms.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field'
    const log = { employee_field_value: '7', timestamp: '2026-06-09 08:00:00' }
    const first = (await call(hanna, device, log)) as Record<string, unknown>
    assert.equal(first.employee, employees.ben)
    assert.equal(((await call(hanna, device, log)) as Record<string, unknown>).name, first.name)
    await refused(call(hanna, device, { ...log, employee_field_value: '99' }), NoEmployee, 'employee_field_value')
  })

  test(`${database}: attendance is read from check-ins: nights, halves, absence, holidays, late logs`, async () => {
    const free = await make('Holiday List', {
      holiday_list_name: 'Free',
      from_date: '2026-01-01',
      to_date: '2026-12-31',
      holidays: [{ holiday_date: '2026-06-04', description: 'Free' }],
      ...north,
    })
    const auto = {
      enable_auto_attendance: 1,
      process_attendance_after: '2026-06-01',
      working_hours_threshold_for_half_day: 4,
      working_hours_threshold_for_absent: 1,
      enable_late_entry_marking: 1,
      late_entry_grace_period: 10,
      holiday_list: free,
      allow_overtime: 1,
    }
    const watch = await shift('Watch', '22:00:00', '06:00:00', auto)
    const eva = await employ('Eva', { default_shift: watch, date_of_joining: '2026-06-02' })
    const log = (time: string) => make('Employee Checkin', { employee: eva, time: at(time) })
    for (const time of [
      '2026-06-02 21:55',
      '2026-06-03 07:00',
      '2026-06-03 22:11',
      '2026-06-04 01:00',
      '2026-06-04 22:00',
      '2026-06-05 06:00',
    ])
      await log(time)
    await work(town, 'hr.mark-attendance')
    const fields = ['attendance_date', 'status', 'working_hours', 'late_entry', 'overtime_hours']
    const expected = [
      ['2026-06-02', 'Present', 9.083, 0, 1.083],
      ['2026-06-03', 'Half Day', 2.817, 1, 0],
      // The 4th is free; who came then is not counted.
      ...['05', '06', '07', '08', '09'].map((day) => [`2026-06-${day}`, 'Absent', 0, 0, 0]),
    ]
    assert.deepEqual(await attendance(eva, ...fields), expected)
    await work(town, 'hr.mark-attendance')
    assert.deepEqual(await attendance(eva, ...fields), expected)
    // A clock was offline: what it sends later is read with what was there.
    await log('2026-06-04 06:01')
    await log('2026-06-07 22:00')
    await log('2026-06-08 06:00')
    await work(town, 'hr.mark-attendance')
    const after = await attendance(eva, ...fields)
    assert.deepEqual(
      after.find(([day]) => day === '2026-06-03'),
      ['2026-06-03', 'Present', 7.833, 1, 0],
    )
    assert.deepEqual(
      after.find(([day]) => day === '2026-06-07'),
      ['2026-06-07', 'Present', 8, 0, 0],
    )
  })

  test(`${database}: an attendance request replaces what stood there, and gives it back`, async () => {
    const finn = await employ('Finn', { user_id: await town.person('finn', ['Employee'], ['North']), reports_to: employees.lea })
    await make('Attendance', { employee: finn, attendance_date: '2026-06-02', status: 'Absent', docstatus: 1 })
    const ask = (values: Record<string, unknown>) =>
      as('finn@example.com', (ctx) =>
        insert(ctx, 'Attendance Request', { employee: finn, from_date: '2026-06-02', to_date: '2026-06-03', reason: 'On Duty', ...values }),
      )
    await refused(ask({ to_date: '2026-06-01' }), DatesOutOfOrder, 'to_date')
    await refused(ask({ to_date: '2026-06-20' }), ValueRefused, 'to_date')
    await refused(ask({ half_day: 1, half_day_date: '2026-06-05' }), ValueRefused, 'half_day_date')
    const { name } = await ask({})
    await refused(ask({}), Overlapping, 'from_date')
    await assert.rejects(
      as('finn@example.com', async (ctx) => submit(ctx, await openForWrite(ctx, 'Attendance Request', name))),
      PermissionDenied.is,
    )
    await as(hanna, async (ctx) => submit(ctx, await openForWrite(ctx, 'Attendance Request', name)))
    assert.deepEqual(await attendance(finn, 'attendance_date', 'status'), [
      ['2026-06-02', 'Present'],
      ['2026-06-03', 'Present'],
    ])
    await as(hanna, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Attendance Request', name, 'cancel')))
    assert.deepEqual(await attendance(finn, 'attendance_date'), [])
  })
}
