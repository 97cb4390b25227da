import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { chargeTypes, invoiceTotals, type TotalsTax } from './invoice-totals.ts'

// Whole numbers in units of 10^-30: every product of these inputs ends before that, so nothing is rounded but what must be.
const unit = 10n ** 30n
const toCents = (value: bigint): bigint => {
  const cent = unit / 100n
  const half = value < 0n ? -cent / 2n : cent / 2n
  return (value + half) / cent
}
const text = (cents: bigint): string => {
  const size = (cents < 0n ? -cents : cents).toString().padStart(3, '0')
  return `${cents < 0n ? '-' : ''}${size.slice(0, -2)}.${size.slice(-2)}`
}

interface Line {
  readonly qty: number
  readonly cents: number
}
interface Row {
  readonly type: (typeof chargeTypes)[number]
  /** Hundredths of a percent, or of a unit of money. */
  readonly hundredths: number
  readonly on: number
  readonly isDeducted: boolean
}

/** Taxes of a document in cents, by the words of the five kinds, and nothing else. */
function oracle(lines: readonly Line[], rows: readonly Row[]): { net: bigint; taxes: bigint[] } {
  const nets = lines.map(({ qty, cents }) => (BigInt(qty * cents) * unit) / 100n)
  const exact: bigint[][] = []
  for (const { type, hundredths, on, isDeducted } of rows) {
    const sign = isDeducted ? -1n : 1n
    exact.push(
      lines.map(({ qty }, index) => {
        if (type === 'Actual') return index === 0 ? (sign * BigInt(hundredths) * unit) / 100n : 0n
        if (type === 'On Item Quantity') return (sign * BigInt(hundredths * qty) * unit) / 100n
        const net = nets[index] as bigint
        const above = exact.slice(0, on + 1).map((row) => row[index] as bigint)
        let base = net
        if (type === 'On Previous Row Amount') base = above.at(-1) ?? 0n
        if (type === 'On Previous Row Total') base = above.reduce((sum, amount) => sum + amount, net)
        return (sign * base * BigInt(hundredths)) / 10_000n
      }),
    )
  }
  return { net: toCents(sum(nets)), taxes: exact.map((row) => toCents(sum(row))) }
}

const sum = (values: readonly bigint[]): bigint => values.reduce((all, value) => all + value, 0n)

const line = fc.record({ qty: fc.integer({ min: 1, max: 99 }), cents: fc.integer({ min: 0, max: 1_000_000 }) })
// A fixed amount is shared out over the lines, so what builds on it by line depends on how; it stands last here.
const row = fc.record({
  type: fc.constantFrom(...chargeTypes.filter((type) => type !== 'Actual')),
  hundredths: fc.integer({ min: 0, max: 3000 }),
  on: fc.nat(10),
  isDeducted: fc.boolean(),
})
const rows = fc.tuple(fc.array(row, { maxLength: 4 }), fc.boolean()).map(([list, hasFixed]): Row[] => {
  const made = list.map((one, index) => ({
    ...one,
    on: one.on % Math.max(1, index),
    type: index === 0 && one.type.startsWith('On Previous') ? ('On Net Total' as const) : one.type,
  }))
  return hasFixed ? [...made, { type: 'Actual', hundredths: 1234, on: 0, isDeducted: false }] : made
})

test('net total, each charge and the grand total are what an exact reckoning by hand gives', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 12 }), rows, (lines, list) => {
      const expected = oracle(lines, list)
      const totals = invoiceTotals(
        lines.map(({ qty, cents }) => ({ qty, rate: text(BigInt(cents)) })),
        list.map(
          ({ type, hundredths, on, isDeducted }): TotalsTax => ({
            charge_type: type,
            ...(type === 'Actual' ? { tax_amount: text(BigInt(hundredths)) } : { rate: text(BigInt(hundredths)) }),
            ...(type.startsWith('On Previous') && { row_id: on + 1 }),
            is_deducted: isDeducted,
          }),
        ),
      )
      assert.equal(totals.netTotal.toFixed(2), text(expected.net))
      assert.deepEqual(
        totals.taxes.map((tax) => tax.amount.toFixed(2)),
        expected.taxes.map(text),
      )
      assert.equal(totals.grandTotal.toFixed(2), text(expected.net + sum(expected.taxes)))
    }),
    { numRuns: 1000 },
  )
})
