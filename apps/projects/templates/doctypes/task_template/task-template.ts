import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { OfAnotherOrganization, ValueRefused } from '../../../errors.ts'
import { checkOrder, rowNamed, todayOf } from '../../../rows.ts'
import { nextOccurrence } from '../../occurrences.ts'

export interface TaskTemplateFields {
  template_name: string
  organization: string
  task_type: string
  enabled: number
  frequency: string | null
  every: number
  start_on: string | null
  until: string | null
  project: string | null
  lead_days: number
  next_on: string | null
}

const rhythm = ['enabled', 'frequency', 'every', 'start_on'] as const

/** A task that comes again. Changing the rhythm does not bring back days that have passed. */
export default class TaskTemplate extends Document<TaskTemplateFields> {
  async validate(ctx: Context, { before }: { before?: TaskTemplateFields } = {}): Promise<void> {
    checkOrder(this.start_on, this.until, 'until')
    if (this.enabled && this.task_type === 'Subtask')
      throw new ValueRefused({ field: 'task_type', reason: 'a subtask does not come by itself.' })
    if (this.lead_days > 366) throw new ValueRefused({ field: 'lead_days', reason: 'at most a year ahead.' })
    if (this.project) {
      const project = await rowNamed(ctx, 'Project', this.project, ['organization'])
      if (project && project.organization !== this.organization)
        throw new OfAnotherOrganization({
          doctype: 'Task Template',
          field: 'project',
          value: this.project,
          organization: this.organization,
        })
    }
    if (!this.enabled || !this.start_on || !this.frequency) this.next_on = null
    else if (!this.next_on || !before || rhythm.some((field) => before[field] !== this[field])) {
      const today = await todayOf(ctx, this.organization)
      this.next_on = nextOccurrence(this.start_on, this.frequency, this.every, [today, this.start_on].sort()[1] as string)
    }
  }
}
