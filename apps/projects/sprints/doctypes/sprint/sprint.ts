import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { SprintStateWrong, ValueRefused } from '../../../errors.ts'
import { checkOrder, rowsOf } from '../../../rows.ts'
import { sprintVerbs } from '../../sprint-verbs.ts'

export interface SprintFields {
  name: string
  sprint_name: string
  project: string
  organization: string
  status: 'Planned' | 'Active' | 'Completed' | 'Cancelled'
  start_date: string
  end_date: string
  committed_points: number
  committed_on: string | null
  completed_points: number
  closed_on: string | null
}

/** A time-boxed piece of a project. It is begun and closed by its verbs, which keep what was committed and done. */
export default class Sprint extends Document<SprintFields> {
  async validate(ctx: Context, { before }: { before?: SprintFields } = {}): Promise<void> {
    checkOrder(this.start_date, this.end_date, 'end_date')
    if (before && before.project !== this.project) throw new ValueRefused({ field: 'project', reason: 'a sprint stays in its project.' })
    const isByVerb = ctx.memo.get('projects:sprint-verb') === this.name
    const was = before?.status ?? 'Planned'
    if (!isByVerb && this.status !== was && this.status !== 'Cancelled')
      throw new SprintStateWrong({ field: 'status', sprint: this.sprint_name, status: was })
    if (this.status !== 'Planned' && this.status !== 'Active') return
    const others = and(
      where('project', '=', this.project),
      where('name', '!=', this.name ?? ''),
      where('status', 'in', ['Planned', 'Active']),
    )
    const touching = and(where('start_date', '<=', this.end_date), where('end_date', '>=', this.start_date))
    const [other] = await rowsOf(ctx, 'Sprint', and(others, touching), { fields: ['sprint_name'], limit: 1 })
    if (other) throw new ValueRefused({ field: 'start_date', reason: `${other.sprint_name} is at the same time.` })
  }
}

export const documentMethods = sprintVerbs
