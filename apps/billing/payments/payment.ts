import { type Decimal, sumDecimals } from '#client/rules/decimal.ts'
import type { ChildFields } from '#kernel/documents/document.ts'

export interface ReferenceRow extends ChildFields {
  reference_doctype: string
  reference_name: string
  due_date: string | null
  total_amount: Decimal
  outstanding_amount: Decimal
  allocated_amount: Decimal
  exchange_rate: number
}

interface DeductionRow extends ChildFields {
  account: string
  cost_center: string | null
  amount: Decimal
}

/** Fields of a Payment Entry. */
export interface PaymentFields {
  payment_type: 'Receive' | 'Pay' | 'Internal Transfer'
  organization: string
  company: string | null
  posting_date: string | null
  mode_of_payment: string | null
  payment_request: string | null
  party_type: string | null
  party: string | null
  party_name: string | null
  paid_from: string | null
  paid_from_account_currency: string | null
  paid_amount: Decimal
  source_exchange_rate: number
  base_paid_amount: Decimal
  paid_to: string | null
  paid_to_account_currency: string | null
  received_amount: Decimal
  target_exchange_rate: number
  base_received_amount: Decimal
  references: ReferenceRow[]
  total_allocated_amount: Decimal
  unallocated_amount: Decimal
  base_unallocated_amount: Decimal
  deductions: DeductionRow[]
  difference_amount: Decimal
  cost_center: string | null
  remarks: string | null
  status: string
}

/** What the customer paid, or got, in the currency in which the customer's debt is counted. */
export function partyAmount(payment: PaymentFields): { amount: Decimal; currency: string; rate: number; account: string } {
  return payment.payment_type === 'Receive'
    ? {
        amount: payment.paid_amount,
        currency: payment.paid_from_account_currency as string,
        rate: payment.source_exchange_rate,
        account: payment.paid_from as string,
      }
    : {
        amount: payment.received_amount.negate(),
        currency: payment.paid_to_account_currency as string,
        rate: payment.target_exchange_rate,
        account: payment.paid_to as string,
      }
}

/** The rows that settle invoices or credit notes; those for orders are money that no invoice has yet. */
export function allocatedTo(payment: PaymentFields, doctype: 'Sales Invoice' | 'Sales Order'): { row: ReferenceRow; field: string }[] {
  return payment.references
    .map((row, index) => ({ row, field: `references[${index}].allocated_amount` }))
    .filter(({ row }) => row.reference_doctype === doctype)
}

/** The sum of what references say. */
export function allocatedSum(rows: readonly { row: ReferenceRow }[]): Decimal {
  return sumDecimals(rows.map(({ row }) => row.allocated_amount))
}
