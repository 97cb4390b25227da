import { Decimal, sumDecimals } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { insert } from '#kernel/documents/save.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { BadBillingValue, MoreThanThere } from '../errors.ts'
import type { LogRow, TimesheetFields } from './hours.ts'

type Sheet = Pick<AnyDocument, 'docstatus' | 'name'> & TimesheetFields

/** A draft of an invoice for what was not charged yet; each line is the sum of its hours. @returns its name */
export async function invoiceHours(
  ctx: Context,
  timesheet: Sheet,
  { customer, currency }: { customer?: string; currency?: string },
): Promise<string> {
  if (timesheet.docstatus !== 1) throw new BadBillingValue({ field: 'docstatus', reason: 'the timesheet is not submitted.' })
  const payer = customer ?? timesheet.customer
  if (!payer) throw new BadBillingValue({ field: 'customer', reason: 'it is not said who is charged.' })
  if (currency !== undefined && currency !== timesheet.currency)
    throw new BadBillingValue({ field: 'currency', reason: `the hours are in ${timesheet.currency}.` })
  const open = timesheet.time_logs.filter((row) => row.is_billable === 1 && !row.sales_invoice && row.billing_hours > 0)
  if (open.length === 0) throw new MoreThanThere({ field: 'time_logs', document: timesheet.name, left: '0', given: 'more' })
  const activities = await findRows(ctx, await ctx.site.meta.get('Activity Type'), {
    all: [
      where(
        'name',
        'in',
        open.map((row) => row.activity_type ?? ''),
      ),
    ],
  })
  // Hours of one activity at two rates are two lines.
  const groups = Map.groupBy(open, (row) => JSON.stringify([row.activity_type, row.billing_rate]))
  const invoice = await insert(ctx, 'Sales Invoice', {
    organization: timesheet.organization,
    customer: payer,
    currency: timesheet.currency,
    conversion_rate: timesheet.exchange_rate,
    project: timesheet.project,
    items: [...groups.values()].map((rows) => lineOf(timesheet, rows, activities)),
    timesheets: open.map((row) => ({
      time_sheet: timesheet.name,
      timesheet_detail: row.name,
      activity_type: row.activity_type,
      description: row.description,
      billing_hours: row.billing_hours,
      billing_amount: row.billing_amount,
    })),
  })
  return String(invoice.name)
}

function lineOf(timesheet: Sheet, rows: readonly LogRow[], activities: readonly Record<string, unknown>[]): Record<string, unknown> {
  const hours = sumDecimals(rows.map((row) => row.billing_hours))
  const amount = sumDecimals(rows.map((row) => row.billing_amount))
  const rate = (rows[0] as LogRow).billing_rate
  const activity = activities.find((one) => one.name === (rows[0] as LogRow).activity_type)
  // Each row was rounded by itself: where that makes another sum than hours × rate, the line is one piece of that sum.
  const isExact = hours.times(rate).round(2, 'half-up').equals(amount)
  return {
    item_code: activity?.item_code ?? null,
    item_name: String(activity?.activity_type ?? timesheet.employee_name ?? timesheet.name),
    description: `${timesheet.employee_name ?? ''} ${hours.toString()} h`.trim(),
    qty: isExact ? hours.toNumber() : 1,
    rate: isExact ? rate : amount,
    price_list_rate: Decimal.zero,
    source_doctype: 'Timesheet',
    source_name: timesheet.name,
  }
}
