import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Decimal, sumDecimals } from './decimal.ts'
import { BadFormula, ComponentCycle } from './payroll-errors.ts'
import { orderComponents } from './payroll-formula.ts'
import { capOvertime, overtimePay, payOfWeek } from './payroll-overtime.ts'
import { postingOf } from './payroll-posting.ts'
import { arrearsOf, reckonSlip, type SlipInput, type StructureLine } from './payroll-slip.ts'
import { type LineTrace, reckon } from './payroll-trace.ts'

const row = (abbr: string, values: Partial<StructureLine> = {}): StructureLine => ({
  component: `Component ${abbr}`,
  abbr,
  kind: 'Earning',
  field: `earnings[${abbr}]`,
  fixed: '0',
  dependsOnDays: true,
  isTaxed: true,
  isExempted: false,
  isTax: false,
  isStatistical: false,
  isNotInTotal: false,
  isWhole: false,
  dropsZero: false,
  ...values,
})
const input = (structure: StructureLine[], values: Partial<SlipInput> = {}): SlipInput => ({
  structure: orderComponents(structure),
  names: { base: 50_000, variable: 0, department: 'Care', payment_days: 24, total_working_days: 25 },
  days: { paid: 24, working: 25 },
  added: [],
  overtime: [],
  arrears: [],
  timesheet: undefined,
  tax: undefined,
  places: 2,
  ...values,
})
const amounts = (values: SlipInput) =>
  Object.fromEntries(reckonSlip(values).lines.map(({ facts, amount }) => [facts.abbr, amount.toString()]))

test('a component may name others wherever they stand; days lower each once', () => {
  const lines = amounts(
    input([
      row('HRA', { formula: 'B * .4' }),
      row('B', { formula: 'base * .5' }),
      row('PF', { kind: 'Deduction', formula: 'B * .12' }),
      row('PT', { kind: 'Deduction', dependsOnDays: false, fixed: '200' }),
      row('Act', { kind: 'Deduction', dependsOnDays: false, formula: 'paid.B * .01' }),
      row('ESI', { kind: 'Deduction', dependsOnDays: false, formula: 'gross_pay * .0075' }),
    ]),
  )
  assert.deepEqual(lines, { B: '24000', HRA: '9600', PF: '2880', PT: '200', Act: '240', ESI: '252' })
})

test('conditions decide, statistical components are figures only, and what is not counted is shown', () => {
  const slip = reckonSlip(
    input([
      row('S', { isStatistical: true, formula: 'base / 2', dependsOnDays: false }),
      row('A', { formula: 'S / 10', condition: "department == 'Care'" }),
      row('N', { fixed: '70', condition: "department == 'Sales'", dropsZero: true }),
      row('C', { fixed: '1000', isNotInTotal: true, dependsOnDays: false }),
      row('W', { fixed: '10.6', isWhole: true, dependsOnDays: false }),
    ]),
  )
  assert.deepEqual(
    slip.lines.map(({ facts, amount }) => [facts.abbr, amount.toString()]),
    [
      ['A', '2400'],
      ['C', '1000'],
      ['W', '11'],
    ],
  )
  assert.equal(slip.gross.toString(), '2411')
})

test('components in a circle are refused with the circle, unknown names with the name', () => {
  const refused = (rows: StructureLine[], kind: { is(error: unknown): boolean }, field: string, words: RegExp) =>
    assert.throws(
      () => orderComponents(rows),
      (error) => kind.is(error) && (error as { field: string }).field === field && words.test(String(error)),
    )
  refused(
    [row('A', { formula: 'B + 1' }), row('B', { formula: 'C' }), row('C', { condition: 'A > 1' })],
    ComponentCycle,
    'earnings[A].formula',
    /A → B → C → A/,
  )
  refused([row('A', { formula: 'A + 1' })], ComponentCycle, 'earnings[A].formula', /A → A/)
  refused([row('A', { formula: 'gross_pay / 2' })], ComponentCycle, 'earnings[A].formula', /A → A/)
  refused([row('A', { formula: 'bsae * 2' })], BadFormula, 'earnings[A].formula', /bsae/)
  refused([row('A', { condition: 'base >' })], BadFormula, 'earnings[A].condition', /read/)
  refused([row('A'), row('A')], BadFormula, 'earnings[A].abbr', /already/)
  refused([row('base')], BadFormula, 'earnings[base].abbr', /already/)
  refused([row('A', { formula: 'paid.X' })], BadFormula, 'earnings[A].formula', /paid\.X/)
})

