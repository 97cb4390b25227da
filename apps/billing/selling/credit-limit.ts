import { Decimal } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { type CompanyFacts, inCompanyCurrency } from '../books/company-facts.ts'
import { CreditLimitExceeded } from '../errors.ts'

/**
 * Refuses what lets a customer owe more than the limit: what is open on invoices, and what is ordered and not billed yet. Asked after a document was
 * submitted and has noted what it bills, so everything counts once. The limit's row is locked, so two who submit at once do not both find room.
 * @throws CreditLimitExceeded; the submission is undone then
 */
export async function demandCredit(ctx: Context, facts: CompanyFacts, customer: string, what: 'order' | 'invoice'): Promise<void> {
  const meta = await ctx.site.meta.get('Customer Credit Limit')
  const [limit] = await findRows(
    ctx,
    meta,
    { all: [where('company', '=', facts.name), where('customer', '=', customer)] },
    { limit: 1, lock: true },
  )
  const most = (limit?.credit_limit as Decimal | undefined) ?? Decimal.zero
  if (!limit || most.isZero() || (what === 'order' && limit.bypass_credit_limit_check === 1)) return
  const owes = (await openInvoices(ctx, facts, customer)).plus(await unbilledOrders(ctx, facts, customer))
  if (owes.compare(most) > 0) throw new CreditLimitExceeded({ field: 'customer', customer, limit: most.toString(), owes: owes.toString() })
}

async function openInvoices(ctx: Context, facts: CompanyFacts, customer: string): Promise<Decimal> {
  const rows = await findRows(
    ctx,
    await ctx.site.meta.get('Sales Invoice'),
    { all: [where('company', '=', facts.name), where('customer', '=', customer), where('docstatus', '=', 1)] },
    { fields: ['name', 'base_outstanding_amount'] },
  )
  return rows.reduce((sum, row) => sum.plus(row.base_outstanding_amount as Decimal), Decimal.zero)
}

/** Of each open order the share that was not billed. */
async function unbilledOrders(ctx: Context, facts: CompanyFacts, customer: string): Promise<Decimal> {
  const orders = await findRows(
    ctx,
    await ctx.site.meta.get('Sales Order'),
    {
      all: [
        where('company', '=', facts.name),
        where('customer', '=', customer),
        where('docstatus', '=', 1),
        where('status', '!=', 'Closed'),
      ],
    },
    { fields: ['name', 'grand_total', 'per_billed', 'conversion_rate'] },
  )
  return orders.reduce((sum, order) => {
    const left = (order.grand_total as Decimal).times(Decimal.from(100 - Number(order.per_billed))).dividedBy(100, 9)
    return sum.plus(inCompanyCurrency(facts, left, Number(order.conversion_rate)))
  }, Decimal.zero)
}
