import { percentComplete, type ProgressMethod } from '#client/rules/projects-progress.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { rowNamed, rowsOf } from '../rows.ts'

const bulk = 'projects:bulk'

/** Whether many tasks are being changed, after which everything is brought up to date once. */
export const isBulk = (ctx: Context): boolean => ctx.memo.get(bulk) === true

/** Changes many tasks without planning and counting after each; the caller does both afterwards. */
export async function inBulk<T>(ctx: Context, work: () => Promise<T>): Promise<T> {
  ctx.memo.set(bulk, true)
  try {
    return await work()
  } finally {
    ctx.memo.delete(bulk)
  }
}

/** Brings the percentage of a project up to date with its tasks. */
export async function refreshProgress(ctx: Context, project: string): Promise<void> {
  if (isBulk(ctx)) return
  const row = await rowNamed(ctx, 'Project', project, ['percent_complete_method', 'percent_complete'])
  if (!row || row.percent_complete_method === 'Manual') return
  const tasks = await rowsOf(ctx, 'Task', and(where('project', '=', project), where('is_group', '=', 0)), {
    fields: ['status', 'progress', 'task_weight'],
  })
  const counted = tasks.map((task) => ({ status: String(task.status), progress: Number(task.progress), weight: Number(task.task_weight) }))
  const percent = percentComplete(row.percent_complete_method as ProgressMethod, counted) ?? 0
  if (percent !== Number(row.percent_complete))
    await writeThrough(ctx.asSystem('the progress of a project'), 'Project', project, { percent_complete: percent })
}

/**
 * Brings what has parts up to date, up to the top: its progress is that of its parts, each as heavy as its expected hours (all alike where
 * none are given); it has begun when one of them has.
 */
export async function refreshParents(ctx: Context, parent: string | null): Promise<void> {
  for (let name = parent; name; ) {
    const task = await rowNamed(ctx, 'Task', name, ['parent_task', 'is_group', 'progress', 'status', 'act_start_date'])
    if (!task) return
    const parts = await rowsOf(ctx, 'Task', and(where('parent_task', '=', name), where('status', '!=', 'Cancelled')), {
      fields: ['progress', 'expected_time', 'act_start_date'],
    })
    const values: Record<string, unknown> = {}
    const isGroup =
      parts.length > 0 || (await rowsOf(ctx, 'Task', where('parent_task', '=', name), { fields: ['name'], limit: 1 })).length > 0 ? 1 : 0
    if (task.is_group !== isGroup) values.is_group = isGroup
    if (parts.length > 0 && task.status !== 'Completed') {
      const hours = parts.reduce((sum, part) => sum + Number(part.expected_time), 0)
      const weight = (part: Record<string, unknown>) => (hours > 0 ? Number(part.expected_time) / hours : 1 / parts.length)
      const progress = Math.round(parts.reduce((sum, part) => sum + Number(part.progress) * weight(part), 0) * 100) / 100
      if (progress !== Number(task.progress)) values.progress = progress
      const began = parts
        .map((part) => part.act_start_date)
        .filter(Boolean)
        .sort()[0]
      if (began && !task.act_start_date) values.act_start_date = began
    }
    if (Object.keys(values).length > 0) await writeThrough(ctx.asSystem('what has parts follows from them'), 'Task', name, values)
    name = (task.parent_task as string | null) || null
  }
}
