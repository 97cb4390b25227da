import { Decimal } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { load } from '#kernel/documents/load.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { MoreThanThere, NotOpenForPayment } from '../errors.ts'

/** What of an order or delivery note a later document takes. */
export interface Taken {
  /** The row of the order or note. */
  readonly row: string
  readonly qty: number
  /** Billed, in the document's currency; absent where goods are delivered. */
  readonly amount?: Decimal
  /** Where in the later document it stands. */
  readonly field: string
}

type Source = 'Sales Order' | 'Delivery Note'

const fields = { billed: 'billed_qty', delivered: 'delivered_qty' } as const

/**
 * Notes on an order or delivery note what was delivered or billed of it; what is taken back is negative. The source is locked first, so two who
 * bill at once do not bill twice.
 * @throws MoreThanThere with the field, NotOpenForPayment when the source is not submitted
 */
export async function take(
  ctx: Context,
  source: Source,
  name: string,
  kind: 'billed' | 'delivered',
  taken: readonly Taken[],
): Promise<void> {
  const meta = await ctx.site.meta.get(source)
  const document = await load(ctx, meta, name, true)
  const field = taken[0]?.field ?? 'items'
  const isGivenBack = taken.every(({ qty }) => qty < 0)
  if (document.docstatus !== 1 && !isGivenBack) throw new NotOpenForPayment({ field, document: name, reason: 'is not submitted.' })
  if (document.status === 'Closed' && !isGivenBack) throw new NotOpenForPayment({ field, document: name, reason: 'is closed.' })
  const child = await ctx.site.meta.meta(`${source} Item`)
  const rows = new Map(
    (await findRows(ctx, child, { all: [where('parenttype', '=', source), where('parent', '=', name)] })).map((row) => [
      row.name,
      { ...row },
    ]),
  )
  const column = fields[kind]
  for (const { row: key, qty, amount, field } of taken) {
    const row = rows.get(key)
    if (!row) throw new NotOpenForPayment({ field, document: name, reason: 'has no such row.' })
    const before = Decimal.from(row[column] as number)
    const after = before.plus(Decimal.from(qty))
    const most = Decimal.from(row.qty as number)
    if (qty > 0 && after.compare(most) > 0)
      throw new MoreThanThere({ field, document: name, left: most.minus(before).toString(), given: String(qty) })
    row[column] = after.toNumber()
    const sets = [sql`${ident(column)} = ${after.toNumber()}`]
    if (amount) {
      const billed = (row.billed_amt as Decimal).plus(amount)
      row.billed_amt = billed
      sets.push(sql`billed_amt = ${ctx.db.dialect.encodeDecimal(billed.toString())}`)
    }
    for (const set of sets) await ctx.db.execute(ctx.db.dialect.compile(sql`update ${ident(child.table)} set ${set} where name = ${key}`))
  }
  await keepState(ctx, source, name, document, [...rows.values()])
}

async function keepState(
  ctx: Context,
  source: Source,
  name: string,
  document: Record<string, unknown>,
  rows: readonly Record<string, unknown>[],
): Promise<void> {
  if (document.docstatus !== 1) return
  const share = (column: string): number => {
    const all = rows.reduce((sum, row) => sum.plus(Decimal.from(row.qty as number).abs()), Decimal.zero)
    const done = rows.reduce((sum, row) => sum.plus(Decimal.from(row[column] as number).abs()), Decimal.zero)
    return all.isZero() ? 0 : done.times(100).dividedBy(all, 2, 'down').toNumber()
  }
  const billed = share('billed_qty')
  const values: Record<string, unknown> = { per_billed: billed }
  if (source === 'Sales Order') {
    const delivered = share('delivered_qty')
    values.per_delivered = delivered
    values.billing_status = billed >= 100 ? 'Fully Billed' : billed > 0 ? 'Partly Billed' : 'Not Billed'
    if (document.status !== 'Closed') values.status = orderStatus(document.skip_delivery_note === 1, delivered, billed)
  } else if (document.status !== 'Closed' && document.is_return !== 1) values.status = billed >= 100 ? 'Completed' : 'To Bill'
  await writeThrough(ctx.asSystem('keeps what was delivered and billed'), source, name, values)
}

/** The word for how far a submitted order is done. */
export function orderStatus(skipsDelivery: boolean, delivered: number, billed: number): string {
  const isDelivered = skipsDelivery || delivered >= 100
  if (isDelivered && billed >= 100) return 'Completed'
  if (isDelivered) return 'To Bill'
  return billed >= 100 ? 'To Deliver' : 'To Deliver and Bill'
}
