import { Document } from '#kernel/documents/document.ts'
import { BadBillingValue } from '../../../errors.ts'

/** What one currency was worth in another on a day. */
export default class CurrencyExchange extends Document<{ from_currency: string; to_currency: string; exchange_rate: number }> {
  validate(): void {
    if (this.from_currency === this.to_currency) throw new BadBillingValue({ field: 'to_currency', reason: 'it is the same currency.' })
    if (!(this.exchange_rate > 0)) throw new BadBillingValue({ field: 'exchange_rate', reason: 'a rate is more than zero.' })
  }
}
