import type { Decimal } from '#client/rules/decimal.ts'
import type { ChargeType } from '#client/rules/invoice-totals.ts'
import type { ChildFields } from '#kernel/documents/document.ts'

/** A line of a quotation, order, delivery note or invoice. */
export interface SellingItem extends ChildFields {
  item_code: string | null
  item_name: string | null
  description: string | null
  qty: number
  uom: string | null
  price_list_rate: Decimal
  discount_percentage: number
  discount_amount: Decimal
  rate: Decimal
  amount: Decimal
  net_rate: Decimal
  net_amount: Decimal
  base_rate: Decimal
  base_amount: Decimal
  base_net_amount: Decimal
  pricing_rule: string | null
  item_tax_template: string | null
  income_account: string | null
  cost_center: string | null
  project: string | null
}

export interface TaxRow extends ChildFields {
  charge_type: ChargeType
  row_id: string | null
  account_head: string
  description: string | null
  cost_center: string | null
  rate: number
  included_in_print_rate: 0 | 1
  is_deducted: 0 | 1
  tax_amount: Decimal
  total: Decimal
  base_tax_amount: Decimal
  base_total: Decimal
}

export interface ScheduleRow extends ChildFields {
  payment_term: string | null
  description: string | null
  due_date: string | null
  invoice_portion: number
  payment_amount: Decimal
  outstanding: Decimal
}

/** What documents of selling have in common. */
export interface SellingFields {
  organization: string
  company: string | null
  customer: string
  customer_name: string | null
  currency: string | null
  conversion_rate: number
  selling_price_list: string | null
  cost_center: string | null
  project: string | null
  items: SellingItem[]
  taxes_and_charges: string | null
  taxes: TaxRow[]
  total_qty: number
  total: Decimal
  base_total: Decimal
  net_total: Decimal
  base_net_total: Decimal
  total_taxes_and_charges: Decimal
  base_total_taxes_and_charges: Decimal
  apply_discount_on: '' | 'Grand Total' | 'Net Total' | null
  additional_discount_percentage: number
  discount_amount: Decimal
  grand_total: Decimal
  base_grand_total: Decimal
  disable_rounded_total: 0 | 1
  rounding_adjustment: Decimal
  base_rounding_adjustment: Decimal
  rounded_total: Decimal
  base_rounded_total: Decimal
  status: string
  amended_from: string | null
}

/** Of those that are paid by terms. */
export interface TermsFields {
  payment_terms_template: string | null
  payment_schedule: ScheduleRow[]
}
