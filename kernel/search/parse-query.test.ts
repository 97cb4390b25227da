import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseQuery } from './parse-query.ts'

test('words are beginnings, quoted ones stand as they are, a minus excludes', () => {
  const { wanted, excluded } = parseQuery('Invoice "past due" -draft -"on hold" a')
  assert.deepEqual(wanted, [
    { terms: ['invoice'], isPrefix: true },
    { terms: ['past', 'due'], isPrefix: false },
    { terms: ['a'], isPrefix: false },
  ])
  assert.deepEqual(excluded, [
    { terms: ['draft'], isPrefix: true },
    { terms: ['on', 'hold'], isPrefix: false },
  ])
})

test('what hangs together by punctuation is looked for in a row', () => {
  assert.deepEqual(parseQuery('SR-0001 dana@example.com').wanted, [
    { terms: ['sr', '0001'], isPrefix: true },
    { terms: ['dana', 'example', 'com'], isPrefix: true },
  ])
})

test('doctype: and known fields narrow the search, other colons are punctuation', () => {
  const parsed = parseQuery('doctype:"Service Request" status:Open note:this http://x', (name) => name === 'status')
  assert.deepEqual(parsed.doctypes, ['Service Request'])
  assert.deepEqual(parsed.conditions, [{ field: 'status', value: 'Open' }])
  assert.deepEqual(
    parsed.wanted.map(({ terms }) => terms),
    [
      ['note', 'this'],
      ['http', 'x'],
    ],
  )
})

test('what is long is cut', () => {
  const parsed = parseQuery('word '.repeat(10_000))
  assert.ok(parsed.wanted.length <= 12)
  assert.ok(parseQuery('a-'.repeat(250)).wanted.every(({ terms }) => terms.length <= 8))
})
