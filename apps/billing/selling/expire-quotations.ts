import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { companyOf, todayOf } from '../books/company-facts.ts'

/** Quotations whose day has passed, where their organization is. @returns how many */
export async function expireQuotations(ctx: Context): Promise<number> {
  const rows = await findRows(
    ctx,
    await ctx.site.meta.get('Quotation'),
    { all: [where('docstatus', '=', 1), where('status', '=', 'Open'), where('valid_till', 'set')] },
    { fields: ['name', 'organization', 'valid_till'] },
  )
  let expired = 0
  for (const row of rows) {
    const today = todayOf(ctx, await companyOf(ctx, String(row.organization)))
    if (String(row.valid_till) >= today) continue
    await writeThrough(ctx, 'Quotation', row.name, { status: 'Expired' })
    expired++
  }
  return expired
}
