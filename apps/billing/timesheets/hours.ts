import type { Decimal } from '#client/rules/decimal.ts'
import type { ChildFields } from '#kernel/documents/document.ts'

/** A row of a Timesheet. */
export interface LogRow extends ChildFields {
  activity_type: string | null
  from_time: string | null
  to_time: string | null
  hours: number
  description: string | null
  is_billable: 0 | 1
  billing_hours: number
  billing_rate: Decimal
  billing_amount: Decimal
  costing_rate: Decimal
  costing_amount: Decimal
  sales_invoice: string | null
}

/** Fields of a Timesheet. */
export interface TimesheetFields {
  organization: string
  company: string | null
  employee: string | null
  employee_name: string | null
  customer: string | null
  project: string | null
  currency: string | null
  exchange_rate: number
  start_date: string | null
  end_date: string | null
  time_logs: LogRow[]
  total_hours: number
  total_billable_hours: number
  total_billed_hours: number
  total_billable_amount: Decimal
  total_billed_amount: Decimal
  total_costing_amount: Decimal
  per_billed: number
  status: string
}
