import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { demandPlausible, missingObservations, news2, type Observations, ObservationImplausible } from './news2.ts'

const well: Observations = { respiratoryRate: 16, spo2: 97, systolic: 120, pulse: 70, consciousness: 'A', temperature: 37 }
const score = (change: Observations): number | undefined => news2({ ...well, ...change })?.score

test('the bands of the chart begin and end where it says', () => {
  const bands: [keyof Observations, readonly (readonly [number, number])[]][] = [
    ['respiratoryRate', [[8, 3], [9, 1], [11, 1], [12, 0], [20, 0], [21, 2], [24, 2], [25, 3]]], // biome-ignore format: a table
    [
      'spo2',
      [
        [91, 3],
        [92, 2],
        [93, 2],
        [94, 1],
        [95, 1],
        [96, 0],
      ],
    ],
    ['systolic', [[90, 3], [91, 2], [100, 2], [101, 1], [110, 1], [111, 0], [219, 0], [220, 3]]], // biome-ignore format: a table
    ['pulse', [[40, 3], [41, 1], [50, 1], [51, 0], [90, 0], [91, 1], [110, 1], [111, 2], [130, 2], [131, 3]]], // biome-ignore format: a table
    ['temperature', [[35, 3], [35.1, 1], [36, 1], [36.1, 0], [38, 0], [38.1, 1], [39, 1], [39.1, 2]]], // biome-ignore format: a table
  ]
  for (const [name, cases] of bands) for (const [value, points] of cases) assert.equal(score({ [name]: value }), points, `${name} ${value}`)
  for (const consciousness of ['C', 'V', 'P', 'U'] as const) assert.equal(score({ consciousness }), 3)
})

test('on scale 2 too much oxygen counts against the patient, and air does not', () => {
  const second = (spo2: number, onOxygen: boolean) => news2({ ...well, spo2, onOxygen, spo2Scale: 2 })?.parts.spo2
  assert.deepEqual(
    [83, 84, 86, 88, 92, 93, 95, 97].map((value) => second(value, true)),
    [3, 2, 1, 0, 0, 1, 2, 3],
  )
  assert.deepEqual(
    [83, 84, 86, 88, 93, 99].map((value) => second(value, false)),
    [3, 2, 1, 0, 0, 0],
  )
  assert.equal(score({ onOxygen: true }), 2)
})

test('risk follows the sum, and a single red value raises it', () => {
  assert.deepEqual(news2(well), {
    score: 0,
    risk: 'Low',
    parts: { respiratoryRate: 0, spo2: 0, oxygen: 0, systolic: 0, pulse: 0, consciousness: 0, temperature: 0 },
  })
  assert.equal(news2({ ...well, consciousness: 'C' })?.risk, 'Low-medium')
  assert.equal(news2({ ...well, respiratoryRate: 22, pulse: 112 })?.risk, 'Low')
  assert.equal(news2({ ...well, respiratoryRate: 22, pulse: 112, spo2: 95 })?.risk, 'Medium')
  const sepsis = news2({ respiratoryRate: 26, spo2: 92, onOxygen: true, systolic: 95, pulse: 115, consciousness: 'C', temperature: 39.2 })
  assert.deepEqual([sepsis?.score, sepsis?.risk], [16, 'High'])
})

test('nothing is scored while an observation is missing', () => {
  assert.equal(news2({ ...well, temperature: null }), undefined)
  assert.deepEqual(missingObservations({ pulse: 70, onOxygen: true }), [
    'respiratoryRate',
    'spo2',
    'systolic',
    'consciousness',
    'temperature',
  ])
})

test('a score is the sum of its parts, and lies within 0 and 20', () => {
  const any = fc.record({
    respiratoryRate: fc.integer({ min: 0, max: 60 }),
    spo2: fc.integer({ min: 50, max: 100 }),
    spo2Scale: fc.constantFrom(1 as const, 2 as const),
    onOxygen: fc.boolean(),
    systolic: fc.integer({ min: 40, max: 260 }),
    pulse: fc.integer({ min: 20, max: 220 }),
    consciousness: fc.constantFrom('A' as const, 'C' as const, 'V' as const, 'P' as const, 'U' as const),
    temperature: fc.integer({ min: 300, max: 430 }).map((tenths) => tenths / 10),
  })
  fc.assert(
    fc.property(any, (seen) => {
      const found = news2(seen)
      assert.ok(found)
      assert.equal(
        found.score,
        Object.values(found.parts).reduce((sum, part) => sum + part, 0),
      )
      assert.ok(found.score >= 0 && found.score <= 20)
      assert.equal(found.risk === 'High', found.score >= 7)
    }),
  )
})

test('a slip of the hand is named by its field', () => {
  assert.throws(
    () => demandPlausible({ temperature: 98.6 }),
    (error) => ObservationImplausible.is(error) && error.field === 'temperature',
  )
  assert.throws(
    () => demandPlausible({ spo2: -1 }),
    (error) => ObservationImplausible.is(error) && error.field === 'spo2',
  )
  demandPlausible({ temperature: null, pulse: '70', weight: 3.4 })
})
