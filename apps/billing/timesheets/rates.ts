import { Decimal } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { type CompanyFacts, currencyDigits } from '../books/company-facts.ts'
import type { TimesheetFields } from './hours.ts'

/** Rates of an hour that were not given: those of the person for the activity, else those of the activity; they are in the company's currency. */
export async function fillRates(ctx: Context, timesheet: TimesheetFields, facts: CompanyFacts): Promise<void> {
  const activities = [...new Set(timesheet.time_logs.map((row) => row.activity_type).filter((name): name is string => Boolean(name)))]
  if (activities.length === 0) return
  const types = await findRows(ctx, await ctx.site.meta.get('Activity Type'), where('name', 'in', activities))
  const own = timesheet.employee
    ? await findRows(ctx, await ctx.site.meta.get('Activity Cost'), {
        all: [where('employee', '=', timesheet.employee), where('activity_type', 'in', activities)],
      })
    : []
  const digits = await currencyDigits(ctx, timesheet.currency ?? facts.currency)
  const converted = (amount: Decimal): Decimal =>
    timesheet.exchange_rate === 1 ? amount : amount.dividedBy(Decimal.from(timesheet.exchange_rate), digits, 'half-up')
  for (const row of timesheet.time_logs) {
    const rates = own.find((one) => one.activity_type === row.activity_type) ?? types.find((one) => one.name === row.activity_type)
    if (!rates) continue
    if (row.is_billable === 1 && row.billing_rate.isZero()) row.billing_rate = converted(rates.billing_rate as Decimal)
    if (row.costing_rate.isZero()) row.costing_rate = converted(rates.costing_rate as Decimal)
  }
}
