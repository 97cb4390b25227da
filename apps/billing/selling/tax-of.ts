import type { TotalsTax } from '#client/rules/invoice-totals.ts'
import type { TaxRow } from './parts.ts'

/** A row of taxes as the rules read it. */
export function taxOf(row: TaxRow): TotalsTax {
  return {
    charge_type: row.charge_type,
    rate: row.rate,
    tax_amount: row.is_deducted ? row.tax_amount.abs() : row.tax_amount,
    account_head: row.account_head,
    included_in_print_rate: row.included_in_print_rate === 1,
    is_deducted: row.is_deducted === 1,
    ...(row.row_id && { row_id: Number(row.row_id) }),
  }
}
