import { Decimal } from '#client/rules/decimal.ts'
import { linePrice } from '#client/rules/invoice-totals-line.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { findRows, type FoundRow } from '#kernel/query/find-rows.ts'
import type { CompanyFacts } from '../books/company-facts.ts'
import { BadBillingValue } from '../errors.ts'
import type { SellingFields, SellingItem } from './parts.ts'

interface Pricing {
  readonly facts: CompanyFacts
  /** ISO day on which prices and tax rates must hold. */
  readonly date: string
  /** Digits of the document's currency. */
  readonly digits: number
  /** Lines of a credit note take their prices from what they credit. */
  readonly keepsPrices: boolean
}

/** Fills in what the item, price lists and pricing rules know of each line, then each line's price. A few statements, however many lines. */
export async function priceLines(ctx: Context, document: SellingFields, pricing: Pricing): Promise<void> {
  const codes = [...new Set(document.items.map((line) => line.item_code).filter((code): code is string => Boolean(code)))]
  const items = await byName(ctx, 'Item', codes)
  const groups = await byName(ctx, 'Item Group', [...new Set([...items.values()].map((item) => String(item.item_group ?? '')))])
  for (const [index, line] of document.items.entries()) fillFromItem(line, items.get(line.item_code ?? ''), groups, `items[${index}]`)
  await checkUnits(ctx, document.items)
  if (!pricing.keepsPrices) {
    const lists = await listPrices(ctx, document, codes, pricing)
    const rules = await rulesOf(ctx, document, pricing)
    for (const line of document.items) {
      const item = items.get(line.item_code ?? '')
      if (item && line.rate.isZero() && line.price_list_rate.isZero()) fillPrice(line, item, document, lists, pricing)
      applyRule(line, item, rules, document.currency ?? '', pricing)
    }
  }
  for (const [index, line] of document.items.entries()) {
    const { rate, discountAmount } = linePrice(line, pricing.digits, `items[${index}]`)
    line.rate = rate
    line.discount_amount = discountAmount
  }
}

async function byName(ctx: Context, doctype: string, names: readonly string[]): Promise<Map<string, FoundRow>> {
  const wanted = names.filter((name) => name !== '')
  if (wanted.length === 0) return new Map()
  const rows = await findRows(ctx, await ctx.site.meta.get(doctype), where('name', 'in', wanted))
  return new Map(rows.map((row) => [row.name, row]))
}

async function checkUnits(ctx: Context, lines: readonly SellingItem[]): Promise<void> {
  const units = await byName(ctx, 'UOM', [...new Set(lines.map((line) => line.uom ?? ''))])
  for (const [index, line] of lines.entries())
    if (units.get(line.uom ?? '')?.must_be_whole_number === 1 && !Number.isInteger(line.qty))
      throw new BadBillingValue({ field: `items[${index}].qty`, reason: 'there are only whole ones of it.' })
}

