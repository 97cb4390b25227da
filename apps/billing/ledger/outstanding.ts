import { Decimal } from '#client/rules/decimal.ts'
import { unpaidParts } from '#client/rules/payment-schedule.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { findRows, type FoundRow } from '#kernel/query/find-rows.ts'
import { accountOf, type CompanyFacts, companyOf, inCompanyCurrency, todayOf } from '../books/company-facts.ts'
import { CurrencyMismatch, NotOpenForPayment, OverAllocated } from '../errors.ts'
import { entriesOf, type Party, type Posting, type Voucher, writeEntries } from './post.ts'

/**
 * What is open on a document: invoices owe (positive), credit notes and payments that nothing was allocated of are owed (negative). The figure
 * on the document's row is the sum of its Payment Ledger Entries; the row is locked before it is read, so two who allocate at once wait for
 * each other, and neither takes what the other took.
 */
export interface OpenItem {
  readonly doctype: 'Sales Invoice' | 'Payment Entry'
  readonly name: string
  readonly party: string
  readonly account: string
  readonly currency: string
  readonly rate: number
  readonly outstanding: Decimal
  readonly baseOutstanding: Decimal
  readonly dueDate: string | null
  readonly row: FoundRow
}

/** A part of an open item that a voucher settles. */
export interface Settlement {
  readonly target: { readonly doctype: 'Sales Invoice' | 'Payment Entry'; readonly name: string }
  /** In the item's currency, with its sign: positive settles an invoice, negative uses a credit note or a payment. */
  readonly amount: Decimal
  /** Where in the caller's document the amount stands. */
  readonly field: string
}

/** Reads an open item and keeps others from changing it until the transaction ends. @throws NotOpenForPayment */
export async function openItem(ctx: Context, target: Settlement['target'], field: string): Promise<OpenItem> {
  const meta = await ctx.site.meta.get(target.doctype)
  const [row] = await findRows(ctx, meta, where('name', '=', target.name), { lock: true, limit: 1 })
  if (!row) throw new NotOpenForPayment({ field, document: target.name, reason: 'does not exist.' })
  if (row.docstatus !== 1) throw new NotOpenForPayment({ field, document: target.name, reason: 'is not submitted.' })
  if (target.doctype === 'Sales Invoice')
    return {
      ...target,
      row,
      party: String(row.customer),
      account: String(row.debit_to),
      currency: String(row.currency),
      rate: Number(row.conversion_rate),
      outstanding: row.outstanding_amount as Decimal,
      baseOutstanding: row.base_outstanding_amount as Decimal,
      dueDate: row.due_date === null ? null : String(row.due_date),
    }
  const receives = row.payment_type === 'Receive'
  const sign = receives ? -1 : 1
  return {
    ...target,
    row,
    party: String(row.party),
    account: String(receives ? row.paid_from : row.paid_to),
    currency: String(receives ? row.paid_from_account_currency : row.paid_to_account_currency),
    rate: Number(receives ? row.source_exchange_rate : row.target_exchange_rate),
    outstanding: (row.unallocated_amount as Decimal).times(sign),
    baseOutstanding: (row.base_unallocated_amount as Decimal).times(sign),
    dueDate: null,
  }
}

/** What one settlement took off, for the general ledger. */
export interface Settled {
  readonly item: OpenItem
  readonly amount: Decimal
  /** In the company's currency, at the rate of the item; the whole rest where the item is settled in full. */
  readonly base: Decimal
}

/**
 * Settles parts of open items for a voucher. Items are locked in the order of their names, so that two vouchers cannot wait for each other.
 * @throws NotOpenForPayment, OverAllocated, CurrencyMismatch with the settlement's field
 */
