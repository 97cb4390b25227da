import { Type } from 'typebox'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { checkedPerDocument, defineMethod } from '#kernel/methods/method.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { BadBillingValue } from '../errors.ts'

interface Product {
  readonly product_code: string | null
  readonly product_name: string
  readonly description: string | null
  readonly qty: number
  readonly rate: unknown
  readonly discount_percentage: number
}

/** Makes a draft of a quotation from a deal: its customer, currency and products. A product whose code is that of an item becomes that item. */
export const quoteDeal = defineMethod({
  path: 'orchestrator.billing.make_quotation',
  summary: 'Makes a draft of a quotation from a deal.',
  verbs: ['POST'],
  input: Type.Object({ deal: Type.String({ minLength: 1, maxLength: 140 }), valid_till: Type.Optional(Type.String({ maxLength: 10 })) }),
  rule: checkedPerDocument('the deal is read and the quotation made with the rights of the caller'),
  async handler(ctx, { deal: name, valid_till }) {
    const deal = await getDocument(ctx, 'Deal', name)
    const customer = deal.customer ?? (deal.opportunity_from === 'Lead' ? null : deal.party_name)
    if (!customer) throw new BadBillingValue({ field: 'customer', reason: 'the deal has no customer yet.' })
    const products = (deal.products as Product[] | undefined) ?? []
    if (products.length === 0) throw new BadBillingValue({ field: 'products', reason: 'the deal names nothing to offer.' })
    const items = await itemsByCode(ctx, String(deal.organization), products)
    const quotation = await insert(ctx, 'Quotation', {
      organization: deal.organization,
      customer,
      deal: deal.name,
      valid_till: valid_till ?? null,
      currency: deal.currency ?? null,
      conversion_rate: deal.exchange_rate ?? 0,
      additional_discount_percentage: deal.additional_discount_percentage ?? 0,
      apply_discount_on: 'Net Total',
      items: products.map((product) => ({
        item_code: items.get(product.product_code ?? '') ?? null,
        item_name: product.product_name,
        description: product.description,
        qty: product.qty,
        price_list_rate: product.rate,
        discount_percentage: product.discount_percentage,
      })),
    })
    return { name: quotation.name }
  },
})

async function itemsByCode(ctx: Context, organization: string, products: readonly Product[]): Promise<Map<string, string>> {
  const codes = products.map((product) => product.product_code).filter((code): code is string => Boolean(code))
  if (codes.length === 0) return new Map()
  const rows = await findRows(
    ctx,
    await ctx.site.meta.get('Item'),
    { all: [where('organization', '=', organization), where('item_code', 'in', codes)] },
    { fields: ['name', 'item_code'] },
  )
  return new Map(rows.map((row) => [String(row.item_code), row.name]))
}
