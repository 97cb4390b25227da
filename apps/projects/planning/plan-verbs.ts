import { type Static, Type } from 'typebox'
import { bindsStart } from '#client/rules/schedule-forward.ts'
import type { Conflict } from '#client/rules/schedule.ts'
import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import type { MetaField } from '#kernel/meta/meta.ts'
import { datetimeType } from '#kernel/fields/dates/date-types.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { instantOfText } from '#kernel/context/time.ts'
import { list } from '#kernel/query/list.ts'
import { ValueRefused } from '../errors.ts'
import { beginningOf } from '../rows.ts'
import { constraintKinds, linkKinds, type ProjectWork, readWork, type TaskRow } from './read-plan.ts'
import { reasonText } from './reasons.ts'
import { type Planned, planWork, projectDeadline, reschedule } from './reschedule.ts'

const moment = Type.String({ minLength: 1, maxLength: 40 })
const hours = Type.Number({ minimum: 0, maximum: 100_000 })
const name = Type.String({ minLength: 1, maxLength: 140 })

/** Something that is tried out on one task; absent keys stay as they are, null takes away. */
const change = Type.Object({
  task: name,
  expected_time: Type.Optional(hours),
  duration: Type.Optional(hours),
  employee: Type.Optional(Type.Union([name, Type.Null()])),
  /** Both pin the task. */
  exp_start_date: Type.Optional(moment),
  exp_end_date: Type.Optional(moment),
  constraint_type: Type.Optional(Type.Union([Type.String({ maxLength: 40 }), Type.Null()])),
  constraint_date: Type.Optional(Type.Union([moment, Type.Null()])),
  /** Hours of working time by which it takes longer. */
  delay_hours: Type.Optional(Type.Number({ minimum: 0, maximum: 100_000 })),
  status: Type.Optional(Type.Union([Type.Literal('Cancelled'), Type.Literal('Open')])),
  depends_on: Type.Optional(
    Type.Array(
      Type.Object({
        task: name,
        dependency_type: Type.Optional(Type.Union(Object.keys(linkKinds).map((kind) => Type.Literal(kind)))),
        lag_hours: Type.Optional(Type.Number({ minimum: -100_000, maximum: 100_000 })),
      }),
      { maxItems: 1000 },
    ),
  ),
})

/** What the verbs `schedule` and `what_if` take. */
export const planInput = Type.Object({
  /** `now`, or a moment: what has not begun does not begin before it. */
  as_of: Type.Optional(moment),
  /** For `what_if` only: nobody does two tasks at a time, or everybody may; absent: as the project says. */
  level: Type.Optional(Type.Boolean()),
  /** For `what_if` only. */
  changes: Type.Optional(Type.Array(change, { maxItems: 1000 })),
})

/** Plans, and keeps what was found or not; the answer is the same. */
export async function planVerb(ctx: Context, project: AnyDocument, given: Static<typeof planInput>, keeps: boolean): Promise<unknown> {
  const asOf = given.as_of === undefined ? undefined : given.as_of === 'now' ? ctx.clock.now() : instantOf(ctx, given.as_of, 'as_of')
  const options = { ...(asOf !== undefined && { asOf }), ...(given.level !== undefined && !keeps && { levels: given.level }) }
  if (keeps) {
    if (given.changes?.length)
      throw new ValueRefused({ field: 'changes', reason: 'changes are tried out with what_if, or saved on the tasks.' })
    return answer(ctx, (await reschedule(ctx, project.name, options)) as Planned)
  }
  const work = (await readWork(ctx, project.name)) as ProjectWork
  const planned = await planWork(ctx, await changedWork(ctx, work, given.changes ?? []), options)
  return answer(ctx, planned)
}

function instantOf(ctx: Context, text: string, field: string): number {
  const cast = datetimeType.cast(text, { fieldname: field, label: field } as MetaField, wireV1(ctx), field)
  return instantOfText(String(cast))
}

async function changedWork(ctx: Context, work: ProjectWork, changes: readonly Static<typeof change>[]): Promise<ProjectWork> {
  const tasks = work.tasks.map((task) => ({ ...task }))
  const known = new Map(tasks.map((task) => [task.name, task]))
  let dependencies = work.dependencies
  for (const [index, wish] of changes.entries()) {
    const path = `changes[${index}]`
    const task = known.get(wish.task)
    if (!task) throw new ValueRefused({ field: `${path}.task`, reason: `${wish.task} is not in this project.` })
    Object.assign(task, plainChanges(wish))
    pin(ctx, task, wish, path)
    if (wish.constraint_type && !constraintKinds[wish.constraint_type])
      throw new ValueRefused({ field: `${path}.constraint_type`, reason: `there is no constraint ${wish.constraint_type}.` })
    if (wish.constraint_date !== undefined)
      task.constraint_date =
        wish.constraint_date === null ? null : textOfInstant(instantOf(ctx, wish.constraint_date, `${path}.constraint_date`))
    if (wish.delay_hours !== undefined) delay(task, wish.delay_hours, path)
    if (wish.depends_on)
      dependencies = [
        ...dependencies.filter(({ parent }) => parent !== wish.task),
        ...wish.depends_on.map((link) => ({
          parent: wish.task,
          task: link.task,
          dependency_type: link.dependency_type ?? 'Finish to Start',
          lag_hours: link.lag_hours ?? 0,
        })),
      ]
  }
  return { ...work, tasks, dependencies }
}

