import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { normalizePhone } from './crm-phone.ts'

const cases: readonly [written: string, country: string | undefined, expected: string | undefined][] = [
  ['+49 30 901820', undefined, '+4930901820'],
  ['+49 (0)30 90-18-20', undefined, '+4930901820'],
  ['0049 30 / 901820', undefined, '+4930901820'],
  ['030 901820', 'de', '+4930901820'],
  ['030 901820', undefined, '30901820'],
  ['(415) 555-2671', 'US', '+14155552671'],
  ['1-415-555-2671', 'us', '+14155552671'],
  ['011 49 30 901820', 'us', '+4930901820'],
  ['415.555.2671 ext. 12', 'us', '+14155552671'],
  ['06 698 12345', 'it', '+3906698' + '12345'],
  ['020 7946 0958', 'gb', '+442079460958'],
  ['91 98765 43210', 'in', '+919876543210'],
  ['8 (495) 123-45-67', 'ru', '+74951234567'],
  ['112', 'de', undefined],
  ['call me', 'de', undefined],
  ['', 'de', undefined],
  ['+1234567890123456', undefined, undefined],
]

for (const [written, country, expected] of cases)
  test(`the number "${written}" dialled in ${country ?? 'an unknown country'}`, () =>
    assert.equal(normalizePhone(written, country), expected))

test('a number in the international form keeps it, however it is punctuated', () => {
  const separator = fc.constantFrom('', ' ', '-', '.', ' / ')
  fc.assert(
    fc.property(fc.stringMatching(/^[1-9]\d{6,14}$/), fc.array(separator, { minLength: 15, maxLength: 15 }), (digits, gaps) => {
      const written = `+${[...digits].map((digit, index) => digit + (gaps[index] ?? '')).join('')}`
      assert.equal(normalizePhone(written, 'de'), `+${digits}`)
      assert.equal(normalizePhone(`+${digits}`), normalizePhone(`00${digits}`, 'fr'))
    }),
  )
})
