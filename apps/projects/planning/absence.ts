import { and, where } from '#client/rules/predicate.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { rowsOf } from '../rows.ts'
import { rescheduleSoon } from './reschedule.ts'

/** Somebody is away, or works other hours: the projects in which they have something to do are planned again. */
const hoursChanged: DocumentListener = async (ctx, document) => {
  const open = and(
    where('employee', '=', document.employee),
    where('status', 'not in', ['Completed', 'Cancelled', 'Template']),
    where('project', 'set'),
  )
  const tasks = await rowsOf(ctx, 'Task', open, { fields: ['project'] })
  for (const project of [...new Set(tasks.map((task) => String(task.project)))].sort()) await rescheduleSoon(ctx, project)
}

/** For the events of what says when people work. */
export const hoursEvents = { on_submit: hoursChanged, on_cancel: hoursChanged, on_update_after_submit: hoursChanged } as const
