import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lastTick, nextTick, rhythmComplaint } from './rhythm.ts'

const zone = 'Europe/Berlin'

/** The ticks of a day or so from an instant on, in UTC. */
function ticks(every: string, from: string, count: number, where = zone): string[] {
  const found: string[] = []
  for (let at = Date.parse(from); found.length < count; ) {
    at = nextTick(every, where, at)
    found.push(new Date(at).toISOString().slice(5, 16))
  }
  return found
}

test('words and cron fields are read in the zone of the site', () => {
  assert.deepEqual(ticks('daily', '2026-06-01T12:00:00Z', 2), ['06-01T22:00', '06-02T22:00'])
  assert.deepEqual(ticks('daily', '2026-06-01T12:00:00Z', 1, 'Asia/Kolkata'), ['06-01T18:30'])
  assert.deepEqual(ticks('weekly', '2026-06-01T12:00:00Z', 1, 'UTC'), ['06-07T00:00'])
  assert.deepEqual(ticks('monthly', '2026-06-01T12:00:00Z', 1, 'UTC'), ['07-01T00:00'])
  assert.deepEqual(ticks('yearly', '2026-06-01T12:00:00Z', 1, 'UTC'), ['01-01T00:00'])
  assert.deepEqual(ticks('all', '2026-06-01T12:01:00Z', 2, 'UTC'), ['06-01T12:04', '06-01T12:08'])
  assert.deepEqual(ticks('15 9 * * 1-5', '2026-06-05T12:00:00Z', 1, 'UTC'), ['06-08T09:15'])
})

test('in the night in which clocks go forward a time that does not exist comes at the first moment after the gap, once', () => {
  assert.deepEqual(ticks('30 2 * * *', '2026-03-28T12:00:00Z', 2), ['03-29T01:00', '03-30T00:30'])
  assert.deepEqual(ticks('hourly', '2026-03-28T23:30:00Z', 3), ['03-29T00:00', '03-29T01:00', '03-29T02:00'])
})

test('in the night in which clocks go back a fixed time comes once, and every hour comes in each of the two', () => {
  assert.deepEqual(ticks('30 2 * * *', '2026-10-24T12:00:00Z', 2), ['10-25T00:30', '10-26T01:30'])
  assert.deepEqual(ticks('hourly', '2026-10-24T23:30:00Z', 3), ['10-25T00:00', '10-25T01:00', '10-25T02:00'])
})

test('looking back finds the tick that looking forward foretold, the moment itself included', () => {
  for (const every of ['30 2 * * *', 'hourly', 'daily', 'monthly', '*/7 3-5 * * 1'])
    for (const from of ['2026-03-28T12:00:00Z', '2026-10-24T12:00:00Z', '2026-06-15T00:00:00Z']) {
      const tick = nextTick(every, zone, Date.parse(from))
      assert.equal(lastTick(every, zone, tick), tick, `${every} at ${new Date(tick).toISOString()}`)
      assert.equal(lastTick(every, zone, tick + 59_999), tick)
      assert.ok((lastTick(every, zone, tick - 1) ?? 0) < tick)
    }
})

test('what is no rhythm, or never comes, is told', () => {
  for (const every of ['sometimes', '* * * *', '0 0 0 * * *', '61 * * * *', '0 0 30 2 *', 'constructor', ''])
    assert.ok(rhythmComplaint(every), every)
  for (const every of ['daily', '0 0 29 2 *', '*/5 * * * *']) assert.equal(rhythmComplaint(every), undefined)
})
