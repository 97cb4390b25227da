import type { Context } from '#kernel/context/context.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { ValueRefused } from '../../../errors.ts'
import { leaveTypeFacts } from '../../leave-types.ts'

interface DetailRow extends ChildFields {
  leave_type: string
  annual_allocation: number
}

/** What leave a group of people gets in a year. */
export default class LeavePolicy extends Document<{ leave_policy_details: DetailRow[] }> {
  async validate(ctx: Context): Promise<void> {
    const seen = new Set<string>()
    for (const [index, row] of this.leave_policy_details.entries()) {
      const path = `leave_policy_details[${index}]`
      if (seen.has(row.leave_type)) throw new ValueRefused({ field: `${path}.leave_type`, reason: 'it stands there twice.' })
      seen.add(row.leave_type)
      const type = await leaveTypeFacts(ctx, row.leave_type)
      if (type.is_lwp) throw new ValueRefused({ field: `${path}.leave_type`, reason: 'unpaid leave is taken without being given.' })
      if (type.max_leaves_allowed > 0 && row.annual_allocation > type.max_leaves_allowed)
        throw new ValueRefused({ field: `${path}.annual_allocation`, reason: `at most ${type.max_leaves_allowed} days are allowed.` })
    }
  }
}
