import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFields } from './parse-fields.ts'
import { parseGroup, parseOrder } from './parse-order.ts'

test('a field is read plain, quoted, and with the table before it', () => {
  const read = (text: string) => parseFields([text]).items[0]
  const plain = { kind: 'field', ref: { field: 'status' }, path: 'fields[0]' }
  for (const text of ['status', ' status ', '`status`', '"status"']) assert.deepEqual(read(text), plain)
  for (const text of ['`tabSales Invoice`.`status`', '`tabSales Invoice`.status']) {
    assert.deepEqual(read(text), { ...plain, ref: { table: 'tabSales Invoice', field: 'status' } })
  }
  assert.deepEqual(read('straße'), { ...plain, ref: { field: 'straße' } })
})

test('a word is a keyword only where one can stand', () => {
  assert.deepEqual(parseFields(['distinct']).items[0], { kind: 'field', ref: { field: 'distinct' }, path: 'fields[0]' })
  assert.equal(parseFields(['distinct status']).distinct, true)
  assert.deepEqual(parseFields(['as as as']).items[0], { kind: 'field', ref: { field: 'as' }, alias: 'as', path: 'fields[0]' })
  assert.deepEqual(
    parseOrder('desc desc, asc').map((term) => term.direction),
    ['desc', 'asc'],
  )
})

test('functions as text and as objects mean the same', () => {
  const call = (entry: unknown) => {
    const [item] = parseFields([entry]).items
    return item?.kind === 'call' ? [item.call.fn, item.call.of, item.call.distinct, item.call.fallback, item.alias] : undefined
  }
  assert.deepEqual(call('COUNT( * ) as n'), ['count', '*', false, undefined, 'n'])
  assert.deepEqual(call({ COUNT: '*', as: 'n' }), call('count(*) as n'))
  assert.deepEqual(call({ COUNT: 'distinct a', as: 'n' }), call('count(distinct a) as n'))
  assert.deepEqual(call({ IFNULL: ['a.b', 0] }), call('ifnull(a.b, 0)'))
  assert.deepEqual(call("coalesce(a, 'x')")?.[3], 'x')
})

test('a function without alias is keyed by how it was written', () => {
  const [item] = parseFields(['name, count(name)'.split(', ')[1]]).items
  assert.equal(item?.kind === 'call' && item.call.text, 'count(name)')
})

test('comma-separated text is split outside parentheses', () => {
  assert.deepEqual(
    parseFields('a, ifnull(b, 1) as c').items.map((item) => item.kind),
    ['field', 'call'],
  )
  assert.deepEqual(parseFields(undefined).items, [{ kind: 'field', ref: { field: 'name' }, path: 'fields[0]' }])
  assert.deepEqual(parseFields('[]').items.length, 1)
})

test('what is no field is refused with its place', () => {
  const cases: [unknown, string][] = [
    [[''], 'fields[0]'],
    [['a', 5], 'fields[1]'],
    [['a', null], 'fields[1]'],
    [['a', ['b']], 'fields[1]'],
    [{ a: 1 }, 'fields'],
    [5, 'fields'],
    ['[', 'fields'],
    [[{}], 'fields[0]'],
    [[{ COUNT: '*', SUM: 'x' }], 'fields[0]'],
    [[{ items: 'a' }], 'fields[0]'],
    [[{ items: [{ more: [] }] }], 'fields[0].items[0]'],
    [[{ items: ['a.b'] }], 'fields[0].items[0]'],
    [['sum(a, 1)'], 'fields[0]'],
    [['ifnull(a)'], 'fields[0]'],
    [['sleep(a)'], 'fields[0]'],
    [['a b'], 'fields[0]'],
    [['* as x'], 'fields[0]'],
    [[{ SUM: { ABS: 'x' } }], 'fields[0]'],
  ]
  for (const [input, field] of cases) assert.throws(() => parseFields(input), { code: 'query/malformed', field }, JSON.stringify(input))
  for (const order of ['a b', 'a,', ',', '*', 'a asc desc', 'a nulls first', 5])
    assert.throws(() => parseOrder(order), { code: 'query/malformed', field: 'order_by' }, String(order))
  assert.throws(() => parseGroup('count(a)'), { code: 'query/malformed', field: 'group_by' })
  assert.throws(() => parseOrder(Array.from({ length: 11 }, (_, n) => `a${n}`).join()), { code: 'query/too-costly' })
})
