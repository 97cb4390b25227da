import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foldText, placedTerms, termsOf, termsToFind, wordOf } from './terms.ts'

test('case, accents and wide forms make no difference; marks that are letters stay', () => {
  for (const [text, folded] of [
    ['Ünïcode ÉCOLE', 'unicode ecole'],
    ['Straße Łódź Ørsted', 'strasse lodz orsted'],
    ['ＡＢＣ１２３', 'abc123'],
    ['İstanbul', 'istanbul'],
    ['שָׁלוֹם', 'שלום'],
    ['हिन्दी', 'हिन्दी'],
    ['한국어', '한국어'],
  ] as const)
    assert.equal(foldText(text), foldText(folded), text)
  assert.equal(foldText('हिन्दी').normalize('NFC'), 'हिन्दी'.normalize('NFC'))
})

test('a term is ASCII, begins as its word begins, and gives the word back', () => {
  for (const word of ['invoice', 'договор', 'فاتورة', '🚀', 'naïve2', 'हिन्दी']) {
    const [term] = termsOf(word) as [string]
    assert.match(term, /^[a-z0-9_]+$/)
    assert.equal(wordOf(term), foldText(word))
    const beginning = [...foldText(word)].slice(0, 2).join('')
    assert.ok(term.startsWith(termsToFind(beginning, 1)[0] as string), word)
  }
})

test('a script without spaces gives pairs, and every character begins a term', () => {
  assert.deepEqual(termsOf('東京都').map(wordOf), ['東京', '京都', '都'])
  assert.deepEqual(termsToFind('東京都', 9).map(wordOf), ['東京', '京都'])
  assert.deepEqual(termsToFind('都', 9).map(wordOf), ['都'])
  assert.deepEqual(termsOf('PC98東京').map(wordOf), ['pc98', '東京', '京'])
})

test('whatever the text, terms are few, short and safe to put between quotation marks', () => {
  const texts = ['a'.repeat(100_000), 'é'.repeat(1000), '\ud800\udfff\udc00', '"\'\\*\0', 'x '.repeat(50_000), '́'.repeat(5000)]
  for (const text of texts)
    for (const terms of [termsOf(text), termsToFind(text, 8)]) {
      assert.ok(terms.length <= 10_000)
      assert.ok(terms.every((term) => /^[a-z0-9_]{1,78}$/.test(term)))
    }
})

test('the place of each term is told in the text as it was written', () => {
  const text = 'Ein Straßenfest, 東京!'
  const places = [...placedTerms(text)].map(({ start, end, terms }) => [text.slice(start, end), terms.map(wordOf).join(' ')])
  assert.deepEqual(places, [
    ['Ein', 'ein'],
    ['Straßenfest', 'strassenfest'],
    ['東', '東京'],
    ['京', '京'],
  ])
})
