import { where } from '#client/rules/predicate.ts'
import { graphOf } from '#client/rules/schedule-plan.ts'
import { WorkClock } from '#client/rules/schedule-clock.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { nextInSeries } from '#kernel/documents/counters.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { moveVerb } from '../../board/move-card.ts'
import { endOfColumn } from '../../board/ranks.ts'
import { OfAnotherProject, StillOpen, ValueRefused, WrongPlace } from '../../errors.ts'
import { refreshParents, refreshProgress } from '../../figures/progress.ts'
import { type DependencyRow, linkKinds, linksOf, type TaskRow } from '../../planning/read-plan.ts'
import { rescheduleSoon } from '../../planning/reschedule.ts'
import { checkOrder, childRows, rowNamed, rowsNamed, rowsOf } from '../../rows.ts'
import { recordSprintEvents } from '../../sprints/sprint-events.ts'

interface Dependency extends ChildFields {
  task: string
  dependency_type: string
  lag_hours: number
}

export interface TaskFields {
  name: string
  subject: string
  task_key: string | null
  project: string | null
  organization: string
  task_type: 'Epic' | 'Story' | 'Task' | 'Subtask'
  parent_task: string | null
  is_group: number
  is_milestone: number
  status: string
  employee: string | null
  sprint: string | null
  milestone: string | null
  rank: string | null
  expected_time: number
  duration: number
  story_points: number
  task_weight: number
  progress: number
  schedule_mode: 'Automatic' | 'Pinned'
  exp_start_date: string | null
  exp_end_date: string | null
  constraint_type: string | null
  constraint_date: string | null
  deadline: string | null
  act_start_date: string | null
  act_end_date: string | null
  completed_by: string | null
  depends_on: Dependency[]
}

/** What each type may be a part of; a subtask is always one. */
const partOf: Readonly<Record<TaskFields['task_type'], string | undefined>> = {
  Epic: undefined,
  Story: 'Epic',
  Task: 'Story',
  Subtask: 'Task',
}

/** Fields on which the dates of a project depend. */
const planned = [
  'project',
  'parent_task',
  'is_milestone',
  'status',
  'employee',
  'expected_time',
  'duration',
  'schedule_mode',
  'exp_start_date',
  'exp_end_date',
  'constraint_type',
  'constraint_date',
  'deadline',
  'act_start_date',
  'act_end_date',
  'milestone',
] as const

const isOpen = (status: string): boolean => status !== 'Completed' && status !== 'Cancelled'

/** Something to do. Where it stands in the plan follows from what it waits for; what it is a part of follows from it. */
export default class Task extends Document<TaskFields> {
  async validate(ctx: Context, { before }: { before?: TaskFields } = {}): Promise<void> {
    checkOrder(this.exp_start_date, this.exp_end_date, 'exp_end_date')
    this.checkPlain()
    await this.changeStatus(ctx, before)
    checkOrder(this.act_start_date, this.act_end_date, 'act_end_date')
    await this.checkPlace(ctx, before)
    await this.checkCompany(ctx, before)
    await this.checkDependencies(ctx, before)
    if (this.project && (this.project !== before?.project || !this.task_key)) this.task_key = await nextKey(ctx, this.project)
    if (!this.rank || (before && before.status !== this.status && before.rank === this.rank)) this.rank = await endOfColumn(ctx, this)
  }

  async on_update(ctx: Context, { before }: { before?: TaskFields } = {}): Promise<void> {
    await recordSprintEvents(ctx, this, before)
    const hasMoved = before !== undefined && before.parent_task !== this.parent_task
    if (this.parent_task && (!before || hasMoved || weighs(before, this))) await refreshParents(ctx, this.parent_task)
    if (hasMoved) await refreshParents(ctx, before.parent_task)
    for (const project of new Set([this.project, before?.project]))
      if (project && (!before || before.project !== this.project || weighs(before, this))) await refreshProgress(ctx, project)
    if (!before || planned.some((field) => before[field] !== this[field]) || !sameLinks(before.depends_on, this.depends_on))
      for (const project of new Set([this.project, before?.project])) if (project) await rescheduleSoon(ctx, project)
  }

  async on_trash(ctx: Context): Promise<void> {
    await recordSprintEvents(ctx, this, this, 'deleted')
  }

