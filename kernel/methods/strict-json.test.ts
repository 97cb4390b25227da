import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '#client/rules/errors.ts'
import { parseJson } from './strict-json.ts'

test('what JSON.parse reads is read alike', () => {
  const texts = [
    '{}',
    '[]',
    ' [1, 2.5, -3e2, 0] ',
    '{"a":{"b":[true,false,null]},"c":"x\\n\\u00e4\\"\\\\"}',
    '"text"',
    '12',
    '"\\ud83d\\ude00 😀"',
    '{"":1}',
    '[[],{},[{}]]',
    '\t{"a" : 1 ,\n"b":2}\r\n',
    '-0',
    '1E3',
    '{"constructor":"Acme"}',
  ]
  for (const text of texts) assert.deepEqual(parseJson(text), JSON.parse(text), text)
})

test('text that is no JSON is refused with its place', () => {
  const texts = [
    '',
    ' ',
    '{',
    '[',
    '{"a"}',
    '{"a":}',
    '{a:1}',
    '[1,]',
    '{"a":1,}',
    '01',
    '1.',
    '.5',
    '+1',
    'NaN',
    'nul',
    '"',
    '"\\',
    '"\\x"',
    '"\n"',
    '1 2',
    "{'a':1}",
    '[1 2]',
    '\u00a01',
  ]
  for (const text of texts)
    assert.throws(
      () => parseJson(text),
      (error) => error instanceof AppError && error.code === 'method/json-malformed',
      text,
    )
})

test('a key given twice is refused by its path', () => {
  assert.throws(
    () => parseJson('{"items":[{"qty":1,"qty":2}]}', 'doc'),
    (error) => error instanceof AppError && error.field === 'doc.items[0].qty',
  )
  assert.throws(() => parseJson('{"a":1,"\\u0061":2}'), /given twice/)
})

test('keys that reach for a prototype are refused', () => {
  assert.throws(() => parseJson('{"__proto__":{"admin":1}}'), /__proto__/)
  assert.throws(() => parseJson('{"__pro\\u0074o__":1}'), /__proto__/)
  assert.throws(() => parseJson('{"constructor":{"prototype":{}}}'), /constructor/)
})

test('a hundred levels are read, and one more is refused', () => {
  assert.ok(parseJson('['.repeat(100) + ']'.repeat(100)))
  assert.throws(() => parseJson('['.repeat(101) + ']'.repeat(101)), /nested/)
  assert.throws(() => parseJson(`${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`), /nested/)
  assert.throws(() => parseJson('['.repeat(1_000_000)), /nested/)
})

test('numbers beyond a double come as the text that was written', () => {
  assert.deepEqual(parseJson('[999999999999.123456789, 0.1, 123456789.123456, 9007199254740993, 1.10, 1e999, 10000000000000000]'), [
    '999999999999.123456789',
    0.1,
    123456789.123456,
    '9007199254740993',
    1.1,
    '1e999',
    10000000000000000,
  ])
})

test('NUL and half characters in texts are refused', () => {
  assert.throws(() => parseJson('{"a":"x\\u0000"}'), /NUL/)
  assert.throws(() => parseJson('"\\ud800"'), /surrogate/)
})
