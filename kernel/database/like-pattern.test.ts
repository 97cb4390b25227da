import assert from 'node:assert/strict'
import { test } from 'node:test'
import { likeMatchesEmpty, normalizeLike } from './like-pattern.ts'

test('only escapes that every engine needs are left in a pattern', () => {
  const forms = { 'a%_b': 'a%_b', '\\%\\_\\\\': '\\%\\_\\\\', '\\a\\😀': 'a😀', 'a\\': 'a\\\\', '\\\\\\': '\\\\\\\\' }
  for (const [given, expected] of Object.entries(forms)) assert.equal(normalizeLike(given), expected)
})

test('the empty text is matched by nothing but runs', () => {
  assert.deepEqual(['', '%', '%%', '_', '\\%', 'a%'].map(likeMatchesEmpty), [true, true, true, false, false, false])
})
