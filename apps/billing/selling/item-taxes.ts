import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import type { SellingItem } from './parts.ts'

/**
 * The rates that lines have instead of the document's, by account. A line without a template takes that of its item which holds on the day.
 * @returns one record per line; undefined where the document's rates hold
 */
export async function itemTaxRates(
  ctx: Context,
  lines: readonly SellingItem[],
  date: string,
): Promise<(Readonly<Record<string, number>> | undefined)[]> {
  await fillTemplates(ctx, lines, date)
  const templates = [...new Set(lines.map((line) => line.item_tax_template).filter((name): name is string => Boolean(name)))]
  if (templates.length === 0) return lines.map(() => undefined)
  const rows = await findRows(ctx, await ctx.site.meta.meta('Item Tax Template Detail'), {
    all: [where('parenttype', '=', 'Item Tax Template'), where('parent', 'in', templates)],
  })
  const rates = new Map<string, Record<string, number>>()
  for (const row of rows) {
    const own = rates.get(String(row.parent)) ?? {}
    own[String(row.tax_type)] = Number(row.tax_rate)
    rates.set(String(row.parent), own)
  }
  return lines.map((line) => (line.item_tax_template ? rates.get(line.item_tax_template) : undefined))
}

async function fillTemplates(ctx: Context, lines: readonly SellingItem[], date: string): Promise<void> {
  const open = lines.filter((line) => line.item_code && !line.item_tax_template)
  if (open.length === 0) return
  const rows = await findRows(
    ctx,
    await ctx.site.meta.meta('Item Tax'),
    { all: [where('parenttype', '=', 'Item'), where('parent', 'in', [...new Set(open.map((line) => line.item_code))])] },
    { orderBy: [['valid_from', 'desc']] },
  )
  for (const line of open)
    line.item_tax_template =
      (rows.find((row) => row.parent === line.item_code && String(row.valid_from ?? '') <= date)?.item_tax_template as
        | string
        | undefined) ?? null
}
