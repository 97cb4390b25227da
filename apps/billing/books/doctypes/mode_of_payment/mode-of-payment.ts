import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { fillCompany } from '../../../books/company-facts.ts'

/** A way in which is paid. */
export default class ModeOfPayment extends Document<{ organization: string; company: string | null }> {
  async validate(ctx: Context): Promise<void> {
    await fillCompany(ctx, this)
  }
}
