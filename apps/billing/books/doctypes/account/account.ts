import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { BadBillingValue } from '../../../errors.ts'
import { fillCompany } from '../../company-facts.ts'

interface AccountFields {
  organization: string
  company: string | null
  parent_account: string | null
  is_group: 0 | 1
  root_type: string
  account_type: string | null
  account_currency: string | null
}

/** Where amounts are booked. What was booked stays what it is: an account with entries keeps its kind and currency. */
export default class Account extends Document<AccountFields> {
  async validate(ctx: Context, { before }: { before?: AccountFields } = {}): Promise<void> {
    await fillCompany(ctx, this)
    if (this.parent_account) {
      const [parent] = await findRows(ctx, await ctx.site.meta.get('Account'), where('name', '=', this.parent_account), { limit: 1 })
      if (parent?.is_group !== 1) throw new BadBillingValue({ field: 'parent_account', reason: 'accounts lie in groups.' })
      if (parent.root_type !== this.root_type)
        throw new BadBillingValue({ field: 'root_type', reason: `the group holds accounts of the kind ${String(parent.root_type)}.` })
    }
    const changed = (['is_group', 'root_type', 'account_type', 'account_currency'] as const).find(
      (field) => before && (before[field] ?? '') !== (this[field] ?? ''),
    )
    if (!changed) return
    const entries = await findRows(ctx, await ctx.site.meta.get('GL Entry'), where('account', '=', this.name), {
      fields: ['name'],
      limit: 1,
    })
    if (entries.length > 0) throw new BadBillingValue({ field: changed, reason: 'something was booked on the account already.' })
  }
}
