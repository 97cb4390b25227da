import { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { accountOf, type CompanyFacts, companyOf, todayOf } from '../books/company-facts.ts'
import { NotSetUp } from '../errors.ts'
import { exchangeDifference, invoiceStatus, open, openItem, payable, settle, type Settlement } from '../ledger/outstanding.ts'
import { post, type Posting, voucherOf } from '../ledger/post.ts'
import { stampState } from '../ledger/state.ts'
import { take } from '../selling/progress.ts'
import { advanceSettlements } from './advances.ts'
import type { InvoiceFields } from './invoice.ts'

type Invoice = InvoiceFields & { doctype: string; name: string }

/** What is paid of an invoice, in the company's currency: the sum of the parts that are booked. */
export function basePayable(invoice: InvoiceFields): Decimal {
  return invoice.disable_rounded_total === 1 ? invoice.base_grand_total : invoice.base_rounded_total
}

/**
 * The posting of an invoice: the customer owes what is paid; the net amount of each line is income, each tax a liability, and what rounding adds
 * or takes off goes to its own account. All parts are those that stand on the invoice, so both sides are equal by construction.
 */
export async function bookInvoice(ctx: Context, invoice: Invoice): Promise<void> {
  const facts = await companyOf(ctx, invoice.organization)
  const currency = invoice.currency ?? facts.currency
  const postings: Posting[] = [
    {
      account: invoice.debit_to as string,
      party: { doctype: 'Customer', name: invoice.customer },
      amount: basePayable(invoice),
      original: { currency, amount: payable(invoice) },
      costCenter: invoice.cost_center,
      project: invoice.project,
      against: { doctype: invoice.doctype, name: invoice.name },
      ...(invoice.remarks && { remarks: invoice.remarks }),
    },
    ...incomeOf(invoice, facts, currency),
    ...invoice.taxes.map((row) => ({
      account: row.account_head,
      amount: row.base_tax_amount.negate(),
      original: { currency, amount: row.tax_amount.negate() },
      costCenter: row.cost_center ?? invoice.cost_center,
    })),
  ]
  if (!invoice.base_rounding_adjustment.isZero() && !invoice.disable_rounded_total)
    postings.push({
      account: accountOf(facts, 'round_off_account'),
      amount: invoice.base_rounding_adjustment.negate(),
      original: { currency, amount: invoice.rounding_adjustment.negate() },
      costCenter: invoice.cost_center,
    })
  await post(ctx, voucherOf(invoice), postings)
}

/**
 * Opens what the customer owes, and settles at once what there is to settle: an invoice takes its advances, a credit note settles the invoice that
 * it is for as far as that is open; the rest of it is owed to the customer.
 */
export async function openInvoice(ctx: Context, invoice: Invoice): Promise<void> {
  const facts = await companyOf(ctx, invoice.organization)
  const voucher = voucherOf(invoice)
  const party = { doctype: 'Customer', name: invoice.customer }
  const account = invoice.debit_to as string
  const currency = invoice.currency as string
  await open(ctx, voucher, { party: party.name, account, currency, dueDate: invoice.due_date }, payable(invoice), basePayable(invoice))
  const settled = await settle(ctx, voucher, party, currency, await settlementsOf(ctx, invoice))
  await post(
    ctx,
    voucher,
    exchangeDifference(
      facts,
      account,
      party,
      settled.reduce((sum, part) => sum.plus(part.base), Decimal.zero),
    ),
  )
  const now = await openItem(ctx, { doctype: 'Sales Invoice', name: invoice.name }, 'name')
  const total = payable(invoice)
  const status = invoiceStatus({
    isReturn: invoice.is_return === 1,
    total,
    outstanding: now.outstanding,
    dueDate: invoice.due_date,
    today: todayOf(ctx, facts),
  })
  await stampState(ctx, invoice, { outstanding_amount: now.outstanding, base_outstanding_amount: now.baseOutstanding, status })
}

async function settlementsOf(ctx: Context, invoice: Invoice): Promise<Settlement[]> {
  const itself = { doctype: 'Sales Invoice', name: invoice.name } as const
  if (invoice.is_return !== 1) return [...advanceSettlements(invoice), { target: itself, amount: invoice.total_advance, field: 'advances' }]
  if (!invoice.return_against) return []
  const target = { doctype: 'Sales Invoice', name: invoice.return_against } as const
  const original = await openItem(ctx, target, 'return_against')
  const whole = payable(invoice).negate()
  const amount = original.outstanding.compare(whole) < 0 ? original.outstanding : whole
  if (amount.isZero() || amount.isNegative()) return []
  return [
    { target, amount, field: 'return_against' },
    { target: itself, amount: amount.negate(), field: 'return_against' },
  ]
}

/** Notes on orders and delivery notes what was billed of them, or no longer is. In the order of their names, so that two cannot wait for each other. */
export async function takeFromSources(ctx: Context, invoice: Invoice, sign: 1 | -1): Promise<void> {
  const lines = invoice.items.map((line, index) => ({ line, field: `items[${index}].qty` }))
  const bill = async (
    source: 'Sales Order' | 'Delivery Note',
    nameOf: 'sales_order' | 'delivery_note',
    rowOf: 'so_detail' | 'dn_detail',
  ) => {
    const groups = Map.groupBy(
      lines.filter(({ line }) => line[nameOf] && line[rowOf]),
      ({ line }) => line[nameOf] as string,
    )
    for (const name of [...groups.keys()].sort())
      await take(
        ctx,
        source,
        name,
        'billed',
        (groups.get(name) ?? []).map(({ line, field }) => ({
          row: line[rowOf] as string,
          qty: line.qty * sign,
          amount: sign === 1 ? line.amount : line.amount.negate(),
          field,
        })),
      )
  }
  await bill('Sales Order', 'sales_order', 'so_detail')
  await bill('Delivery Note', 'delivery_note', 'dn_detail')
}

/** One posting per account, cost centre and project, however many lines. */
function incomeOf(invoice: InvoiceFields, facts: CompanyFacts, currency: string): Posting[] {
  const sums = new Map<string, Posting & { original: { currency: string; amount: Decimal } }>()
  for (const [index, line] of invoice.items.entries()) {
    const account = line.income_account || (facts.values.default_income_account as string | null)
    if (!account) throw new NotSetUp({ field: `items[${index}].income_account`, company: facts.name, what: 'income account' })
    const costCenter = line.cost_center ?? invoice.cost_center
    const project = line.project ?? invoice.project
    const key = JSON.stringify([account, costCenter, project])
    const known = sums.get(key)
    sums.set(key, {
      account,
      costCenter,
      project,
      amount: (known?.amount ?? Decimal.zero).minus(line.base_net_amount),
      original: { currency, amount: (known?.original.amount ?? Decimal.zero).minus(line.net_amount) },
    })
  }
  return [...sums.values()]
}
