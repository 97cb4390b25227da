import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nearest } from './nearest.ts'

test('swapped, dropped and doubled letters still lead to the word, other words do not', () => {
  const words = ['migrate', 'start', 'execute']
  assert.deepEqual(
    ['mirgate', 'migrte', 'staart', 'exceute'].map((word) => nearest(word, words)),
    ['migrate', 'migrate', 'start', 'execute'],
  )
  assert.deepEqual(
    ['zzz', ''].map((word) => nearest(word, words)),
    ['', ''],
  )
})
