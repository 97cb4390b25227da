import { Type } from 'typebox'
import type { Decimal } from '#client/rules/decimal.ts'
import type { ProgressMethod } from '#client/rules/projects-progress.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { StillOpen, ValueRefused } from '../../errors.ts'
import { recalculate } from '../../figures/costs.ts'
import { refreshProgress } from '../../figures/progress.ts'
import { setBaseline } from '../../planning/baseline.ts'
import { reschedule } from '../../planning/reschedule.ts'
import { planInput, planVerb } from '../../planning/plan-verbs.ts'
import { checkOrder, rowNamed, rowsOf, todayOf } from '../../rows.ts'

interface Member extends ChildFields {
  user: string
  role: string
}

export interface ProjectFields {
  project_name: string
  project_key: string | null
  organization: string
  status: 'Open' | 'On Hold' | 'Completed' | 'Cancelled'
  expected_start_date: string | null
  expected_end_date: string | null
  actual_start_date: string | null
  actual_end_date: string | null
  auto_schedule: number
  level_resources: number
  holiday_list: string | null
  percent_complete_method: ProgressMethod
  percent_complete: number
  currency: string | null
  estimated_costing: Decimal
  total_costing_amount: Decimal
  budget_left: Decimal
  users: Member[]
}

/** Work with an aim. Its key stays once there are tasks, as people call them by it. */
export default class Project extends Document<ProjectFields> {
  async before_insert(ctx: Context): Promise<void> {
    const organization = await rowNamed(ctx, 'Organization', this.organization, ['default_currency'])
    this.currency = String(organization?.default_currency || '') || null
  }

  async validate(ctx: Context, { before }: { before?: ProjectFields } = {}): Promise<void> {
    this.project_key = (this.project_key || keyFrom(this.project_name)).toUpperCase()
    if (!/^[A-Z][A-Z0-9]{1,9}$/.test(this.project_key))
      throw new ValueRefused({ field: 'project_key', reason: 'a key is a letter and one to nine letters and digits.' })
    checkOrder(this.expected_start_date, this.expected_end_date, 'expected_end_date')
    if (this.percent_complete > 100) throw new ValueRefused({ field: 'percent_complete', reason: 'more than all cannot be done.' })
    const users = new Set<string>()
    for (const [index, { user }] of this.users.entries()) {
      if (users.has(user)) throw new ValueRefused({ field: `users[${index}].user`, reason: 'takes part already.' })
      users.add(user)
    }
    if (before && this.status !== before.status) await this.changeStatus(ctx)
    this.budget_left = this.estimated_costing.minus(this.total_costing_amount)
  }

  async on_update(ctx: Context, { before }: { before?: ProjectFields } = {}): Promise<void> {
    if (!before) return
    if (before.percent_complete_method !== this.percent_complete_method) await refreshProgress(ctx, this.name)
    const isMoved = (['expected_start_date', 'expected_end_date', 'holiday_list', 'auto_schedule', 'level_resources'] as const).some(
      (field) => before[field] !== this[field],
    )
    if (isMoved && this.auto_schedule) await reschedule(ctx, this.name)
  }

  /** @throws StillOpen */
  private async changeStatus(ctx: Context): Promise<void> {
    if (this.status !== 'Completed') {
      this.actual_end_date = null
      return
    }
    const open = where('status', 'not in', ['Completed', 'Cancelled', 'Template'])
    const [task] = await rowsOf(ctx, 'Task', { all: [where('project', '=', this.name), open] }, { fields: ['name', 'subject'], limit: 1 })
    if (task) throw new StillOpen({ field: 'status', task: task.name, subject: String(task.subject), why: 'part' })
    this.actual_end_date = await todayOf(ctx, this.organization)
    if (this.percent_complete_method !== 'Manual') this.percent_complete = 100
  }
}

/** Letters by which the tasks of a project are called: the initials of its name, or its first letters. */
function keyFrom(name: string): string {
  const words = name
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9 ]/g, '')
    .split(' ')
    .filter((word) => /^[A-Za-z]/.test(word))
  const initials = words.map((word) => word[0]).join('')
  const key = initials.length > 1 ? initials : (words[0] ?? '')
  return key.length > 1 ? key.slice(0, 6) : 'PR'
}

export const documentMethods = [
  defineDocumentMethod({
    verb: 'schedule',
    doctype: 'Project',
    summary: 'Works out all dates of the project and keeps them; tells what has moved and why.',
    needs: 'write',
    input: planInput,
    handler: (ctx, project, given) => planVerb(ctx, project, given, true),
  }),
  defineDocumentMethod({
    verb: 'what_if',
    doctype: 'Project',
    summary: 'Works out the dates as they would be with some changes, and keeps nothing.',
    needs: 'read',
    input: planInput,
    handler: (ctx, project, given) => planVerb(ctx, project, given, false),
  }),
  defineDocumentMethod({
    verb: 'set_baseline',
    doctype: 'Project',
    summary: 'Keeps the present dates of tasks and milestones, so that slipping can be told.',
    needs: 'write',
    input: Type.Object({}),
    handler: (ctx, project) => setBaseline(ctx, project.name),
  }),
  defineDocumentMethod({
    verb: 'recalculate',
    doctype: 'Project',
    summary: 'Reads hours, cost and what was invoiced again from time sheets and invoices.',
    needs: 'write',
    input: Type.Object({}),
    handler: async (ctx, project) => {
      await refreshProgress(ctx, project.name)
      await recalculate(ctx, project.name)
    },
  }),
]
