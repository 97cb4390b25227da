import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { rowNamed, rowsOf } from '../rows.ts'

/** Keeps the dates as they are now on project, tasks and milestones; what there was of an earlier baseline is replaced. */
export async function setBaseline(ctx: Context, project: string): Promise<{ tasks: number; milestones: number }> {
  const system = ctx.asSystem('a baseline is taken')
  const row = await rowNamed(ctx, 'Project', project, ['forecast_end'])
  const tasks = await rowsOf(ctx, 'Task', where('project', '=', project), {
    fields: ['name', 'exp_start_date', 'exp_end_date', 'baseline_start', 'baseline_end'],
  })
  for (const task of tasks)
    if (task.exp_start_date !== task.baseline_start || task.exp_end_date !== task.baseline_end)
      await writeThrough(system, 'Task', task.name, { baseline_start: task.exp_start_date, baseline_end: task.exp_end_date })
  const milestones = await rowsOf(ctx, 'Milestone', where('project', '=', project), { fields: ['name', 'due_date', 'baseline_date'] })
  for (const milestone of milestones)
    if (milestone.due_date !== milestone.baseline_date)
      await writeThrough(system, 'Milestone', milestone.name, { baseline_date: milestone.due_date })
  const last = tasks
    .map(({ exp_end_date }) => String(exp_end_date ?? ''))
    .sort()
    .at(-1)
  await writeThrough(system, 'Project', project, {
    baseline_on: nowText(ctx),
    baseline_end: row?.forecast_end ?? (last || null),
    slippage_hours: 0,
  })
  return { tasks: tasks.length, milestones: milestones.length }
}
