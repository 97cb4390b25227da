import type { DayRules } from '#client/rules/payroll-days.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { rowOf, rowsOf } from '../shared/rows.ts'

/** How an organization reckons pay. */
export interface PayrollRules {
  readonly days: DayRules
  readonly roundsTotal: boolean
  /** Months that arrears look back. */
  readonly lookBack: number
  /** 0: no limit. */
  readonly mostHours: number
  readonly expenseAccount: string
  readonly deductionsAccount: string
  readonly payableAccount: string
  readonly roundOffAccount: string
  /** The organization's own. */
  readonly currency: string | undefined
}

/** As its Payroll Settings say; an organization without any reckons by leave, with half pay for half a day. Read once in a unit of work. */
export async function payrollRules(ctx: Context, organization: string): Promise<PayrollRules> {
  const key = `payroll:rules:${organization}`
  const known = ctx.memo.get(key) as PayrollRules | undefined
  if (known) return known
  const [row] = await rowsOf(ctx, 'Payroll Settings', where('organization', '=', organization), { limit: 1 })
  const text = (fieldname: string, otherwise: string): string => String(row?.[fieldname] || otherwise)
  const own = await rowOf(ctx, 'Organization', organization, ['default_currency'])
  const rules: PayrollRules = {
    days: {
      basedOn: row?.payroll_based_on === 'Attendance' ? 'Attendance' : 'Leave',
      includeHolidays: Boolean(row?.include_holidays_in_total_working_days),
      unmarkedIsAbsent: row?.consider_unmarked_attendance_as === 'Absent',
      absentOnHolidays: Boolean(row?.consider_marked_attendance_on_holidays),
      halfDayFraction: row ? Number(row.daily_wages_fraction_for_half_day) : 0.5,
    },
    roundsTotal: !row?.disable_rounded_total,
    lookBack: row ? Number(row.arrears_look_back_months) : 12,
    mostHours: Number(row?.max_working_hours_against_timesheet ?? 0),
    expenseAccount: text('salary_expense_account', 'Salaries'),
    deductionsAccount: text('deductions_account', 'Payroll Deductions'),
    payableAccount: text('payroll_payable_account', 'Payroll Payable'),
    roundOffAccount: text('round_off_account', 'Round Off'),
    currency: own?.default_currency ? String(own.default_currency) : undefined,
  }
  ctx.memo.set(key, rules)
  return rules
}

/** Places of a currency: as many as its smaller unit has zeros; two where that is not said. */
export async function placesOf(ctx: Context, currency: string | undefined): Promise<number> {
  if (!currency) return 2
  const key = `payroll:places:${currency}`
  const known = ctx.memo.get(key)
  if (typeof known === 'number') return known
  const units = Number((await rowOf(ctx, 'Currency', currency, ['fraction_units']))?.fraction_units ?? 0)
  const places = units > 0 ? Math.min(9, Math.round(Math.log10(units))) : 2
  ctx.memo.set(key, places)
  return places
}
