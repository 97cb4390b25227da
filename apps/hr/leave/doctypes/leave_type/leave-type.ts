import { Document } from '#kernel/documents/document.ts'
import { ValueRefused } from '../../../errors.ts'
import type { LeaveTypeFacts } from '../../leave-types.ts'

interface LeaveTypeFields extends LeaveTypeFacts {
  is_ppl: 0 | 1
  fraction_of_daily_salary_per_leave: number
}

type Flag = { [Key in keyof LeaveTypeFields]: LeaveTypeFields[Key] extends 0 | 1 ? Key : never }[keyof LeaveTypeFields]

/** Rules that cannot hold together; the second is where the fault is shown. */
const contrary: readonly (readonly [Flag, Flag, string])[] = [
  ['is_lwp', 'is_ppl', 'leave is either not paid or paid in part.'],
  ['is_lwp', 'is_carry_forward', 'unpaid leave is not kept for later.'],
  ['is_lwp', 'allow_encashment', 'unpaid leave is not paid out.'],
  ['is_lwp', 'is_earned_leave', 'unpaid leave is not earned.'],
  ['is_compensatory', 'is_earned_leave', 'what is given for work on holidays is not earned little by little.'],
]

/** A reason to be away. Rules that contradict each other are refused. */
export default class LeaveType extends Document<LeaveTypeFields> {
  validate(): void {
    for (const [one, other, reason] of contrary) if (this[one] && this[other]) throw new ValueRefused({ field: other, reason })
    if (this.is_ppl && !(this.fraction_of_daily_salary_per_leave > 0 && this.fraction_of_daily_salary_per_leave < 1))
      throw new ValueRefused({ field: 'fraction_of_daily_salary_per_leave', reason: 'it lies between 0 and 1.' })
  }
}
