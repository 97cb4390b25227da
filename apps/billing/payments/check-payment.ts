import { Decimal, sumDecimals } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { findRows, type FoundRow } from '#kernel/query/find-rows.ts'
import { accountOf, type CompanyFacts, currencyDigits, demandDigits, exchangeRate, inCompanyCurrency } from '../books/company-facts.ts'
import { BadBillingValue, CurrencyMismatch, NotOpenForPayment, OverAllocated } from '../errors.ts'
import { payable } from '../ledger/outstanding.ts'
import { allocatedSum, allocatedTo, partyAmount, type PaymentFields } from './payment.ts'

/** Fills in accounts, currencies, rates and amounts that follow from what was given. */
export async function fillPayment(ctx: Context, payment: PaymentFields, facts: CompanyFacts): Promise<void> {
  const [mode] = payment.mode_of_payment
    ? await findRows(ctx, await ctx.site.meta.get('Mode of Payment'), where('name', '=', payment.mode_of_payment), { limit: 1 })
    : []
  const ownAccount = (): string => {
    if (mode?.default_account) return String(mode.default_account)
    return accountOf(facts, mode?.type === 'Cash' ? 'default_cash_account' : 'default_bank_account')
  }
  const isReceived = payment.payment_type === 'Receive'
  const receivable = (): string => accountOf(facts, 'default_receivable_account')
  if (payment.payment_type !== 'Internal Transfer') {
    payment.party_type ||= 'Customer'
    payment.paid_from ||= isReceived ? receivable() : ownAccount()
    payment.paid_to ||= isReceived ? ownAccount() : receivable()
    await fillParty(ctx, payment)
  } else Object.assign(payment, { party_type: null, party: null, party_name: null })
  const [from, to] = [await accountNamed(ctx, payment.paid_from), await accountNamed(ctx, payment.paid_to)]
  payment.paid_from_account_currency ||= from?.account_currency ? String(from.account_currency) : facts.currency
  payment.paid_to_account_currency ||= to?.account_currency ? String(to.account_currency) : facts.currency
  const date = payment.posting_date as string
  const fixed = new Map([
    ['source_exchange_rate', payment.source_exchange_rate],
    ['target_exchange_rate', payment.target_exchange_rate],
  ])
  const rate = (currency: string, field: string) => exchangeRate(ctx, facts, currency, date, fixed.get(field) ?? 0, field)
  payment.source_exchange_rate = await rate(payment.paid_from_account_currency, 'source_exchange_rate')
  payment.target_exchange_rate = await rate(payment.paid_to_account_currency, 'target_exchange_rate')
  fillAmounts(payment, facts, {
    paid: await currencyDigits(ctx, payment.paid_from_account_currency),
    received: await currencyDigits(ctx, payment.paid_to_account_currency),
  })
  payment.base_paid_amount = inCompanyCurrency(facts, payment.paid_amount, payment.source_exchange_rate)
  payment.base_received_amount = inCompanyCurrency(facts, payment.received_amount, payment.target_exchange_rate)
}

async function fillParty(ctx: Context, payment: PaymentFields): Promise<void> {
  if (payment.party_type !== 'Customer')
    throw new BadBillingValue({ field: 'party_type', reason: 'only customers pay, and are paid back.' })
  const [customer] = payment.party
    ? await findRows(ctx, await ctx.site.meta.get('Customer'), where('name', '=', payment.party), {
        fields: ['name', 'customer_name'],
        limit: 1,
      })
    : []
  payment.party_name = customer ? String(customer.customer_name) : null
}

async function accountNamed(ctx: Context, name: string | null): Promise<FoundRow | undefined> {
  const [row] = name ? await findRows(ctx, await ctx.site.meta.get('Account'), where('name', '=', name), { limit: 1 }) : []
  return row
}

/** The side that was not given: the same sum, less what was kept back, in the other currency. */
function fillAmounts(payment: PaymentFields, facts: CompanyFacts, digits: { paid: number; received: number }): void {
  const kept = sumDecimals(payment.deductions.map((row) => row.amount))
  const other = (amount: Decimal, rate: number, otherRate: number, off: Decimal, places: number): Decimal => {
    if (rate === otherRate && off.isZero()) return amount
    const base = inCompanyCurrency(facts, amount, rate).minus(off)
    return base.dividedBy(Decimal.from(otherRate), places, 'half-up')
  }
  const { source_exchange_rate: source, target_exchange_rate: target } = payment
  if (payment.received_amount.isZero()) payment.received_amount = other(payment.paid_amount, source, target, kept, digits.received)
  else if (payment.paid_amount.isZero()) payment.paid_amount = other(payment.received_amount, target, source, kept.negate(), digits.paid)
}

