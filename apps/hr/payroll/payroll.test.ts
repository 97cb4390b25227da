import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decimal } from '#client/rules/decimal.ts'
import { BadFormula, BadPayrollDates, BadSlabs, ComponentCycle } from '#client/rules/payroll-errors.ts'
import { type LineTrace, reckon } from '#client/rules/payroll-trace.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { DocumentNotFound, NotForDocuments, StillLinked, SubmittedIsFixed, TransitionRefused } from '#kernel/documents/errors.ts'
import { getDocument, load } from '#kernel/documents/load.ts'
import { cancel, insert, openForWrite, save, submit } from '#kernel/documents/save.ts'
import { callMethod, findMethod } from '#kernel/methods/call.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { LinkNotFound, PermissionDenied } from '#kernel/permissions/errors.ts'
import { list } from '#kernel/query/list.ts'
import { applyWorkflow } from '#kernel/workflow/apply.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { payingHouse } from '#testing/payroll.ts'
import { OfAnotherOrganization } from '../errors.ts'
import { rowsOf } from '../shared/rows.ts'
import {
  AttendanceIncomplete,
  CurrencyMismatch,
  ExchangeRateNeeded,
  NetBelowZero,
  NothingAssigned,
  PayRefused,
  SlipExists,
} from './errors.ts'

const house = await payingHouse()
const { as, asSystem, make, made, hired, component, hana, fred, olga, emma } = house
const north = { organization: 'North' }

const basic = await component('B', { amount_based_on_formula: 1, formula: 'base * .5' })
const rent = await component('HRA', { amount_based_on_formula: 1, formula: 'B * .4' })
const travel = await component('TA', { depends_on_payment_days: 0, is_tax_applicable: 0, amount: 100 })
const pension = await component('PF', { type: 'Deduction', amount_based_on_formula: 1, formula: 'B * .1', exempted_from_income_tax: 1 })
const tax = await component('TDS', { type: 'Deduction', variable_based_on_taxable_salary: 1, depends_on_payment_days: 0 })
const bonus = await component('BON', { depends_on_payment_days: 0 })
const rows = (...names: string[]) => names.map((salary_component) => ({ salary_component }))
const structure = await made('Salary Structure', {
  structure_name: 'Staff',
  ...north,
  earnings: rows(rent, basic, travel),
  deductions: rows(pension, tax),
})
await make('Holiday List', {
  holiday_list_name: 'Sundays',
  ...north,
  is_default: 1,
  from_date: '2026-01-01',
  to_date: '2027-12-31',
  holidays: [1, 8, 15, 22, 29].map((day) => ({
    holiday_date: `2026-11-${String(day).padStart(2, '0')}`,
    description: 'Sunday',
    weekly_off: 1,
  })),
})
await make('Payroll Period', { payroll_period_name: '2026', ...north, start_date: '2026-01-01', end_date: '2026-12-31' })
const slab = await made('Income Tax Slab', {
  slab_name: 'Steps',
  ...north,
  effective_from: '2026-01-01',
  standard_tax_exemption_amount: 6000,
  slabs: [
    { from_amount: 0, to_amount: 12_000, percent_deduction: 10 },
    { from_amount: 12_000, to_amount: 0, percent_deduction: 20 },
  ],
  other_taxes_and_charges: [{ description: 'Cess', percent: 4 }],
})

const assign = (employee: string, values: Record<string, unknown> = {}) =>
  made('Salary Structure Assignment', { employee, ...north, salary_structure: structure, from_date: '2026-01-01', base: 5000, ...values })
const staff = async (name: string, values: Record<string, unknown> = {}, pay: Record<string, unknown> = {}) => {
  const employee = await hired(name, values)
  await assign(employee, { from_date: values.date_of_joining ?? '2026-01-01', ...pay })
  return employee
}
const month = (number: number) => {
  const text = `2026-${String(number).padStart(2, '0')}`
  return { start_date: `${text}-01`, end_date: `${text}-${new Date(Date.UTC(2026, number, 0)).getUTCDate()}` }
}
const draft = (employee: string, values: Record<string, unknown> = month(11), user = hana) =>
  as(user, (ctx) => insert(ctx, 'Salary Slip', { employee, ...north, ...values }))
