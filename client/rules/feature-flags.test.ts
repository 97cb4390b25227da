import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decideFeature, type FeatureAsker, type FeatureFlag, shareOf } from './feature-flags.ts'

const flag = (more: Partial<FeatureFlag> = {}): FeatureFlag => ({
  name: 'board',
  enabled: true,
  onByDefault: false,
  spreadBy: 'User',
  rules: [],
  ...more,
})
const asker = (more: Partial<FeatureAsker> = {}): FeatureAsker => ({
  user: 'ada@example.com',
  roles: new Set(['Dispatcher']),
  organizations: ['North'],
  ...more,
})
const rule = (percentage: number, organization = '', role = '') => ({ percentage, organization, role })

test('switched off is off for everybody, whatever rules and default say', () => {
  assert.deepEqual(decideFeature(flag({ enabled: false, onByDefault: true, rules: [rule(100)] }), asker()), { on: false, by: 'off' })
})

test('the first rule that concerns somebody decides', () => {
  const rules = [rule(100, 'South'), rule(0, 'North', 'Dispatcher'), rule(100)]
  assert.deepEqual(decideFeature(flag({ rules }), asker()), { on: false, by: 2 })
  assert.deepEqual(decideFeature(flag({ rules }), asker({ roles: new Set() })), { on: true, by: 3 })
  assert.deepEqual(decideFeature(flag({ rules }), asker({ organizations: ['North', 'South'] })), { on: true, by: 1 })
})

test('where no rule speaks the default holds', () => {
  assert.deepEqual(decideFeature(flag({ onByDefault: true, rules: [rule(0, 'South')] }), asker()), { on: true, by: 'default' })
})

test('spread by organization, colleagues get the same answer', () => {
  const spread = flag({ spreadBy: 'Organization', rules: [rule(50)] })
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (organization, one, other) => {
      const answer = (user: string) => decideFeature(spread, asker({ user, organizations: [organization] })).on
      assert.equal(answer(one), answer(other))
    }),
  )
})

test('raising a share takes the feature from nobody; 0 is nobody and 100 is everybody', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }), (name, user, a, b) => {
      const on = (share: number) => decideFeature(flag({ name, rules: [rule(share)] }), asker({ user })).on
      assert.ok(!on(Math.min(a, b)) || on(Math.max(a, b)))
      assert.equal(on(0), false)
      assert.equal(on(100), true)
    }),
  )
})

test('a share is about that share of the people, and two features are drawn apart', () => {
  const people = Array.from({ length: 10_000 }, (_, at) => `user${at}@example.com`)
  const on = (feature: string, share: number) => people.map((user) => shareOf(feature, user) < share)
  const first = on('board', 20)
  const second = on('map', 20)
  const count = (flags: boolean[]) => flags.filter(Boolean).length
  assert.ok(Math.abs(count(first) - 2000) < 200, `${count(first)}`)
  const both = count(first.map((is, at) => is && second[at] === true))
  assert.ok(Math.abs(both - 400) < 120, `${both}`)
})
