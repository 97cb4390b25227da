import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { findRows } from '#kernel/query/find-rows.ts'

/** A quotation is ordered as long as a submitted order follows from it. */
export async function quotationOrdered(ctx: Context, quotation: string, status: 'Ordered' | 'Open'): Promise<void> {
  const orders = await findRows(
    ctx,
    await ctx.site.meta.get('Sales Order'),
    { all: [where('quotation', '=', quotation), where('docstatus', '=', 1)] },
    { fields: ['name'], limit: 1 },
  )
  const next = orders.length > 0 ? 'Ordered' : status
  await writeThrough(ctx.asSystem('keeps what became of a quotation'), 'Quotation', quotation, { status: next })
}
