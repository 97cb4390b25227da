import type { Decimal } from '#client/rules/decimal.ts'
import { Document } from '#kernel/documents/document.ts'
import { BadBillingValue } from '../../../errors.ts'

interface RuleFields {
  valid_from: string | null
  valid_upto: string | null
  min_qty: number
  max_qty: number
  rate_or_discount: 'Discount Percentage' | 'Discount Amount' | 'Rate'
  discount_percentage: number
  discount_amount: Decimal
  rate: Decimal
}

/** A discount or price that holds under conditions. */
export default class PricingRule extends Document<RuleFields> {
  validate(): void {
    if (this.valid_from && this.valid_upto && this.valid_upto < this.valid_from)
      throw new BadBillingValue({ field: 'valid_upto', reason: 'a rule ends after it begins.' })
    if (this.max_qty !== 0 && this.max_qty < this.min_qty)
      throw new BadBillingValue({ field: 'max_qty', reason: 'it is less than the quantity from which the rule holds.' })
    if (this.discount_percentage > 100) throw new BadBillingValue({ field: 'discount_percentage', reason: 'it is at most 100.' })
    const gives = { 'Discount Percentage': 'discount_percentage', 'Discount Amount': 'discount_amount', Rate: 'rate' } as const
    const field = gives[this.rate_or_discount]
    if (Number(this[field]) === 0) throw new BadBillingValue({ field, reason: 'the rule gives nothing.' })
  }
}
