import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '#client/rules/errors.ts'
import { Decimal } from '#client/rules/decimal.ts'
import type { Dialect } from '#kernel/database/database.ts'
import { sqliteDialect } from '#kernel/database/sqlite/dialect.ts'
import type { FieldDefinition } from '#kernel/meta/definition.ts'
import type { FieldType, Value, Wire } from './field-type.ts'
import { fieldTypes } from './field-types.ts'
import { isNullable } from './nullable.ts'

const berlin1: Wire = { version: 1, zone: 'Europe/Berlin' }
const berlin2: Wire = { version: 2, zone: 'Europe/Berlin' }

function typeOf(fieldtype: string): FieldType {
  const type = fieldTypes.get(fieldtype)
  assert.ok(type, fieldtype)
  return type
}

function read(fieldtype: string, value: unknown, more: Partial<FieldDefinition> = {}, wire = berlin1): Value {
  const field = { fieldname: 'f', fieldtype, ...more }
  const type = typeOf(fieldtype)
  const cast = type.cast(value, field, wire, 'items[2].f')
  type.check(cast, field, 'items[2].f')
  return cast
}

function refused(fieldtype: string, value: unknown, code: string, more: Partial<FieldDefinition> = {}): void {
  assert.throws(
    () => read(fieldtype, value, more),
    (error) => error instanceof AppError && error.code === code && error.field.startsWith('items[2].f'),
    `${fieldtype} takes ${String(value).slice(0, 60)}`,
  )
}

const bad = 'field/bad-value'
const valueTypes = [...fieldTypes.values()].filter((type) => type.kind !== 'none' && type.kind !== 'table')

test('lists, objects and functions are refused with the path, except where JSON is kept', () => {
  for (const type of valueTypes) {
    const takesJson = type.name === 'JSON' || type.name === 'Geolocation'
    for (const value of takesJson ? [() => 1] : [[], {}, [1], () => 1, Symbol('s'), Number.NaN, Number.POSITIVE_INFINITY])
      refused(type.name, value, bad)
  }
})

test('nothing is 0 in plain numbers and null elsewhere', () => {
  for (const type of valueTypes)
    for (const value of ['', null, undefined]) {
      const expected = isNullable({ fieldname: 'f', fieldtype: type.name }) ? null : type.kind === 'decimal' ? Decimal.zero : 0
      assert.deepEqual(read(type.name, value), expected, type.name)
    }
  assert.equal(read('Data', '', { not_nullable: 1 }), '')
  assert.equal(read('Rating', '', { not_nullable: 1 }), 0)
  assert.equal(read('Date', '', { not_nullable: 1 }), null)
})

test('numbers come as numbers or as text, and numbers given for text become text', () => {
  assert.equal(read('Int', '12'), 12)
  assert.equal(read('Int', ' 12.0 '), 12)
  assert.equal(read('Float', '12.5'), 12.5)
  assert.equal(read('Float', true), 1)
  assert.equal(read('Data', 12.5), '12.5')
  assert.equal(read('Link', 12), '12')
  for (const value of ['12,5', '0x10', '1e', '--1', 'Infinity', '12 apples', '１']) refused('Float', value, bad)
  refused('Int', 12.5, bad)
})

test('a Check is 0 or 1, whatever form it came in', () => {
  for (const value of [true, 1, '1', 'true', 'True']) assert.equal(read('Check', value), 1)
  for (const value of [false, 0, '0', 'false', '', null]) assert.equal(read('Check', value), 0)
  for (const value of [2, -1, 'on', 'yes', '01']) refused('Check', value, bad)
})

test('whole numbers keep to the width of their column', () => {
  assert.equal(read('Int', 2_147_483_647), 2_147_483_647)
  refused('Int', 2_147_483_648, bad)
  assert.equal(read('Int', 2_147_483_648, { length: 12 }), 2_147_483_648)
  assert.equal(read('Long Int', '9007199254740991'), Number.MAX_SAFE_INTEGER)
  refused('Long Int', '9007199254740993', bad)
  assert.ok(Object.is(read('Int', -0), 0))
})

