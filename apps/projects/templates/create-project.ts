import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { inBulk, refreshProgress } from '../figures/progress.ts'
import { reschedule } from '../planning/reschedule.ts'
import { readLinks } from './template-rows.ts'

const name = Type.String({ minLength: 1, maxLength: 140 })

/** A project with the tasks of a template. */
export const createVerb = defineDocumentMethod({
  verb: 'create_project',
  doctype: 'Project Template',
  summary: 'Makes a project with the tasks of the template, and plans it.',
  needs: 'read',
  input: Type.Object({
    project_name: Type.String({ minLength: 1, maxLength: 255 }),
    expected_start_date: Type.Optional(Type.String({ maxLength: 10 })),
    customer: Type.Optional(name),
    project_manager: Type.Optional(name),
  }),
  async handler(ctx, template, given) {
    const project = await insert(ctx, 'Project', {
      ...given,
      organization: template.organization,
      project_type: template.project_type,
      percent_complete_method: template.percent_complete_method,
      auto_schedule: 1,
    })
    const tasks = await inBulk(ctx, () => makeTasks(ctx, template, project.name))
    await refreshProgress(ctx, project.name)
    await reschedule(ctx, project.name)
    return { project: project.name, tasks: Object.fromEntries(tasks) }
  },
})

interface Row {
  ref: string
  task_template: string | null
  subject: string | null
  task_type: string | null
  parent_ref: string | null
  depends_on_refs: string | null
  expected_time: number
  story_points: number
  is_milestone: number
}

/** Wholes before their parts; links when all are there. */
async function makeTasks(ctx: Context, template: AnyDocument, project: string): Promise<Map<string, string>> {
  const made = new Map<string, string>()
  const rows = template.tasks as Row[]
  let left = rows
  while (left.length > 0) {
    for (const row of left) if (!row.parent_ref || made.has(row.parent_ref)) made.set(row.ref, await makeTask(ctx, row, project, made))
    left = left.filter(({ ref }) => !made.has(ref))
  }
  for (const row of rows) {
    const links = readLinks(row.depends_on_refs, 'depends_on_refs')
    if (links.length === 0) continue
    const depends_on = links.map(({ ref, ...link }) => ({ task: made.get(ref), ...link }))
    await save(ctx, await openForWrite(ctx, 'Task', made.get(row.ref) as string), { depends_on })
  }
  return made
}

async function makeTask(ctx: Context, row: Row, project: string, made: ReadonlyMap<string, string>): Promise<string> {
  const template = row.task_template ? await load(ctx, await ctx.site.meta.get('Task Template'), row.task_template) : undefined
  const task = await insert(ctx, 'Task', {
    ...(template && fromTemplate(template)),
    project,
    subject: row.subject || template?.subject,
    task_type: row.task_type || template?.task_type || 'Task',
    parent_task: row.parent_ref ? made.get(row.parent_ref) : null,
    ...(row.expected_time > 0 && { expected_time: row.expected_time }),
    ...(row.story_points > 0 && { story_points: row.story_points }),
    ...(row.is_milestone && { is_milestone: 1 }),
  })
  return task.name
}

/** What a task takes over of its template. */
export function fromTemplate(template: AnyDocument): Record<string, unknown> {
  const { task_type, priority, expected_time, story_points, task_weight, is_milestone, description } = template
  const checklist = ((template.checklist as { item: string }[] | undefined) ?? []).map(({ item }) => ({ item }))
  return {
    task_template: template.name,
    task_type,
    priority,
    expected_time,
    story_points,
    task_weight,
    is_milestone,
    description,
    checklist,
  }
}
