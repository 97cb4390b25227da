import { randomBytes } from 'node:crypto'
import { Document } from '#kernel/documents/document.ts'

interface LeadFormFields {
  form_key: string | null
}

/** A form on a website. Its key is no secret; it only must not be guessed from that of another. */
export default class LeadForm extends Document<LeadFormFields> {
  validate(_ctx: unknown, { before }: { before?: LeadFormFields } = {}): void {
    this.form_key = before?.form_key || randomBytes(12).toString('hex')
  }
}
