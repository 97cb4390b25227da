import { Type } from 'typebox'
import type { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { noteCancelled } from '../../access.ts'
import { explainSlip } from '../../explain.ts'
import { fillSlip, settleOvertime } from '../../fill-slip.ts'
import { postSlip, takeBackPosting } from '../../posting.ts'

/** A line of a slip. */
export interface SlipDetail extends ChildFields {
  salary_component: string
  abbr: string | null
  source: string
  amount: Decimal
  default_amount: Decimal
  do_not_include_in_total: number
  overtime_slip: string | null
  arrear_for: string | null
  additional_salary: string | null
  trace: string | null
}

export interface SalarySlipFields {
  employee: string
  employee_name: string | null
  organization: string
  posting_date: string
  status: 'Draft' | 'Submitted' | 'Cancelled' | 'Withheld'
  start_date: string
  end_date: string
  currency: string | null
  exchange_rate: number
  payroll_entry: string | null
  timesheets: { time_sheet: string | null; working_hours: number }[]
  earnings: SlipDetail[]
  deductions: SlipDetail[]
  net_pay: Decimal
  rounded_total: Decimal
  gross_pay: Decimal
  total_deduction: Decimal
  payroll_payable_account: string | null
  payroll_cost_centers: { cost_center: string; percentage: number }[]
  total_working_days: number
  payment_days: number
  days_trace: string | null
}

/** A slip is reckoned, never typed: whatever a caller gives for its lines and sums is replaced. Once submitted it never changes. */
export default class SalarySlip extends Document<SalarySlipFields> {
  async validate(ctx: Context): Promise<void> {
    await fillSlip(ctx, this)
  }

  async on_submit(ctx: Context): Promise<void> {
    await settleOvertime(ctx, this, 'Paid')
    await postSlip(ctx, this)
  }

  async before_cancel(ctx: Context): Promise<void> {
    // Before, because nothing new may point to a slip that is cancelled.
    await takeBackPosting(ctx, this)
  }

  before_discard(): void {
    this.status = 'Cancelled'
  }

  async on_cancel(ctx: Context): Promise<void> {
    await noteCancelled(ctx, this)
    await settleOvertime(ctx, this, 'Submitted')
  }
}

export const documentMethods = [
  defineDocumentMethod({
    verb: 'explain',
    doctype: 'Salary Slip',
    summary: 'Each line of the slip with what it was reckoned from, reckoned again; and the days that are not paid, with the reason.',
    input: Type.Object({}),
    needs: 'read',
    handler: (_ctx, document) => explainSlip(document as unknown as SalarySlip),
  }),
]
