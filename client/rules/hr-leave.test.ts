import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { addDays, daysBetween } from './dates.ts'
import { type AllocateOn, accrualSchedule, type LeaveFrequency, proRated } from './hr-leave-accrual.ts'
import { leaveDays, sumOfDays } from './hr-leave-days.ts'
import {
  carriedForward,
  consumableLeave,
  encashableLeave,
  type LeaveRow,
  lapsesDue,
  leaveBalance,
  ledgerSum,
  shortfall,
  standingRows,
  stretches,
} from './hr-leave-ledger.ts'

const day = '2026-06-01'
const row = (name: string, leaves: number, from_date: string, to_date: string, more: Partial<LeaveRow> = {}): LeaveRow => ({
  name,
  leaves,
  from_date,
  to_date,
  ...more,
})
const given = (parts: readonly { number_of_leaves: number }[]) =>
  Math.round(parts.reduce((sum, part) => sum + part.number_of_leaves, 0) * 1000) / 1000

test('who joins in the middle of March has earned 2.548 of 12 days by May', () => {
  const parts = accrualSchedule({
    annual: 12,
    frequency: 'Monthly',
    allocateOn: 'First Day',
    joining: '2023-03-15',
    from: '2023-01-01',
    to: '2023-12-31',
  })
  assert.equal(given(parts.filter((part) => part.allocation_date <= '2023-05-16')), 2.548)
  assert.deepEqual(parts.slice(0, 2), [
    { allocation_date: '2023-03-15', number_of_leaves: 0.548 },
    { allocation_date: '2023-04-01', number_of_leaves: 1 },
  ])
})

test('parts rounded up never add up to more than the year’s days', () => {
  const parts = accrualSchedule({
    annual: 22,
    frequency: 'Monthly',
    allocateOn: 'Last Day',
    joining: '2020-01-01',
    from: '2026-01-01',
    to: '2026-12-31',
    rounding: 1,
  })
  assert.equal(given(parts.slice(0, 11)), 22)
  assert.equal(given(parts), 22)
  assert.equal(given(parts) + carriedForward(5, 0), 27)
})

test('leave earned once a year is given once', () => {
  const yearly = (frequency: LeaveFrequency, allocateOn: AllocateOn) =>
    accrualSchedule({ annual: 14, frequency, allocateOn, joining: '2019-05-31', from: '2026-04-01', to: '2027-03-31' })
  assert.deepEqual(yearly('Yearly', 'Last Day'), [{ allocation_date: '2027-03-31', number_of_leaves: 14 }])
  assert.deepEqual(yearly('Half-Yearly', 'First Day'), [
    { allocation_date: '2026-04-01', number_of_leaves: 7 },
    { allocation_date: '2026-10-01', number_of_leaves: 7 },
  ])
  assert.deepEqual(
    yearly('Quarterly', 'Date of Joining').map((part) => [part.allocation_date, part.number_of_leaves]),
    [
      ['2026-04-30', 3.5],
      ['2026-07-31', 3.5],
      ['2026-10-31', 3.5],
      ['2027-01-31', 3.5],
    ],
  )
})

test('whatever the rhythm, a whole year gives the year’s days, in order, within the period and never before joining', () => {
  const anyDay = fc.integer({ min: 0, max: 1500 }).map((days) => addDays('2023-01-01', days))
  fc.assert(
    fc.property(
      fc.record({
        annual: fc.integer({ min: 0, max: 60 }),
        frequency: fc.constantFrom<LeaveFrequency>('Monthly', 'Quarterly', 'Half-Yearly', 'Yearly'),
        allocateOn: fc.constantFrom<AllocateOn>('First Day', 'Last Day', 'Date of Joining'),
        joining: anyDay,
        from: anyDay,
        rounding: fc.constantFrom(undefined, 0.25, 0.5, 1),
      }),
      ({ from, ...rest }) => {
        const to = addDays(from, 364)
        const parts = accrualSchedule({ ...rest, from, to })
        const start = rest.joining > from ? rest.joining : from
        assert.ok(given(parts) <= rest.annual)
        for (const [index, part] of parts.entries()) {
          assert.ok(part.allocation_date >= start && part.allocation_date <= to && part.number_of_leaves > 0)
          assert.ok(index === 0 || part.allocation_date >= (parts[index - 1]?.allocation_date ?? ''))
        }
        if (rest.joining <= from && rest.rounding === undefined) assert.ok(Math.abs(given(parts) - rest.annual) < rest.annual * 0.04 + 0.01)
      },
    ),
    { numRuns: 300 },
  )
})

test('leave that is given at once is shared by days', () => {
  assert.equal(proRated(24, '2025-01-01', '2026-01-01', '2026-12-31'), 24)
  assert.equal(proRated(24, '2026-07-02', '2026-01-01', '2026-12-31'), 12)
  assert.equal(proRated(24, '2027-01-01', '2026-01-01', '2026-12-31'), 0)
})

test('holidays and halves: what counts as leave', () => {
  const free = new Map([
    ['2026-06-06', 1],
    ['2026-06-07', 1],
    ['2026-06-09', 0.5],
  ])
  const wish = { from: '2026-06-05', to: '2026-06-09', halfDay: '2026-06-05' }
  assert.equal(sumOfDays(leaveDays(wish, free)), 2)
  assert.equal(sumOfDays(leaveDays(wish, free, { includeHoliday: true })), 4.5)
})

