import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { nextInSeries } from '#kernel/documents/counters.ts'
import { insert } from '#kernel/documents/save.ts'
import { rowsOf } from '../rows.ts'

interface Facts {
  readonly name: string
  readonly sprint: string | null
  readonly status: string
  readonly story_points: number
}

/** At what moment events happen, where that is not now: what is carried over leaves a sprint after its end. */
export const eventTime = 'projects:event-time'

/**
 * Writes down how a task stands to its sprint from now on, and that it has left another. Burndown and velocity follow from these events and
 * from nothing else.
 */
export async function recordSprintEvents(ctx: Context, task: Facts, before: Facts | undefined, as?: 'deleted'): Promise<void> {
  const left = before?.sprint && (before.sprint !== task.sprint || as) ? before.sprint : undefined
  if (left) await record(ctx, left, task, as ?? 'left', false)
  if (!task.sprint || as) return
  const isNew = task.sprint !== before?.sprint
  const what = isNew
    ? 'added'
    : before && before.story_points !== task.story_points
      ? 'estimated'
      : before && isDone(before) !== isDone(task)
        ? isDone(task)
          ? 'completed'
          : 'reopened'
        : undefined
  if (what) await record(ctx, task.sprint, task, what, true)
}

const isDone = ({ status }: Facts): boolean => status === 'Completed'

async function record(ctx: Context, sprint: string, task: Facts, what: string, inside: boolean): Promise<void> {
  const sequence = await nextInSeries(ctx, `event of sprint ${sprint} `)
  const [last] = await rowsOf(ctx, 'Sprint Event', where('sprint', '=', sprint), {
    fields: ['at'],
    orderBy: [['sequence', 'desc']],
    limit: 1,
  })
  await insert(ctx.asSystem('the history of a sprint'), 'Sprint Event', {
    sprint,
    sequence,
    // Clocks may go back; events may not.
    at: [String(ctx.memo.get(eventTime) ?? nowText(ctx)), String(last?.at ?? '')].sort().at(-1),
    task: task.name,
    what,
    in_sprint: inside && task.status !== 'Cancelled' ? 1 : 0,
    points: task.story_points,
    done: isDone(task) ? 1 : 0,
    by: ctx.user.name,
  })
}
