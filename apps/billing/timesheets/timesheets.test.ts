import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { LinkNotFound, PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { billingTown } from '#testing/billing.ts'
import { BadBillingValue, ElsewhereInBooks, HoursOverlap, MoreThanThere } from '../errors.ts'

const town = await billingTown({ clock: { now: () => Date.UTC(2026, 10, 20, 9) } })
const { as, make, submitted, submit, cancelled, made, stored, customer, people } = town
const north = { organization: 'North' }
const employee = (first_name: string, organization = 'North') =>
  make('Employee', { first_name, employee_name: first_name, organization, date_of_joining: '2020-01-01', status: 'Active' })
const tim = await employee('Tim')
const repair = await make('Activity Type', { ...north, activity_type: 'Repair', billing_rate: '80.50', costing_rate: 30 })
const drive = await make('Activity Type', { ...north, activity_type: 'Drive', billing_rate: 40, costing_rate: 20 })
const log = (from: string, to: string | null, values: Record<string, unknown> = {}) => ({
  activity_type: repair,
  from_time: `2026-11-02 ${from}`,
  to_time: to && `2026-11-02 ${to}`,
  is_billable: 1,
  ...values,
})
const draft = (time_logs: unknown[], values: Record<string, unknown> = {}, user = people.fin) =>
  as(user, (ctx) => insert(ctx, 'Timesheet', { ...north, employee: tim, customer, time_logs, ...values }))
const refused = async (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
  assert.rejects(work, (error) => {
    assert.ok(kind.is(error), String(error))
    assert.equal((error as { field: string }).field, field)
    return true
  })

test('hours follow from the clock, rates from the person, then from the activity', async () => {
  const amy = await employee('Amy')
  await make('Activity Cost', { ...north, employee: amy, activity_type: repair, billing_rate: 100, costing_rate: 45 })
  const sheet = await draft(
    [
      log('08:00:00', '09:20:00'),
      log('09:20:00', '10:20:00', { activity_type: drive }),
      log('11:00:00', null, { hours: 0.5, is_billable: 0 }),
    ],
    { employee: amy },
  )
  const rows = sheet.time_logs as Record<string, unknown>[]
  assert.deepEqual(
    rows.map((row) => [row.hours, row.billing_hours, String(row.billing_amount), String(row.costing_amount)]),
    [
      [1.3333, 1.3333, '133.33', '60'],
      [1, 1, '40', '20'],
      [0.5, 0, '0', '22.5'],
    ],
  )
  assert.deepEqual([sheet.total_hours, sheet.total_billable_hours, String(sheet.total_billable_amount)], [2.8333, 2.3333, '173.33'])
  assert.equal(rows[2]?.to_time, '2026-11-02 11:30:00.000000')
})

test('nobody works twice at a time', async () => {
  const eve = await employee('Eve')
  const hers = (logs: unknown[]) => draft(logs, { employee: eve })
  const first = await hers([log('08:00:00', '10:00:00')])
  await hers([log('10:00:00', '11:00:00')])
  await draft([log('08:00:00', '10:00:00')], { employee: await employee('Else') })
  await refused(hers([log('09:59:00', '10:30:00')]), HoursOverlap, 'time_logs[0].from_time')
  await refused(hers([log('12:00:00', '14:00:00'), log('13:00:00', '15:00:00')]), HoursOverlap, 'time_logs[1].from_time')
  await as(people.fin, async (ctx) => save(ctx, await openForWrite(ctx, 'Timesheet', String(first.name)), { note: 'fine' }))
  await submit('Timesheet', String(first.name))
  await cancelled('Timesheet', String(first.name))
  await hers([log('08:00:00', '10:00:00')])
})

test('hours become an invoice once; when it is cancelled they can be charged again', async () => {
  const joe = await employee('Joe')
  const sheet = await submitted('Timesheet', {
    ...north,
    employee: joe,
    customer,
    time_logs: [
      log('08:00:00', '10:00:00'),
      log('10:00:00', '11:30:00'),
      log('12:00:00', '13:00:00', { activity_type: drive }),
      log('13:00:00', '14:00:00', { is_billable: 0 }),
    ],
  })
  const name = String(sheet.name)
  const invoice = await submit('Sales Invoice', await made('Timesheet', name, 'make_sales_invoice'))
  const lines = invoice.items as Record<string, unknown>[]
  assert.deepEqual(
    lines.map((line) => [line.item_name, line.qty, String(line.rate)]),
    [
      ['Repair', 3.5, '80.5'],
      ['Drive', 1, '40'],
    ],
  )
  assert.deepEqual(
    [String(invoice.grand_total), invoice.total_billing_hours, String(invoice.total_billing_amount)],
    ['321.75', 4.5, '321.75'],
  )
  const state = async () => {
    const { status, per_billed, total_billed_hours } = await stored('Timesheet', name)
    return [status, per_billed, total_billed_hours]
  }
  assert.deepEqual(await state(), ['Billed', 100, 4.5])
  await refused(made('Timesheet', name, 'make_sales_invoice'), MoreThanThere, 'time_logs')
  await assert.rejects(cancelled('Timesheet', name))
  await cancelled('Sales Invoice', String(invoice.name))
  assert.deepEqual(await state(), ['Submitted', 0, 0])
  await made('Timesheet', name, 'make_sales_invoice')
})

test('hours that cannot be are refused with their row', async () => {
  await refused(draft([log('10:00:00', '09:00:00')]), BadBillingValue, 'time_logs[0].to_time')
  await assert.rejects(draft([{ activity_type: repair, hours: -1 }]), { field: 'time_logs[0].hours' })
  await refused(submitted('Timesheet', { employee: tim, time_logs: [{ activity_type: repair }] }), BadBillingValue, 'time_logs[0].hours')
  await refused(submitted('Timesheet', { time_logs: [{ activity_type: repair, hours: 1 }] }), BadBillingValue, 'employee')
  await refused(draft([log('20:00:00', '21:00:00')], { employee: await employee('Ola', 'South') }), LinkNotFound, 'employee')
  await refused(
    draft([log('20:00:00', '21:00:00')], { employee: await employee('Oda', 'South') }, people.uma),
    ElsewhereInBooks,
    'employee',
  )
  const sheet = await submitted('Timesheet', { employee: tim, customer, time_logs: [log('20:00:00', '21:00:00', { is_billable: 0 })] })
  const [row] = sheet.time_logs as { name: string }[]
  await refused(
    submitted('Sales Invoice', {
      customer,
      items: [{ item_name: 'x', qty: 1, rate: 1 }],
      timesheets: [{ time_sheet: sheet.name, timesheet_detail: row?.name }],
    }),
    BadBillingValue,
    'timesheets[0].timesheet_detail',
  )
})

test('people see their own timesheets, and nobody but managers what an hour costs', async () => {
  const own = await as(people.tim, (ctx) => insert(ctx, 'Timesheet', { ...north, employee: tim, time_logs: [log('22:00:00', '23:00:00')] }))
  const names = async (user: string) =>
    (await as(user, (ctx) => list(ctx, 'Timesheet', { limit: 0, wire: { version: 1, zone: 'UTC' } }))).rows.map((row) => row.name)
  assert.deepEqual(await names(people.tim), [own.name])
  assert.ok((await names(people.sue)).length > 1)
  assert.ok(!(await names(people.otto)).includes(own.name))
  await assert.rejects(names(people.ada), PermissionDenied.is)
  await assert.rejects(
    as(people.tim, (ctx) => list(ctx, 'Timesheet', { fields: ['total_costing_amount'], wire: { version: 1, zone: 'UTC' } })),
    (error) => (error as { status: number }).status === 403,
  )
})
