import { Decimal } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { accountOf, companyOf } from '../books/company-facts.ts'
import { open, settle } from '../ledger/outstanding.ts'
import { post, type Posting, voucherOf } from '../ledger/post.ts'
import { stampState } from '../ledger/state.ts'
import { allocatedTo, partyAmount, type PaymentFields } from './payment.ts'

type Payment = PaymentFields & { doctype: string; name: string }

/**
 * The posting of a payment: money on the one side, on the other what it settles, each invoice at the rate at which it was charged. What rates that
 * differ leave over is a gain or loss.
 */
export async function bookPayment(ctx: Context, payment: Payment): Promise<void> {
  const facts = await companyOf(ctx, payment.organization)
  const voucher = voucherOf(payment)
  const costCenter = payment.cost_center
  const from = { currency: payment.paid_from_account_currency as string, amount: payment.paid_amount.negate() }
  const to = { currency: payment.paid_to_account_currency as string, amount: payment.received_amount }
  const deductions: Posting[] = payment.deductions.map((row) => ({
    account: row.account,
    amount: row.amount,
    costCenter: row.cost_center ?? costCenter,
  }))
  const money: Posting[] = []
  if (payment.payment_type !== 'Pay')
    money.push({ account: payment.paid_to as string, amount: payment.base_received_amount, original: to, costCenter })
  if (payment.payment_type !== 'Receive')
    money.push({ account: payment.paid_from as string, amount: payment.base_paid_amount.negate(), original: from, costCenter })
  const settled = payment.payment_type === 'Internal Transfer' ? [] : await settleParty(ctx, payment)
  const postings = [...money, ...deductions, ...settled]
  const difference = postings.reduce((sum, line) => sum.plus(line.amount), Decimal.zero)
  if (!difference.isZero())
    postings.push({ account: accountOf(facts, 'exchange_gain_loss_account'), amount: difference.negate(), costCenter })
  await post(ctx, voucher, postings)
  if (!difference.isZero()) await stampState(ctx, payment, { difference_amount: difference.negate() })
}

async function settleParty(ctx: Context, payment: Payment): Promise<Posting[]> {
  const voucher = voucherOf(payment)
  const { account, currency } = partyAmount(payment)
  const party = { doctype: 'Customer', name: payment.party as string }
  const settled = await settle(
    ctx,
    voucher,
    party,
    currency,
    allocatedTo(payment, 'Sales Invoice').map(({ row, field }) => ({
      target: { doctype: 'Sales Invoice', name: row.reference_name },
      amount: row.allocated_amount,
      field,
    })),
  )
  const postings: Posting[] = settled.map(({ item, amount, base }) => ({
    account: item.account,
    party,
    amount: base.negate(),
    original: { currency, amount: amount.negate() },
    against: { doctype: item.doctype, name: item.name },
  }))
  const sign = payment.payment_type === 'Receive' ? -1 : 1
  const [left, baseLeft] = [payment.unallocated_amount.times(sign), payment.base_unallocated_amount.times(sign)]
  await open(ctx, voucher, { party: party.name, account, currency, dueDate: null }, left, baseLeft)
  if (!baseLeft.isZero())
    postings.push({
      account,
      party,
      amount: baseLeft,
      original: { currency, amount: left },
      against: { doctype: voucher.doctype, name: voucher.name },
    })
  return postings
}
