import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { BusinessCalendar, type CalendarDefinition } from './business-calendar.ts'
import { instantOfShare, type SlaClock, type SlaEvent, type SlaHistory, type SlaPolicy, slaClocks } from './sla.ts'

interface Check {
  at: string
  response: { state: string; elapsed_minutes: number; percent: number }
  resolution: { state: string; elapsed_minutes: number; percent: number }
}
interface Vector {
  id: string
  category: string
  policy: SlaPolicy
  priority: string
  created: string
  events: ({ at: string } & Record<string, string>)[]
  checks?: Check[]
  expected_response_due: string | null
  expected_resolution_due: string | null
  expected_resolution_remaining_minutes?: number
}

const vectors = JSON.parse(readFileSync(new URL('../../testing/vectors/sla.json', import.meta.url), 'utf8')) as Vector[]
const at = (text: string): number => Date.parse(text)
const historyOf = ({ policy, priority, created, events }: Vector): SlaHistory => ({
  policy,
  priority,
  created: at(created),
  events: events.map((event) => ({ ...event, at: at(event.at) }) as unknown as SlaEvent),
})
const round = (value: number): number => Math.round(value * 10_000) / 10_000
const shown = ({ state, elapsed, percent }: SlaClock) => ({ state, elapsed_minutes: round(elapsed / 60_000), percent: round(percent) })

suite('deadlines', () => {
  assert.ok(vectors.length >= 24)
  for (const vector of vectors)
    test(`${vector.id}: ${vector.category}`, () => {
      const history = historyOf(vector)
      const calendar = new BusinessCalendar(vector.policy)
      const { response, resolution } = slaClocks(history, undefined, calendar)
      assert.equal(response.due === null ? null : calendar.local(response.due), vector.expected_response_due)
      assert.equal(resolution.due === null ? null : calendar.local(resolution.due), vector.expected_resolution_due)
      if (vector.expected_resolution_remaining_minutes !== undefined)
        assert.equal(resolution.remaining / 60_000, vector.expected_resolution_remaining_minutes)
      for (const check of vector.checks ?? []) {
        const clocks = slaClocks(history, at(check.at), calendar)
        assert.deepEqual(shown(clocks.response), check.response, check.at)
        assert.deepEqual(shown(clocks.resolution), check.resolution, check.at)
      }
      for (const clock of [response, resolution])
        if (clock.due !== null && clock.stopped === null && clock.elapsed <= (clock.target ?? 0))
          assert.equal(
            clock.counted.reduce((sum, span) => sum + span.to - span.from, 0),
            clock.target,
            'the spans that are shown add up to the promise',
          )
    })

  test('tickets at odd times are answered and resolved by the next open hours', () => {
    const policy: SlaPolicy = {
      timezone: 'UTC',
      business_hours: Object.fromEntries(['mon', 'tue', 'wed', 'thu', 'fri'].map((day) => [day, [['10:00', '18:00']]])),
      targets: {
        Urgent: { response_minutes: 30, resolution_minutes: 120 },
        High: { response_minutes: 60, resolution_minutes: 240 },
        Low: { response_minutes: 1440, resolution_minutes: 4320 },
      },
    }
    const due = (created: string, priority: string): string[] => {
      const { response, resolution } = slaClocks({ policy, priority, created: at(created), events: [] })
      return [response, resolution].map((clock) => new Date(clock.due as number).toISOString().slice(0, 16))
    }
    assert.deepEqual(due('2026-11-16T08:00Z', 'High'), ['2026-11-16T11:00', '2026-11-16T14:00'])
    assert.deepEqual(due('2026-11-16T20:00Z', 'Urgent'), ['2026-11-17T10:30', '2026-11-17T12:00'])
    assert.deepEqual(due('2026-11-14T15:00Z', 'Low'), ['2026-11-18T18:00', '2026-11-26T18:00'])
    assert.deepEqual(due('2026-11-20T17:00Z', 'Urgent'), ['2026-11-20T17:30', '2026-11-23T11:00'])
    assert.deepEqual(due('2026-11-20T19:00Z', 'High'), ['2026-11-23T11:00', '2026-11-23T14:00'])
  })

  test('warnings come when their share of business time is used', () => {
    const vector = vectors.find(({ id }) => id === 's01') as Vector
    const when = (percent: number): string => new Date(instantOfShare(historyOf(vector), 'resolution', percent) as number).toISOString()
    assert.equal(when(75), '2025-12-08T15:00:00.000Z')
    assert.equal(when(90), '2025-12-08T15:36:00.000Z')
    assert.equal(when(100), '2025-12-08T16:00:00.000Z')
  })

  test('what cannot be read is refused by its place', () => {
    const policy: SlaPolicy = { timezone: 'UTC', calendar: '24x7', targets: { high: { response_minutes: 5 } } }
    const base = { policy, priority: 'high', created: 0, events: [] }
    assert.equal(slaClocks(base).resolution.state, 'none')
    assert.throws(() => slaClocks({ ...base, priority: 'constructor' }), { field: 'priority' })
    assert.throws(() => slaClocks({ ...base, policy: { ...policy, targets: { high: { response_minutes: -1 } } } }), {
      field: 'targets.high.response_minutes',
    })
    assert.throws(() => slaClocks({ ...base, events: [{ at: -5, type: 'pause' }] }), { field: 'events' })
    assert.throws(() => slaClocks({ ...base, events: [{ at: 5, type: 'party' as 'pause' }] }), { field: 'events' })
  })
})

