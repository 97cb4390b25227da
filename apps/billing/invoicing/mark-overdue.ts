import { where } from '#client/rules/predicate.ts'
import type { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { companyOf, todayOf } from '../books/company-facts.ts'

/** Says of invoices whose day has passed, where their organization is, that they are overdue. @returns how many */
export async function markOverdue(ctx: Context): Promise<number> {
  const meta = await ctx.site.meta.get('Sales Invoice')
  const rows = await findRows(
    ctx,
    meta,
    { all: [where('docstatus', '=', 1), where('status', 'in', ['Unpaid', 'Partly Paid']), where('due_date', 'set')] },
    { fields: ['name', 'organization', 'due_date'] },
  )
  let marked = 0
  for (const row of rows) {
    const today = todayOf(ctx, await companyOf(ctx, String(row.organization)))
    if (String(row.due_date) >= today) continue
    // Somebody may have paid since: the row is locked before it is asked again.
    const [now] = await findRows(ctx, meta, where('name', '=', row.name), {
      fields: ['name', 'outstanding_amount', 'docstatus'],
      lock: true,
    })
    if (now?.docstatus !== 1 || (now.outstanding_amount as Decimal).isZero()) continue
    await writeThrough(ctx, 'Sales Invoice', row.name, { status: 'Overdue' })
    marked++
  }
  return marked
}
