import { Document } from '#kernel/documents/document.ts'
import { ValueRefused } from '../../../errors.ts'
import { checkOrder } from '../../../shared/rows.ts'

/** Who decides on leave while an approver is away. Approvers name somebody for themselves; HR for anybody. */
export default class LeaveApprovalDelegation extends Document<{ approver: string; delegate: string; from_date: string; to_date: string }> {
  validate(): void {
    checkOrder(this.from_date, this.to_date, 'to_date')
    if (this.delegate === this.approver) throw new ValueRefused({ field: 'delegate', reason: 'nobody stands in for themselves.' })
  }
}