/** @throws BadBillingValue, NotOpenForPayment, OverAllocated, CurrencyMismatch with the field */
export async function checkPayment(ctx: Context, payment: PaymentFields, facts: CompanyFacts): Promise<void> {
  if (payment.paid_amount.isZero() || payment.paid_amount.isNegative())
    throw new BadBillingValue({ field: 'paid_amount', reason: 'an amount is more than zero.' })
  await demandDigits(ctx, payment.paid_from_account_currency as string, payment.paid_amount, 'paid_amount')
  await demandDigits(ctx, payment.paid_to_account_currency as string, payment.received_amount, 'received_amount')
  for (const [index, row] of payment.deductions.entries())
    await demandDigits(ctx, facts.currency, row.amount, `deductions[${index}].amount`)
  if (payment.paid_from === payment.paid_to) throw new BadBillingValue({ field: 'paid_to', reason: 'money moves to another account.' })
  await checkAccounts(ctx, payment)
  const isLocal = payment.paid_from_account_currency === facts.currency && payment.paid_to_account_currency === facts.currency
  const kept = sumDecimals(payment.deductions.map((row) => row.amount))
  const gap = payment.base_paid_amount.minus(payment.base_received_amount).minus(kept)
  if (isLocal && !gap.isZero())
    throw new BadBillingValue({ field: 'received_amount', reason: `what was paid and received differs by ${gap.abs().toString()}.` })
  const isSame = payment.paid_from_account_currency === payment.paid_to_account_currency
  if (isSame && kept.isZero() && !payment.paid_amount.equals(payment.received_amount))
    throw new BadBillingValue({ field: 'received_amount', reason: 'in one currency what is paid is received.' })
  if (payment.payment_type === 'Internal Transfer') {
    if (payment.references.length > 0) throw new BadBillingValue({ field: 'references', reason: 'a transfer pays nothing.' })
    payment.total_allocated_amount = Decimal.zero
    payment.unallocated_amount = Decimal.zero
    payment.base_unallocated_amount = Decimal.zero
    return
  }
  await checkReferences(ctx, payment)
  const party = partyAmount(payment)
  const allocated = allocatedSum(allocatedTo(payment, 'Sales Invoice'))
  const left = party.amount.minus(allocated)
  if (left.isNegative() !== party.amount.isNegative() && !left.isZero())
    throw new OverAllocated({
      field: 'total_allocated_amount',
      document: 'the payment',
      allocated: allocated.abs().toString(),
      outstanding: party.amount.abs().toString(),
    })
  const forOrders = allocatedSum(allocatedTo(payment, 'Sales Order'))
  if (forOrders.compare(left.abs()) > 0)
    throw new OverAllocated({
      field: 'total_allocated_amount',
      document: 'the payment',
      allocated: forOrders.toString(),
      outstanding: left.abs().toString(),
    })
  payment.total_allocated_amount = allocated.plus(forOrders)
  payment.unallocated_amount = left.abs()
  payment.base_unallocated_amount = inCompanyCurrency(facts, left.abs(), party.rate)
}

/** The customer's side is a receivable, the other one is not. */
async function checkAccounts(ctx: Context, payment: PaymentFields): Promise<void> {
  for (const field of ['paid_from', 'paid_to'] as const) {
    const account = await accountNamed(ctx, payment[field])
    const isParty = payment.payment_type !== 'Internal Transfer' && (field === 'paid_from') === (payment.payment_type === 'Receive')
    if ((account?.account_type === 'Receivable') !== isParty)
      throw new BadBillingValue({
        field,
        reason: isParty ? 'it is no receivable account.' : 'money does not arrive on a receivable account.',
      })
    const currency = payment[`${field}_account_currency`]
    if (account?.account_currency && account.account_currency !== currency)
      throw new CurrencyMismatch({
        field: `${field}_account_currency`,
        expected: String(account.account_currency),
        given: String(currency),
      })
  }
}

async function checkReferences(ctx: Context, payment: PaymentFields): Promise<void> {
  const seen = new Set<string>()
  const { currency } = partyAmount(payment)
  for (const [index, row] of payment.references.entries()) {
    const at = (name: string): string => `references[${index}].${name}`
    if (row.reference_doctype !== 'Sales Invoice' && row.reference_doctype !== 'Sales Order')
      throw new BadBillingValue({ field: at('reference_doctype'), reason: 'invoices and orders are paid.' })
    if (seen.has(row.reference_name)) throw new BadBillingValue({ field: at('reference_name'), reason: 'it is there already.' })
    seen.add(row.reference_name)
    const [document] = await findRows(ctx, await ctx.site.meta.get(row.reference_doctype), where('name', '=', row.reference_name), {
      limit: 1,
    })
    const refuse = (reason: string): never => {
      throw new NotOpenForPayment({ field: at('reference_name'), document: row.reference_name, reason })
    }
    if (document?.docstatus !== 1) return refuse('is not submitted.')
    if (document.customer !== payment.party) refuse(`is not of ${payment.party}.`)
    if (document.currency !== currency)
      throw new CurrencyMismatch({ field: at('reference_name'), expected: String(document.currency), given: currency })
    await demandDigits(ctx, currency, row.allocated_amount, at('allocated_amount'))
    checkAllocation(payment, row, document, at('allocated_amount'))
  }
}

function checkAllocation(payment: PaymentFields, row: PaymentFields['references'][number], document: FoundRow, field: string): void {
  const isOrder = row.reference_doctype === 'Sales Order'
  const total = payable(document)
  const outstanding = isOrder ? total.minus(document.advance_paid as Decimal) : (document.outstanding_amount as Decimal)
  Object.assign(row, {
    total_amount: total,
    outstanding_amount: outstanding,
    due_date: isOrder ? null : document.due_date,
    exchange_rate: document.conversion_rate,
  })
  if (row.allocated_amount.isZero()) throw new BadBillingValue({ field, reason: 'an amount is needed.' })
  if (isOrder && (payment.payment_type !== 'Receive' || row.allocated_amount.isNegative()))
    throw new BadBillingValue({ field, reason: 'an order is paid in advance only.' })
  if (row.allocated_amount.isNegative() !== outstanding.isNegative() || row.allocated_amount.abs().compare(outstanding.abs()) > 0)
    throw new OverAllocated({
      field,
      document: row.reference_name,
      allocated: row.allocated_amount.toString(),
      outstanding: outstanding.toString(),
    })
}
