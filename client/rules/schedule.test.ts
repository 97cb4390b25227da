import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CalendarDefinition } from './business-calendar.ts'
import { NoWorkingTime, WorkClock } from './schedule-clock.ts'
import { level } from './schedule-levelling.ts'
import { BadLink, DependencyCycle, type LinkKind, type Plan, type PlanLink, type PlanTask } from './schedule-plan.ts'
import { movesOf, schedule } from './schedule.ts'

const hour = 3_600_000
const weekdays = (zone = 'UTC'): CalendarDefinition => {
  const day = [
    ['09:00', '12:00'],
    ['13:00', '18:00'],
  ] as const
  return { timezone: zone, business_hours: { mon: day, tue: day, wed: day, thu: day, fri: day }, holidays: ['2026-01-06', '2026-04-03'] }
}
const always: CalendarDefinition = { timezone: 'UTC', calendar: '24x7' }
const monday = Date.UTC(2026, 0, 5, 9)
const utc = (text: string) => Date.parse(`${text}:00Z`)
const wall = (at: number) => new Date(at).toISOString().slice(0, 16)
const task = (id: string, hours: number, more: Partial<PlanTask> = {}): PlanTask => ({ id, work: hours * hour, ...more })
const link = (from: string, to: string, kind: LinkKind = 'FS', lag = 0): PlanLink => ({ from, to, kind, lag: lag * hour })
const planOf = (tasks: PlanTask[], links: PlanLink[] = [], more: Partial<Plan> = {}, definition = weekdays()): Plan => ({
  start: monday,
  tasks,
  links,
  clocks: new Map([['own', new WorkClock(definition, monday)]]),
  calendar: 'own',
  ...more,
})
const dates = (plan: Plan): Record<string, [string, string]> =>
  Object.fromEntries([...schedule(plan).tasks.values()].map(({ id, start, finish }) => [id, [wall(start), wall(finish)]]))

test('work goes around nights, lunch, holidays and the weekend', () => {
  assert.deepEqual(dates(planOf([task('a', 4), task('b', 8), task('c', 16)], [link('a', 'b'), link('b', 'c')])), {
    a: ['2026-01-05T09:00', '2026-01-05T14:00'],
    // Tuesday is a holiday.
    b: ['2026-01-05T14:00', '2026-01-07T14:00'],
    c: ['2026-01-07T14:00', '2026-01-09T14:00'],
  })
})

test('the four kinds of link, with lag in working time', () => {
  const both = [task('a', 8), task('b', 4)]
  const b = (kind: LinkKind, lag = 0) => dates(planOf(both, [link('a', 'b', kind, lag)])).b
  assert.deepEqual(b('FS'), ['2026-01-07T09:00', '2026-01-07T14:00'])
  assert.deepEqual(b('FS', 2), ['2026-01-07T11:00', '2026-01-07T16:00'])
  assert.deepEqual(b('FS', -2), ['2026-01-05T16:00', '2026-01-07T11:00'])
  assert.deepEqual(b('SS', 3), ['2026-01-05T13:00', '2026-01-05T17:00'])
  assert.deepEqual(b('FF'), ['2026-01-05T14:00', '2026-01-05T18:00'])
  assert.deepEqual(b('SF', 6), ['2026-01-05T11:00', '2026-01-05T16:00'])
})

test('a night shift is an hour shorter when the clocks go forward', () => {
  const night: CalendarDefinition = { timezone: 'Europe/Berlin', business_hours: { sat: [['22:00', '06:00']] } }
  const clock = new WorkClock(night, utc('2026-03-01T00:00'))
  assert.equal(clock.between(utc('2026-03-28T12:00'), utc('2026-03-29T12:00')), 7 * hour)
  assert.equal(clock.between(utc('2026-10-24T12:00'), utc('2026-10-25T12:00')), 9 * hour)
  const plan = planOf([task('a', 7.5)], [], { start: utc('2026-03-28T12:00') }, night)
  // Half an hour is left for the Saturday after it.
  assert.deepEqual(dates(plan).a, ['2026-03-28T21:00', '2026-04-04T20:30'])
})

