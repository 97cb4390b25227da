import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Decimal, NotANumber } from './decimal.ts'
import { type ColumnKind, matches, type RowFacts } from './evaluate-predicate.ts'
import { always, type ComparisonOperator, never, type Predicate, where } from './predicate.ts'

const kinds: Record<string, ColumnKind> = { title: 'text', age: 'number', price: 'decimal', due: 'date', at: 'datetime', clock: 'time' }

function kindOf(field: string): ColumnKind {
  const kind = kinds[field]
  if (!kind) throw new Error(`No field ${field}`)
  return kind
}

const facts = (row: { items?: object[] } = {}): RowFacts => ({
  kindOf,
  children: () => row.items ?? [],
  childKind: (_table, field) => kindOf(field),
  shared: (right, user) => right === 'read' && user === 'dana@example.com',
})
const holds = (row: object, predicate: Predicate) => matches(predicate, row, facts(row))
const op = (row: object, field: string, operator: ComparisonOperator, value?: unknown) => holds(row, where(field, operator, value))

test('a missing value compares as the zero of its kind', () => {
  const zeros: Record<string, unknown> = {
    title: '',
    age: 0,
    price: '0',
    due: '0001-01-01',
    at: '0001-01-01 00:00:00.000000',
    clock: '00:00:00.000000',
  }
  for (const [field, zero] of Object.entries(zeros)) {
    for (const row of [{}, { [field]: null }, { [field]: undefined }, { [field]: zero }]) {
      assert.ok(op(row, field, '=', zero) && op(row, field, '=', null) && op(row, field, 'in', [zero]), field)
      assert.ok(op(row, field, '<=', zero) && !op(row, field, '<', zero) && !op(row, field, '!=', zero), field)
      assert.ok(op(row, field, 'not set') && !op(row, field, 'set'), field)
    }
  }
  assert.ok(
    op({}, 'title', '!=', 'Open') && op({}, 'title', 'not in', ['Open']) && op({}, 'age', '>', -1) && op({}, 'due', '<', '2026-01-01'),
  )
  assert.ok(op({}, 'title', 'like', '%') && !op({}, 'title', 'like', '_') && op({}, 'title', 'not like', 'x%'))
})

test('text compares exactly and by code point', () => {
  assert.ok(!op({ title: 'a' }, 'title', '=', 'A') && !op({ title: 'a ' }, 'title', '=', 'a'))
  assert.ok(op({ title: 'Z' }, 'title', '<', 'a') && op({ title: '😀' }, 'title', '>', '\uffee'))
  assert.ok(op({ title: 'Straße' }, 'title', 'like', 'STRA_E') && !op({ title: 'x' }, 'title', 'not like', 'X'))
})

test('numbers compare as numbers, and decimals exactly, in whichever form they come', () => {
  assert.ok(op({ age: 10 }, 'age', '>', 9) && op({ age: '10' }, 'age', '>', '9') && op({ age: true }, 'age', '=', 1))
  assert.ok(op({ price: '0.30' }, 'price', '=', Decimal.from('0.3')) && op({ price: 0.3 }, 'price', '=', '0.3'))
  assert.ok(op({ price: '0.1000000000000000000001' }, 'price', '>', 0.1) && op({ price: Decimal.from('-0.0') }, 'price', 'not set'))
  assert.ok(op({ price: '12.50' }, 'price', 'like', '12.5') && op({ age: 42 }, 'age', 'like', '4_'))
})

test('what is no number in a number column is an error, never an answer', () => {
  for (const operator of ['=', '!=', 'not in'] as const) {
    assert.throws(() => op({ age: 'many' }, 'age', operator, operator === 'not in' ? [1] : 1), NotANumber.is)
    assert.throws(() => op({ age: Number.NaN }, 'age', operator, operator === 'not in' ? [1] : 1), NotANumber.is)
  }
  assert.throws(() => op({ age: 1 }, 'age', '<', {}), NotANumber.is)
})

test('in, not in and between take their lists', () => {
  assert.ok(op({ age: 3 }, 'age', 'in', [1, '3']) && !op({ age: 3 }, 'age', 'in', []) && op({ age: 3 }, 'age', 'not in', []))
  assert.ok(
    op({ age: 3 }, 'age', 'between', [3, 3]) &&
      !op({ age: 4 }, 'age', 'between', [1, 3]) &&
      op({ due: '2026-05-01' }, 'due', 'between', ['2026-05-01', '2026-05-31']),
  )
  for (const value of [undefined, 5, [1], [1, 2, 3]]) assert.throws(() => op({ age: 1 }, 'age', 'between', value), TypeError)
  assert.throws(() => op({ age: 1 }, 'age', 'in', 'x'), TypeError)
})

test('all, any and not combine, and empty ones are true and false', () => {
  assert.ok(holds({}, always) && !holds({}, never) && holds({}, { not: never }))
  assert.ok(holds({ age: 1 }, { all: [where('age', '=', 1), { any: [never, where('age', '<', 2)] }] }))
})

test('a child condition asks for one row that satisfies all of it', () => {
  const row = {
    items: [
      { title: 'a', age: 1 },
      { title: 'b', age: 2 },
    ],
  }
  const both = (title: string, age: number): Predicate => ({ all: [where('title', '=', title), where('age', '=', age)] })
  assert.ok(holds(row, { child: 'items', where: both('a', 1) }) && !holds(row, { child: 'items', where: both('a', 2) }))
  assert.ok(
    holds(row, { child: 'items', where: both('a', 2), none: true }) && !holds(row, { child: 'items', where: both('b', 2), none: true }),
  )
  assert.ok(!holds({}, { child: 'items', where: always }) && holds({}, { child: 'items', where: always, none: true }))
  assert.throws(() => holds(row, { child: 'items', where: { child: 'more', where: always } }), TypeError)
})

test('shares are asked of the facts', () => {
  assert.ok(holds({}, { shared: 'read', user: 'dana@example.com' }) && !holds({}, { shared: 'write', user: 'dana@example.com' }))
})

test('methods are no values, and malformed predicates and unknown fields throw', () => {
  assert.ok(op({ title: () => 'x' }, 'title', 'not set'))
  assert.throws(() => op({}, 'nowhere', '=', 1), /No field/)
  assert.throws(() => holds({}, {} as Predicate), TypeError)
  assert.throws(() => op({}, 'age', 'near' as '=', 1), TypeError)
})

test('each operator and its negation split the rows, and the comparisons order them', () => {
  const value = fc.option(fc.oneof(fc.constantFrom('', 'a', 'A', 'b', '😀'), fc.string({ maxLength: 3 })))
  const number = fc.option(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom('0', '1.0', '-2')))
  fc.assert(
    fc.property(
      fc.oneof(fc.tuple(fc.constant('title'), value, value), fc.tuple(fc.constantFrom('age', 'price'), number, number)),
      ([field, cell, other]) => {
        const row = { [field]: cell }
        const is = (operator: ComparisonOperator) => op(row, field, operator, other)
        assert.equal(Number(is('<')) + Number(is('=')) + Number(is('>')), 1)
        assert.equal(is('<='), !is('>'))
        assert.equal(is('>='), !is('<'))
        assert.equal(is('!='), !is('='))
        assert.equal(op(row, field, 'in', [other]), is('='))
        assert.equal(op(row, field, 'between', [other, other]), is('='))
        assert.equal(op(row, field, 'set'), !op(row, field, 'not set'))
      },
    ),
    { numRuns: 500 },
  )
})
