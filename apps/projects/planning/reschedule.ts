import { dayFromNumber } from '#client/rules/dates.ts'
import { and, where } from '#client/rules/predicate.ts'
import { type Move, movesOf, type Schedule, schedule, type ScheduledTask } from '#client/rules/schedule.ts'
import { level } from '#client/rules/schedule-levelling.ts'
import type { Plan } from '#client/rules/schedule-plan.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { instantOfText, nowText, textOfInstant } from '#kernel/context/time.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { isBulk } from '../figures/progress.ts'
import { dayOf, rowsOf } from '../rows.ts'
import { planOf, type ProjectWork, readWork, type TaskRow } from './read-plan.ts'
import { reasonText } from './reasons.ts'

/** What planning found, and what it changes. */
export interface Planned {
  readonly work: ProjectWork
  readonly plan: Plan
  readonly schedule: Schedule
  readonly moves: readonly Move[]
}

export interface PlanningOptions {
  /** Milliseconds since 1970. */
  readonly asOf?: number
  /** Nobody does two things at a time; absent: as the project says. */
  readonly levels?: boolean
}

/** Works out the dates of a project as it was read; writes nothing. @throws DependencyCycle, BadLink, NoWorkingTime */
export async function planWork(ctx: Context, work: ProjectWork, { asOf, levels }: PlanningOptions = {}): Promise<Planned> {
  const plan = await planOf(ctx, work, asOf)
  const found = schedule(plan, (levels ?? Boolean(work.project.level_resources)) ? levelled(work, plan) : undefined)
  const before = new Map<string, { start: number; finish: number }>()
  for (const { name, exp_start_date, exp_end_date } of work.tasks)
    if (exp_start_date && exp_end_date) before.set(name, { start: instantOfText(exp_start_date), finish: instantOfText(exp_end_date) })
  const cancelled = new Set(work.tasks.filter(({ status }) => status === 'Cancelled').map(({ name }) => name))
  const moves = movesOf(before, found).filter(({ task }) => !cancelled.has(task))
  return { work, plan, schedule: found, moves }
}

function levelled(work: ProjectWork, plan: Plan): ReadonlyMap<string, number> {
  const demands = work.tasks.flatMap(({ name, employee }) => (employee ? [{ task: name, resource: employee, units: 1 }] : []))
  // Small plans can afford to look for a better order.
  const tries = work.tasks.length <= 200 ? 40 : 0
  return level(plan, demands, new Map(demands.map(({ resource }) => [resource, 1])), { tries }).notBefore
}

/** Above so many tasks a change is planned in the background. */
const tasksAtOnce = 300

/**
 * A task of a project has changed: where the project is scheduled automatically, its dates follow, at once or, for a large one, in a job.
 */
export async function rescheduleSoon(ctx: Context, project: string): Promise<void> {
  if (isBulk(ctx)) return
  const [row] = await rowsOf(
    ctx,
    'Project',
    and(where('name', '=', project), where('auto_schedule', '=', 1), where('status', 'in', ['Open', 'On Hold'])),
    {
      fields: ['name'],
      limit: 1,
    },
  )
  if (!row) return
  const some = await rowsOf(ctx, 'Task', where('project', '=', project), { fields: ['name'], limit: tasksAtOnce + 1 })
  if (some.length > tasksAtOnce) await enqueue(ctx, 'projects.reschedule', { project }, { key: project })
  else await reschedule(ctx, project)
}

/** Plans a project and keeps the dates. What runs against links or deadlines is told to whoever caused it. */
export async function reschedule(ctx: Context, project: string, options: PlanningOptions = {}): Promise<Planned | undefined> {
  const work = await readWork(ctx, project)
  if (!work) return undefined
  const planned = await planWork(ctx, work, options)
  await keepTasks(ctx, planned)
  await keepMilestones(ctx, planned)
  await keepProject(ctx, planned)
  return planned
}

const why = 'a project is planned'