test('constraints and pinned dates hold, and what they run against is told', () => {
  const tasks = (more: Partial<PlanTask>) => [task('a', 8), task('b', 4, more)]
  const run = (more: Partial<PlanTask>) => schedule(planOf(tasks(more), [link('a', 'b')]))
  const at = utc('2026-01-08T09:00')
  const found = (more: Partial<PlanTask>) => wall(run(more).tasks.get('b')?.start ?? 0)
  assert.equal(found({ constraint: { kind: 'start-no-earlier-than', at } }), '2026-01-08T09:00')
  assert.equal(found({ constraint: { kind: 'finish-no-earlier-than', at } }), '2026-01-07T14:00')
  assert.equal(found({ constraint: { kind: 'must-finish-on', at } }), '2026-01-07T14:00')
  const early = utc('2026-01-05T13:00')
  const kept = run({ constraint: { kind: 'must-start-on', at: early } })
  assert.equal(wall(kept.tasks.get('b')?.start ?? 0), '2026-01-05T13:00')
  assert.deepEqual(
    kept.conflicts.map(({ kind, task: id, by }) => [kind, id, by / hour]),
    [['link', 'b', 5]],
  )
  assert.equal(kept.tasks.get('a')?.slack, -5 * hour)
  const late = run({ constraint: { kind: 'finish-no-later-than', at: early }, deadline: early })
  assert.deepEqual(
    late.conflicts.map(({ kind, by }) => [kind, by / hour]),
    [
      ['constraint', 9],
      ['deadline', 9],
    ],
  )
  const pinned = run({ pinned: { start: early, finish: early + hour } })
  assert.deepEqual([pinned.conflicts.length, pinned.tasks.get('b')?.because.kind], [1, 'pinned'])
})

test('as late as possible leaves what follows where it is', () => {
  const plan = planOf([task('a', 1), task('long', 16), task('z', 1)], [link('a', 'z'), link('long', 'z')])
  const late = {
    ...plan,
    tasks: plan.tasks.map((one) => (one.id === 'a' ? { ...one, constraint: { kind: 'as-late-as-possible' as const } } : one)),
  }
  assert.equal(dates(plan).a?.[0], '2026-01-05T09:00')
  assert.equal(dates(late).a?.[0], '2026-01-07T17:00')
  assert.deepEqual(dates(late).z, dates(plan).z)
})

test('parts wait for what the whole waits for, and the whole lasts as long as they do', () => {
  const plan = planOf(
    [task('first', 8), task('epic', 0), task('x', 4, { parent: 'epic' }), task('y', 2, { parent: 'epic' }), task('last', 1)],
    [link('first', 'epic'), link('x', 'y'), link('epic', 'last')],
  )
  const { tasks, critical } = schedule(plan)
  assert.deepEqual([tasks.get('epic')?.start, tasks.get('epic')?.finish], [tasks.get('x')?.start, tasks.get('y')?.finish])
  assert.equal(wall(tasks.get('x')?.start ?? 0), '2026-01-07T09:00')
  assert.deepEqual(critical, ['first', 'x', 'y', 'last'])
})

test('circles are refused, across the hierarchy too, and named', () => {
  const circle = (tasks: PlanTask[], links: PlanLink[]) => {
    try {
      schedule(planOf(tasks, links))
    } catch (error) {
      assert.ok(DependencyCycle.is(error))
      return error.data.chain as string[]
    }
    return []
  }
  assert.deepEqual(circle([task('a', 1), task('b', 1), task('c', 1)], [link('a', 'b'), link('b', 'c'), link('c', 'b', 'SS')]).sort(), [
    'b',
    'b',
    'c',
  ])
  assert.deepEqual(circle([task('a', 1)], [link('a', 'a')]), ['a', 'a'])
  const family = [task('epic', 0), task('story', 1, { parent: 'epic' }), task('other', 1)]
  assert.equal(new Set(circle(family, [link('story', 'epic')])).size, 2)
  assert.equal(new Set(circle(family, [link('epic', 'story')])).size, 2)
  assert.equal(new Set(circle(family, [link('epic', 'other'), link('other', 'story')])).size, 3)
  assert.throws(() => schedule(planOf(family, [link('other', 'epic', 'FF')])), BadLink.is)
  assert.throws(() => schedule(planOf(family, [link('other', 'nobody')])), BadLink.is)
})

test('a calendar without work refuses instead of searching for ever', () => {
  assert.throws(() => schedule(planOf([task('a', 1)], [], {}, { timezone: 'UTC', business_hours: {} })), NoWorkingTime.is)
})

test('what has happened stays; the rest of what has begun is still to do', () => {
  const asOf = utc('2026-01-08T09:00')
  const plan = planOf(
    [
      task('done', 4, { actualStart: monday, actualFinish: utc('2026-01-05T18:00') }),
      task('half', 8, { actualStart: utc('2026-01-07T09:00'), progress: 0.25 }),
      task('next', 1),
      task('new', 1),
    ],
    [link('done', 'half'), link('half', 'next')],
    { asOf },
  )
  assert.deepEqual(dates(plan), {
    done: ['2026-01-05T09:00', '2026-01-05T18:00'],
    half: ['2026-01-07T09:00', '2026-01-08T16:00'],
    next: ['2026-01-08T16:00', '2026-01-08T17:00'],
    new: ['2026-01-08T09:00', '2026-01-08T10:00'],
  })
})