  async after_delete(ctx: Context): Promise<void> {
    await refreshParents(ctx, this.parent_task)
    if (!this.project) return
    await refreshProgress(ctx, this.project)
    await rescheduleSoon(ctx, this.project)
  }

  /** @throws ValueRefused */
  private checkPlain(): void {
    if (this.progress > 100) throw new ValueRefused({ field: 'progress', reason: 'more than all cannot be done.' })
    if (this.schedule_mode === 'Pinned' && !(this.exp_start_date && this.exp_end_date))
      throw new ValueRefused({ field: this.exp_start_date ? 'exp_end_date' : 'exp_start_date', reason: 'a pinned task has both dates.' })
    if (this.is_group && (this.schedule_mode === 'Pinned' || !['', 'Start No Earlier Than'].includes(this.constraint_type ?? '')))
      throw new ValueRefused({
        field: this.schedule_mode === 'Pinned' ? 'schedule_mode' : 'constraint_type',
        reason: 'the dates of a task with parts follow from them.',
      })
    if (!this.constraint_type) this.constraint_date = null
  }

  /** What is done is done at a moment, by somebody; what is opened again is not. @throws StillOpen */
  private async changeStatus(ctx: Context, before: TaskFields | undefined): Promise<void> {
    if (this.status === before?.status) {
      if (this.status !== 'Completed') this.act_end_date = null
      return
    }
    const now = nowText(ctx)
    if (this.status === 'Working' || this.status === 'Pending Review') this.act_start_date ??= now
    if (this.status !== 'Completed') {
      this.act_end_date = null
      this.completed_by = null
      if (before?.status === 'Completed' && this.progress === 100) this.progress = 0
      return
    }
    await this.checkFinished(ctx)
    this.act_end_date ??= now
    this.act_start_date ??= [this.exp_start_date ?? this.act_end_date, this.act_end_date].sort()[0] as string
    this.completed_by = ctx.user.name
    this.progress = 100
  }

  private async checkFinished(ctx: Context): Promise<void> {
    const parts = await rowsOf(ctx, 'Task', where('parent_task', '=', this.name), { fields: ['name', 'subject', 'status'] })
    const part = parts.find(({ status }) => isOpen(String(status)))
    if (part) throw new StillOpen({ field: 'status', task: part.name, subject: String(part.subject), why: 'part' })
    const first = this.depends_on.filter(({ dependency_type, lag_hours }) => dependency_type.startsWith('Finish') && lag_hours >= 0)
    const earlier = await rowsNamed(
      ctx,
      'Task',
      first.map(({ task }) => task),
      ['name', 'subject', 'status'],
    )
    const open = earlier.find(({ status }) => isOpen(String(status)))
    if (open) throw new StillOpen({ field: 'status', task: open.name, subject: String(open.subject), why: 'before' })
  }

  /** @throws WrongPlace, OfAnotherProject, ValueRefused */
  private async checkPlace(ctx: Context, before: TaskFields | undefined): Promise<void> {
    const isMoved = before?.parent_task !== this.parent_task || before?.task_type !== this.task_type || before?.project !== this.project
    if (!isMoved) return
    if (!this.parent_task && this.task_type === 'Subtask') throw new WrongPlace({ field: 'parent_task', type: this.task_type, parent: '' })
    if (this.parent_task) {
      const parent = await rowNamed(ctx, 'Task', this.parent_task, ['task_type', 'project', 'status', 'schedule_mode'])
      const type = String(parent?.task_type ?? '')
      if (partOf[this.task_type] !== type) throw new WrongPlace({ field: 'parent_task', type: this.task_type, parent: type })
      if ((parent?.project || null) !== (this.project || null))
        throw new OfAnotherProject({ field: 'parent_task', value: this.parent_task, project: this.project ?? '' })
      if (parent?.schedule_mode === 'Pinned') throw new ValueRefused({ field: 'parent_task', reason: 'a pinned task has no parts.' })
    }
    const [part] = before
      ? await rowsOf(ctx, 'Task', where('parent_task', '=', this.name), { fields: ['name', 'task_type'], limit: 1 })
      : []
    if (part && partOf[part.task_type as TaskFields['task_type']] !== this.task_type)
      throw new WrongPlace({ field: 'task_type', type: String(part.task_type), parent: this.task_type })
    if (part && before?.project !== this.project)
      throw new ValueRefused({ field: 'project', reason: 'a task with parts stays in its project.' })
  }