suite('business hours', () => {
  const zones = ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kolkata', 'UTC']
  const time = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom(0, 15, 30))
    .map(([h, m]) => `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`)
  const intervals = fc.array(fc.tuple(time, time), { maxLength: 2 })
  const definition: fc.Arbitrary<CalendarDefinition> = fc.record({
    timezone: fc.constantFrom(...zones),
    business_hours: fc.record({
      mon: intervals,
      tue: intervals,
      wed: intervals,
      thu: intervals,
      fri: intervals,
      sat: intervals,
      sun: intervals,
    }),
    holidays: fc.subarray(['2026-03-09', '2026-03-29', '2026-04-06', '2026-10-25']),
    special_days: fc.constantFrom({}, { '2026-03-08': [['01:00', '05:00']] }, { '2026-11-01': [] }) as fc.Arbitrary<
      Record<string, [string, string][]>
    >,
  })
  const minuteMs = 60_000
  // Days on which clocks change, somewhere.
  const start = fc
    .constantFrom('2026-03-06T12:00Z', '2026-03-27T09:15Z', '2026-04-03T23:45Z', '2026-10-23T00:00Z', '2026-10-30T18:30Z')
    .map(at)

  /** Whether it is open at an instant, asked of the wall clock and nothing else. */
  const openByTheClock = (calendar: CalendarDefinition, instant: number): boolean => {
    const wall = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(calendar.timezone)
    const day = wall.toPlainDate()
    const own = (date: Temporal.PlainDate): readonly (readonly [string, string])[] => {
      if (calendar.holidays?.includes(date.toString())) return []
      return (
        calendar.special_days?.[date.toString()] ??
        calendar.business_hours?.[(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const)[date.dayOfWeek - 1] as 'mon'] ??
        []
      )
    }
    if (calendar.holidays?.includes(day.toString())) return false
    const instantOn = (date: Temporal.PlainDate, text: string): number =>
      date.toZonedDateTime({ timeZone: calendar.timezone, plainTime: text }).epochMilliseconds
    const covers = (date: Temporal.PlainDate): boolean =>
      own(date).some(([open, close]) => {
        const end = close <= open ? date.add({ days: 1 }) : date
        return instantOn(date, open) <= instant && instant < instantOn(end, close)
      })
    return covers(day) || covers(day.subtract({ days: 1 }))
  }

  test('minute by minute, the count is that of a clock on the wall', () => {
    fc.assert(
      fc.property(definition, start, fc.integer({ min: 0, max: 4 * 1440 }), (calendar, from, length) => {
        const hours = new BusinessCalendar(calendar)
        const step = 15
        let open = 0
        const to = from + Math.floor(length / step) * step * minuteMs
        for (let now = from; now < to; now += step * minuteMs) {
          const isOpen = openByTheClock(calendar, now)
          assert.equal(hours.isOpen(now), isOpen, `${new Date(now).toISOString()}`)
          if (isOpen) open += step * minuteMs
        }
        assert.equal(hours.between(from, to), open)
      }),
      { numRuns: 60 },
    )
  })

  test('the deadline is the earliest instant by which the time was open, and nothing is lost in between', () => {
    fc.assert(
      fc.property(definition, start, fc.integer({ min: 1, max: 3000 }), (calendar, from, minutes) => {
        const hours = new BusinessCalendar(calendar)
        const due = hours.after(from, minutes * minuteMs)
        if (due === undefined) return
        assert.equal(hours.between(from, due), minutes * minuteMs)
        assert.equal(hours.between(from, due - 1), minutes * minuteMs - 1)
      }),
      { numRuns: 200 },
    )
  })

  test('a calendar that never opens gives no instant, at once', () => {
    const never = new BusinessCalendar({
      timezone: 'UTC',
      business_hours: { mon: [] },
      special_days: { '2026-01-02': [['09:00', '10:00']] },
    })
    assert.equal(never.after(at('2026-01-03T00:00Z'), 1), undefined)
    assert.equal(never.after(at('2026-01-01T00:00Z'), 3_600_000), at('2026-01-02T10:00Z'))
    assert.equal(never.after(at('2026-01-01T00:00Z'), 3_600_001), undefined)
  })

  test('hours that are none are refused by their place', () => {
    const bad = (definition: unknown, field: string) =>
      assert.throws(() => new BusinessCalendar(definition as CalendarDefinition), { field })
    bad({ timezone: 'Mars/Olympus' }, 'timezone')
    bad({ timezone: 'UTC', business_hours: { monday: [] } }, 'business_hours.monday')
    bad({ timezone: 'UTC', business_hours: { mon: [['9', '10:00']] } }, 'business_hours.mon[0]')
    bad({ timezone: 'UTC', business_hours: { mon: [['24:00', '10:00']] } }, 'business_hours.mon[0]')
    bad({ timezone: 'UTC', business_hours: { mon: [['08:00']] } }, 'business_hours.mon[0]')
    bad({ timezone: 'UTC', holidays: ['2026-02-30'] }, 'holidays[0]')
    bad({ timezone: 'UTC', special_days: { tomorrow: [] } }, 'special_days.tomorrow')
  })
})
