import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { pino } from 'pino'
import { schedule } from '#client/rules/schedule.ts'
import { WorkClock } from '#client/rules/schedule-clock.ts'
import type { LinkKind, Plan } from '#client/rules/schedule-plan.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { insert } from '#kernel/documents/save.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { createSite } from '#kernel/sites/create-site.ts'
import { openRuntime } from '#kernel/sites/runtime.ts'
import type { Finding } from './report.ts'
import { appFolders, temporarySites } from './world.ts'

const kinds: readonly LinkKind[] = ['FS', 'SS', 'FF', 'SF']
const words = { FS: 'Finish to Start', SS: 'Start to Start', FF: 'Finish to Finish', SF: 'Start to Finish' } as const

/** Forty teams that each do one thing after another, with links between them: what waits for what, by number. */
function links(count: number): { from: number; to: number; kind: LinkKind; lag: number }[] {
  const found = []
  for (let to = 1; to < count; to++) {
    if (to >= 40) found.push({ from: to - 40, to, kind: 'FS' as const, lag: to % 7 === 0 ? 2 : 0 })
    if (to % 3 === 0) found.push({ from: (to * 7) % to, to, kind: kinds[to % 4] as LinkKind, lag: (to % 5) - 2 })
  }
  return found
}

/** How long it takes until all dates of a large project are worked out anew, by the rules alone and with everything around them. */
export async function planningSpeed(count: number, rounds: number): Promise<Finding[]> {
  const facts = { engine: 'sqlite', unit: 'ms', compares: 'at most' } as const
  const what = `project of ${count.toLocaleString('en')} tasks`
  return [
    { ...facts, what: `${what}: planned anew`, ours: byRules(count, rounds), limit: 200 },
    ...(await onSite(count, rounds)).map(([how, ours]) => ({ ...facts, what: `${what}: ${how}`, ours })),
  ]
}

/** Each round has calendars of its own, which have nothing worked out yet. */
function byRules(count: number, rounds: number): number {
  const hour = 3_600_000
  const times = Array.from({ length: rounds }, () => {
    const started = performance.now()
    const week = {
      timezone: 'Europe/Berlin',
      business_hours: Object.fromEntries(['mon', 'tue', 'wed', 'thu', 'fri'].map((day) => [day, [['09:00', '17:00']]])),
    }
    const start = Date.UTC(2026, 0, 5, 8)
    const plan = {
      start,
      tasks: Array.from({ length: count }, (_, index) => ({ id: String(index), work: (1 + (index % 16)) * hour })),
      links: links(count).map(({ from, to, kind, lag }) => ({ from: String(from), to: String(to), kind, lag: lag * hour })),
      clocks: new Map([['own', new WorkClock(week as never, start)]]),
      calendar: 'own',
    } satisfies Plan
    schedule(plan)
    return performance.now() - started
  })
  return median(times)
}

async function onSite(count: number, rounds: number): Promise<[how: string, ms: number][]> {
  const sitesFolder = await temporarySites()
  const runtime = await openRuntime({ sitesFolder, appFolders, log: pino({ level: 'silent' }) })
  try {
    const { site } = await createSite(runtime, {
      host: 'plan.localhost',
      adminPassword: 'fake-Administrator-pass-1',
      installApps: ['projects'],
    })
    const project = await site.asSystem('bench', (ctx) => makeProject(ctx, count))
    const time = async (verb: string) => {
      const started = performance.now()
      await site.asSystem('bench', (ctx) => callDocumentMethod(ctx, 'Project', project, verb, {}, 'POST'))
      return performance.now() - started
    }
    const first = await time('schedule')
    const again = []
    for (let round = 0; round < rounds; round++) again.push(await time('what_if'))
    return [
      ['tried out on a site, with reading and permissions', median(again)],
      ['every task moved, each with its history', first],
    ]
  } finally {
    await runtime.close()
    await rm(dirname(sitesFolder), { recursive: true, force: true })
  }
}

/** Rows are written straight away: what is measured is planning them. */
async function makeProject(ctx: Context, count: number): Promise<string> {
  await insert(ctx, 'Organization', { organization_name: 'Bench', abbr: 'B', time_zone: 'Europe/Berlin' })
  const project = await insert(ctx, 'Project', {
    project_name: 'Bench',
    organization: 'Bench',
    expected_start_date: '2026-01-05',
    auto_schedule: 1,
  })
  const row = async (table: string, values: Record<string, string | number>) => {
    const join = (parts: ReturnType<typeof ident>[]) => parts.reduce((all, part) => sql`${all}, ${part}`)
    const columns = join(Object.keys(values).map((column) => ident(column)))
    const cells = join(Object.values(values).map((value) => sql`${value}`))
    await ctx.db.execute(ctx.db.dialect.compile(sql`insert into ${ident(table)} (${columns}) values (${cells})`))
  }
  const stamp = {
    owner: 'Administrator',
    modified_by: 'Administrator',
    creation: '2026-01-01 00:00:00.000000',
    modified: '2026-01-01 00:00:00.000000',
  }
  for (let index = 0; index < count; index++)
    await row('tabTask', {
      ...stamp,
      name: `T${index}`,
      subject: `Task ${index}`,
      project: project.name,
      organization: 'Bench',
      status: 'Open',
      expected_time: 1 + (index % 16),
    })
  for (const [index, { from, to, kind, lag }] of links(count).entries())
    await row('tabTask Dependency', {
      ...stamp,
      name: `D${index}`,
      parent: `T${to}`,
      parenttype: 'Task',
      parentfield: 'depends_on',
      idx: 1,
      task: `T${from}`,
      dependency_type: words[kind],
      lag_hours: lag,
    })
  return project.name
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1] as number
}
