import { Type } from 'typebox'
import { Decimal, sumDecimals } from '#client/rules/decimal.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import { instantOfText, textOfInstant } from '#kernel/context/time.ts'
import { Document } from '#kernel/documents/document.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { currencyDigits, exchangeRate, fillCompany, todayOf } from '../../../books/company-facts.ts'
import { BadBillingValue } from '../../../errors.ts'
import { stampState } from '../../../ledger/state.ts'
import { invoiceHours } from '../../invoice-hours.ts'
import type { LogRow, TimesheetFields } from '../../hours.ts'
import { demandNoOverlap } from '../../overlap.ts'
import { fillRates } from '../../rates.ts'

const hour = 3_600_000

/** Hours that somebody worked, what they cost and what is charged for them. */
export default class Timesheet extends Document<TimesheetFields> {
  async validate(ctx: Context): Promise<void> {
    const facts = await fillCompany(ctx, this)
    this.currency ||= facts.currency
    const day = todayOf(ctx, facts)
    this.exchange_rate = await exchangeRate(ctx, facts, this.currency, day, this.exchange_rate, 'exchange_rate')
    for (const [index, row] of this.time_logs.entries()) measure(row, `time_logs[${index}]`)
    await demandNoOverlap(ctx, this)
    await fillRates(ctx, this, facts)
    const digits = await currencyDigits(ctx, this.currency)
    for (const row of this.time_logs) {
      row.billing_amount = row.billing_rate.times(Decimal.from(row.billing_hours)).round(digits, 'half-up')
      row.costing_amount = row.costing_rate.times(Decimal.from(row.hours)).round(digits, 'half-up')
      row.sales_invoice = null
    }
    const days = this.time_logs.flatMap(({ from_time, to_time }) => [from_time, to_time]).filter((time): time is string => time !== null)
    const local = days.map((time) => utcToZone(time, facts.timeZone).slice(0, 10)).sort()
    const billable = this.time_logs.filter((row) => row.is_billable === 1)
    Object.assign(this, {
      start_date: local[0] ?? day,
      end_date: local.at(-1) ?? day,
      total_hours: sumDecimals(this.time_logs.map((row) => row.hours)).toNumber(),
      total_billable_hours: sumDecimals(billable.map((row) => row.billing_hours)).toNumber(),
      total_billable_amount: sumDecimals(billable.map((row) => row.billing_amount)),
      total_costing_amount: sumDecimals(this.time_logs.map((row) => row.costing_amount)),
      total_billed_hours: 0,
      total_billed_amount: Decimal.zero,
      per_billed: 0,
      status: this.docstatus === 1 ? 'Submitted' : 'Draft',
    })
  }

  before_submit(): void {
    if (!this.employee) throw new BadBillingValue({ field: 'employee', reason: 'somebody worked these hours.' })
    for (const [index, row] of this.time_logs.entries())
      if (row.hours === 0) throw new BadBillingValue({ field: `time_logs[${index}].hours`, reason: 'hours are needed.' })
  }

  async on_cancel(ctx: Context): Promise<void> {
    await stampState(ctx, this, { status: 'Cancelled' })
  }
}

/** Hours follow from when work began and ended; an end follows from a beginning and hours. */
function measure(row: LogRow, path: string): void {
  if (row.from_time && row.to_time) {
    const length = instantOfText(row.to_time) - instantOfText(row.from_time)
    if (length <= 0) throw new BadBillingValue({ field: `${path}.to_time`, reason: 'work ends after it begins.' })
    row.hours = Decimal.from(length).dividedBy(hour, 4, 'half-up').toNumber()
  } else if (row.from_time && row.hours > 0) row.to_time = textOfInstant(instantOfText(row.from_time) + Math.round(row.hours * hour))
  else if (row.to_time) throw new BadBillingValue({ field: `${path}.from_time`, reason: 'it is not said when the work began.' })
  if (row.hours > 24 * 31) throw new BadBillingValue({ field: `${path}.hours`, reason: 'nobody works so long without a break.' })
  if (row.is_billable !== 1) row.billing_hours = 0
  else if (row.billing_hours === 0) row.billing_hours = row.hours
}

export const documentMethods = [
  defineDocumentMethod({
    verb: 'make_sales_invoice',
    doctype: 'Timesheet',
    summary: 'Makes a draft of an invoice for the hours that were not charged yet: one line per activity.',
    input: Type.Object({
      customer: Type.Optional(Type.String({ maxLength: 140 })),
      currency: Type.Optional(Type.String({ maxLength: 140 })),
    }),
    needs: 'read',
    handler: async (ctx, document, given) => ({ name: await invoiceHours(ctx, document as unknown as Timesheet, given) }),
  }),
]
