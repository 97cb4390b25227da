import { addDays } from '#client/rules/dates.ts'
import { and, where } from '#client/rules/predicate.ts'
import { zoneToUtc } from '#client/rules/time-zone.ts'
import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { rowsOf, todayOf, zoneOf } from '../rows.ts'
import { fromTemplate } from './create-project.ts'
import { nextOccurrence } from './occurrences.ts'

/** Tasks of one template that one run makes at most: after a long pause the rest come the day after. */
const mostAtOnce = 60

async function makeRecurringTasks(ctx: Context): Promise<{ tasks: number }> {
  const due = await rowsOf(ctx, 'Task Template', and(where('enabled', '=', 1), where('next_on', 'set')), { fields: ['name'] })
  let tasks = 0
  for (const { name } of due) tasks += await makeDue(ctx, await load(ctx, await ctx.site.meta.get('Task Template'), name, true))
  return { tasks }
}

async function makeDue(ctx: Context, template: AnyDocument): Promise<number> {
  const until = addDays(await todayOf(ctx, String(template.organization)), Number(template.lead_days))
  let next = template.next_on as string | null
  let made = 0
  for (; next && next <= until && made < mostAtOnce; made++) {
    if (!(await isThere(ctx, template.name, next))) await makeOccurrence(ctx, template, next)
    const after = nextOccurrence(String(template.start_on), String(template.frequency), Number(template.every), addDays(next, 1))
    next = template.until && after > String(template.until) ? null : after
  }
  if (next !== template.next_on) await writeThrough(ctx, 'Task Template', template.name, { next_on: next })
  return made
}

async function isThere(ctx: Context, template: string, day: string): Promise<boolean> {
  const found = and(where('task_template', '=', template), where('occurrence', '=', day))
  return (await rowsOf(ctx, 'Task', found, { fields: ['name'], limit: 1 })).length > 0
}

async function makeOccurrence(ctx: Context, template: AnyDocument, day: string): Promise<void> {
  const zone = await zoneOf(ctx, String(template.organization))
  await insert(ctx, 'Task', {
    ...fromTemplate(template),
    subject: String(template.subject).replaceAll('{day}', day),
    organization: template.organization,
    project: template.project,
    employee: template.employee,
    occurrence: day,
    deadline: zoneToUtc(`${day} 23:59:59.000000`, zone),
    constraint_type: 'Start No Earlier Than',
    constraint_date: zoneToUtc(`${day} 00:00:00.000000`, zone),
  })
}

/** Projects and tasks from templates; tasks that come by themselves. */
export const templatesPart: AppPart = {
  jobs: {
    'make-recurring-tasks': { queue: 'default', asSystem: 'tasks of templates that are due', run: (ctx) => makeRecurringTasks(ctx) },
  },
  schedules: [{ every: 'hourly', job: 'make-recurring-tasks' }],
}
