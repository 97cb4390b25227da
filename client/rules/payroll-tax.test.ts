import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from './decimal.ts'
import { BadFormula, BadSlabs } from './payroll-errors.ts'
import { checkSlabs, incomeTax, periodsLeft, type TaxInput, type TaxRules, taxToWithhold } from './payroll-tax.ts'

const slabs = [
  { from: '250000', to: '500000', percent: 5 },
  { from: '500000', to: '1000000', percent: 20 },
  { from: '1000000', to: '0', percent: 30 },
]
const rules: TaxRules = { slabs, charges: [{ percent: 4, from: '0', to: '0' }], reliefLimit: '0' }
const year: TaxInput = {
  rules,
  facts: {},
  earnedBefore: '0',
  withheldBefore: '0',
  regularNow: '0',
  regularLater: '0',
  onceNow: '0',
  onceInFull: '0',
  otherIncome: '0',
  exemptions: '0',
  periodsLeft: 12,
  places: 2,
}

test('1,073,600 taxed by three steps and a charge of 4 % on the tax makes 139,963.20', () => {
  assert.equal(incomeTax(1_073_600, rules).toFixed(2), '139963.20')
})

test('the same year comes out of pay, other income and what lowers them', () => {
  // 1,226,000 of pay, of which 10,000 are not taxed and 2,400 are a deduction that lowers the income.
  const monthly = Decimal.from(1_226_000 - 10_000 - 2_400)
    .dividedBy(12, 9)
    .toString()
  const { annualTaxable, totalTax } = taxToWithhold({
    ...year,
    regularNow: monthly,
    regularLater: monthly,
    otherIncome: '10000',
    exemptions: '150000',
  })
  assert.deepEqual([annualTaxable.toString(), totalTax.toString()], ['1073600', '139963.2'])
})

test('a step counts what lies above its beginning up to its end; the end belongs to it', () => {
  const plain = { ...rules, charges: [] }
  for (const [income, tax] of [
    [250_000, '0'],
    [250_001, '0.05'],
    [500_000, '12500'],
    [1_000_000, '112500'],
    [1_000_001, '112500.3'],
  ] as const)
    assert.equal(incomeTax(income, plain).toString(), tax, String(income))
})

test('incomes up to the limit of relief are not taxed, those above it in full', () => {
  assert.equal(incomeTax(500_000, { ...rules, reliefLimit: '500000' }).toString(), '0')
  assert.equal(incomeTax(500_001, { ...rules, reliefLimit: '500000' }).toString(), '13000.208')
})

test('a step with a condition is for those whom it concerns, a charge for incomes in its range', () => {
  const some: TaxRules = {
    slabs: [
      { from: '0', to: '100', percent: 10 },
      { from: '0', to: '0', percent: 1, condition: "gender == 'Male'" },
    ],
    charges: [{ percent: 50, from: '1000', to: '2000' }],
    reliefLimit: '0',
  }
  assert.equal(incomeTax(200, some, { gender: 'Female' }).toString(), '10')
  assert.equal(incomeTax(200, some, { gender: 'Male' }).toString(), '12')
  assert.equal(incomeTax(1500, some, {}).toString(), '15')
  assert.equal(incomeTax(2001, some, {}).toString(), '10')
})

test('steps that overlap, leave a gap, end early or ask for nonsense are refused with their field', () => {
  const refused = (list: Parameters<typeof checkSlabs>[0], field: string, kind: { is(error: unknown): boolean } = BadSlabs) =>
    assert.throws(
      () => checkSlabs(list),
      (error) => kind.is(error) && (error as { field: string }).field === field,
    )
  checkSlabs(slabs)
  refused([{ from: '10', to: '5', percent: 1 }], 'slabs[0].to_amount')
  refused([{ from: '0', to: '5', percent: 101 }], 'slabs[0].percent_deduction')
  refused(
    [
      { from: '0', to: '5', percent: 1 },
      { from: '4', to: '9', percent: 1 },
    ],
    'slabs[1].from_amount',
  )
  refused(
    [
      { from: '0', to: '5', percent: 1 },
      { from: '6', to: '9', percent: 1 },
    ],
    'slabs[1].from_amount',
  )
  refused(
    [
      { from: '0', to: '0', percent: 1 },
      { from: '6', to: '9', percent: 1 },
    ],
    'slabs[1].from_amount',
  )
  refused([{ from: '0', to: '0', percent: 1, condition: 'gender ==' }], 'slabs[0].condition', BadFormula)
})

test('what is withheld over a year is the tax of the year, whatever is paid when', () => {
  const money = fc.integer({ min: 0, max: 30_000_000 }).map((cents) => Decimal.from(cents).dividedBy(100, 2))
  fc.assert(
    fc.property(fc.array(fc.record({ regular: money, once: money, full: fc.boolean() }), { minLength: 12, maxLength: 12 }), (months) => {
      let [earned, withheld, owed] = [Decimal.zero, Decimal.zero, Decimal.zero]
      for (const [index, { regular, once, full }] of months.entries()) {
        const result = taxToWithhold({
          ...year,
          earnedBefore: earned.toString(),
          withheldBefore: withheld.toString(),
          regularNow: regular.toString(),
          regularLater: regular.toString(),
          onceNow: once.toString(),
          onceInFull: full ? once.toString() : '0',
          periodsLeft: 12 - index,
        })
        earned = earned.plus(regular).plus(once)
        withheld = withheld.plus(result.now)
        owed = result.totalTax
        assert.ok(!result.now.isNegative())
      }
      // Never too little; too much only where more had been withheld already than the year then turned out to owe.
      assert.ok(withheld.compare(owed) >= 0)
      if (months.every(({ regular }) => regular.equals(months[0]?.regular ?? 0))) assert.equal(withheld.toString(), owed.toString())
    }),
  )
})

test('pay that stays the same is taxed the same each month, and the last month takes what rounding left', () => {
  let withheld = Decimal.zero
  const each: string[] = []
  for (let month = 0; month < 12; month++) {
    const { now } = taxToWithhold({
      ...year,
      earnedBefore: String(100_000 * month),
      withheldBefore: withheld.toString(),
      regularNow: '100000',
      regularLater: '100000',
      periodsLeft: 12 - month,
    })
    withheld = withheld.plus(now)
    each.push(now.toString())
  }
  assert.equal(withheld.toString(), incomeTax(1_200_000, rules).toString())
  assert.deepEqual(new Set(each), new Set(['14950']))
})

test('a bonus that bears its whole tax at once leaves the other months as they were', () => {
  const plain = taxToWithhold({ ...year, regularNow: '100000', regularLater: '100000' })
  const bonus = taxToWithhold({ ...year, regularNow: '100000', regularLater: '100000', onceNow: '50000', onceInFull: '50000' })
  assert.equal(bonus.now.minus(plain.now).toString(), '15600')
  assert.equal(bonus.later.toString(), plain.later.toString())
})

test('the periods that are left of a year include the one that begins', () => {
  assert.equal(periodsLeft('Monthly', '2026-04-01', '2027-03-31'), 12)
  assert.equal(periodsLeft('Monthly', '2027-03-01', '2027-03-31'), 1)
  assert.equal(periodsLeft('Bimonthly', '2026-11-16', '2026-12-31'), 3)
  assert.equal(periodsLeft('Weekly', '2026-12-21', '2026-12-31'), 1.5714)
  assert.equal(periodsLeft('Daily', '2026-12-31', '2026-12-31'), 1)
  assert.equal(periodsLeft('Monthly', '2026-12-01', '2026-11-15'), 1)
})