const kinds: readonly LinkKind[] = ['FS', 'SS', 'FF', 'SF']

/** Networks without circles: links lead from lower to higher numbers. Every third may be a part of the task before it that has none. */
const networks = fc
  .record({
    work: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 2, maxLength: 14 }),
    links: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.constantFrom(...kinds), fc.integer({ min: -6, max: 12 })), { maxLength: 24 }),
    calendars: fc.array(fc.constantFrom(undefined, 'always', 'east'), { minLength: 14, maxLength: 14 }),
  })
  .map(({ work, links, calendars }) => {
    const tasks = work.map((hours, index) => task(`t${String(index).padStart(2, '0')}`, hours, { calendar: calendars[index] }))
    const made = links.flatMap(([a, b, kind, lag]) => {
      const [from, to] = [a % tasks.length, b % tasks.length].sort((x, y) => x - y) as [number, number]
      return from === to ? [] : [link((tasks[from] as PlanTask).id, (tasks[to] as PlanTask).id, kind, lag)]
    })
    const clocks = new Map([
      ['own', new WorkClock(weekdays(), monday)],
      ['always', new WorkClock(always, monday)],
      ['east', new WorkClock(weekdays('Pacific/Auckland'), monday)],
    ])
    return planOf(tasks, made, { clocks })
  })

test('property: every link and every calendar is respected', () => {
  fc.assert(
    fc.property(networks, (plan) => {
      const own = plan.clocks.get('own') as WorkClock
      const { tasks, conflicts } = schedule(plan)
      assert.deepEqual(conflicts, [])
      for (const { id, work, calendar } of plan.tasks) {
        const { start, finish } = tasks.get(id) as { start: number; finish: number }
        const clock = plan.clocks.get(calendar ?? 'own') as WorkClock
        assert.equal(clock.between(start, finish), work)
        assert.ok(start >= plan.start && finish >= start)
        if (work > 0) assert.equal(clock.begin(start), start)
      }
      for (const { from, to, kind, lag } of plan.links) {
        const [a, b] = [tasks.get(from), tasks.get(to)] as { start: number; finish: number }[]
        const bound = own.shift((kind === 'FS' || kind === 'FF' ? a?.finish : a?.start) as number, lag)
        assert.ok(((kind === 'FS' || kind === 'SS' ? b?.start : b?.finish) as number) >= bound, `${from} ${kind} ${to}`)
      }
    }),
    { numRuns: 150 },
  )
})

test('property: slack is exactly how far a task may slip', () => {
  fc.assert(
    fc.property(networks, fc.nat(), (mixed, chosen) => {
      const plan = {
        ...mixed,
        tasks: mixed.tasks.map(({ id, work }) => ({ id, work })),
        links: mixed.links.filter(({ kind }) => kind === 'FS' || kind === 'SS'),
      }
      const before = schedule(plan)
      const one = plan.tasks[chosen % plan.tasks.length] as PlanTask
      const own = plan.clocks.get('own') as WorkClock
      const placed = before.tasks.get(one.id) as { start: number; slack: number }
      const slipped = (by: number) => {
        const at = own.shift(placed.start, placed.slack + by)
        const moved = { ...one, constraint: { kind: 'start-no-earlier-than' as const, at } }
        return own.position(schedule({ ...plan, tasks: plan.tasks.map((task) => (task === one ? moved : task)) }).finish)
      }
      assert.equal(slipped(0), own.position(before.finish))
      assert.ok(slipped(hour) > own.position(before.finish))
    }),
    { numRuns: 100 },
  )
})

test('property: the critical path is what trying all paths finds', () => {
  fc.assert(
    fc.property(networks, (mixed) => {
      const tasks = mixed.tasks.slice(0, 8).map(({ id, work }) => ({ id, work: work + hour }))
      const known = new Set(tasks.map(({ id }) => id))
      const links = mixed.links
        .filter(({ from, to }) => known.has(from) && known.has(to))
        .map(({ from, to }) => ({ from, to, kind: 'FS' as const, lag: 0 }))
      const found = schedule(planOf(tasks, links))
      const own = new WorkClock(weekdays(), monday)
      const paths: { ids: string[]; work: number }[] = []
      const walk = (id: string, ids: string[], work: number) => {
        const sum = work + (tasks.find((one) => one.id === id)?.work ?? 0)
        const next = links.filter(({ from }) => from === id)
        if (next.length === 0) paths.push({ ids: [...ids, id], work: sum })
        for (const { to } of next) walk(to, [...ids, id], sum)
      }
      for (const { id } of tasks) if (!links.some(({ to }) => to === id)) walk(id, [], 0)
      const longest = Math.max(...paths.map(({ work }) => work))
      assert.equal(own.between(monday, found.finish), longest)
      const critical = new Set(paths.filter(({ work }) => work === longest).flatMap(({ ids }) => ids))
      assert.deepEqual(new Set(found.critical), critical)
    }),
    { numRuns: 150 },
  )
})