function fillFromItem(line: SellingItem, item: FoundRow | undefined, groups: ReadonlyMap<string, FoundRow>, path: string): void {
  if (item?.disabled === 1)
    throw new BadBillingValue({ field: `${path}.item_code`, reason: `${String(item.item_code)} is not sold any more.` })
  if (item) {
    const group = groups.get(String(item.item_group ?? ''))
    line.item_name ||= String(item.item_name)
    line.description ||= item.description ? String(item.description) : null
    line.uom ||= item.stock_uom ? String(item.stock_uom) : null
    line.income_account ||= text(item.income_account) ?? text(group?.income_account)
    line.cost_center ||= text(item.cost_center) ?? text(group?.cost_center)
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}

/** Prices of a list that hold on the day, for this customer or everybody, by item. */
async function listPrices(
  ctx: Context,
  document: SellingFields,
  codes: readonly string[],
  { date }: Pricing,
): Promise<Map<string, FoundRow[]>> {
  if (!document.selling_price_list || codes.length === 0) return new Map()
  const rows = await findRows(ctx, await ctx.site.meta.get('Item Price'), {
    all: [where('price_list', '=', document.selling_price_list), where('item_code', 'in', codes)],
  })
  return Map.groupBy(
    rows.filter((row) => holdsOn(row, date) && (!row.customer || row.customer === document.customer)),
    (row) => String(row.item_code),
  )
}

function holdsOn(row: FoundRow, date: string): boolean {
  return (!row.valid_from || String(row.valid_from) <= date) && (!row.valid_upto || String(row.valid_upto) >= date)
}

/** The price for the customer before that for everybody, then that of the largest quantity reached, then the newest. */
function fillPrice(
  line: SellingItem,
  item: FoundRow,
  document: SellingFields,
  lists: ReadonlyMap<string, readonly FoundRow[]>,
  { facts, digits }: Pricing,
): void {
  const fitting = (lists.get(item.name) ?? [])
    .filter((row) => Number(row.min_qty) <= Math.abs(line.qty) && (!row.uom || row.uom === line.uom))
    .sort(
      (a, b) =>
        Number(Boolean(b.customer)) - Number(Boolean(a.customer)) ||
        Number(b.min_qty) - Number(a.min_qty) ||
        (String(a.valid_from ?? '') < String(b.valid_from ?? '') ? 1 : -1),
    )
  const [best] = fitting
  if (best) {
    const currency = String(best.currency)
    line.price_list_rate = converted(best.price_list_rate as Decimal, currency, document, facts, digits) ?? Decimal.zero
    return
  }
  line.price_list_rate = converted(item.standard_rate as Decimal, facts.currency, document, facts, digits) ?? Decimal.zero
}

/** An amount in the document's currency; undefined where it is in a third one. */
function converted(amount: Decimal, currency: string, document: SellingFields, facts: CompanyFacts, digits: number): Decimal | undefined {
  if (currency === document.currency) return amount
  return currency === facts.currency ? amount.dividedBy(Decimal.from(document.conversion_rate), digits, 'half-up') : undefined
}

async function rulesOf(ctx: Context, document: SellingFields, { facts, date }: Pricing): Promise<FoundRow[]> {
  const rows = await findRows(
    ctx,
    await ctx.site.meta.get('Pricing Rule'),
    { all: [where('organization', '=', facts.organization), where('disabled', '=', 0)] },
    { orderBy: [['priority', 'desc']] },
  )
  if (rows.length === 0) return rows
  const [customer] = await findRows(ctx, await ctx.site.meta.get('Customer'), where('name', '=', document.customer), {
    fields: ['name', 'customer_group'],
    limit: 1,
  })
  return rows.filter(
    (rule) =>
      holdsOn(rule, date) &&
      (!rule.customer || rule.customer === document.customer) &&
      (!rule.customer_group || rule.customer_group === customer?.customer_group),
  )
}

/** The first rule that fits a line without a discount of its own changes its price. */
function applyRule(line: SellingItem, item: FoundRow | undefined, rules: readonly FoundRow[], currency: string, { facts }: Pricing): void {
  if (!item || line.price_list_rate.isZero()) return
  const isFree = line.discount_percentage === 0 && line.discount_amount.isZero() && line.rate.isZero()
  if (!isFree && !line.pricing_rule) return
  const quantity = Math.abs(line.qty)
  const rule = rules.find(
    (one) =>
      (!one.item_code || one.item_code === item.name) &&
      (!one.item_group || one.item_group === item.item_group) &&
      quantity >= Number(one.min_qty) &&
      (Number(one.max_qty) === 0 || quantity <= Number(one.max_qty)) &&
      (one.rate_or_discount === 'Discount Percentage' || (one.currency ?? facts.currency) === currency),
  )
  if (line.pricing_rule && line.pricing_rule !== rule?.name)
    Object.assign(line, { discount_percentage: 0, discount_amount: Decimal.zero, rate: Decimal.zero })
  line.pricing_rule = rule?.name ?? null
  if (!rule) return
  line.rate = Decimal.zero
  if (rule.rate_or_discount === 'Discount Percentage') line.discount_percentage = Number(rule.discount_percentage)
  else if (rule.rate_or_discount === 'Discount Amount') line.discount_amount = rule.discount_amount as Decimal
  else Object.assign(line, { price_list_rate: rule.rate, rate: rule.rate })
}