export async function settle(
  ctx: Context,
  voucher: Voucher,
  party: Party,
  currency: string,
  settlements: readonly Settlement[],
): Promise<Settled[]> {
  const facts = await companyOf(ctx, voucher.organization)
  const done: Settled[] = []
  for (const settlement of [...settlements].sort((a, b) => (a.target.name < b.target.name ? -1 : 1))) {
    if (settlement.amount.isZero()) continue
    const item = await openItem(ctx, settlement.target, settlement.field)
    if (item.party !== party.name)
      throw new NotOpenForPayment({ field: settlement.field, document: item.name, reason: `is not of ${party.name}.` })
    if (item.currency !== currency) throw new CurrencyMismatch({ field: settlement.field, expected: item.currency, given: currency })
    const { amount } = settlement
    if (amount.isNegative() !== item.outstanding.isNegative() || amount.abs().compare(item.outstanding.abs()) > 0)
      throw new OverAllocated({
        field: settlement.field,
        document: item.name,
        allocated: amount.toString(),
        outstanding: item.outstanding.toString(),
      })
    const base = amount.equals(item.outstanding) ? item.baseOutstanding : limited(inCompanyCurrency(facts, amount, item.rate), item)
    await writeEntries(ctx, 'Payment Ledger Entry', [entryOf(voucher, item, amount.negate(), base.negate())])
    await keep(ctx, facts, item, item.outstanding.minus(amount), item.baseOutstanding.minus(base))
    done.push({ item, amount, base })
  }
  return done
}

/** A rounded part never takes more than there is. */
function limited(base: Decimal, item: OpenItem): Decimal {
  return base.abs().compare(item.baseOutstanding.abs()) > 0 ? item.baseOutstanding : base
}

function entryOf(voucher: Voucher, item: OpenItem, amount: Decimal, base: Decimal): Record<string, unknown> {
  return {
    organization: voucher.organization,
    company: voucher.company,
    posting_date: voucher.date,
    due_date: item.dueDate,
    account: item.account,
    party_type: 'Customer',
    party: item.party,
    currency: item.currency,
    amount_in_account_currency: amount,
    amount: base,
    voucher_type: voucher.doctype,
    voucher_no: voucher.name,
    against_voucher_type: item.doctype,
    against_voucher_no: item.name,
    reversal_of: null,
  }
}

/** Opens an item: what a document that was just submitted owes, or is owed. */
export async function open(
  ctx: Context,
  voucher: Voucher,
  item: Pick<OpenItem, 'party' | 'account' | 'currency' | 'dueDate'>,
  amount: Decimal,
  base: Decimal,
): Promise<void> {
  if (amount.isZero() && base.isZero()) return
  const itself = { ...item, doctype: voucher.doctype as OpenItem['doctype'], name: voucher.name } as OpenItem
  await writeEntries(ctx, 'Payment Ledger Entry', [entryOf(voucher, itself, amount, base)])
}

/** Takes back what a voucher opened and settled, before its cancellation is done. */
export async function unsettle(ctx: Context, voucher: Voucher): Promise<void> {
  const facts = await companyOf(ctx, voucher.organization)
  const entries = await entriesOf(ctx, 'Payment Ledger Entry', voucher)
  const others = entries
    .filter((entry) => entry.against_voucher_no !== voucher.name)
    .sort((a, b) => (String(a.against_voucher_no) < String(b.against_voucher_no) ? -1 : 1))
  for (const entry of others) {
    const doctype = entry.against_voucher_type as OpenItem['doctype']
    const item = await openItem(ctx, { doctype, name: String(entry.against_voucher_no) }, 'name')
    const amount = entry.amount_in_account_currency as Decimal
    await keep(ctx, facts, item, item.outstanding.minus(amount), item.baseOutstanding.minus(entry.amount as Decimal))
  }
  await writeEntries(
    ctx,
    'Payment Ledger Entry',
    entries.map((entry) => ({
      ...entry,
      amount: (entry.amount as Decimal).negate(),
      amount_in_account_currency: (entry.amount_in_account_currency as Decimal).negate(),
      reversal_of: entry.name,
    })),
  )
}

