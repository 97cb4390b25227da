import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { ValueRefused } from '../../errors.ts'
import { todayOf } from '../../rows.ts'

export interface MilestoneFields {
  project: string
  organization: string
  status: 'Open' | 'Reached' | 'Cancelled'
  due_date: string
  reached_on: string | null
  forecast_date: string | null
  slippage_days: number
}

/** A point to reach by a day. */
export default class Milestone extends Document<MilestoneFields> {
  async validate(ctx: Context, { before }: { before?: MilestoneFields } = {}): Promise<void> {
    if (before && before.project !== this.project) throw new ValueRefused({ field: 'project', reason: 'a milestone stays in its project.' })
    if (this.status === 'Reached') this.reached_on ??= await todayOf(ctx, this.organization)
    else this.reached_on = null
    if (this.forecast_date) this.slippage_days = Math.round((Date.parse(this.forecast_date) - Date.parse(this.due_date)) / 86_400_000)
  }
}
