import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linePrice } from './invoice-totals-line.ts'

const price = (line: Parameters<typeof linePrice>[0]) => {
  const { rate, discountAmount } = linePrice(line, 2, 'items[0]')
  return [String(rate), String(discountAmount)]
}

test('a discount is taken from the list price; a percentage goes before an amount', () => {
  assert.deepEqual(price({ price_list_rate: 100, discount_percentage: 12.5 }), ['87.5', '12.5'])
  assert.deepEqual(price({ price_list_rate: '9.99', discount_percentage: 33 }), ['6.69', '3.3'])
  assert.deepEqual(price({ price_list_rate: 100, discount_amount: 1, discount_percentage: 10 }), ['90', '10'])
  assert.deepEqual(price({ price_list_rate: 100, discount_amount: 1 }), ['99', '1'])
  assert.deepEqual(price({ price_list_rate: 100, discount_percentage: 100, rate: 5 }), ['0', '100'])
})

test('a price that is given stays; one that is not is the list price', () => {
  assert.deepEqual(price({ price_list_rate: 100, rate: 80 }), ['80', '0'])
  assert.deepEqual(price({ price_list_rate: 100 }), ['100', '0'])
  assert.deepEqual(price({ rate: 80, discount_percentage: 10 }), ['80', '0'], 'there is nothing that the discount is of')
})

test('more than there is cannot be taken off', () => {
  const refuses = (line: Parameters<typeof linePrice>[0], field: string) =>
    assert.throws(() => linePrice(line, 2, 'items[3]'), { field: `items[3].${field}` })
  refuses({ price_list_rate: 10, discount_percentage: 100.01 }, 'discount_percentage')
  refuses({ price_list_rate: 10, discount_percentage: -1 }, 'discount_percentage')
  refuses({ price_list_rate: 10, discount_amount: 10.01 }, 'discount_amount')
  refuses({ discount_amount: -1 }, 'discount_amount')
  refuses({ rate: -0.01 }, 'rate')
})
