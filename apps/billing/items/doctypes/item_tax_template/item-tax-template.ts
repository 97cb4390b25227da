import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { fillCompany } from '../../../books/company-facts.ts'

/** Rates that an item has instead of those of the document. */
export default class ItemTaxTemplate extends Document<{ organization: string; company: string | null }> {
  async validate(ctx: Context): Promise<void> {
    await fillCompany(ctx, this)
  }
}