test('a formula that gives no amount is refused', () => {
  for (const formula of ['base / 0', "'much'", 'base * 1e12', '[1]'])
    assert.throws(() => reckonSlip(input([row('A', { formula })])), BadFormula.is, formula)
})

test('doubles are rounded to what was meant: 1.005 to the even cent, and not down by noise', () => {
  assert.deepEqual(amounts(input([row('A', { formula: '1.115 * 1', dependsOnDays: false })])), { A: '1.12' })
  assert.deepEqual(amounts(input([row('A', { formula: '0.1 + 0.2', dependsOnDays: false })])), { A: '0.3' })
})

test('an addition stands beside its component or in its place; deductions count it', () => {
  const bonus = row('Bonus')
  const gross = row('G', { kind: 'Deduction', dependsOnDays: false, formula: 'gross_pay / 100' })
  const added = (replacesStructure: boolean) => [
    { facts: row('B'), amount: '1000', of: 'ADS-1', replacesStructure, isRecurring: false, bearsTaxAtOnce: false },
    { facts: bonus, amount: '500', of: 'ADS-2', replacesStructure: true, isRecurring: false, bearsTaxAtOnce: false },
  ]
  const structure = [row('B', { formula: 'base', dependsOnDays: false }), gross]
  const beside = reckonSlip(input(structure, { added: added(false) }))
  assert.deepEqual([beside.gross.toString(), beside.deductions.toString()], ['51500', '515'])
  const instead = reckonSlip(input(structure, { added: added(true) }))
  assert.deepEqual([instead.gross.toString(), instead.deductions.toString()], ['1500', '15'])
})

test('46 hours at 12 are paid with 588; with a bonus of 46 the regular rate is 13 and the total 637', () => {
  assert.deepEqual(Object.values(payOfWeek({ hours: 46, rate: 12 })).map(String), ['12', '588'])
  assert.deepEqual(Object.values(payOfWeek({ hours: 46, rate: 12, bonus: 46 })).map(String), ['13', '637'])
  assert.throws(
    () => payOfWeek({ hours: 169, rate: 12 }),
    (error) => (error as { field: string }).field === 'hours',
  )
})

test('overtime is paid by its multiplier, and a limit leaves out the hours worth least', () => {
  const parts = [
    { hours: 3, multiplier: 1.5 },
    { hours: 2, multiplier: 2 },
  ]
  assert.equal(overtimePay(parts, '10.5').toString(), '89.25')
  assert.deepEqual(capOvertime(parts, 4), [
    { hours: 2, multiplier: 2 },
    { hours: 2, multiplier: 1.5 },
  ])
  const structure = [row('B', { formula: 'base' })]
  const order = { facts: row('OT'), of: 'OTS-1', parts, limit: 0, rate: { abbrs: ['B'], hoursPerDay: 8 } }
  assert.equal(amounts(input(structure, { overtime: [order] })).OT, '2125')
})

test('arrears are what a slip would say today less what was paid for it; what agrees makes no line', () => {
  const [then, now] = [50_000, 60_000].map((base) =>
    reckonSlip(input([row('B', { formula: 'base' }), row('F', { fixed: '9' })], { names: { base } })),
  )
  assert.ok(then && now)
  const orders = arrearsOf('S-1', now.lines, then.lines)
  assert.deepEqual(
    orders.map(({ facts, paid }) => [facts.abbr, paid]),
    [['B', ['48000']]],
  )
  const next = reckonSlip(input([], { arrears: orders }))
  assert.deepEqual([next.gross.toString(), next.lines[0]?.of], ['9600', 'S-1'])
  const settled = arrearsOf('S-1', now.lines, [...then.lines, ...next.lines])
  assert.deepEqual(settled, [])
})