test('property: moving a task moves only what follows it', () => {
  fc.assert(
    fc.property(networks, fc.nat(), fc.integer({ min: 1, max: 80 }), (plan, chosen, hours) => {
      const one = plan.tasks[chosen % plan.tasks.length] as PlanTask
      const before = schedule(plan)
      const moved = {
        ...one,
        constraint: { kind: 'start-no-earlier-than' as const, at: (before.tasks.get(one.id)?.start ?? 0) + hours * hour },
      }
      const after = schedule({ ...plan, tasks: plan.tasks.map((task) => (task === one ? moved : task)) })
      const follows = new Set([one.id])
      for (let size = 0; size !== follows.size; ) {
        size = follows.size
        for (const { from, to } of plan.links) if (follows.has(from)) follows.add(to)
      }
      for (const { task: id } of movesOf(before.tasks, after)) assert.ok(follows.has(id), id)
    }),
    { numRuns: 150 },
  )
})

/** PSPLIB j30, instance 1_1: `duration; needs of four kinds; successors`. */
const j301 = `0;;2 3 4|8;4 0 0 0;6 11 15|4;10 0 0 0;7 8 13|6;0 0 0 3;5 9 10|3;3 0 0 0;20|8;0 0 0 8;30|5;4 0 0 0;27|9;0 1 0 0;12 19 27|2;6 0 0 0;14
|7;0 0 0 1;16 25|9;0 5 0 0;20 26|2;0 7 0 0;14|6;4 0 0 0;17 18|3;0 8 0 0;17|9;3 0 0 0;25|10;0 0 0 5;21 22|6;0 0 0 8;22|5;0 0 0 7;20 22|3;0 1 0 0;24 29
|7;0 10 0 0;23 25|2;0 0 0 6;28|7;2 0 0 0;23|2;3 0 0 0;24|3;0 9 0 0;30|3;4 0 0 0;30|7;0 0 4 0;31|8;0 0 0 7;28|3;0 8 0 0;31|7;0 7 0 0;32|2;0 7 0 0;32
|2;0 0 2 0;32|0;;`
const rows = j301
  .replaceAll('\n', '')
  .split('|')
  .map((row) => row.split(';'))
const project = (): Plan =>
  planOf(
    rows.map(([duration], index) => task(String(index + 1), Number(duration))),
    rows.flatMap(([, , next = ''], index) =>
      next
        .split(' ')
        .filter(Boolean)
        .map((to) => link(String(index + 1), to)),
    ),
    { start: 0, clocks: new Map([['own', new WorkClock(always, 0)]]) },
    always,
  )
const demands = rows.flatMap(([, needs = ''], index) =>
  needs
    .split(' ')
    .filter(Boolean)
    .map((units, kind) => ({ task: String(index + 1), resource: `R${kind + 1}`, units: Number(units) })),
)
const capacity = new Map([
  ['R1', 12],
  ['R2', 13],
  ['R3', 4],
  ['R4', 12],
])

test('PSPLIB j301_1: 38 hours without limits, the optimum of 43 with them, and nothing is used more than there is', () => {
  const plan = project()
  assert.equal(schedule(plan).finish / hour, 38)
  const { finish, notBefore } = level(plan, demands, capacity, { tries: 400 })
  assert.equal(finish / hour, 43)
  const placed = schedule(plan, notBefore)
  assert.equal(placed.finish, finish)
  for (const [resource, most] of capacity)
    for (let at = 0; at < 43; at++) {
      const used = demands
        .filter((demand) => demand.resource === resource)
        .filter(({ task: id }) => (placed.tasks.get(id)?.start ?? 0) <= at * hour && (placed.tasks.get(id)?.finish ?? 0) > at * hour)
      assert.ok(used.reduce((sum, { units }) => sum + units, 0) <= most, `${resource} at ${at}`)
    }
})

test('levelling goes around nights, and gives pinned work its share first', () => {
  const plan = planOf([task('a', 6), task('b', 6), task('fixed', 2, { pinned: { start: monday, finish: monday + 2 * hour } })])
  const one = ['a', 'b', 'fixed'].map((id) => ({ task: id, resource: 'ada', units: 1 }))
  const { notBefore } = level(plan, one, new Map([['ada', 1]]))
  const { tasks } = schedule(plan, notBefore)
  assert.deepEqual(
    ['fixed', 'a', 'b'].map((id) => wall(tasks.get(id)?.start ?? 0)),
    ['2026-01-05T09:00', '2026-01-05T11:00', '2026-01-07T09:00'],
  )
})