async function keepTasks(ctx: Context, { work, schedule: found, moves }: Planned): Promise<void> {
  const subjects = new Map(work.tasks.map(({ name, subject }) => [name, subject]))
  const moved = new Set(moves.map(({ task }) => task))
  for (const task of work.tasks) {
    const place = found.tasks.get(task.name)
    if (!place || task.status === 'Cancelled') continue
    const values = keptValues(place, subjects)
    if (moved.has(task.name))
      await writeThrough(ctx.asSystem(why), 'Task', task.name, {
        ...values,
        exp_start_date: textOfInstant(place.start),
        exp_end_date: textOfInstant(place.finish),
      })
    else if (differs(task, values)) await writeSlack(ctx, task.name, values)
  }
}

type Kept = ReturnType<typeof keptValues>

function keptValues({ isCritical, slack, lateFinish, because }: ScheduledTask, subjects: ReadonlyMap<string, string>) {
  return {
    is_critical: isCritical ? 1 : 0,
    slack_hours: Math.round((slack / 3_600_000) * 100) / 100,
    late_end: textOfInstant(lateFinish),
    schedule_note: reasonText(because, subjects),
  }
}

const differs = (task: TaskRow, values: Kept): boolean =>
  (Object.keys(values) as (keyof Kept)[]).some((field) => (task[field] ?? '') !== values[field])

/** Slack changes with every other task; it is no news about this one, so neither history nor listeners are told. */
async function writeSlack(ctx: Context, name: string, values: Kept): Promise<void> {
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${ident('tabTask')} set is_critical = ${values.is_critical}, slack_hours = ${values.slack_hours},
      late_end = ${values.late_end}, schedule_note = ${values.schedule_note} where name = ${name}`),
  )
}

async function keepMilestones(ctx: Context, { work, schedule: found }: Planned): Promise<void> {
  const last = new Map<string, number>()
  for (const { name, milestone, status } of work.tasks) {
    const finish = found.tasks.get(name)?.finish
    if (milestone && finish !== undefined && status !== 'Cancelled') last.set(milestone, Math.max(last.get(milestone) ?? 0, finish))
  }
  const milestones = await rowsOf(ctx, 'Milestone', where('project', '=', work.project.name), {
    fields: ['name', 'due_date', 'forecast_date', 'slippage_days'],
  })
  for (const milestone of milestones) {
    const finish = last.get(milestone.name)
    const day = finish === undefined ? null : dayOf(textOfInstant(finish), work.zone)
    const late = day === null ? 0 : Math.round((Date.parse(day) - Date.parse(String(milestone.due_date))) / 86_400_000)
    if (milestone.forecast_date !== day || milestone.slippage_days !== late)
      await writeThrough(ctx.asSystem(why), 'Milestone', milestone.name, { forecast_date: day, slippage_days: late })
  }
}

async function keepProject(ctx: Context, { work, plan, schedule: found, moves }: Planned): Promise<void> {
  const { project } = work
  const hasTasks = work.tasks.length > 0
  const forecast_start = hasTasks ? textOfInstant(found.start) : null
  const forecast_end = hasTasks ? textOfInstant(found.finish) : null
  const clock = plan.clocks.get('project')
  const slippage =
    project.baseline_end && hasTasks && clock
      ? Math.round((clock.between(instantOfText(String(project.baseline_end)), found.finish) / 3_600_000) * 100) / 100
      : 0
  const isSame =
    project.forecast_start === forecast_start && project.forecast_end === forecast_end && Number(project.slippage_hours) === slippage
  if (isSame && moves.length === 0) return
  await writeThrough(ctx.asSystem(why), 'Project', project.name, {
    forecast_start,
    forecast_end,
    slippage_hours: slippage,
    scheduled_on: nowText(ctx),
  })
}

/** The last day on which a project may be done, as an instant: the end of the day that was wished. */
export function projectDeadline({ project }: ProjectWork, beginning: (day: string) => number): number | undefined {
  const day = project.expected_end_date
  return day ? beginning(dayFromNumber(Math.floor(Date.parse(String(day)) / 86_400_000) + 1)) : undefined
}
