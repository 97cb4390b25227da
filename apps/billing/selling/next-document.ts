import type { SellingFields, SellingItem, TaxRow } from './parts.ts'

const headFields = [
  'organization',
  'company',
  'customer',
  'contact_person',
  'customer_address',
  'po_no',
  'currency',
  'conversion_rate',
  'selling_price_list',
  'cost_center',
  'project',
  'taxes_and_charges',
  'apply_discount_on',
  'additional_discount_percentage',
  'disable_rounded_total',
] as const
const lineFields = [
  'item_code',
  'item_name',
  'description',
  'qty',
  'uom',
  'price_list_rate',
  'discount_percentage',
  'discount_amount',
  'rate',
  'pricing_rule',
  'item_tax_template',
  'income_account',
  'cost_center',
  'project',
] as const
const taxFields = [
  'charge_type',
  'row_id',
  'account_head',
  'description',
  'cost_center',
  'rate',
  'included_in_print_rate',
  'is_deducted',
  'tax_amount',
] as const

type Values = Record<string, unknown>

/** The values of a document that the next one in the chain begins with. Totals are left out: it reckons its own. */
export function copyForNext(document: SellingFields): Values & { items: Values[]; taxes: Values[] } {
  return {
    ...pick(document, headFields),
    // A discount in an amount is for the whole; parts of it are for people to say.
    ...(document.additional_discount_percentage === 0 && { discount_amount: document.discount_amount }),
    items: document.items.map(copyLine),
    taxes: document.taxes.map(copyTax),
  }
}

/** A line as the next document begins with it. */
export function copyLine(line: SellingItem): Values {
  return pick(line, lineFields)
}

/** A tax as the next document begins with it; only fixed amounts are amounts of their own. */
export function copyTax(row: TaxRow): Values {
  return { ...pick(row, taxFields), ...(row.charge_type !== 'Actual' && { tax_amount: 0 }) }
}

function pick(from: object, names: readonly string[]): Values {
  return Object.fromEntries(names.map((name) => [name, (from as Values)[name] ?? null]))
}