const plain = ['expected_time', 'duration', 'employee', 'constraint_type', 'status'] as const

function plainChanges(wish: Static<typeof change>): Partial<TaskRow> {
  return Object.fromEntries(plain.filter((field) => wish[field] !== undefined).map((field) => [field, wish[field]]))
}

function pin(ctx: Context, task: TaskRow, wish: Static<typeof change>, path: string): void {
  if (wish.exp_start_date === undefined && wish.exp_end_date === undefined) return
  for (const field of ['exp_start_date', 'exp_end_date'] as const) {
    const text = wish[field]
    if (text === undefined) throw new ValueRefused({ field: `${path}.${field}`, reason: 'whoever pins a task gives both dates.' })
    task[field] = textOfInstant(instantOf(ctx, text, `${path}.${field}`))
  }
  if (String(task.exp_end_date) < String(task.exp_start_date))
    throw new ValueRefused({ field: `${path}.exp_end_date`, reason: 'the end lies before the beginning.' })
  task.schedule_mode = 'Pinned'
}

/** It takes so much longer until it is done, which for what follows is the same. */
function delay(task: TaskRow, by: number, path: string): void {
  const length = task.duration || task.expected_time
  if (length === 0) throw new ValueRefused({ field: `${path}.delay_hours`, reason: 'what takes no time cannot take longer.' })
  task.duration = length + by
}

async function answer(ctx: Context, { work, schedule, moves }: Planned): Promise<unknown> {
  const wire = wireV1(ctx)
  const shown = (at: number) => datetimeType.toWire(textOfInstant(at), wire)
  const readable = await readableTasks(ctx, work.project.name)
  const subjects = new Map(work.tasks.filter((task) => readable.has(task.name)).map((task) => [task.name, task.subject]))
  const deadline = projectDeadline(work, (day) => beginningOf(day, work.zone))
  return {
    start: shown(schedule.start),
    end: shown(schedule.finish),
    critical: schedule.critical.filter((task) => readable.has(task)),
    moved: moves
      .filter(({ task }) => readable.has(task))
      .map(({ task, from, to, because }) => ({
        task,
        subject: subjects.get(task),
        from_start: from ? shown(from.start) : null,
        from_end: from ? shown(from.finish) : null,
        to_start: shown(to.start),
        to_end: shown(to.finish),
        because: reasonText(because, subjects),
      })),
    conflicts: [
      ...schedule.conflicts.filter(({ task }) => readable.has(task)).map(conflictShown),
      ...(deadline !== undefined && schedule.finish > deadline
        ? [{ kind: 'project', hours: null, message: 'The project is not done by the day it should be.' }]
        : []),
    ],
  }
}

function conflictShown(conflict: Conflict): Record<string, unknown> {
  const hours = Math.round((conflict.by / 3_600_000) * 100) / 100
  const shared = { task: conflict.task, kind: conflict.kind, hours }
  if (conflict.kind === 'link')
    return {
      ...shared,
      after: conflict.link.from,
      message: `${bindsStart(conflict.link) ? 'Begins' : 'Is done'} ${hours} h too early for ${conflict.link.from}.`,
    }
  if (conflict.kind === 'constraint')
    return { ...shared, constraint: conflict.constraint, message: `Is ${hours} h later than its constraint says.` }
  return { ...shared, message: `Is ${hours} h later than its deadline.` }
}

/** The answer tells of tasks that the caller may read, and counts the others in silence. */
async function readableTasks(ctx: Context, project: string): Promise<Set<string>> {
  const names = new Set<string>()
  let after: string | undefined
  do {
    const page = await list(ctx, 'Task', {
      fields: ['name'],
      filters: [['project', '=', project]],
      orderBy: 'name asc',
      limit: 10_000,
      ...(after !== undefined && { after }),
      wire: wireV1(ctx),
    })
    for (const row of page.rows) names.add(String(row.name))
    after = page.cursor
  } while (after !== undefined)
  return names
}
