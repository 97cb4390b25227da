import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { Decimal } from './decimal.ts'
import { chargeTypes, invoiceTotals, type Totals, type TotalsLine, type TotalsTax } from './invoice-totals.ts'

const text = (value: Decimal): string => value.toFixed(2)
const inclusive: TotalsTax[] = [
  { charge_type: 'On Net Total', rate: 14, account_head: 'VAT', included_in_print_rate: true },
  { charge_type: 'On Item Quantity', rate: 5, account_head: 'Eco', included_in_print_rate: true },
]

suite('totals of an invoice', () => {
  test('prices that contain a percentage and a charge per piece', () => {
    const totals = invoiceTotals([{ qty: 100, rate: 50 }], inclusive)
    assert.deepEqual([totals.netTotal, totals.grandTotal].map(text), ['3947.37', '5000.00'])
    assert.deepEqual(
      totals.taxes.map((tax) => text(tax.amount)),
      ['552.63', '500.00'],
    )
  })

  test('a discount is taken from the net total, or from what is paid', () => {
    const onNet = invoiceTotals([{ qty: 100, rate: 50 }], inclusive, { discount: { on: 'Net Total', amount: 100 } })
    assert.equal(text(onNet.grandTotal), '4886.00')
    const onGrand = invoiceTotals([{ qty: 100, rate: 50 }], inclusive, { discount: { on: 'Grand Total', amount: 100 } })
    assert.deepEqual([onGrand.netTotal, onGrand.grandTotal].map(text), ['3859.65', '4900.00'])
    const percent = invoiceTotals([{ qty: 100, rate: 50 }], [], { discount: { on: 'Net Total', percentage: 10 } })
    assert.deepEqual([percent.discountAmount, percent.grandTotal].map(text), ['500.00', '4500.00'])
  })

  test('charges build on rows above, in order', () => {
    const { taxes, grandTotal } = invoiceTotals(
      [{ qty: 2, rate: '100.00' }],
      [
        { charge_type: 'Actual', tax_amount: 20 },
        { charge_type: 'On Net Total', rate: 10 },
        { charge_type: 'On Previous Row Amount', rate: 50, row_id: 2 },
        { charge_type: 'On Previous Row Total', rate: 10, row_id: 3 },
        { charge_type: 'On Item Quantity', rate: '1.50' },
        { charge_type: 'On Net Total', rate: 5, is_deducted: true },
      ],
    )
    assert.deepEqual(
      taxes.map((tax) => text(tax.amount)),
      ['20.00', '20.00', '10.00', '25.00', '3.00', '-10.00'],
    )
    assert.deepEqual(
      taxes.map((tax) => text(tax.total)),
      ['220.00', '240.00', '250.00', '275.00', '278.00', '268.00'],
    )
    assert.equal(text(grandTotal), '268.00')
  })

  test('an item may have rates of its own', () => {
    const lines: TotalsLine[] = [
      { qty: 1, rate: 100, taxRates: { VAT: 7 } },
      { qty: 1, rate: 100, taxRates: { Other: 99 } },
    ]
    const { taxes } = invoiceTotals(lines, [{ charge_type: 'On Net Total', rate: 19, account_head: 'VAT' }])
    assert.deepEqual(taxes[0]?.byLine.map(text), ['7.00', '19.00'])
    assert.equal(text(taxes[0]?.amount as Decimal), '26.00')
  })

  test('what is paid may be rounded, and other currencies add up in the company’s own', () => {
    const totals = invoiceTotals([{ qty: 3, rate: '33.37' }], [{ charge_type: 'On Net Total', rate: '8.1' }], {
      smallestUnit: '0.05',
      conversionRate: '0.9371',
    })
    assert.deepEqual([totals.grandTotal, totals.roundedTotal, totals.roundingAdjustment].map(text), ['108.22', '108.20', '-0.02'])
    assert.ok(totals.baseGrandTotal.equals(totals.baseNetTotal.plus(totals.baseTotalTaxes)))
  })

  test('what makes no sense is refused by its row', () => {
    const refuses = (taxes: TotalsTax[], field: string, discount?: { on: 'Net Total'; amount: number }) =>
      assert.throws(() => invoiceTotals([{ qty: 1, rate: 10 }], taxes, discount ? { discount } : {}), { field })
    refuses([{ charge_type: 'On Previous Row Total', rate: 1, row_id: 1 }], 'taxes[0].row_id')
    refuses([{ charge_type: 'Actual', tax_amount: 1, included_in_print_rate: true }], 'taxes[0].included_in_print_rate')
    refuses(
      [
        { charge_type: 'On Net Total', rate: 1 },
        { charge_type: 'On Previous Row Amount', rate: 1, row_id: 1, included_in_print_rate: true },
      ],
      'taxes[1].included_in_print_rate',
    )
    refuses([{ charge_type: 'On Vibes' as 'Actual' }], 'taxes[0].charge_type')
    refuses([], 'discount_amount', { on: 'Net Total', amount: 11 })
    refuses([], 'discount_amount', { on: 'Net Total', amount: -1 })
  })

  const cents = (max: number) => fc.integer({ min: 0, max }).map((value) => Decimal.from(value).dividedBy(100, 2).toString())
  const line = fc.record({ qty: fc.integer({ min: 1, max: 50 }), rate: cents(100_000) })
  const tax: fc.Arbitrary<TotalsTax> = fc.record({
    charge_type: fc.constantFrom(...chargeTypes),
    rate: cents(3000),
    tax_amount: cents(10_000),
    is_deducted: fc.boolean(),
  })
  const taxRows = fc
    .array(tax, { maxLength: 5 })
    .map((rows) =>
      rows.map(
        (row, index): TotalsTax =>
          index === 0 && row.charge_type.startsWith('On Previous') ? { ...row, charge_type: 'On Net Total' } : { ...row, row_id: index },
      ),
    )
  const included = taxRows.map((rows) =>
    rows
      .filter((row) => row.charge_type !== 'Actual' && !row.is_deducted)
      .map(
        (row, index): TotalsTax => ({
          ...row,
          row_id: index,
          included_in_print_rate: true,
          ...(index === 0 && row.charge_type.startsWith('On Previous') && { charge_type: 'On Net Total' as const }),
        }),
      ),
  )
  const addsUp = (totals: Totals): void => {
    const sum = (values: readonly Decimal[]): Decimal => values.reduce((all, value) => all.plus(value), Decimal.zero)
    assert.ok(totals.netTotal.equals(sum(totals.lines.map((one) => one.netAmount))))
    assert.ok(totals.totalTaxes.equals(sum(totals.taxes.map((one) => one.amount))))
    assert.ok(totals.grandTotal.equals(totals.netTotal.plus(totals.totalTaxes)))
    assert.ok(totals.roundedTotal.equals(totals.grandTotal.plus(totals.roundingAdjustment)))
    assert.ok((totals.taxes.at(-1)?.total ?? totals.netTotal).equals(totals.grandTotal))
    for (const amount of [...totals.lines.map((one) => one.netAmount), ...totals.taxes.map((one) => one.amount)])
      assert.ok(amount.scale <= 2)
  }

  test('the parts always add up', () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 20 }), taxRows, (lines, taxes) => addsUp(invoiceTotals(lines, taxes))),
      { numRuns: 300 },
    )
  })

  test('prices that contain their taxes come to the sum of the prices, to the cent', () => {
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 20 }), included, (lines, taxes) => {
        const totals = invoiceTotals(lines, taxes)
        addsUp(totals)
        assert.ok(totals.grandTotal.equals(totals.total), `${totals.grandTotal} ${totals.total}`)
      }),
      { numRuns: 300 },
    )
  })

  test('a discount on what is paid lowers it by exactly that', () => {
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 20 }),
        taxRows,
        fc.integer({ min: 0, max: 100 }),
        (lines, taxes, percentage) => {
          const before = invoiceTotals(lines, taxes)
          fc.pre(before.netTotal.compare(1) > 0 && before.grandTotal.compare(1) > 0)
          const after = invoiceTotals(lines, taxes, { discount: { on: 'Grand Total', percentage } })
          addsUp(after)
          assert.ok(after.grandTotal.equals(before.grandTotal.minus(after.discountAmount)))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('500 lines and six charges are reckoned in a moment', () => {
    const lines = Array.from({ length: 500 }, (_, index) => ({ qty: index + 1, rate: `${index}.37` }))
    const taxes = chargeTypes.map((charge_type, index): TotalsTax => ({ charge_type, rate: 3, tax_amount: 5, row_id: index }))
    const totals = invoiceTotals(lines, taxes)
    addsUp(totals)
    assert.equal(totals.lines.length, 500)
  })
})