const paid = async (employee: string, values: Record<string, unknown> = month(11)) => {
  const { name } = await draft(employee, values)
  return as(hana, async (ctx) => submit(ctx, await openForWrite(ctx, 'Salary Slip', name)))
}
const away = async (employee: string, leave_type: string, from_date: string, to_date: string) => {
  const name = await make('Leave Application', { employee, ...north, leave_type, from_date, to_date })
  await as(hana, (ctx) => applyWorkflow(ctx, 'Leave Application', name, 'Approve'))
}
const lines = (slip: AnyDocument) =>
  Object.fromEntries(
    [...(slip.earnings as AnyDocument[]), ...(slip.deductions as AnyDocument[])].map((row) => [
      `${row.abbr}${row.source === 'Arrears' ? '*' : ''}`,
      String(row.amount),
    ]),
  )
const linesOf = (posting: AnyDocument | undefined) => (posting?.lines ?? []) as AnyDocument[]
const amountsOf = (posting: AnyDocument | undefined, side: string) => linesOf(posting).map((line) => String(line[side]))
const figures = (document: AnyDocument, ...fields: string[]) => fields.map((field) => String(document[field]))
const refused = async (work: Promise<unknown>, kind: { is(error: unknown): boolean }, field: string) =>
  assert.rejects(work, (error) => {
    assert.ok(kind.is(error), String(error))
    assert.equal((error as { field: string }).field, field)
    return true
  })

test('a slip takes its lines from the structure, lowers them by the days, and sums them', async () => {
  const employee = await staff('Ada')
  const leave = await make('Leave Type', { leave_type_name: 'Unpaid', ...north, is_lwp: 1, allow_negative: 1 })
  await away(employee, leave, '2026-11-02', '2026-11-06')
  const slip = await paid(employee)
  assert.deepEqual(figures(slip, 'total_working_days', 'leave_without_pay', 'payment_days'), ['25', '5', '20'])
  assert.deepEqual(lines(slip), { HRA: '800', B: '2000', TA: '100', PF: '200' })
  assert.deepEqual(figures(slip, 'gross_pay', 'total_deduction', 'net_pay', 'rounded_total', 'status'), [
    '2900',
    '200',
    '2700',
    '2700',
    'Submitted',
  ])
})

test('what a caller writes into a slip is replaced by what is reckoned', async () => {
  const slip = await draft(await staff('Bob'), { ...month(11), net_pay: 1e6, earnings: [{ salary_component: basic, amount: 1e6 }] })
  assert.deepEqual(figures(slip, 'gross_pay', 'net_pay'), ['3600', '3350'])
})

test('each stored line is reckoned again from its trace alone, and the slip explains itself', async () => {
  const employee = await staff('Cleo', {}, { income_tax_slab: slab, base: 4321.37 })
  await made('Additional Salary', { employee, ...north, salary_component: bonus, amount: 333.33, payroll_date: '2026-11-15' })
  const slip = await paid(employee)
  for (const row of [...(slip.earnings as AnyDocument[]), ...(slip.deductions as AnyDocument[])])
    assert.equal(reckon(JSON.parse(String(row.trace)) as LineTrace).amount.toString(), String(row.amount), String(row.abbr))
  const told = (await as(hana, async (ctx) => (await callDocumentMethod(ctx, 'Salary Slip', slip.name, 'explain', {}, 'GET')).result)) as {
    earnings: { abbr: string; agrees: boolean; words: string }[]
    deductions: { agrees: boolean }[]
  }
  assert.ok([...told.earnings, ...told.deductions].every(({ agrees }) => agrees))
  assert.equal(told.earnings.find(({ abbr }) => abbr === 'HRA')?.words, 'B * .4 with B = 2160.68, for 25 of 25 days')
})

