import { leaveDays, sumOfDays } from '#client/rules/hr-leave-days.ts'
import type { LeaveDay } from '#client/rules/hr-leave-ledger.ts'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { LeaveRefused } from '../errors.ts'
import { type EmployeeFacts, rowsOf, touches } from '../shared/rows.ts'
import { holidayListOf, holidaysOf } from '../time/holidays.ts'
import type { LeaveTypeFacts } from './leave-types.ts'

/** What is asked for. */
export interface LeaveAsked {
  readonly from_date: string
  readonly to_date: string
  readonly half_day_date: string | null
}

/**
 * The days that an application costs. Of optional leave each day must be one that people may choose.
 * @throws LeaveRefused when none are left, or one cannot be chosen
 */
export async function countLeave(ctx: Context, employee: EmployeeFacts, type: LeaveTypeFacts, asked: LeaveAsked): Promise<LeaveDay[]> {
  const list = await holidayListOf(ctx, employee, asked.from_date)
  const { free, optional } = await holidaysOf(ctx, list, asked.from_date, asked.to_date)
  const days = leaveDays({ from: asked.from_date, to: asked.to_date, halfDay: asked.half_day_date }, free, {
    includeHoliday: type.include_holiday === 1,
  })
  if (sumOfDays(days) === 0) throw new LeaveRefused({ field: 'from_date', reason: 'all of these days are free anyway.' })
  if (!type.is_optional_leave) return days
  const chosen = new Set([...optional, ...(await optionalOfPeriod(ctx, employee, asked))])
  const other = days.find(({ day }) => !chosen.has(day))
  if (other) throw new LeaveRefused({ field: 'from_date', reason: `${other.day} is not among the optional holidays.` })
  return days
}

/** Optional holidays may have a list of their own, named by the leave period. */
async function optionalOfPeriod(ctx: Context, employee: EmployeeFacts, { from_date, to_date }: LeaveAsked): Promise<string[]> {
  const periods = await rowsOf(
    ctx,
    'Leave Period',
    and(
      where('organization', '=', employee.organization),
      where('is_active', '=', 1),
      touches(from_date, to_date, ['from_date', 'to_date']),
    ),
    { fields: ['optional_holiday_list'] },
  )
  const lists = periods.flatMap((row) => (row.optional_holiday_list ? [String(row.optional_holiday_list)] : []))
  const rows = await rowsOf(ctx, 'Holiday', where('parent', 'in', lists), { fields: ['holiday_date'] })
  return rows.map((row) => String(row.holiday_date))
}
