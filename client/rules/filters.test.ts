import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from './errors.ts'
import { BadFilterValue, FilterMalformed, type FilterTree, filterLeaves, parseFilters, TooManyFilters, UnknownOperator } from './filters.ts'

/** The tree without the places, short to read. */
function short(tree: FilterTree): unknown {
  if ('all' in tree) return { all: tree.all.map(short) }
  if ('any' in tree) return { any: tree.any.map(short) }
  return [...(tree.doctype ? [tree.doctype] : []), tree.field, tree.operator, tree.value]
}
const read = (input: unknown, options = {}) => short(parseFilters(input, options))
const open = ['status', '=', 'Open']
const old = ['age', '>', 3]

test('every shape of a single condition reads the same', () => {
  const shapes = [
    { status: 'Open' },
    { status: ['=', 'Open'] },
    [['status', 'Open']],
    [['status', '=', 'Open']],
    ['status', '=', 'Open'],
    [['status', ['==', 'Open']]],
    [[null, 'status', '=', 'Open']],
    [['', 'status', 'Equals', 'Open', false]],
    '{"status":"Open"}',
    '[["status","=","Open"]]',
  ]
  for (const shape of shapes) assert.deepEqual(read(shape), open, JSON.stringify(shape))
})

test('a condition may name its DocType, flat or in a list, and a fifth part is ignored', () => {
  assert.deepEqual(read(['ToDo', 'status', '=', 'Open']), ['ToDo', ...open])
  assert.deepEqual(read([['ToDo', 'status', '=', 'Open', 'anything']]), ['ToDo', ...open])
})

test('several conditions join with and, or with or for or_filters', () => {
  const both = { status: 'Open', age: ['>', 3] }
  assert.deepEqual(read(both), { all: [open, old] })
  assert.deepEqual(read([open, old], { joinBy: 'any' }), { any: [open, old] })
  assert.deepEqual(read([both, ['a', 1]]), { all: [{ all: [open, old] }, ['a', '=', 1]] })
  assert.deepEqual(
    read(
      [
        [open, old],
        ['a', 1],
      ],
      { joinBy: 'any' },
    ),
    { any: [{ all: [open, old] }, ['a', '=', 1]] },
  )
})

test('no conditions at all are true, for or_filters too', () => {
  for (const empty of [undefined, null, '', '  ', [], {}, '[]', '{}', 'null']) {
    assert.deepEqual(read(empty), { all: [] })
    assert.deepEqual(read(empty, { joinBy: 'any' }), { all: [] })
  }
})

test('a list of names asks for those documents', () => {
  assert.deepEqual(read(['A', 'B', 'C', 'D']), ['name', 'in', ['A', 'B', 'C', 'D']])
  assert.deepEqual(read(['A', 7]), ['name', 'in', ['A', 7]])
})

test('nested and/or reads from left to right, and a run of one joiner stays flat', () => {
  assert.deepEqual(read([open, 'or', old]), { any: [open, old] })
  assert.deepEqual(read([open, 'AND', old, 'and', ['a', 1]]), { all: [open, old, ['a', '=', 1]] })
  assert.deepEqual(read([open, 'or', old, 'and', ['a', 1]]), { all: [{ any: [open, old] }, ['a', '=', 1]] })
  assert.deepEqual(read([[open, 'or', old], 'and', [open, old]]), { all: [{ any: [open, old] }, { all: [open, old] }] })
  assert.deepEqual(read([[open, 'and', old], 'or', { a: 1 }]), { any: [{ all: [open, old] }, ['a', '=', 1]] })
})

test('operators normalise in case, space and spelling', () => {
  assert.deepEqual(read([['a', ' NOT   IN ', 'x, y']]), ['a', 'not in', ['x', 'y']])
  assert.deepEqual(read([['a', '<>', 1]]), ['a', '!=', 1])
  assert.deepEqual(read([['a', 'Timespan', 'Last  Week']]), ['a', 'timespan', 'last week'])
  assert.deepEqual(read([['a', 'Is', 'Not Set']]), ['a', 'is', 'not set'])
  assert.deepEqual(read([['a', 'Previous', '3 months']]), ['a', 'previous', '3 months'])
  assert.deepEqual(read([['a', 'Descendants Of (inclusive)', 'Root']]), ['a', 'descendants of (inclusive)', 'Root'])
  assert.deepEqual(read([['a', 'between', ['1', '2']]]), ['a', 'between', ['1', '2']])
  assert.deepEqual(read([['a', 'in', 5]]), ['a', 'in', [5]])
})