/** What is open on the document from now on, and what follows from that. */
async function keep(ctx: Context, facts: CompanyFacts, item: OpenItem, outstanding: Decimal, base: Decimal): Promise<void> {
  const system = ctx.asSystem('keeps what is still to be paid')
  if (item.doctype === 'Payment Entry') {
    await writeThrough(system, 'Payment Entry', item.name, {
      unallocated_amount: outstanding.abs(),
      base_unallocated_amount: base.abs(),
    })
    return
  }
  const status = invoiceStatus({
    isReturn: item.row.is_return === 1,
    total: payable(item.row),
    outstanding,
    dueDate: item.dueDate,
    today: todayOf(ctx, facts),
  })
  await writeThrough(system, 'Sales Invoice', item.name, { outstanding_amount: outstanding, base_outstanding_amount: base, status })
  await keepSchedule(ctx, item.name, outstanding)
  await keepRequests(ctx, item.name, outstanding)
}

async function keepSchedule(ctx: Context, invoice: string, outstanding: Decimal): Promise<void> {
  const meta = await ctx.site.meta.meta('Payment Schedule')
  const parts = await findRows(
    ctx,
    meta,
    { all: [where('parenttype', '=', 'Sales Invoice'), where('parent', '=', invoice)] },
    { orderBy: [['idx', 'asc']] },
  )
  const unpaid = unpaidParts(
    parts.map((part) => part.payment_amount as Decimal),
    outstanding,
  )
  const { dialect } = ctx.db
  for (const [index, part] of parts.entries()) {
    const left = dialect.encodeDecimal(String(unpaid[index]))
    if (!(part.outstanding as Decimal).equals(unpaid[index] as Decimal))
      await ctx.db.execute(dialect.compile(sql`update ${ident(meta.table)} set outstanding = ${left} where name = ${part.name}`))
  }
}

/** What is paid of a document: the rounded total where it is rounded. */
export function payable(document: object): Decimal {
  const { disable_rounded_total, rounded_total, grand_total } = document as Record<string, unknown>
  return disable_rounded_total === 1 ? (grand_total as Decimal) : (rounded_total as Decimal)
}

interface InvoiceState {
  readonly isReturn: boolean
  readonly total: Decimal
  readonly outstanding: Decimal
  readonly dueDate: string | null
  readonly today: string
}

/** The word for how far a submitted invoice is paid. */
export function invoiceStatus({ isReturn, total, outstanding, dueDate, today }: InvoiceState): string {
  if (isReturn) return outstanding.isZero() ? 'Credit Note Issued' : 'Return'
  if (outstanding.isZero()) return 'Paid'
  if (dueDate !== null && dueDate < today) return 'Overdue'
  return outstanding.abs().compare(total.abs()) < 0 ? 'Partly Paid' : 'Unpaid'
}

/** Requests for an invoice are paid as far as the invoice is. */
async function keepRequests(ctx: Context, invoice: string, outstanding: Decimal): Promise<void> {
  const meta = await ctx.site.meta.get('Payment Request')
  const requests = await findRows(ctx, meta, {
    all: [where('reference_name', '=', invoice), where('reference_doctype', '=', 'Sales Invoice'), where('docstatus', '=', 1)],
  })
  for (const request of requests) {
    const asked = request.grand_total as Decimal
    const left = outstanding.isNegative() ? Decimal.zero : outstanding.compare(asked) < 0 ? outstanding : asked
    const status = left.isZero() ? 'Paid' : left.compare(asked) < 0 ? 'Partially Paid' : 'Requested'
    await writeThrough(ctx.asSystem('keeps what is still to be paid'), 'Payment Request', request.name, {
      outstanding_amount: left,
      status,
    })
  }
}

/** What rates that differ between documents leave over on the receivable account, and where it goes. `base` is what the receivable got too much. */
export function exchangeDifference(facts: CompanyFacts, account: string, party: Party, base: Decimal): Posting[] {
  if (base.isZero()) return []
  // In the transaction's currency nothing changes hands.
  const original = { currency: facts.currency, amount: base.negate() }
  return [
    { account, party, amount: base.negate(), original },
    { account: accountOf(facts, 'exchange_gain_loss_account'), amount: base },
  ]
}
