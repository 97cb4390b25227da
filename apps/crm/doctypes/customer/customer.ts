import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { mailKey, type Reachable, writeKeys } from '../../reachable.ts'

interface CustomerFields extends Reachable {
  customer_name: string
  email_id: string | null
  lead_name: string | null
  opportunity_name: string | null
}

/** Somebody whom an organization works for. */
export default class Customer extends Document<CustomerFields> {
  async validate(ctx: Context, { before }: { before?: CustomerFields } = {}): Promise<void> {
    this.email_id = mailKey(this.email_id)
    // Where the customer comes from is told by the conversion, not by people.
    if (!ctx.user.unrestricted) {
      this.lead_name = before?.lead_name ?? null
      this.opportunity_name = before?.opportunity_name ?? null
    }
    await writeKeys(ctx, this, this.customer_name, before)
  }
}
