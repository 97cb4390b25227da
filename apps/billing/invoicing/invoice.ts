import type { Decimal } from '#client/rules/decimal.ts'
import type { ChildFields } from '#kernel/documents/document.ts'
import type { SellingFields, SellingItem, TermsFields } from '../selling/parts.ts'

export interface InvoiceItem extends SellingItem {
  sales_order: string | null
  so_detail: string | null
  delivery_note: string | null
  dn_detail: string | null
  sales_invoice_item: string | null
}

export interface AdvanceRow extends ChildFields {
  payment_entry: string
  advance_amount: Decimal
  allocated_amount: Decimal
  remarks: string | null
}

export interface HoursRow extends ChildFields {
  time_sheet: string
  timesheet_detail: string
  activity_type: string | null
  billing_hours: number
  billing_amount: Decimal
}

/** Fields of a Sales Invoice. */
export interface InvoiceFields extends SellingFields, TermsFields {
  items: InvoiceItem[]
  posting_date: string | null
  due_date: string | null
  invoice_number: string | null
  is_return: 0 | 1
  return_against: string | null
  timesheets: HoursRow[]
  total_billing_hours: number
  total_billing_amount: Decimal
  debit_to: string | null
  remarks: string | null
  allocate_advances_automatically: 0 | 1
  advances: AdvanceRow[]
  total_advance: Decimal
  outstanding_amount: Decimal
  base_outstanding_amount: Decimal
}
