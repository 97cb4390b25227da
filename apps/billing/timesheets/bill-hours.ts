import { Decimal, sumDecimals } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { load } from '#kernel/documents/load.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { AlreadyBilled, BadBillingValue, NotOpenForPayment } from '../errors.ts'
import type { InvoiceFields } from '../invoicing/invoice.ts'
import { stampState } from '../ledger/state.ts'
import type { TimesheetFields } from './hours.ts'

/** Hours on an invoice are what the timesheet says, each once. @throws BadBillingValue with the row */
export async function checkHours(ctx: Context, invoice: InvoiceFields): Promise<void> {
  invoice.total_billing_hours = sumDecimals(invoice.timesheets.map((row) => row.billing_hours)).toNumber()
  invoice.total_billing_amount = sumDecimals(invoice.timesheets.map((row) => row.billing_amount))
  if (invoice.timesheets.length === 0) return
  const seen = new Set<string>()
  const names = invoice.timesheets.map((row) => row.timesheet_detail)
  const logs = await findRows(ctx, await ctx.site.meta.meta('Timesheet Detail'), where('name', 'in', names))
  for (const [index, row] of invoice.timesheets.entries()) {
    const field = `timesheets[${index}].timesheet_detail`
    const log = logs.find((one) => one.name === row.timesheet_detail && one.parent === row.time_sheet)
    if (log?.is_billable !== 1) throw new BadBillingValue({ field, reason: 'it names no hours that are charged.' })
    if (seen.has(log.name)) throw new BadBillingValue({ field, reason: 'the hours are there already.' })
    seen.add(log.name)
    row.activity_type = log.activity_type === null ? null : String(log.activity_type)
    row.billing_hours = Number(log.billing_hours)
    row.billing_amount = log.billing_amount as Decimal
  }
  if (invoice.total_billing_amount.compare(invoice.total) > 0)
    throw new BadBillingValue({ field: 'timesheets', reason: 'the hours come to more than the lines.' })
}

/** Marks the hours of an invoice as charged. The timesheet is locked first, so that two invoices do not charge the same hours. @throws AlreadyBilled */
export async function billHours(ctx: Context, invoice: InvoiceFields & { name: string }): Promise<void> {
  await mark(ctx, invoice, (log, field) => {
    if (log.sales_invoice) throw new AlreadyBilled({ field, document: log.name, by: log.sales_invoice })
    return invoice.name
  })
}

/** The hours of a cancelled invoice can be charged again. */
export async function unbillHours(ctx: Context, invoice: InvoiceFields & { name: string }): Promise<void> {
  await mark(ctx, invoice, (log) => (log.sales_invoice === invoice.name ? null : log.sales_invoice))
}

async function mark(
  ctx: Context,
  invoice: InvoiceFields & { name: string },
  next: (log: { name: string; sales_invoice: string | null }, field: string) => string | null,
): Promise<void> {
  if (invoice.is_return === 1) return
  const meta = await ctx.site.meta.get('Timesheet')
  const rows = Map.groupBy(
    invoice.timesheets.map((row, index) => ({ row, field: `timesheets[${index}].timesheet_detail` })),
    ({ row }) => row.time_sheet,
  )
  for (const name of [...rows.keys()].sort()) {
    const timesheet = (await load(ctx, meta, name, true)) as unknown as TimesheetFields & {
      doctype: string
      name: string
      docstatus: number
    }
    for (const { row, field } of rows.get(name) ?? []) {
      if (timesheet.docstatus !== 1) throw new NotOpenForPayment({ field, document: name, reason: 'is not submitted.' })
      const log = timesheet.time_logs.find((one) => one.name === row.timesheet_detail)
      if (!log) throw new BadBillingValue({ field, reason: 'it names no hours of the timesheet.' })
      log.sales_invoice = next(log, field)
      await ctx.db.execute(
        ctx.db.dialect.compile(
          sql`update ${ident('tabTimesheet Detail')} set sales_invoice = ${log.sales_invoice} where name = ${log.name}`,
        ),
      )
    }
    await stampState(ctx, timesheet, billedOf(timesheet))
  }
}

/** How much of a timesheet was charged. */
function billedOf(timesheet: TimesheetFields): Record<string, unknown> {
  const billed = timesheet.time_logs.filter((row) => row.is_billable === 1 && row.sales_invoice)
  const hours = sumDecimals(billed.map((row) => row.billing_hours))
  const all = Decimal.from(timesheet.total_billable_hours)
  const share = all.isZero() ? 0 : hours.times(100).dividedBy(all, 2, 'down').toNumber()
  return {
    total_billed_hours: hours.toNumber(),
    total_billed_amount: sumDecimals(billed.map((row) => row.billing_amount)),
    per_billed: share,
    status: share >= 100 ? 'Billed' : share > 0 ? 'Partially Billed' : 'Submitted',
  }
}
