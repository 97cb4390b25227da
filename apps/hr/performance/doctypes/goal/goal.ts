import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { checkOrder, rowOf, rowsOf } from '../../../shared/rows.ts'
import { AppraisalRefused } from '../../errors.ts'
import { scoreAppraisals } from '../../score-appraisals.ts'
import { meanOf, goalStatus } from '../../score.ts'
import { rollUp } from '../../roll-up.ts'

interface GoalFields {
  goal_name: string
  is_group: number
  parent_goal: string | null
  progress: number
  status: string
  employee: string
  start_date: string
  end_date: string | null
  appraisal_cycle: string | null
  kra: string | null
}

/** What somebody wants to reach. What has parts is as far as these are, on the average; archived ones do not count. */
export default class Goal extends Document<GoalFields> {
  async validate(ctx: Context): Promise<void> {
    checkOrder(this.start_date, this.end_date, 'end_date')
    if (this.progress > 100) throw new AppraisalRefused({ field: 'progress', reason: 'it is from 0 to 100.' })
    if (this.parent_goal) await this.followParent(ctx, this.parent_goal)
    if (this.kra && !this.appraisal_cycle) throw new AppraisalRefused({ field: 'appraisal_cycle', reason: 'a KRA is judged in a cycle.' })
    const parts = this.is_group && this.name ? await partsOf(ctx, this.name) : []
    if (parts.length > 0) this.progress = meanOf(parts)
    this.status = goalStatus(this.progress, this.status)
  }

  async on_update(ctx: Context, { before }: { before?: GoalFields } = {}): Promise<void> {
    if (before?.parent_goal && before.parent_goal !== this.parent_goal) await rollUp(ctx, before.parent_goal)
    if (this.parent_goal) await rollUp(ctx, this.parent_goal)
    await scoreAppraisals(ctx, this)
    if (before && (before.appraisal_cycle !== this.appraisal_cycle || before.employee !== this.employee)) await scoreAppraisals(ctx, before)
  }

  async after_delete(ctx: Context): Promise<void> {
    if (this.parent_goal) await rollUp(ctx, this.parent_goal)
    await scoreAppraisals(ctx, this)
  }

  private async followParent(ctx: Context, name: string): Promise<void> {
    const parent = await rowOf(ctx, 'Goal', name, ['employee', 'appraisal_cycle', 'kra', 'is_group'])
    if (!parent) return
    if (!parent.is_group) throw new AppraisalRefused({ field: 'parent_goal', reason: 'it has no parts.' })
    if (parent.employee !== this.employee) throw new AppraisalRefused({ field: 'parent_goal', reason: 'it is the goal of somebody else.' })
    this.appraisal_cycle = parent.appraisal_cycle ? String(parent.appraisal_cycle) : null
    this.kra = parent.kra ? String(parent.kra) : null
  }
}

/** How far the parts of a goal are; archived ones are left out. */
async function partsOf(ctx: Context, name: string): Promise<number[]> {
  const parts = await rowsOf(ctx, 'Goal', and(where('parent_goal', '=', name), where('status', '!=', 'Archived')), { fields: ['progress'] })
  return parts.map(({ progress }) => Number(progress))
}
