import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '#client/rules/errors.ts'
import { readForm, readParams } from './read-body.ts'

const json = 'application/json'
const form = 'application/x-www-form-urlencoded'
const read = (body: string | Uint8Array, type: string | undefined, query = {}) => readParams(query, Buffer.from(body as string), type)
const refused = (code: string) => (error: unknown) =>
  error instanceof AppError && error.code === code && error.status >= 400 && error.status < 500

test('a JSON object is all there is, and the query does not count', () => {
  assert.deepEqual(read('{"a":1,"_":5}', json, { b: '2' }), { a: 1 })
})

test('a JSON list becomes data', () => {
  assert.deepEqual(read('[1,2]', 'application/json; charset=utf-8'), { data: [1, 2] })
})

test('form fields are laid over the query', () => {
  assert.deepEqual(read('a=1+2&b=%C3%A4%2B', form, { a: 'x', c: '3' }), { a: '1 2', b: 'ä+', c: '3' })
})

test('without a body the query counts', () => {
  assert.deepEqual(readParams({ a: '1' }, undefined, undefined), { a: '1' })
  assert.deepEqual(readParams({ a: '1' }, Buffer.alloc(0), json), { a: '1' })
})

test('a body of another type, or in another charset, is refused', () => {
  assert.throws(() => read('x', 'text/plain'), refused('http/media-type-unsupported'))
  assert.throws(() => read('x', undefined), refused('http/media-type-unsupported'))
  assert.throws(() => read('{}', 'application/json; charset=latin1'), refused('http/media-type-unsupported'))
})

test('bytes that are no UTF-8 are refused', () => {
  assert.throws(() => readParams({}, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), json), refused('http/body-malformed'))
  assert.throws(() => readForm('a=%ff'), refused('http/body-malformed'))
  assert.throws(() => readForm('a=%'), refused('http/body-malformed'))
})

test('a JSON body that is neither object nor list is refused', () => {
  for (const text of ['1', '"x"', 'null', 'true']) assert.throws(() => read(text, json), refused('http/body-malformed'))
})

test('a parameter given twice, holding NUL or reaching for a prototype is refused', () => {
  assert.throws(() => readForm('a=1&a=2'), refused('http/body-malformed'))
  assert.throws(() => readForm('a=1%00'), refused('http/body-malformed'))
  assert.throws(() => readForm('__proto__=1'), refused('http/body-malformed'))
})