test('what ends soon can be used only on the days that are left; leave across the end is cut there', () => {
  const from = addDays(day, -84)
  const rows = [row('new', 15, from, addDays(day, 100)), row('old', 15, from, addDays(from, 89))]
  assert.equal(leaveBalance(rows, day), 30)
  assert.equal(consumableLeave(rows, day), 21)
  const wish = { from: addDays(day, -3), to: addDays(day, 7), halfDay: addDays(day, -3) }
  const cut = stretches(leaveDays(wish, new Map()), rows)
  assert.deepEqual(
    cut.map(({ leaves }) => leaves),
    [8.5, 2],
  )
  const uses = cut.map((one, index) => row(`use${index}`, -one.leaves, one.from, one.to))
  assert.equal(shortfall(rows, uses), 0)
  assert.deepEqual(lapsesDue([...rows, ...uses], addDays(day, 20)), [{ day: addDays(day, 6), leaves: -6.5, lot: 'old' }])
})

test('30 given, 4 used: 26 left; what waits for approval is not used', () => {
  const rows = [row('all', 30, '2026-01-01', '2026-12-31'), row('used', -4, '2026-03-02', '2026-03-05')]
  assert.equal(leaveBalance(rows, day), 26)
})

test('days that may be paid out', () => {
  const paid = (balance: number, rule: Parameters<typeof encashableLeave>[1]) => 50 * encashableLeave(balance, rule)
  assert.equal(paid(10, { most: 5 }), 250)
  assert.equal(paid(7, { nonEncashable: 5 }), 100)
  assert.equal(paid(10, { most: 3 }), 150)
  assert.equal(paid(7, { nonEncashable: 5, most: 1 }), 50)
})

test('an earlier application may not eat what a later one, agreed already, relies on', () => {
  const rows = [row('a', 2, '2026-01-01', '2026-12-31'), row('later', -2, '2026-08-03', '2026-08-04')]
  assert.equal(leaveBalance(rows, day), 2)
  assert.equal(shortfall(rows, [row('new', -1, day, day)]), 1)
})

test('the sum of the ledger is the balance on every day, whatever happened in whatever order', () => {
  const at = fc.integer({ min: 0, max: 400 })
  const gift = fc.record({
    kind: fc.constant('gift' as const),
    at,
    length: fc.integer({ min: 0, max: 200 }),
    amount: fc.integer({ min: 1, max: 30_000 }),
  })
  const use = fc.record({
    kind: fc.constant('use' as const),
    at,
    length: fc.integer({ min: 0, max: 10 }),
    amount: fc.integer({ min: 1, max: 10_000 }),
  })
  const undo = fc.record({ kind: fc.constant('undo' as const), at, which: fc.nat() })
  const lapse = fc.record({ kind: fc.constant('lapse' as const), at })
  fc.assert(
    fc.property(fc.array(fc.oneof(gift, use, undo, lapse), { maxLength: 30 }), at, (events, last) => {
      const rows: LeaveRow[] = []
      const writeLapses = (today: string): void => {
        for (const due of lapsesDue(rows, today)) rows.push(row(`r${rows.length}`, due.leaves, due.day, due.day, { is_expired: 1 }))
      }
      for (const event of events) {
        const from = addDays('2026-01-01', event.at)
        if (event.kind === 'lapse') writeLapses(from)
        else if (event.kind === 'undo') {
          const open = standingRows(rows).filter((one) => !one.is_expired)
          const target = open[event.which % Math.max(1, open.length)]
          if (target) rows.push(row(`r${rows.length}`, -target.leaves, target.from_date, target.to_date, { reversal_of: target.name }))
        } else {
          const amount = (event.kind === 'gift' ? event.amount : -event.amount) / 1000
          rows.push(row(`r${rows.length}`, amount, from, addDays(from, event.length)))
        }
      }
      const today = addDays('2026-01-01', last)
      // Everything that may lapse has, before the sum is asked on any day until then.
      writeLapses('2028-01-01')
      assert.deepEqual(lapsesDue(rows, '2028-01-01'), [])
      for (const asked of [today, addDays(today, 1), '2027-12-31'])
        assert.equal(Math.round(ledgerSum(rows, asked) * 1000), Math.round(leaveBalance(rows, asked) * 1000))
    }),
    { numRuns: 500 },
  )
})

test('cut leave keeps its days, in order and without gaps in what counts', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), fc.array(fc.integer({ min: -5, max: 45 }), { maxLength: 5 }), (length, ends) => {
      const to = addDays(day, length)
      const wish = leaveDays({ from: day, to }, new Map())
      const lots = ends.map((end, index) => row(`l${index}`, 5, addDays(day, -100), addDays(day, end)))
      const cut = stretches(wish, lots)
      assert.equal(
        cut.reduce((sum, one) => sum + one.leaves, 0),
        daysBetween(day, to) + 1,
      )
      for (const one of cut) for (const lot of lots) assert.ok(lot.to_date < one.from || lot.to_date >= one.to)
    }),
    { numRuns: 200 },
  )
})
