import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { fillCompany } from '../../company-facts.ts'

/** What amounts are spent and earned for. */
export default class CostCenter extends Document<{ organization: string; company: string | null }> {
  async validate(ctx: Context): Promise<void> {
    await fillCompany(ctx, this)
  }
}
