import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Drug, drugAlerts, needsReason } from './health-alerts.ts'

const augmentin: Drug = { medication: 'Augmentin', substances: ['Amoxicillin', 'Clavulanic acid', 'Penicillins'] }
const warfarin: Drug = {
  medication: 'Warfarin',
  substances: ['Warfarin'],
  interactions: [{ with: 'Aspirin', severity: 'Severe', effect: 'bleeding' }],
}
const aspirin: Drug = { medication: 'Aspirin Cardio', substances: ['Aspirin'] }

test('an allergy to a class, however it is written, is found in what holds it', () => {
  const alerts = drugAlerts(
    [aspirin, augmentin],
    [],
    [{ substance: ' penicillins ', severity: 'Life-threatening', reaction: 'anaphylaxis' }],
  )
  assert.deepEqual(
    alerts.map(({ kind, index, severity }) => [kind, index, severity]),
    [['allergy', 1, 'Life-threatening']],
  )
  assert.match(alerts[0]?.text ?? '', /anaphylaxis/)
  assert.ok(alerts.every(needsReason))
})

test('an interaction counts whichever of the two declares it, and once', () => {
  for (const [given, taken] of [
    [warfarin, aspirin],
    [aspirin, warfarin],
  ] as const) {
    // biome-ignore format: a pair
    const alerts = drugAlerts([given], [taken], [])
    assert.deepEqual(
      alerts.map(({ kind, because }) => [kind, because]),
      [['interaction', taken.medication]],
    )
  }
  assert.equal(drugAlerts([warfarin, aspirin], [], []).length, 1)
})

test('a substance that is taken already is told, and asks for no reason', () => {
  const alerts = drugAlerts([{ medication: 'Generic amoxicillin', substances: ['amoxicillin'] }], [augmentin], [])
  assert.deepEqual(
    alerts.map(({ kind }) => kind),
    ['duplicate'],
  )
  assert.ok(!alerts.some(needsReason))
})

test('nothing speaks against what is unrelated', () => {
  assert.deepEqual(drugAlerts([aspirin], [augmentin], [{ substance: 'Latex', severity: 'Severe' }]), [])
})
