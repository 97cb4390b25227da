import { Type } from 'typebox'
import { burndown, type SprintEvent, sprintAt, velocityOf } from '#client/rules/projects-burndown.ts'
import { addDays } from '#client/rules/dates.ts'
import { and, where } from '#client/rules/predicate.ts'
import { intervalsOn } from '#client/rules/schedule-days.ts'
import { zoneToUtc } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { laterThan, nowText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { documentForm } from '#kernel/documents/cast.ts'
import { defineDocumentMethod, defineMethod, permission } from '#kernel/methods/method.ts'
import { list } from '#kernel/query/list.ts'
import { OfAnotherProject, SprintStateWrong } from '../errors.ts'
import { workCalendar } from '../planning/calendars.ts'
import { inBulk } from '../figures/progress.ts'
import { rowNamed, rowsOf, zoneOf } from '../rows.ts'
import { eventTime } from './sprint-events.ts'

async function eventsOf(ctx: Context, sprint: string): Promise<SprintEvent[]> {
  const rows = await rowsOf(ctx, 'Sprint Event', where('sprint', '=', sprint), {
    fields: ['at', 'task', 'in_sprint', 'points', 'done'],
    orderBy: [['sequence', 'asc']],
  })
  return rows.map((row) => ({
    at: String(row.at),
    task: String(row.task),
    inSprint: Boolean(row.in_sprint),
    points: Number(row.points),
    isDone: Boolean(row.done),
  }))
}

async function change(ctx: Context, sprint: AnyDocument, from: string, values: Record<string, unknown>): Promise<void> {
  const stored = await openForWrite(ctx, 'Sprint', sprint.name)
  if (stored.status !== from)
    throw new SprintStateWrong({ field: 'status', sprint: String(stored.sprint_name), status: String(stored.status) })
  ctx.memo.set('projects:sprint-verb', stored.name)
  try {
    Object.assign(sprint, await save(ctx, stored, values))
  } finally {
    ctx.memo.delete('projects:sprint-verb')
  }
}

const start = defineDocumentMethod({
  verb: 'start',
  doctype: 'Sprint',
  summary: 'Begins the sprint: what is in it now is what the team commits itself to.',
  needs: 'write',
  input: Type.Object({}),
  async handler(ctx, sprint) {
    const [active] = await rowsOf(ctx, 'Sprint', and(where('project', '=', sprint.project), where('status', '=', 'Active')), {
      fields: ['sprint_name'],
      limit: 1,
    })
    if (active) throw new SprintStateWrong({ field: 'status', sprint: String(active.sprint_name), status: 'Active' })
    const { scope, tasks } = sprintAt(await eventsOf(ctx, sprint.name))
    await change(ctx, sprint, 'Planned', { status: 'Active', committed_points: scope, committed_on: nowText(ctx) })
    return { committed_points: scope, tasks }
  },
})

const close = defineDocumentMethod({
  verb: 'complete',
  doctype: 'Sprint',
  summary: 'Closes the sprint; what is not done goes to another one, or back to the backlog.',
  needs: 'write',
  input: Type.Object({ carry_over_to: Type.Optional(Type.String({ minLength: 1, maxLength: 140 })) }),
  async handler(ctx, sprint, { carry_over_to }) {
    if (carry_over_to) await checkNext(ctx, sprint, carry_over_to)
    const now = nowText(ctx)
    const { completed, scope } = sprintAt(await eventsOf(ctx, sprint.name))
    await change(ctx, sprint, 'Active', { status: 'Completed', completed_points: completed, closed_on: now })
    const open = await rowsOf(ctx, 'Task', and(where('sprint', '=', sprint.name), where('status', 'not in', ['Completed', 'Cancelled'])), {
      fields: ['name'],
    })
    ctx.memo.set(eventTime, laterThan(now, now))
    try {
      await inBulk(ctx, async () => {
        for (const { name } of open) await save(ctx, await openForWrite(ctx, 'Task', name), { sprint: carry_over_to ?? null })
      })
    } finally {
      ctx.memo.delete(eventTime)
    }
    return { completed_points: completed, scope, carried_over: open.map(({ name }) => name) }
  },
})

async function checkNext(ctx: Context, sprint: AnyDocument, name: string): Promise<void> {
  const next = await rowNamed(ctx, 'Sprint', name, ['project', 'status', 'sprint_name'])
  if (!next || next.project !== sprint.project || name === sprint.name)
    throw new OfAnotherProject({ field: 'carry_over_to', value: name, project: String(sprint.project) })
  if (next.status !== 'Planned' && next.status !== 'Active')
    throw new SprintStateWrong({ field: 'carry_over_to', sprint: String(next.sprint_name), status: String(next.status) })
}

const lines = defineDocumentMethod({
  verb: 'burndown',
  doctype: 'Sprint',
  summary: 'What was in the sprint and what was left of it, day by day, from its events.',
  needs: 'read',
  input: Type.Object({}),
  async handler(ctx, sprint) {
    const organization = String(sprint.organization)
    const zone = await zoneOf(ctx, organization)
    const project = await rowNamed(ctx, 'Project', String(sprint.project), ['holiday_list'])
    const calendar = await workCalendar(ctx, organization, (project?.holiday_list as string | null) ?? null)
    const days = []
    for (let day = String(sprint.start_date); day <= String(sprint.end_date); day = addDays(day, 1))
      days.push({ day, end: zoneToUtc(`${day} 23:59:59.999999`, zone), works: intervalsOn(calendar, day).length > 0 })
    const events = await eventsOf(ctx, sprint.name)
    const ended = sprint.closed_on as string | null
    const held = ended ? events.filter(({ at }) => at <= ended) : events
    const committed = sprint.committed_on ? Number(sprint.committed_points) : sprintAt(events).scope
    return { committed, ...burndown(held, days, committed, ended ?? nowText(ctx)) }
  },
})

export const sprintVerbs = [start, close, lines]

/** What a team has done per sprint, of late. */
export const velocity = defineMethod({
  path: 'orchestrator.projects.velocity',
  summary: 'Committed and completed points of the last closed sprints of a project, and what they come to on average.',
  verbs: ['GET', 'POST'],
  input: Type.Object({
    project: Type.String({ minLength: 1, maxLength: 140 }),
    sprints: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  }),
  rule: permission('read', 'Sprint'),
  async handler(ctx, { project, sprints }) {
    const usual = await sprintsThatCount(ctx, project)
    const { rows } = await list(ctx, 'Sprint', {
      fields: ['name', 'sprint_name', 'start_date', 'end_date', 'committed_points', 'completed_points'],
      filters: [
        ['project', '=', project],
        ['status', '=', 'Completed'],
      ],
      orderBy: 'end_date desc',
      limit: sprints ?? usual,
      wire: documentForm,
    })
    return { sprints: rows.toReversed(), velocity: velocityOf(rows.map((row) => Number(row.completed_points))) ?? null }
  },
})

async function sprintsThatCount(ctx: Context, project: string): Promise<number> {
  const row = await rowNamed(ctx, 'Project', project, ['organization'])
  const settings = row && (await rowNamed(ctx, 'Project Settings', String(row.organization), ['velocity_sprints']))
  return Number(settings?.velocity_sprints) || 5
}
