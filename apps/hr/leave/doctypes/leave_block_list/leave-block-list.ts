import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { ValueRefused } from '../../../errors.ts'

interface DateRow extends ChildFields {
  block_date: string
}

/** Days on which people are needed. */
export default class LeaveBlockList extends Document<{ leave_block_list_dates: DateRow[] }> {
  validate(): void {
    const seen = new Set<string>()
    for (const [index, { block_date: day }] of this.leave_block_list_dates.entries()) {
      if (seen.has(day))
        throw new ValueRefused({ field: `leave_block_list_dates[${index}].block_date`, reason: `${day} stands there twice.` })
      seen.add(day)
    }
  }
}
