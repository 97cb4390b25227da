import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nameKey, nameSimilarity } from './crm-names.ts'

test('case, accents, legal form and the order of words do not tell names apart', () => {
  for (const same of ['Müller & Söhne GmbH', 'SOHNE, MULLER', 'Muller und Söhne G.m.b.H.']) assert.equal(nameKey(same), 'muller sohne')
  assert.equal(nameKey('Straße 7 AG'), '7 strasse')
  assert.equal(nameKey('The Company Ltd'), 'company ltd the')
  assert.equal(nameKey('…'), '')
})

test('a slip of the pen is alike, another name is not', () => {
  assert.ok(nameSimilarity('Jonathan Smith', 'Jonathon Smith') > 0.92)
  assert.ok(nameSimilarity('Acme Plumbing Inc', 'Acme Plumbng') > 0.92)
  assert.ok(nameSimilarity('Anna Berg', 'Peter Stein') < 0.7)
  assert.equal(nameSimilarity('', ''), 0)
})

test('the classic measure of Jaro and Winkler is met', () => {
  assert.ok(Math.abs(nameSimilarity('MARTHA', 'MARHTA') - 0.9611) < 0.0001)
  assert.ok(Math.abs(nameSimilarity('DWAYNE', 'DUANE') - 0.84) < 0.0001)
  assert.ok(Math.abs(nameSimilarity('DIXON', 'DICKSONX') - 0.8133) < 0.0001)
})

test('likeness is symmetric, between 0 and 1, and 1 for a name and itself', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 30 }), fc.string({ maxLength: 30 }), (one, other) => {
      const alike = nameSimilarity(one, other)
      assert.ok(alike >= 0 && alike <= 1 + 1e-9)
      assert.ok(Math.abs(alike - nameSimilarity(other, one)) < 1e-9)
      if (nameKey(one) !== '') assert.equal(nameSimilarity(one, one), 1)
    }),
  )
})