test('a place is named for each condition', () => {
  const paths = (input: unknown) => [...filterLeaves(parseFilters(input))].map((leaf) => leaf.path)
  assert.deepEqual(paths([open, [open, 'or', old]]), ['filters[0]', 'filters[1][0]', 'filters[1][2]'])
  assert.deepEqual(paths({ status: 'Open', 'a b': 1 }), ['filters.status', 'filters["a b"]'])
})

test('an unknown operator is refused with its place', () => {
  for (const operator of ['~', 'regexp', '=; drop', 'constructor', '', 5, null, {}]) {
    assert.throws(
      () => parseFilters([open, ['a', operator, 1]]),
      (error) => UnknownOperator.is(error) && error.field === 'filters[1]',
    )
  }
  assert.throws(() => parseFilters(['status', '~~', 'Open']), UnknownOperator.is)
  assert.throws(() => parseFilters({ a: ['regexp', 'x'] }), UnknownOperator.is)
})

test('a value of the wrong shape is refused with its place', () => {
  const bad: [unknown, unknown][] = [
    ['=', [1]],
    ['=', {}],
    ['=', undefined],
    ['=', Number.NaN],
    ['in', [[1]]],
    ['in', [{}]],
    ['between', [1]],
    ['between', 5],
    ['between', [1, null]],
    ['is', 'maybe'],
    ['is', null],
    ['timespan', 'last eon'],
    ['timespan', '__proto__'],
    ['next', '2 weeks'],
    ['like', null],
    ['like', ['x']],
    ['ancestors of', null],
  ]
  for (const [operator, value] of bad) {
    assert.throws(
      () => parseFilters([['a', operator, value]]),
      (error) => BadFilterValue.is(error) && error.field === 'filters[0][2]',
      String(operator),
    )
  }
})

test('what is no filter is refused as malformed', () => {
  const bad = [
    5,
    true,
    'plain',
    '{"a"',
    [[]],
    [null],
    [true],
    [['a']],
    [['a', '=', 1, 2, 3, 4]],
    [[5, '=', 1]],
    [['', '=', 1]],
    [['x'.repeat(141), '=', 1]],
    [open, 'or'],
    [open, 'or', old, 'xor', open],
    ['or', open],
    [open, old, 'or', open],
    { a: [1, 2, 3] },
    { a: [] },
    [['a\0b', '=', 1]],
    [['__proto__', '=', 1]],
    JSON.parse('{"__proto__":1}'),
    { constructor: 1 },
    new Map([['a', 1]]),
    [['a;b', 1]],
    [['ToDo;', 'a', '=', 1]],
  ]
  for (const input of bad) assert.throws(() => parseFilters(input), FilterMalformed.is, JSON.stringify(input))
})

test('a bare name is a name only where the caller allows it', () => {
  assert.deepEqual(read('TASK-1', { acceptName: true }), ['name', '=', 'TASK-1'])
  assert.deepEqual(read('{"status":"Open"}', { acceptName: true }), open)
  assert.deepEqual(read('17', { acceptName: true }), ['name', '=', '17'])
  assert.throws(() => parseFilters('TASK-1'), FilterMalformed.is)
})

test('too many conditions and too deep a nest are refused', () => {
  assert.throws(() => parseFilters(Array.from({ length: 201 }, () => open)), TooManyFilters.is)
  assert.equal([...filterLeaves(parseFilters(Array.from({ length: 200 }, () => open)))].length, 200)
  let nest: unknown = [open, 'or', old]
  for (let level = 0; level < 5000; level++) nest = [nest, 'or', old]
  assert.throws(() => parseFilters(nest), TooManyFilters.is)
  assert.throws(
    () => parseFilters('['.repeat(5000) + ']'.repeat(5000)),
    (error) => error instanceof AppError,
  )
})

test('any JSON either reads or is refused with a defined error', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.constantFrom('all', 'any'), (input, joinBy) => {
      try {
        for (const leaf of filterLeaves(parseFilters(input, { joinBy }))) assert.equal(typeof leaf.field, 'string')
      } catch (error) {
        if (!(error instanceof AppError) || !error.code.startsWith('filter/') || !error.field.startsWith('filters')) throw error
      }
    }),
    { numRuns: 300 },
  )
})