const structures = fc
  .array(
    fc.record({
      kind: fc.constantFrom('Earning' as const, 'Deduction' as const),
      shape: fc.constantFrom('fixed', 'share', 'earlier', 'tiers', 'paid'),
      factor: fc.integer({ min: 1, max: 9999 }),
      dependsOnDays: fc.boolean(),
      isTaxed: fc.boolean(),
      isExempted: fc.boolean(),
      isStatistical: fc.boolean(),
      isWhole: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .map((rows) =>
    rows.map(({ kind, shape, factor, ...flags }, index) => {
      const earlier = `C${Math.max(0, index - 1)}`
      const formula = {
        fixed: undefined,
        share: `base * ${factor / 10_000}`,
        earlier: index ? `${earlier} * ${factor / 5000} + 1` : 'base / 3',
        tiers: `base > ${factor * 10} ? base * .07 : ${factor}`,
        paid: index ? `paid.${earlier} / 7` : 'base / payment_days',
      }[shape]
      return row(`C${index}`, { ...flags, kind, fixed: String(factor / 100), ...(formula && { formula }) })
    }),
  )

test('every line of every slip can be reckoned again from its stored trace, to the last place; totals are the sums of lines', () => {
  fc.assert(
    fc.property(
      structures,
      fc.integer({ min: 100, max: 200_000_00 }),
      fc.integer({ min: 1, max: 31 }),
      fc.integer({ min: 0, max: 124 }),
      fc.constantFrom(0, 2, 3),
      (structure, cents, working, quarters, places) => {
        const paid = Math.min(working, quarters / 4)
        const tax = row('Tax', { kind: 'Deduction', isTax: true, dependsOnDays: false })
        const slip = reckonSlip(
          input([...structure, tax], {
            names: { base: cents / 100, payment_days: paid || 1, total_working_days: working },
            days: { paid, working },
            places,
            tax: {
              rules: { slabs: [{ from: '1000', to: '0', percent: 17.5 }], charges: [], reliefLimit: '0' },
              earnedBefore: '1234.56',
              withheldBefore: '12',
              otherIncome: '3',
              exemptions: '100',
              periodsLeft: 5.5,
            },
            overtime: [
              { facts: row('OT'), of: 'O', parts: [{ hours: 1.25, multiplier: 1.5 }], limit: 0, rate: { abbrs: ['C0'], hoursPerDay: 8 } },
            ],
          }),
        )
        for (const line of slip.lines) {
          const stored = JSON.parse(JSON.stringify(line.trace)) as LineTrace
          assert.equal(reckon(stored).amount.toString(), line.amount.toString())
        }
        const sum = (kind: string) =>
          sumDecimals(slip.lines.filter(({ facts }) => facts.kind === kind).map(({ amount }) => amount)).toString()
        assert.deepEqual([slip.gross.toString(), slip.deductions.toString()], [sum('Earning'), sum('Deduction')])
      },
    ),
    { numRuns: 300 },
  )
})

test('what goes to the books is balanced, whatever the currency, the shares and the rounding', () => {
  const amount = fc.integer({ min: -1_000_00, max: 10_000_000 }).map((cents) => Decimal.from(cents).dividedBy(100, 2))
  fc.assert(
    fc.property(
      fc.array(amount),
      fc.array(amount),
      fc.double({ min: 0.0001, max: 200, noNaN: true }),
      fc.array(fc.integer({ min: 1, max: 99 }), { maxLength: 4 }),
      (earned, deducted, rate, weights) => {
        const net = sumDecimals(earned).minus(sumDecimals(deducted))
        const whole = weights.reduce((sum, weight) => sum + weight, 0)
        const lines = postingOf({
          employee: 'E',
          payableAccount: 'Payable',
          roundOffAccount: 'Round Off',
          earnings: earned.map((one) => ({ account: 'Salaries', component: 'x', amount: one })),
          deductions: deducted.map((one) => ({ account: 'Taxes', component: 'y', amount: one })),
          payable: net.round(0),
          costCenters: weights.map((weight, index) => ({ costCenter: `C${index}`, percentage: (100 * weight) / whole })),
          exchangeRate: Number(rate.toPrecision(8)),
          places: 2,
        })
        const sum = (side: 'debit' | 'credit') => sumDecimals(lines.map((line) => line[side])).toString()
        assert.equal(sum('debit'), sum('credit'))
        assert.ok(lines.every(({ debit, credit }) => !debit.isNegative() && !credit.isNegative() && (debit.isZero() || credit.isZero())))
      },
    ),
  )
})
