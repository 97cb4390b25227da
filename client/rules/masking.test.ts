import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MaskedField, maskValue } from './masking.ts'

const email: MaskedField = { fieldtype: 'Data', options: 'Email' }
const phone: MaskedField = { fieldtype: 'Data', options: 'Phone' }

test('an address keeps its domain and nothing else', () => {
  assert.equal(maskValue('dana@example.com', email), '****@example.com')
  for (const text of ['dana', 'dana@', 'a@b.de, c@d.de', 'x@y@z', 'Dana <dana@example.com>'])
    assert.equal(maskValue(text, email), 'XXXX', text)
})

test('a telephone number keeps its last two digits when it is long enough', () => {
  assert.equal(maskValue('+49 30 1234567', phone), 'XXXXXXXXX67')
  assert.equal(maskValue('+91-9876543210', { fieldtype: 'Phone' }), 'XXXXXXXXXX10')
  assert.equal(maskValue('12 34 56', phone), 'XXXX')
})

test('days and times keep their shape, all else shows nothing, not even its length or that it is zero', () => {
  assert.equal(maskValue('2026-11-20', { fieldtype: 'Date' }), 'XXXX-XX-XX')
  assert.equal(maskValue('2026-11-20 10:00:00', { fieldtype: 'Datetime' }), 'XXXX-XX-XX XX:XX:XX')
  assert.equal(maskValue('10:00:00', { fieldtype: 'Time' }), 'XX:XX:XX')
  for (const value of ['a', 'a long secret', 0, 12, false, { a: 1 }]) assert.equal(maskValue(value, { fieldtype: 'Currency' }), 'XXXX')
})

test('nothing stays nothing', () => {
  for (const value of [null, undefined, '']) assert.equal(maskValue(value, email), value)
})
