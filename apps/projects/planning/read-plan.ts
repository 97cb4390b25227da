import { addDays, dayFromNumber } from '#client/rules/dates.ts'
import { where } from '#client/rules/predicate.ts'
import { WorkClock } from '#client/rules/schedule-clock.ts'
import type { ConstraintKind, LinkKind, Plan, PlanLink, PlanTask } from '#client/rules/schedule-plan.ts'
import type { Context } from '#kernel/context/context.ts'
import { instantOfText } from '#kernel/context/time.ts'
import type { FoundRow } from '#kernel/query/find-rows.ts'
import { beginningOf, childRows, dayOf, rowNamed, rowsOf, zoneOf } from '../rows.ts'
import { atWork, personCalendars, workCalendar } from './calendars.ts'

export const linkKinds: Readonly<Record<string, LinkKind>> = {
  'Finish to Start': 'FS',
  'Start to Start': 'SS',
  'Finish to Finish': 'FF',
  'Start to Finish': 'SF',
}

export const constraintKinds: Readonly<Record<string, ConstraintKind>> = {
  'As Late As Possible': 'as-late-as-possible',
  'Must Start On': 'must-start-on',
  'Must Finish On': 'must-finish-on',
  'Start No Earlier Than': 'start-no-earlier-than',
  'Start No Later Than': 'start-no-later-than',
  'Finish No Earlier Than': 'finish-no-earlier-than',
  'Finish No Later Than': 'finish-no-later-than',
}

/** What planning needs of a task, as stored. */
export interface TaskRow {
  name: string
  subject: string
  parent_task: string | null
  status: string
  employee: string | null
  milestone: string | null
  expected_time: number
  duration: number
  is_milestone: number
  progress: number
  schedule_mode: string
  exp_start_date: string | null
  exp_end_date: string | null
  constraint_type: string | null
  constraint_date: string | null
  deadline: string | null
  act_start_date: string | null
  act_end_date: string | null
  is_critical: number
  slack_hours: number
  late_end: string | null
  schedule_note: string | null
  baseline_end: string | null
}

const taskFields = [
  'name',
  'subject',
  'parent_task',
  'status',
  'employee',
  'milestone',
  'expected_time',
  'duration',
  'is_milestone',
  'progress',
  'schedule_mode',
  'exp_start_date',
  'exp_end_date',
  'constraint_type',
  'constraint_date',
  'deadline',
  'act_start_date',
  'act_end_date',
  'is_critical',
  'slack_hours',
  'late_end',
  'schedule_note',
  'baseline_end',
] as const satisfies readonly (keyof TaskRow)[]

export interface DependencyRow {
  parent: string
  task: string
  dependency_type: string
  lag_hours: number
}

export interface ProjectRow extends FoundRow {
  organization: string
}

/** A project as planning sees it. */
export interface ProjectWork {
  readonly project: ProjectRow
  readonly zone: string
  readonly tasks: TaskRow[]
  readonly dependencies: DependencyRow[]
}

/** Reads all that the plan of a project is made of; undefined where there is no such project. */
export async function readWork(ctx: Context, name: string): Promise<ProjectWork | undefined> {
  const project = (await rowNamed(ctx, 'Project', name, [
    'name',
    'organization',
    'status',
    'creation',
    'expected_start_date',
    'expected_end_date',
    'holiday_list',
    'auto_schedule',
    'level_resources',
    'forecast_start',
    'forecast_end',
    'baseline_on',
    'baseline_end',
    'slippage_hours',
  ])) as ProjectRow | undefined
  if (!project) return undefined
  const rows = await rowsOf(ctx, 'Task', { all: [where('project', '=', name), where('status', '!=', 'Template')] }, { fields: taskFields })
  const tasks = rows as unknown as TaskRow[]
  const dependencies = (await childRows(
    ctx,
    'Task Dependency',
    'Task',
    tasks.map((task) => task.name),
    ['task', 'dependency_type', 'lag_hours'],
  )) as unknown as DependencyRow[]
  return { project, zone: await zoneOf(ctx, project.organization), tasks, dependencies }
}

