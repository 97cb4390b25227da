import assert from 'node:assert/strict'
import test from 'node:test'
import { asText, type Finding, isKept } from './report.ts'

const ratio: Finding = { engine: 'sqlite', what: 'get one', unit: 'µs of CPU', ours: 120, floor: 60, limit: 3, compares: 'ratio' }

test('A promise about a ratio is kept up to its limit, and one about a rate from its limit on', () => {
  assert.equal(isKept(ratio), true)
  assert.equal(isKept({ ...ratio, ours: 181 }), false)
  assert.equal(isKept({ ...ratio, compares: 'at least', ours: 1500, limit: 1500 }), true)
  assert.equal(isKept({ ...ratio, compares: 'at most', ours: 151, limit: 150 }), false)
})

test('A finding without a promise is shown without a verdict', () => {
  const { limit: _, ...free } = ratio
  assert.equal(isKept(free), undefined)
  assert.doesNotMatch(asText([free]), /ok|over/)
  assert.match(asText([{ ...ratio, ours: 240 }]), /4\.00×\s+≤ 3×\s+over/)
})
