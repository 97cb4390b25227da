import { and, where } from '#client/rules/predicate.ts'
import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { rowsOf } from '../rows.ts'
import { reschedule } from './reschedule.ts'

/** Tasks that one run looks at. */
const mostAtOnce = 2000

async function markOverdue(ctx: Context): Promise<{ tasks: number }> {
  const due = and(
    where('status', 'in', ['Open', 'Working', 'Pending Review']),
    where('exp_end_date', 'set'),
    where('exp_end_date', '<', nowText(ctx)),
  )
  const tasks = await rowsOf(ctx, 'Task', due, { fields: ['name'], orderBy: [['exp_end_date', 'asc']], limit: mostAtOnce })
  for (const { name } of tasks) await writeThrough(ctx, 'Task', name, { status: 'Overdue' }, { touch: true })
  return { tasks: tasks.length }
}

/** Dates that follow from what waits for what. */
export const planningPart: AppPart = {
  jobs: {
    reschedule: {
      queue: 'default',
      asSystem: 'a project is planned after a change of one of its tasks',
      run: async (ctx, { project }) => ({ moved: (await reschedule(ctx, String(project)))?.moves.length ?? 0 }),
    },
    'mark-overdue': { queue: 'default', asSystem: 'tasks that are late are marked', run: (ctx) => markOverdue(ctx) },
  },
  schedules: [{ every: 'daily', job: 'mark-overdue' }],
}