test('floats are rounded to their places and stay below 10^12', () => {
  assert.equal(read('Float', 0.1 + 0.2), 0.3)
  assert.equal(read('Float', 2.345, { precision: '2' }), 2.34)
  assert.equal(read('Float', 1e-10), 0)
  assert.equal(read('Percent', '12.345', { precision: 1 }), 12.3)
  refused('Float', 1e12, bad)
  refused('Duration', -1e15, bad)
})

test('amounts are exact decimals and leave as JSON numbers with all their digits', () => {
  const amount = read('Currency', '999999999999.123456789')
  assert.equal(String(amount), '999999999999.123456789')
  assert.equal(JSON.stringify(typeOf('Currency').toWire(amount, berlin1)), '999999999999.123456789')
  assert.equal(String(read('Currency', 0.1)), '0.1')
  assert.equal(String(read('Currency', '2.345', { precision: '2' })), '2.34')
  refused('Currency', '1000000000000', bad)
  refused('Currency', 'abc', bad)
  refused('Currency', '1'.repeat(100_000), bad)
})

test('negative numbers are refused where the field says so', () => {
  for (const type of ['Int', 'Long Int', 'Float', 'Currency', 'Percent', 'Duration'])
    refused(type, '-1', 'field/negative-value', { non_negative: 1 })
  assert.equal(read('Int', '-1'), -1)
})

test('naive times are in the site’s zone, an offset is honoured, and UTC is kept', () => {
  assert.equal(read('Datetime', '2026-07-01 12:00:00'), '2026-07-01 10:00:00.000000')
  assert.equal(read('Datetime', '2026-07-01T12:00:00.5Z'), '2026-07-01 12:00:00.500000')
  assert.equal(read('Datetime', '2026-07-01T12:00:00-05:30'), '2026-07-01 17:30:00.000000')
  assert.equal(read('Datetime', '2026-07-01'), '2026-06-30 22:00:00.000000')
  for (const value of [
    '2026-02-30 10:00:00',
    '2026-07-01 25:00:00',
    'tomorrow',
    1_700_000_000,
    '0001-01-01 00:00:00',
    '9999-12-31T23:59:59-10:00',
  ])
    refused('Datetime', value, bad)
})

test('times leave naive in v1 and with an offset in v2', () => {
  const type = typeOf('Datetime')
  assert.equal(type.toWire('2026-07-01 10:00:00.000000', berlin1), '2026-07-01 12:00:00')
  assert.equal(type.toWire('2026-07-01 10:00:00.123000', berlin1), '2026-07-01 12:00:00.123000')
  assert.equal(type.toWire('2026-12-01 10:00:00.000000', berlin2), '2026-12-01T11:00:00+01:00')
  assert.equal(typeOf('Time').toWire('09:05:00.000000', berlin1), '9:05:00')
  assert.equal(typeOf('Time').toWire('09:05:00.000000', berlin2), '09:05:00')
  assert.equal(read('Time', '9:05'), '09:05:00.000000')
})

test('days are real days; a time stamp counts as its day in the site’s zone', () => {
  assert.equal(read('Date', '2026-02-28'), '2026-02-28')
  assert.equal(read('Date', '2026-02-28 23:30:00'), '2026-02-28')
  assert.equal(read('Date', '2026-02-28T23:30:00Z'), '2026-03-01')
  for (const value of ['2026-02-29', '28.02.2026', '2026-13-01', 20260228]) refused('Date', value, bad)
})

test('text is counted in characters and refused with NUL or half a surrogate pair', () => {
  assert.equal(read('Data', '😀'.repeat(140)), '😀'.repeat(140))
  refused('Data', '😀'.repeat(141), 'field/too-long')
  refused('Data', 'x'.repeat(6), 'field/too-long', { length: 5 })
  assert.equal(read('Data', 'x'.repeat(1500), { length: 1500 }), 'x'.repeat(1500))
  refused('Long Text', 'x'.repeat(4_000_001), 'field/too-long')
  for (const type of ['Data', 'Long Text', 'JSON', 'Select']) {
    refused(type, 'a\0b', bad)
    refused(type, 'a\ud800b', bad)
  }
})

