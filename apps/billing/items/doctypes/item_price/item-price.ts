import { Document } from '#kernel/documents/document.ts'
import { BadBillingValue } from '../../../errors.ts'

/** What an item costs. */
export default class ItemPrice extends Document<{ valid_from: string | null; valid_upto: string | null }> {
  validate(): void {
    if (this.valid_from && this.valid_upto && this.valid_upto < this.valid_from)
      throw new BadBillingValue({ field: 'valid_upto', reason: 'a price ends after it begins.' })
  }
}
