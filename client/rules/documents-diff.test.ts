import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { diffTexts } from './documents-diff.ts'

const side = (parts: ReturnType<typeof diffTexts>, without: string) =>
  parts
    .filter(({ kind }) => kind !== without)
    .map(({ text }) => text)
    .join('')

test('what changed is told line by line', () => {
  assert.deepEqual(diffTexts('one\ntwo\nthree\n', 'one\n2\nthree\nfour\n'), [
    { kind: 'same', text: 'one\n' },
    { kind: 'removed', text: 'two\n' },
    { kind: 'added', text: '2\n' },
    { kind: 'same', text: 'three\n' },
    { kind: 'added', text: 'four\n' },
  ])
})

test('a text without lines is compared by sentences', () => {
  assert.deepEqual(diffTexts('We pay. We wait. We go.', 'We pay. We stay. We go.'), [
    { kind: 'same', text: 'We pay. ' },
    { kind: 'removed', text: 'We wait. ' },
    { kind: 'added', text: 'We stay. ' },
    { kind: 'same', text: 'We go.' },
  ])
})

test('both texts can be put together again, and the difference is the shortest', () => {
  const text = fc.array(fc.constantFrom('a\n', 'b\n', 'c\n', 'd\n'), { maxLength: 25 }).map((lines) => lines.join(''))
  fc.assert(
    fc.property(text, text, (first, second) => {
      const parts = diffTexts(first, second)
      assert.equal(side(parts, 'added'), first)
      assert.equal(side(parts, 'removed'), second)
      const kept = parts.filter(({ kind }) => kind === 'same').reduce((sum, part) => sum + part.text.length / 2, 0)
      assert.equal(kept, longestCommon(first.match(/.\n/g) ?? [], second.match(/.\n/g) ?? []))
    }),
  )
})

test('texts that have nothing in common do not take for ever', () => {
  const long = (seed: string) => Array.from({ length: 20_000 }, (_, index) => `${seed}${index}\n`).join('')
  const began = performance.now()
  assert.deepEqual(
    diffTexts(long('a'), long('b')).map(({ kind }) => kind),
    ['removed', 'added'],
  )
  assert.ok(performance.now() - began < 2000)
})

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0)
  for (const piece of a) {
    const next = [0]
    for (const [index, other] of b.entries())
      next.push(piece === other ? (row[index] ?? 0) + 1 : Math.max(row[index + 1] ?? 0, next[index] ?? 0))
    row = next
  }
  return row.at(-1) ?? 0
}
