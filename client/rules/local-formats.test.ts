import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDate, formatDatetime, formatTime, parseDateIn, parseDatetimeIn } from './date-format.ts'
import { formatMoney, formatNumber, numberFormat, parseNumber, roundingOf } from './number-format.ts'
import { directionOf, isRightToLeft } from './right-to-left.ts'

const space = '\u00a0'

test('every pattern groups and points as it says', () => {
  const shown = (pattern: string) => formatNumber('12345678.5', numberFormat(pattern), numberFormat(pattern).places)
  assert.deepEqual(
    ['#,###.##', '#.###,##', '# ###.##', '# ###,##', "#'###.##", '#, ###.##', '#,##,###.##', '#,###.###', '#.########'].map(shown),
    [
      '12,345,678.50',
      '12.345.678,50',
      `12${space}345${space}678.50`,
      `12${space}345${space}678,50`,
      "12'345'678.50",
      `12,${space}345,${space}678.50`,
      '1,23,45,678.50',
      '12,345,678.500',
      '12345678.50000000',
    ],
  )
  assert.equal(formatNumber('1234.5', numberFormat('#.###'), 0), '1.234')
  assert.equal(formatNumber('1234.5', numberFormat('#,###')), '1,234.5', 'what is there is shown')
})

test('numbers keep all their digits, and nothing is written as minus zero', () => {
  assert.equal(formatNumber('123456789012.123456789', numberFormat('#,###.##')), '123,456,789,012.123456789')
  assert.equal(formatNumber('-0.001', numberFormat('#,###.##'), 2), '0.00')
  assert.equal(formatNumber('-999', numberFormat('#,###.##')), '-999')
  assert.equal(formatNumber('2.5', numberFormat('#,###.##'), 0, roundingOf("Banker's Rounding")), '2')
  assert.equal(formatNumber('2.5', numberFormat('#,###.##'), 0, roundingOf('Commercial Rounding')), '3')
})

test('money bears its symbol where its currency wants it', () => {
  assert.equal(formatMoney('-1234.5', numberFormat('#,###.##'), { symbol: '€' }), `-€${space}1,234.50`)
  assert.equal(formatMoney('1234.5', numberFormat('#.###,##'), { symbol: '€', symbolOnRight: true }), `1.234,50${space}€`)
  assert.equal(formatMoney('1234.5', numberFormat('#,###.##'), { symbol: '¥', places: 0 }), `¥${space}1,234`)
})

test('a number is read in its format, and one of another format is not read as a wrong one', () => {
  const german = numberFormat('#.###,##')
  const english = numberFormat('#,###.##')
  assert.equal(parseNumber('1.234,50', german), '1234.50')
  assert.equal(parseNumber('1.234', german), '1234')
  assert.equal(parseNumber('-0,5', german), '-0.5')
  assert.equal(parseNumber('12.5', german), undefined)
  assert.equal(parseNumber('1,234.50', english), '1234.50')
  assert.equal(parseNumber('1,5', english), undefined)
  assert.equal(parseNumber('1e3', english), '1e3')
  assert.equal(parseNumber('1,23,456.7', numberFormat('#,##,###.##')), '123456.7')
  assert.equal(parseNumber(`1${space}234,5`, numberFormat('# ###,##')), '1234.5')
  assert.equal(parseNumber("1'234.5", numberFormat("#'###.##")), '1234.5')
  for (const wrong of ['', '-', 'abc', '1.2.3,4', '1,2,3', ',', '٣']) assert.equal(parseNumber(wrong, german), undefined, wrong)
})

test('what is formatted is read back', () => {
  for (const pattern of ['#,###.##', '#.###,##', '# ###.##', '# ###,##', "#'###.##", '#,##,###.##', '#.########'])
    for (const value of ['0', '7', '-1234.25', '1000000', '123456789012.123456789'])
      assert.equal(parseNumber(formatNumber(value, numberFormat(pattern)), numberFormat(pattern)), value, pattern)
})

test('days and times are written and read in their format', () => {
  assert.equal(formatDate('2026-02-03', 'dd.mm.yyyy'), '03.02.2026')
  assert.equal(formatTime('9:05:00', 'HH:mm'), '09:05')
  assert.equal(formatDatetime('2026-02-03 09:05:07.5', 'mm/dd/yyyy', 'HH:mm:ss'), '02/03/2026 09:05:07')
  assert.equal(parseDateIn('3.2.2026', 'dd.mm.yyyy'), '2026-02-03')
  assert.equal(parseDateIn('3/2/2026', 'mm/dd/yyyy'), '2026-03-02')
  assert.equal(parseDateIn('2026/2/3', 'mm/dd/yyyy'), '2026-02-03')
  assert.equal(parseDateIn('2026-02-03', 'dd.mm.yyyy'), '2026-02-03')
  for (const wrong of ['31.02.2026', '3.2.26', '3.2/2026', '13/13/2026']) assert.equal(parseDateIn(wrong, 'dd.mm.yyyy'), undefined, wrong)
  assert.equal(parseDatetimeIn('3.2.2026 9:05', 'dd.mm.yyyy'), '2026-02-03 09:05:00.000000')
  assert.equal(parseDatetimeIn('3.2.2026', 'dd.mm.yyyy'), '2026-02-03 00:00:00.000000')
  assert.equal(parseDatetimeIn('3.2.2026 25:00', 'dd.mm.yyyy'), undefined)
})

test('the direction of writing follows the language, or the script where it is named', () => {
  assert.deepEqual(['ar', 'he-IL', 'fa', 'ur_PK', 'en', 'de', 'az-Arab', 'ku-Latn'].map(isRightToLeft), [
    true,
    true,
    true,
    true,
    false,
    false,
    true,
    false,
  ])
  assert.equal(directionOf('ar'), 'rtl')
})
