import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareText, foldCase, likeMatcher } from './text.ts'

const points = (text: string) => [...text].map((char) => char.codePointAt(0) as number)
// Few letters, so that random texts and patterns often meet; both sides of the surrogate range; letters whose case is peculiar.
const letter = fc.constantFrom('a', 'A', 'b', '%', '_', '\\', '😀', '\uffee', 'Σ', 'ς', 'İ', 'ß', 'é', 'É')
const text = fc.array(letter, { maxLength: 8 }).map((letters) => letters.join(''))

test('texts order by code point, also above the surrogates', () => {
  assert.ok('😀' > '\uffee' === false, 'plain comparison differs, or this function is not needed')
  fc.assert(
    fc.property(text, text, (a, b) => {
      const [left, right] = [points(a), points(b)]
      const at = left.findIndex((point, index) => point !== right[index])
      const expected = at < 0 ? left.length - right.length : (left[at] as number) - (right[at] ?? -1)
      assert.equal(Math.sign(compareText(a, b)), Math.sign(expected))
    }),
  )
})

test('folding a text is folding each of its characters', () => {
  fc.assert(fc.property(text, text, (a, b) => assert.equal(foldCase(a + b), foldCase(a) + foldCase(b))))
  assert.equal(foldCase('ΑΣ'), 'ας'.replace('ς', 'σ'))
  assert.equal(foldCase('İX'), 'İx')
})

test('like knows %, _ and the escape, and ignores case', () => {
  const cases: [string, string, boolean][] = [
    ['', '', true],
    ['a', '', false],
    ['', '%', true],
    ['abc', 'ABC', true],
    ['abc', 'a%', true],
    ['abc', '%C', true],
    ['abc', '%b%', true],
    ['abc', 'b%', false],
    ['abc', 'a_c', true],
    ['a😀c', 'a_c', true],
    ['ac', 'a_c', false],
    ['50%', '50\\%', true],
    ['50x', '50\\%', false],
    ['a_b', 'a\\_b', true],
    ['axb', 'a\\_b', false],
    ['a\\b', 'a\\\\b', true],
    ['a\\', 'a\\', true],
    ['aXbXc', '%x%x%', true],
    ['ÉCOLE', 'é%', true],
    ['aab', '%ab', true],
    ['ab', '_%_', true],
    ['a', '_%_', false],
  ]
  for (const [value, pattern, expected] of cases) assert.equal(likeMatcher(pattern)(value), expected, `${value} like ${pattern}`)
})

test('like agrees with a plain recursive definition', () => {
  const slow = (value: string[], pattern: string[]): boolean => {
    const [head, ...rest] = pattern
    if (head === undefined) return value.length === 0
    if (head === '%') return slow(value, rest) || (value.length > 0 && slow(value.slice(1), pattern))
    if (value.length === 0) return false
    if (head === '_') return slow(value.slice(1), rest)
    const [wanted, after] = head === '\\' && rest.length ? [rest[0], rest.slice(1)] : [head, rest]
    return foldCase(wanted as string) === foldCase(value[0] as string) && slow(value.slice(1), after)
  }
  fc.assert(
    fc.property(text, text, (value, pattern) => assert.equal(likeMatcher(pattern)(value), slow([...value], [...pattern]))),
    { numRuns: 2000 },
  )
})

test('a pattern of many wildcards stays quick', () => {
  const started = performance.now()
  assert.equal(likeMatcher(`${'%a'.repeat(200)}%b`)('a'.repeat(10_000)), false)
  assert.ok(performance.now() - started < 5000)
})
