import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { fillCompany } from '../../../books/company-facts.ts'

/** How much a customer may owe. */
export default class CustomerCreditLimit extends Document<{ organization: string; company: string | null }> {
  async validate(ctx: Context): Promise<void> {
    await fillCompany(ctx, this)
  }
}
