import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { AppError } from '#client/rules/errors.ts'
import { readInput } from './input.ts'

const method = {
  path: 'test.method',
  input: Type.Object({
    doctype: Type.String({ minLength: 1 }),
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
    as_dict: Type.Optional(Type.Boolean()),
    filters: Type.Optional(Type.Object({ a: Type.Integer() })),
    names: Type.Optional(Type.Array(Type.String())),
    either: Type.Optional(Type.Union([Type.Boolean(), Type.Array(Type.String())])),
    anything: Type.Optional(Type.Unknown()),
  }),
}

const read = (given: Record<string, unknown>) => readInput(method, given)
const refusedAt = (field: string) => (error: unknown) =>
  error instanceof AppError && error.code === 'method/bad-input' && error.field === field

test('text from forms becomes what the schema wants', () => {
  const given = { doctype: 'ToDo', limit: '20', as_dict: '0', filters: '{"a":1}', names: '["x"]', either: 'true' }
  assert.deepEqual(read(given), { doctype: 'ToDo', limit: 20, as_dict: false, filters: { a: 1 }, names: ['x'], either: true })
})

test('a name that looks like a number is still a name', () => {
  assert.deepEqual(read({ doctype: 2026 }), { doctype: '2026' })
})

test('unknown parameters, rights asked for and empty optional ones are dropped', () => {
  assert.deepEqual(read({ doctype: 'ToDo', surprise: 1, ignore_permissions: 1, flags: {}, limit: '', names: null }), { doctype: 'ToDo' })
})

test('a method that keeps unknown parameters still never gets rights from the caller', () => {
  const kept = readInput({ ...method, keepsUnknown: true }, { doctype: 'ToDo', surprise: 1, ignore_permissions: 1, flags: {} })
  assert.deepEqual(kept, { doctype: 'ToDo', surprise: 1 })
})

test('what the schema refuses is named', () => {
  assert.throws(() => read({}), refusedAt('doctype'))
  assert.throws(() => read({ doctype: '' }), refusedAt('doctype'))
  assert.throws(() => read({ doctype: 'ToDo', limit: 'many' }), refusedAt('limit'))
  assert.throws(() => read({ doctype: 'ToDo', limit: -1 }), refusedAt('limit'))
  assert.throws(() => read({ doctype: 'ToDo', names: ['a', {}] }), refusedAt('names[1]'))
  assert.throws(() => read({ doctype: 'ToDo', filters: { a: 'x' } }), refusedAt('filters.a'))
  assert.throws(() => read({ doctype: {} }), refusedAt('doctype'))
})

test('a parameter that names a prototype is no parameter', () => {
  assert.deepEqual(read(JSON.parse('{"doctype":"ToDo","__proto__":{"limit":5},"constructor":1}')), { doctype: 'ToDo' })
})