const hour = 3_600_000
/** Days before and after the dates there are on which shifts and leave are looked for. */
const [daysBefore, daysAfter] = [31, 500]

/** The plan of a project for the rules. @param asOf in milliseconds: nothing that has not begun begins before it */
export async function planOf(ctx: Context, work: ProjectWork, asOf?: number): Promise<Plan> {
  const { project, zone } = work
  const start = beginningOf(startOf(work), zone)
  const base = await workCalendar(ctx, project.organization, (project.holiday_list as string | null) ?? null)
  const clocks = new Map([['project', new WorkClock(base, start, 'project')]])
  const day = dayFromNumber(Math.floor(start / 86_400_000))
  const employees = [...new Set(work.tasks.map(({ employee }) => employee ?? '').filter(Boolean))]
  if (employees.length > 0)
    for (const [name, person] of await personCalendars(ctx, base, employees, addDays(day, -daysBefore), addDays(day, daysAfter)))
      clocks.set(name, new WorkClock(atWork(person), start, name))
  return {
    start,
    ...(asOf !== undefined && { asOf }),
    tasks: work.tasks.map((task) => planTask(task, clocks)),
    links: linksOf(work),
    clocks,
    calendar: 'project',
  }
}

/** The first day: what was said, or when the project was made. */
function startOf({ project, zone }: ProjectWork): string {
  return String(project.expected_start_date || dayOf(String(project.creation), zone))
}

/** The links between tasks that are there; field and row of the second are named `depends_on`. */
export function linksOf({ tasks, dependencies }: Pick<ProjectWork, 'tasks' | 'dependencies'>): PlanLink[] {
  const known = new Set(tasks.map(({ name }) => name))
  return dependencies
    .filter(({ parent, task }) => known.has(parent) && known.has(task))
    .map(({ parent, task, dependency_type, lag_hours }) => ({
      from: task,
      to: parent,
      kind: linkKinds[dependency_type] ?? 'FS',
      lag: Math.round(lag_hours * hour),
    }))
}

const instant = (text: string | null): number | undefined => (text ? instantOfText(text) : undefined)

/** What was cancelled takes no time, and what comes after it waits for what came before it. */
function planTask(task: TaskRow, clocks: ReadonlyMap<string, WorkClock>): PlanTask {
  const shell = { id: task.name, parent: task.parent_task || undefined }
  if (task.status === 'Cancelled') return { ...shell, work: 0 }
  const calendar = task.employee && clocks.has(task.employee) ? task.employee : undefined
  const clock = clocks.get(calendar ?? 'project') as WorkClock
  const [start, finish] = [instant(task.exp_start_date), instant(task.exp_end_date)]
  const kind = constraintKinds[task.constraint_type ?? '']
  const isDone = task.status === 'Completed'
  return {
    ...shell,
    work: workOf(task, clock),
    calendar,
    progress: task.progress / 100,
    deadline: instant(task.deadline),
    actualStart: instant(task.act_start_date),
    ...(isDone && { actualFinish: instant(task.act_end_date) ?? finish }),
    ...(kind && { constraint: { kind, at: instant(task.constraint_date) } }),
    ...(task.schedule_mode === 'Pinned' && start !== undefined && finish !== undefined && { pinned: { start, finish } }),
  }
}

/** Milliseconds: the duration, or the hours expected, or what lies between the dates that somebody gave. */
function workOf(task: TaskRow, clock: WorkClock): number {
  if (task.is_milestone) return 0
  const hours = task.duration || task.expected_time
  if (hours > 0) return Math.round(hours * hour)
  const [start, finish] = [instant(task.exp_start_date), instant(task.exp_end_date)]
  return start !== undefined && finish !== undefined ? Math.max(0, clock.between(start, finish)) : 0
}
