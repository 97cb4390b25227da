import { checkPortions } from '#client/rules/payment-schedule.ts'
import { Document } from '#kernel/documents/document.ts'

/** In which parts and by when is paid. */
export default class PaymentTermsTemplate extends Document<{ terms: { invoice_portion: number }[] }> {
  validate(): void {
    checkPortions(this.terms.map((term) => term.invoice_portion))
  }
}