test('a Select takes one of its lines; without lines, or for a series, anything', () => {
  assert.equal(read('Select', ' Red ', { options: 'Red\nBlue' }), 'Red')
  assert.equal(read('Select', '', { options: 'Red\nBlue' }), null)
  refused('Select', 'red', 'field/not-an-option', { options: 'Red\nBlue' })
  assert.equal(read('Select', 'x', { options: '\n' }), 'x')
  assert.equal(read('Select', 'x', { options: 'A', fieldname: 'naming_series' }), 'x')
})

test('formats of Data are checked by its options', () => {
  assert.equal(read('Data', 'a@example.com, b@example.com', { options: 'Email' }), 'a@example.com, b@example.com')
  refused('Data', 'nobody', bad, { options: 'Email' })
  refused('Data', 'call me', bad, { options: 'Phone' })
  refused('Data', 'javascript:alert(1)', bad, { options: 'URL' })
  refused('Data', '<b>', bad, { options: 'Name' })
  refused('Data', '{', bad, { options: 'JSON' })
  refused('Phone', 'call me', bad)
  refused('Color', 'red;', bad)
  refused('Rating', 1.5, bad)
  assert.equal(read('Data', 'anything', { options: 'constructor' }), 'anything')
})

test('JSON is kept as text; objects are written down and nonsense is refused', () => {
  assert.equal(read('JSON', { a: [1] }), '{"a":[1]}')
  assert.equal(read('JSON', '{"a": 1}'), '{"a": 1}')
  assert.equal(typeOf('JSON').toWire('{"a":1}', berlin2), '{"a":1}')
  const circular: Record<string, unknown> = {}
  circular.self = circular
  for (const value of ['{', circular, { n: 1n }]) refused('JSON', value, bad)
  refused('Geolocation', '[1]', bad)
})

test('a secret never leaves, and its column holds only stars', () => {
  const type = typeOf('Password')
  const secret = read('Password', 'hunter2')
  assert.equal(type.toColumn(secret, sqliteDialect), '*****')
  assert.equal(type.toWire(secret, berlin1), '*****')
  assert.equal(type.toWire(null, berlin1), null)
})

test('formatted text loses what could run, unless the field says otherwise; other text stays as typed', () => {
  assert.equal(read('Text Editor', '<p onclick="x">a<script>1</script></p>'), '<p>a</p>')
  assert.equal(read('HTML Editor', '<script>1</script>', { ignore_xss_filter: 1 }), '<script>1</script>')
  assert.equal(read('Long Text', '<script>1</script>'), '<script>1</script>')
})

test('tables must be lists of rows', () => {
  refused('Table', 'x', bad)
  refused('Table', {}, bad)
  refused('Table', [{}, 1], bad)
  assert.equal(read('Table', [{}]), null)
})

test('what a field type made survives its column, and reading the wire form gives the same again', () => {
  const dialect: Dialect = sqliteDialect
  const text = fc.string({ unit: 'grapheme', maxLength: 40 }).filter((value) => value.trim() !== '' && !value.includes('\0'))
  const moment = fc
    .date({ min: new Date('1900-01-02'), max: new Date('9990-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString())
  const samples: Record<string, fc.Arbitrary<unknown>> = {
    Data: text,
    'Long Text': text,
    Int: fc.integer(),
    'Long Int': fc.maxSafeInteger(),
    Check: fc.boolean(),
    Float: fc.double({ min: -1e11, max: 1e11, noNaN: true }),
    Rating: fc.double({ min: 0, max: 1, noNaN: true }),
    Currency: fc
      .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: 0, max: 9 }))
      .map(([n, scale]) => Decimal.from(n).times(`1e-${scale + 9}`)),
    Date: moment.map((value) => value.slice(0, 10)),
    Datetime: moment,
    Time: moment.map((value) => value.slice(11, 23)),
    JSON: fc.json(),
  }
  for (const [name, arbitrary] of Object.entries(samples)) {
    const type = typeOf(name)
    const field = { fieldname: 'f', fieldtype: name }
    fc.assert(
      fc.property(arbitrary, (sample) => {
        const value = type.cast(sample, field, berlin2, 'f')
        assert.deepEqual(type.fromColumn(type.toColumn(value, dialect), dialect), value)
        assert.deepEqual(type.cast(type.toWire(value, berlin2), field, berlin2, 'f'), value)
      }),
      { numRuns: 60 },
    )
  }
})