test('income tax is spread over the year, and by its end is what the year owes', async () => {
  const employee = await staff('Dan', {}, { income_tax_slab: slab })
  let withheld = 0
  for (let number = 1; number <= 12; number++) {
    if (number === 6)
      await made('Additional Salary', { employee, ...north, salary_component: bonus, amount: 1200, payroll_date: '2026-06-10' })
    const slip = await paid(employee, month(number))
    withheld += Number(slip.current_month_income_tax)
    if (number === 1) assert.equal(String(slip.annual_taxable_amount), String(3500 * 12 - 250 * 12 - 6000))
    // 1,200 to 4,200 a year: 10 % of 12,000 and 20 % of the rest, with 4 % on it.
    if (number === 12) {
      const taxable = 3500 * 12 + 1200 - 250 * 12 - 6000
      assert.equal(String(slip.annual_taxable_amount), String(taxable))
      assert.equal(withheld.toFixed(2), ((1200 + (taxable - 12_000) * 0.2) * 1.04).toFixed(2))
      assert.deepEqual(figures(slip, 'future_income_tax_deductions'), ['0'])
    }
  }
})

test('a rise that comes late is made up for by a line of the next slip, once, and leaves the earlier slips as they were', async () => {
  const employee = await staff('Eve')
  const [september, october] = [await paid(employee, month(9)), await paid(employee, month(10))]
  await assign(employee, { base: 6000, from_date: '2026-10-01' })
  const told = (await as(hana, (ctx) =>
    callMethod(ctx, findMethod(ctx, 'orchestrator.hr.pay_differences'), { employee, before: '2026-11-01' }, 'GET'),
  )) as { slips: { slip: string; lines: { abbr: string; arrears: Decimal }[] }[] }
  assert.deepEqual(
    told.slips.map(({ slip, lines }) => [slip, lines.map(({ abbr, arrears }) => `${abbr} ${arrears}`).sort()]),
    [[october.name, ['B 500', 'HRA 200', 'PF 50']]],
  )
  const november = await paid(employee)
  assert.deepEqual(lines(november), { B: '3000', HRA: '1200', TA: '100', PF: '300', 'HRA*': '200', 'B*': '500', 'PF*': '50' })
  assert.deepEqual(lines(await paid(employee, month(12))), { B: '3000', HRA: '1200', TA: '100', PF: '300' })
  for (const slip of [september, october])
    assert.deepEqual(lines(await asSystem((ctx) => getDocument(ctx, 'Salary Slip', slip.name))), {
      B: '2500',
      HRA: '1000',
      TA: '100',
      PF: '250',
    })
  await refused(
    as(hana, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Salary Slip', october.name, 'cancel'))),
    StillLinked,
    '',
  )
})

test('leave that is told afterwards is taken back by the next slip', async () => {
  const employee = await staff('Finn')
  await paid(employee, month(10))
  await made('Attendance', { employee, ...north, attendance_date: '2026-10-05', status: 'Present' })
  const leave = await make('Leave Type', { leave_type_name: 'Unpaid later', ...north, is_lwp: 1, allow_negative: 1 })
  await away(employee, leave, '2026-10-12', '2026-10-12')
  // One of October's 31 days.
  assert.deepEqual(lines(await paid(employee)), {
    B: '2500',
    HRA: '1000',
    TA: '100',
    PF: '250',
    'B*': '-80.65',
    'HRA*': '-32.26',
    'PF*': '-8.06',
  })
})

test('overtime is paid with the next slip, by what the day was, and is open again when that is cancelled', async () => {
  const employee = await staff('Gil')
  const ot = await component('OT', { depends_on_payment_days: 0 })
  const overtime_type = await make('Overtime Type', {
    overtime_type_name: 'Usual',
    ...north,
    overtime_salary_component: ot,
    hourly_rate: 20,
    applicable_for_weekend: 1,
    weekend_multiplier: 2,
  })
  const overtime = await made('Overtime Slip', {
    employee,
    ...north,
    ...month(11),
    overtime_details: [
      { date: '2026-11-03', overtime_type, overtime_duration: 2 },
      { date: '2026-11-08', overtime_type, overtime_duration: 1.5 },
    ],
  })
  const slip = await paid(employee)
  assert.equal(lines(slip).OT, '120')
  const status = async () => (await asSystem((ctx) => rowsOf(ctx, 'Overtime Slip', where('name', '=', overtime))))[0]?.status
  assert.equal(await status(), 'Paid')
  await as(hana, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Salary Slip', slip.name, 'cancel')))
  assert.equal(await status(), 'Submitted')
  assert.equal(lines(await paid(employee)).OT, '120')
})

test('who is paid by the hour is paid for the hours of the slip', async () => {
  const wage = await component('W', { depends_on_payment_days: 0 })
  const hourly = await made('Salary Structure', {
    structure_name: 'Hourly',
    ...north,
    salary_slip_based_on_timesheet: 1,
    salary_component: wage,
    hour_rate: 12.5,
  })
  const employee = await staff('Hal', {}, { salary_structure: hourly })
  const slip = await draft(employee, { ...month(11), timesheets: [{ working_hours: 30 }, { working_hours: 7.25 }] })
  assert.deepEqual([lines(slip), String(slip.total_working_hours)], [{ W: '465.62' }, '37.25'])
})

test('a slip in another currency needs a rate, and the books get their own currency, balanced', async () => {
  const usd = await made('Salary Structure', {
    structure_name: 'Dollars',
    ...north,
    currency: 'USD',
    earnings: rows(basic),
    deductions: rows(pension),
  })
  const employee = await staff(
    'Ida',
    {},
    {
      salary_structure: usd,
      base: 1000.01,
      payroll_cost_centers: [
        { cost_center: 'Care', percentage: 33.3 },
        { cost_center: 'Office', percentage: 66.7 },
      ],
    },
  )
  await refused(draft(employee), ExchangeRateNeeded, 'exchange_rate')
  const slip = await paid(employee, { ...month(11), exchange_rate: 0.87 })
  const post = async () => {
    const found = await asSystem((ctx) =>
      rowsOf(ctx, 'Payroll Posting', where('salary_slip', '=', slip.name), { orderBy: [['name', 'asc']] }),
    )
    return Promise.all(found.map(({ name }) => as(fred, (ctx) => getDocument(ctx, 'Payroll Posting', name))))
  }
  const [posting] = await post()
  assert.deepEqual(
    linesOf(posting).map((line) => [line.account, line.cost_center, String(line.debit), String(line.credit)]),
    [
      ['Salaries', 'Care', '144.86', '0'],
      ['Salaries', 'Office', '290.14', '0'],
      ['Payroll Deductions', null, '0', '43.5'],
      ['Payroll Payable', null, '0', '391.5'],
    ],
  )
  assert.deepEqual([posting?.currency, ...figures(posting as AnyDocument, 'total_debit', 'total_credit')], ['EUR', '435', '435'])
  await as(hana, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Salary Slip', slip.name, 'cancel')))
  const [first, back] = await post()
  assert.deepEqual([first?.is_reversal, back?.is_reversal, back?.reversal_of], [0, 1, first?.name])
  assert.deepEqual(amountsOf(back, 'credit'), amountsOf(first, 'debit'))
})

test('pay that is kept back is marked, and released', async () => {
  const employee = await staff('Jo')
  const withholding = await made('Salary Withholding', { employee, ...north, from_date: '2026-11-01', to_date: '2026-11-30' })
  const slip = await paid(employee)
  assert.equal(slip.status, 'Withheld')
  await as(hana, async (ctx) => callDocumentMethod(ctx, 'Salary Withholding', withholding, 'release', {}, 'POST'))
  assert.equal((await asSystem((ctx) => getDocument(ctx, 'Salary Slip', slip.name))).status, 'Submitted')
})

test('a submitted slip stays as it is, and there is one for a person and a day', async () => {
  const employee = await staff('Kim')
  const slip = await paid(employee)
  const change = (values: Record<string, unknown>) =>
    as(hana, async (ctx) => save(ctx, await openForWrite(ctx, 'Salary Slip', slip.name), values))
  await assert.rejects(change({ end_date: '2026-11-20' }), SubmittedIsFixed.is)
  await assert.rejects(change({ docstatus: 0 }), TransitionRefused.is)
  await refused(draft(employee, { start_date: '2026-11-30', end_date: '2026-12-05' }), SlipExists, 'start_date')
})

test('people see their own slips once they are submitted, and nobody else’s', async () => {
  const employee = await staff('Emma', { user_id: emma })
  const other = await paid(await staff('Lou'))
  const mine = await draft(employee)
  const seen = () =>
    as(emma, async (ctx) => (await list(ctx, 'Salary Slip', { wire: { version: 1, zone: 'UTC' } })).rows.map(({ name }) => name))
  assert.deepEqual(await seen(), [])
  await assert.rejects(
    as(emma, (ctx) => getDocument(ctx, 'Salary Slip', mine.name)),
    PermissionDenied.is,
  )
  await as(hana, async (ctx) => submit(ctx, await openForWrite(ctx, 'Salary Slip', mine.name)))
  assert.deepEqual(await seen(), [mine.name])
  await assert.rejects(
    as(emma, (ctx) => getDocument(ctx, 'Salary Slip', other.name)),
    PermissionDenied.is,
  )
  await assert.rejects(draft(employee, month(12), emma), PermissionDenied.is)
  await assert.rejects(
    as(emma, (ctx) => list(ctx, 'Salary Structure Assignment', { wire: { version: 1, zone: 'UTC' } })),
    PermissionDenied.is,
  )
})

test('finance reads pay and writes none; the other organization sees nothing', async () => {
  const slip = await paid(await staff('Max'))
  assert.equal((await as(fred, (ctx) => getDocument(ctx, 'Salary Slip', slip.name))).name, slip.name)
  await assert.rejects(
    as(fred, (ctx) => openForWrite(ctx, 'Salary Slip', slip.name, 'cancel')),
    PermissionDenied.is,
  )
  await assert.rejects(
    as(fred, (ctx) => insert(ctx, 'Payroll Posting', { salary_slip: slip.name, ...north })),
    NotForDocuments.is,
  )
  await assert.rejects(
    as(olga, (ctx) => getDocument(ctx, 'Salary Slip', slip.name)),
    DocumentNotFound.is,
  )
  for (const doctype of ['Salary Slip', 'Salary Component', 'Salary Structure', 'Payroll Posting'])
    assert.deepEqual((await as(olga, (ctx) => list(ctx, doctype, { wire: { version: 1, zone: 'UTC' } }))).rows, [], doctype)
  const [petra, sup] = [await house.user('petra@example.com', ['Portal User']), await house.user('sup@example.com', ['Supervisor'])]
  for (const user of [petra, sup]) await make('User Permission', { user, allow: 'Organization', for_value: 'North' })
  await assert.rejects(
    as(petra, (ctx) => getDocument(ctx, 'Salary Slip', slip.name)),
    PermissionDenied.is,
  )
  // The role matrix lets a supervisor see the pay of the organisation, and change none of it.
  assert.equal((await as(sup, (ctx) => getDocument(ctx, 'Salary Slip', slip.name))).name, slip.name)
  await assert.rejects(
    as(sup, (ctx) => openForWrite(ctx, 'Salary Slip', slip.name, 'cancel')),
    PermissionDenied.is,
  )
})

test('what cannot be is refused with its field', async () => {
  const employee = await staff('Nat')
  const abroad = await hired('Otto', { organization: 'South' })
  const insertAs = (doctype: string, values: Record<string, unknown>) => as(hana, (ctx) => insert(ctx, doctype, { ...north, ...values }))
  const line = (abbr: string, formula: string) => component(abbr, { amount_based_on_formula: 1, formula })
  const [one, two] = [await line('X1', 'X2 + 1'), await line('X2', 'X1 + 1')]
  const unknown = await line('X3', 'bonus_of_all * 2')
  const build = (...names: string[]) => insertAs('Salary Structure', { structure_name: 'Bad', earnings: rows(...names) })
  await refused(build(one, two), ComponentCycle, 'earnings[0].formula')
  await refused(build(unknown), BadFormula, 'earnings[0].formula')
  await refused(build(pension), PayRefused, 'earnings[0].salary_component')
  await refused(build(), PayRefused, 'earnings')
  await refused(component('9x'), PayRefused, 'salary_component_abbr')
  await refused(component('X4', { condition: 'base >' }), BadFormula, 'condition')
  await refused(draft(employee, { start_date: '2026-11-30', end_date: '2026-11-01' }), BadPayrollDates, 'end_date')
  await refused(draft(employee, { start_date: '2026-01-01', end_date: '2026-12-31' }), BadPayrollDates, 'end_date')
  await refused(draft(await hired('Pia')), NothingAssigned, 'employee')
  await assert.rejects(draft(abroad), LinkNotFound.is)
  await refused(
    asSystem((ctx) => insert(ctx, 'Salary Slip', { employee: abroad, ...north, ...month(11) })),
    OfAnotherOrganization,
    'employee',
  )
  await refused(assign(abroad), OfAnotherOrganization, 'employee')
  await refused(assign(employee, { from_date: '2025-12-31' }), BadPayrollDates, 'from_date')
  await refused(assign(employee), PayRefused, 'from_date')
  await refused(
    assign(employee, { from_date: '2026-02-01', payroll_cost_centers: [{ cost_center: 'A', percentage: 99 }] }),
    PayRefused,
    'payroll_cost_centers',
  )
  const plain = { employee, salary_component: bonus, payroll_date: '2026-11-01' }
  await refused(insertAs('Additional Salary', { ...plain, amount: 5, currency: 'USD' }), CurrencyMismatch, 'currency')
  await refused(insertAs('Additional Salary', { ...plain, amount: 0 }), PayRefused, 'amount')
  await assert.rejects(insertAs('Additional Salary', { ...plain, amount: -5 }), (error) => (error as { field: string }).field === 'amount')
  const steps = [
    { from_amount: 0, to_amount: 10 },
    { from_amount: 5, to_amount: 0 },
  ]
  await refused(
    insertAs('Income Tax Slab', { slab_name: 'Bad', effective_from: '2026-01-01', slabs: steps }),
    BadSlabs,
    'slabs[1].from_amount',
  )
  await made('Additional Salary', { employee, ...north, salary_component: pension, amount: 99_999, payroll_date: '2026-11-01' })
  await refused(draft(employee), NetBelowZero, 'net_pay')
  assert.deepEqual(await asSystem((ctx) => rowsOf(ctx, 'Salary Slip', where('employee', '=', employee))), [], 'nothing is half done')
})

test('submitting twice and changing meanwhile is refused', async () => {
  const { name } = await draft(await staff('Quin'))
  const stale = await as(hana, async (ctx) => load(ctx, await ctx.site.meta.get('Salary Slip'), name))
  await as(hana, async (ctx) => submit(ctx, await openForWrite(ctx, 'Salary Slip', name)))
  await assert.rejects(as(hana, (ctx) => submit(ctx, stale)))
  assert.equal((await asSystem((ctx) => rowsOf(ctx, 'Payroll Posting', where('salary_slip', '=', name)))).length, 1)
})

const entryOf = (name: string) => asSystem((ctx) => getDocument(ctx, 'Payroll Entry', name))
const call = (doctype: string, name: string, verb: string, user = hana) =>
  as(user, (ctx) => callDocumentMethod(ctx, doctype, name, verb, {}, 'POST'))
const drain = () => new Worker({ sites: async () => [house.site], pollMs: 20 }).drain()

test('an entry pays everybody of a department in the background, notes whose pay cannot be reckoned, and goes on where it stopped', async () => {
  const department = await make('Department', { department_name: 'Kitchen', ...north })
  const cooks: string[] = []
  for (let number = 0; number < 60; number++) cooks.push(await staff(`Cook ${number}`, { department }))
  const lost = cooks[7] as string
  const much = await made('Additional Salary', {
    employee: lost,
    ...north,
    salary_component: pension,
    amount: 99_999,
    payroll_date: '2026-11-01',
  })
  const entry = (
    await as(hana, (ctx) =>
      insert(ctx, 'Payroll Entry', { ...north, ...month(11), currency: 'EUR', payroll_frequency: 'Monthly', department }),
    )
  ).name
  await call('Payroll Entry', entry, 'fill_employee_details')
  await as(hana, async (ctx) => submit(ctx, await openForWrite(ctx, 'Payroll Entry', entry)))
  await drain()
  const failed = await entryOf(entry)
  assert.deepEqual([failed.status, failed.number_of_employees, failed.salary_slips_created], ['Failed', 60, 59])
  const problem = (failed.employees as AnyDocument[]).find(({ employee }) => employee === lost)?.problem
  assert.match(String(problem), /^net_pay: .*-96/)
  await as(hana, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Additional Salary', much, 'cancel')))
  await call('Payroll Entry', entry, 'create_salary_slips')
  await drain()
  assert.deepEqual(figures(await entryOf(entry), 'status', 'salary_slips_created'), ['Created', '60'])
  await assert.rejects(call('Payroll Entry', entry, 'submit_salary_slips', fred), PermissionDenied.is)
  await call('Payroll Entry', entry, 'submit_salary_slips')
  await drain()
  assert.deepEqual(figures(await entryOf(entry), 'status', 'salary_slips_submitted'), ['Submitted', '60'])
  const slips = await asSystem((ctx) => rowsOf(ctx, 'Salary Slip', where('payroll_entry', '=', entry)))
  assert.deepEqual([slips.length, new Set(slips.map(({ net_pay }) => String(net_pay)))], [60, new Set(['3350'])])
  const postings = await asSystem((ctx) => rowsOf(ctx, 'Payroll Posting', where('payroll_entry', '=', entry)))
  assert.equal(postings.length, 60)
  // One is taken back and paid anew; the others stay as they are.
  const wrong = String(slips[3]?.name)
  await as(hana, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Salary Slip', wrong, 'cancel')))
  await call('Payroll Entry', entry, 'create_salary_slips')
  await drain()
  await call('Payroll Entry', entry, 'submit_salary_slips')
  await drain()
  const standing = await asSystem((ctx) => rowsOf(ctx, 'Salary Slip', and(where('payroll_entry', '=', entry), where('docstatus', '=', 1))))
  assert.deepEqual([standing.length, standing.some(({ name }) => name === wrong)], [60, false])
  await assert.rejects(
    as(hana, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Payroll Entry', entry, 'cancel'))),
    StillLinked.is,
  )
})

test('an entry that is cancelled drops its drafts; one without people or with days missing is refused', async () => {
  const department = await make('Department', { department_name: 'Garden', ...north })
  const employee = await staff('Rosa', { department })
  const values = { ...north, ...month(11), currency: 'EUR', payroll_frequency: 'Monthly', department }
  const start = async (more: object) => {
    const { name } = await as(hana, (ctx) => insert(ctx, 'Payroll Entry', { ...values, ...more }))
    return as(hana, async (ctx) => submit(ctx, await openForWrite(ctx, 'Payroll Entry', name)))
  }
  await refused(start({}), PayRefused, 'employees')
  await refused(start({ employees: [{ employee }, { employee }] }), PayRefused, 'employees[1].employee')
  await refused(start({ employees: [{ employee }], validate_attendance: 1 }), AttendanceIncomplete, 'employees[0].employee')
  await refused(start({ employees: [{ employee }], currency: 'USD', exchange_rate: 0 }), ExchangeRateNeeded, 'exchange_rate')
  const entry = await start({ employees: [{ employee }] })
  await drain()
  await as(hana, async (ctx) => cancel(ctx, await openForWrite(ctx, 'Payroll Entry', entry.name, 'cancel')))
  const [slip] = await asSystem((ctx) => rowsOf(ctx, 'Salary Slip', where('employee', '=', employee)))
  assert.deepEqual([slip?.docstatus, slip?.status], [2, 'Cancelled'])
  await paid(employee)
})

test('what the platform notes on a submitted slip cannot be written by people', async () => {
  const employee = await staff('Sue')
  await made('Salary Withholding', { employee, ...north, from_date: '2026-11-01', to_date: '2026-11-30' })
  const slip = await paid(employee)
  const saved = await as(hana, async (ctx) => save(ctx, await openForWrite(ctx, 'Salary Slip', slip.name), { status: 'Submitted' }))
  assert.equal(saved.status, 'Withheld')
})
