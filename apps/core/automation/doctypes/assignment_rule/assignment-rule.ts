import { conditionComplaint } from '#kernel/automation/condition.ts'
import { RuleInvalid } from '#kernel/automation/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { checkTemplate } from '#kernel/templates/render.ts'

interface AssignmentRuleFields {
  document_type: string
  rule: string
  field: string | null
  description: string
  due_date_based_on: string | null
  assign_condition: string
  unassign_condition: string | null
  close_condition: string | null
  users: { user: string }[]
  assignment_days: { day: string }[]
}

/** To whom documents are assigned, and when. */
export default class AssignmentRule extends Document<AssignmentRuleFields> {
  async validate(ctx: Context): Promise<void> {
    const meta = await ctx.site.meta.get(this.document_type)
    const refuse = (field: string, reason: string): never => {
      throw new RuleInvalid({ doctype: 'Assignment Rule', name: this.name, field, reason })
    }
    if (meta.isTable || meta.isSingle || meta.isVirtual || meta.name === 'ToDo')
      refuse('document_type', `documents of ${meta.name} are not assigned.`)
    for (const field of ['assign_condition', 'unassign_condition', 'close_condition'] as const) {
      const complaint = conditionComplaint(this[field])
      if (complaint) refuse(field, complaint)
    }
    const problem = checkTemplate(this.description)
    if (problem) refuse('description', problem.message)
    if (this.rule === 'Based on Field' && !meta.column.has(this.field ?? ''))
      refuse('field', `${meta.name} stores no field "${this.field}".`)
    const due = this.due_date_based_on
    if (due && !['Date', 'Datetime'].includes(meta.column.get(due)?.fieldtype ?? ''))
      refuse('due_date_based_on', `${meta.name} has no date "${due}".`)
    const twice = this.users.find((row, index) => this.users.findIndex((other) => other.user === row.user) !== index)
    if (twice) refuse('users', `${twice.user} is listed twice.`)
  }

  async on_change(ctx: Context): Promise<void> {
    await bumpEpoch(ctx, 'config')
  }
}
