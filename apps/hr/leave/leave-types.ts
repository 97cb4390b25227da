import type { AllocateOn, LeaveFrequency } from '#client/rules/hr-leave-accrual.ts'
import type { Context } from '#kernel/context/context.ts'
import { ValueRefused } from '../errors.ts'
import { rowOf } from '../shared/rows.ts'

/** A Leave Type as rules need it; numbers that are 0 say nothing. */
export interface LeaveTypeFacts {
  readonly name: string
  readonly leave_type_name: string
  readonly organization: string
  readonly disabled: 0 | 1
  readonly max_leaves_allowed: number
  readonly applicable_after: number
  readonly max_continuous_days_allowed: number
  readonly needs_second_approval_after: number
  readonly is_lwp: 0 | 1
  readonly is_optional_leave: 0 | 1
  readonly allow_negative: 0 | 1
  readonly allow_over_allocation: 0 | 1
  readonly include_holiday: 0 | 1
  readonly is_compensatory: 0 | 1
  readonly is_carry_forward: 0 | 1
  readonly maximum_carry_forwarded_leaves: number
  readonly expire_carry_forwarded_leaves_after_days: number
  readonly allow_encashment: 0 | 1
  readonly max_encashable_leaves: number
  readonly non_encashable_leaves: number
  readonly is_earned_leave: 0 | 1
  readonly earned_leave_frequency: LeaveFrequency
  readonly allocate_on_day: AllocateOn
  readonly rounding: string | null
}

/** Reads a leave type. @throws ValueRefused for one that is not there */
export async function leaveTypeFacts(ctx: Context, name: string): Promise<LeaveTypeFacts> {
  const row = await rowOf(ctx, 'Leave Type', name)
  if (!row) throw new ValueRefused({ field: 'leave_type', reason: 'there is no such kind of leave.' })
  return row as unknown as LeaveTypeFacts
}