  /** Sprint and milestone are of the same project. @throws OfAnotherProject, ValueRefused */
  private async checkCompany(ctx: Context, before: TaskFields | undefined): Promise<void> {
    for (const [field, doctype] of [
      ['sprint', 'Sprint'],
      ['milestone', 'Milestone'],
    ] as const) {
      const value = this[field]
      if (!value || (before?.[field] === value && before.project === this.project)) continue
      const row = await rowNamed(ctx, doctype, value, ['project', 'status'])
      if (row?.project !== this.project) throw new OfAnotherProject({ field, value, project: this.project ?? '' })
      if (field === 'sprint' && before?.sprint !== value && (row?.status === 'Completed' || row?.status === 'Cancelled'))
        throw new ValueRefused({ field, reason: 'this sprint is over.' })
    }
  }

  /** @throws DependencyCycle, BadLink, OfAnotherProject, ValueRefused */
  private async checkDependencies(ctx: Context, before: TaskFields | undefined): Promise<void> {
    const isSame =
      before && before.parent_task === this.parent_task && before.project === this.project && sameLinks(before.depends_on, this.depends_on)
    if (isSame || (this.depends_on.length === 0 && !this.parent_task)) return
    const seen = new Set<string>()
    for (const [index, { task }] of this.depends_on.entries()) {
      if (seen.has(task)) throw new ValueRefused({ field: `depends_on[${index}].task`, reason: `${task} is there twice.` })
      seen.add(task)
    }
    const others = await rowsNamed(ctx, 'Task', [...seen], ['name', 'project'])
    for (const [index, { task }] of this.depends_on.entries())
      if (!this.project || others.find(({ name }) => name === task)?.project !== this.project)
        throw new OfAnotherProject({ field: `depends_on[${index}].task`, value: task, project: this.project ?? '' })
    if (this.project) await this.checkCircles(ctx, this.project)
  }

  private async checkCircles(ctx: Context, project: string): Promise<void> {
    const own = this.name ?? ''
    const rows = await rowsOf(ctx, 'Task', where('project', '=', project), { fields: ['name', 'parent_task'] })
    const tasks = [...rows.filter(({ name }) => name !== own), { name: own, parent_task: this.parent_task }] as unknown as TaskRow[]
    const stored = await childRows(
      ctx,
      'Task Dependency',
      'Task',
      rows.map(({ name }) => name),
      ['task', 'dependency_type', 'lag_hours'],
    )
    const mine = this.depends_on.map(({ task, dependency_type, lag_hours }) => ({ parent: own, task, dependency_type, lag_hours }))
    const dependencies = [...(stored as unknown as DependencyRow[]).filter(({ parent }) => parent !== own), ...mine]
    const clock = new WorkClock({ timezone: 'UTC', calendar: '24x7' }, 0)
    graphOf({
      start: 0,
      tasks: tasks.map(({ name, parent_task }) => ({ id: name, parent: parent_task || undefined, work: 0 })),
      links: linksOf({ tasks, dependencies }),
      clocks: new Map([['project', clock]]),
      calendar: 'project',
    })
  }
}

/** Whether progress of what is around it may have changed. */
const weighs = (before: TaskFields, now: TaskFields): boolean =>
  (['status', 'progress', 'task_weight', 'expected_time', 'act_start_date', 'is_group'] as const).some(
    (field) => before[field] !== now[field],
  )

function sameLinks(before: readonly Dependency[], now: readonly Dependency[]): boolean {
  const text = (rows: readonly Dependency[]) =>
    rows.map(({ task, dependency_type, lag_hours }) => `${task} ${linkKinds[dependency_type]} ${lag_hours}`).join('\n')
  return text(before) === text(now)
}

/** `KEY-12`: the key of the project and the next number in it. */
async function nextKey(ctx: Context, project: string): Promise<string> {
  const row = await rowNamed(ctx, 'Project', project, ['project_key'])
  return `${row?.project_key || 'TASK'}-${await nextInSeries(ctx, `task of ${project} `)}`
}

export const documentMethods = [moveVerb]
