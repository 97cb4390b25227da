import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { burndown, sprintAt, velocityOf } from './projects-burndown.ts'
import { capacityOf, overbooked } from './projects-capacity.ts'
import { percentComplete } from './projects-progress.ts'
import { BadRank, rankBetween, ranksFor } from './projects-rank.ts'

test('property: a card goes between any two, again and again', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(), { maxLength: 200 }), (places) => {
      const column: string[] = []
      for (const place of places) {
        const at = place % (column.length + 1)
        column.splice(at, 0, rankBetween(column[at - 1], column[at]))
      }
      assert.deepEqual(column, [...new Set(column)].sort())
    }),
    { numRuns: 60 },
  )
})

test('places stay short at the end, and cannot be asked for the wrong way round', () => {
  let last: string | undefined
  for (let count = 0; count < 1000; count++) last = rankBetween(last, undefined)
  assert.ok((last as string).length < 150, String((last as string).length))
  const many = ranksFor(2000)
  assert.deepEqual(many, [...new Set(many)].sort())
  assert.ok(many.every((rank) => rank.length <= 5))
  assert.throws(() => rankBetween('b', 'a'), BadRank.is)
  assert.throws(() => rankBetween('a', 'a'), BadRank.is)
  assert.throws(() => rankBetween('a0', undefined), BadRank.is)
})

test('progress by completion, progress and weight; what was cancelled does not count', () => {
  const tasks = [
    { status: 'Completed', progress: 0, weight: 1 },
    { status: 'Working', progress: 50, weight: 3 },
    { status: 'Open', progress: 0, weight: 0 },
    { status: 'Cancelled', progress: 90, weight: 9 },
  ]
  assert.equal(percentComplete('Task Completion', tasks), 33.33)
  assert.equal(percentComplete('Task Progress', tasks), 50)
  assert.equal(percentComplete('Task Weight', tasks), 62.5)
  assert.equal(percentComplete('Task Weight', [{ status: 'Open', progress: 40, weight: 0 }]), 40)
  assert.equal(percentComplete('Manual', tasks), undefined)
  assert.equal(percentComplete('Task Completion', []), undefined)
})

const event = (at: string, task: string, points: number, isDone = false, inSprint = true) => ({ at, task, points, isDone, inSprint })

test('a burndown follows from the events up to each day: work added later, estimates changed, tasks reopened', () => {
  const events = [
    event('2026-03-02 08:00:00.000000', 'a', 5),
    event('2026-03-02 08:00:00.000000', 'b', 3),
    event('2026-03-03 10:00:00.000000', 'a', 5, true),
    event('2026-03-04 10:00:00.000000', 'c', 2),
    event('2026-03-04 11:00:00.000000', 'b', 8),
    event('2026-03-05 11:00:00.000000', 'a', 5, false),
    event('2026-03-05 12:00:00.000000', 'c', 2, false, false),
  ]
  const days = ['02', '03', '04', '05', '06'].map((day) => ({
    day: `2026-03-${day}`,
    end: `2026-03-${day} 23:59:59.999999`,
    works: day !== '04',
  }))
  const { lines, ideal } = burndown(events, days, 8, '2026-03-05 18:00:00.000000')
  assert.deepEqual(
    lines.map(({ scope, completed, remaining }) => [scope, completed, remaining]),
    [
      [8, 0, 8],
      [8, 5, 3],
      [15, 5, 10],
      [13, 0, 13],
    ],
  )
  assert.deepEqual(
    ideal.map(({ points }) => points),
    [6, 4, 4, 2, 0],
  )
  assert.deepEqual(sprintAt(events, '2026-03-03 10:00:00.000000'), { scope: 8, completed: 5, tasks: 2 })
  assert.deepEqual(velocityOf([10, 20, 15]), { average: 15, worst: 10, best: 20 })
  assert.equal(velocityOf([]), undefined)
})

test('capacity counts leave, and says on which days more is asked than there is', () => {
  const supply = [
    { day: '2026-03-02', gross: 8, away: 0 },
    { day: '2026-03-03', gross: 8, away: 0.5 },
    { day: '2026-03-04', gross: 8, away: 1 },
    { day: '2026-03-07', gross: 0, away: 0 },
  ]
  const all = { from: '2026-03-01', to: '2026-03-31' }
  const days = capacityOf(supply, [
    { ...all, hoursPerDay: 5 },
    { ...all, percent: 25 },
  ])
  assert.deepEqual(
    days.map(({ available, booked, free }) => [available, booked, free]),
    [
      [8, 7, 1],
      [4, 6, -2],
      [0, 5, -5],
      [0, 0, 0],
    ],
  )
  assert.deepEqual(
    overbooked(days).map(({ day }) => day),
    ['2026-03-03', '2026-03-04'],
  )
  assert.deepEqual(overbooked(days, 50).length, 1)
  assert.deepEqual(
    capacityOf(supply, [{ ...all, hours: 6 }]).map(({ booked }) => booked),
    [4, 2, 0, 0],
  )
})
