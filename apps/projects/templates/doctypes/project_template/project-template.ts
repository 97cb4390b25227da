import { WorkClock } from '#client/rules/schedule-clock.ts'
import { graphOf, type LinkKind } from '#client/rules/schedule-plan.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { ValueRefused } from '../../../errors.ts'
import { linkKinds } from '../../../planning/read-plan.ts'
import { createVerb } from '../../create-project.ts'
import { readLinks } from '../../template-rows.ts'

interface Row extends ChildFields {
  ref: string
  task_template: string | null
  subject: string | null
  parent_ref: string | null
  depends_on_refs: string | null
}

export interface ProjectTemplateFields {
  template_name: string
  organization: string
  tasks: Row[]
}

/** A plan without dates. What it says must be able to become tasks, so circles and unknown numbers are refused here. */
export default class ProjectTemplate extends Document<ProjectTemplateFields> {
  validate(): void {
    const refs = new Set<string>()
    for (const [index, { ref, subject, task_template }] of this.tasks.entries()) {
      if (refs.has(ref)) throw new ValueRefused({ field: `tasks[${index}].ref`, reason: `${ref} is there twice.` })
      if (!subject && !task_template)
        throw new ValueRefused({ field: `tasks[${index}].subject`, reason: 'a task needs a name or a template.' })
      refs.add(ref)
    }
    const links = this.tasks.flatMap((row, index) => {
      const field = `tasks[${index}].depends_on_refs`
      if (row.parent_ref && !refs.has(row.parent_ref))
        throw new ValueRefused({ field: `tasks[${index}].parent_ref`, reason: `there is no ${row.parent_ref}.` })
      return readLinks(row.depends_on_refs, field).map(({ ref, dependency_type, lag_hours }) => {
        if (!refs.has(ref)) throw new ValueRefused({ field, reason: `there is no ${ref}.` })
        return { from: ref, to: row.ref, kind: linkKinds[dependency_type] as LinkKind, lag: lag_hours * 3_600_000 }
      })
    })
    graphOf({
      start: 0,
      tasks: this.tasks.map(({ ref, parent_ref }) => ({ id: ref, parent: parent_ref || undefined, work: 0 })),
      links,
      clocks: new Map([['template', new WorkClock({ timezone: 'UTC', calendar: '24x7' }, 0)]]),
      calendar: 'template',
    })
  }
}

export const documentMethods = [createVerb]
