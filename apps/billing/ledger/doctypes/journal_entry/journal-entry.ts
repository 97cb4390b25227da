import { Decimal, sumDecimals } from '#client/rules/decimal.ts'
import type { Context } from '#kernel/context/context.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { companyOf, demandDigits, exchangeRate, fillCompany, inCompanyCurrency, todayOf } from '../../../books/company-facts.ts'
import { BadBillingValue, LedgerUnbalanced } from '../../../errors.ts'
import { exchangeDifference, open, settle, type Settled, unsettle } from '../../outstanding.ts'
import { post, reverse, voucherOf } from '../../post.ts'

interface PostingRow extends ChildFields {
  account: string
  party_type: string | null
  party: string | null
  cost_center: string | null
  project: string | null
  account_currency: string | null
  exchange_rate: number
  debit_in_account_currency: Decimal
  credit_in_account_currency: Decimal
  debit: Decimal
  credit: Decimal
  reference_type: string | null
  reference_name: string | null
  user_remark: string | null
}

interface JournalFields {
  organization: string
  company: string | null
  posting_date: string | null
  accounts: PostingRow[]
  total_debit: Decimal
  total_credit: Decimal
}

/** A posting by hand. */
export default class JournalEntry extends Document<JournalFields> {
  async validate(ctx: Context): Promise<void> {
    const facts = await fillCompany(ctx, this)
    this.posting_date ??= todayOf(ctx, facts)
    for (const [index, row] of this.accounts.entries()) {
      const at = (name: string): string => `accounts[${index}].${name}`
      row.account_currency ||= facts.currency
      row.exchange_rate = await exchangeRate(ctx, facts, row.account_currency, this.posting_date, row.exchange_rate, at('exchange_rate'))
      if (row.debit_in_account_currency.isZero() === row.credit_in_account_currency.isZero())
        throw new BadBillingValue({ field: at('debit_in_account_currency'), reason: 'a posting is either debit or credit.' })
      for (const field of ['debit_in_account_currency', 'credit_in_account_currency'] as const)
        await demandDigits(ctx, row.account_currency, row[field], at(field))
      row.debit = inCompanyCurrency(facts, row.debit_in_account_currency, row.exchange_rate)
      row.credit = inCompanyCurrency(facts, row.credit_in_account_currency, row.exchange_rate)
      if (row.party && row.party_type !== 'Customer') throw new BadBillingValue({ field: at('party_type'), reason: 'it must be Customer.' })
      if (row.reference_name && !row.party) throw new BadBillingValue({ field: at('party'), reason: 'an invoice is of a customer.' })
    }
    this.total_debit = sumDecimals(this.accounts.map((row) => row.debit))
    this.total_credit = sumDecimals(this.accounts.map((row) => row.credit))
    const difference = this.total_debit.minus(this.total_credit)
    if (!difference.isZero()) throw new LedgerUnbalanced({ field: 'total_debit', difference: difference.abs().toString() })
  }

  async on_submit(ctx: Context): Promise<void> {
    const voucher = voucherOf(this)
    await post(
      ctx,
      voucher,
      this.accounts.map((row) => ({
        account: row.account,
        amount: row.debit.minus(row.credit),
        original: {
          currency: row.account_currency as string,
          amount: row.debit_in_account_currency.minus(row.credit_in_account_currency),
        },
        costCenter: row.cost_center,
        project: row.project,
        ...(row.party && { party: { doctype: 'Customer', name: row.party } }),
        ...(row.reference_name && { against: { doctype: 'Sales Invoice', name: row.reference_name } }),
        ...(row.user_remark && { remarks: row.user_remark }),
      })),
    )
    for (const [index, row] of this.accounts.entries()) if (row.party) await this.settleRow(ctx, row, index)
  }

  async on_cancel(ctx: Context): Promise<void> {
    await unsettle(ctx, voucherOf(this))
    await reverse(ctx, voucherOf(this))
  }

  /** A posting on a customer settles the invoice that it names, or stands in the customer's ledger by itself. */
  private async settleRow(ctx: Context, row: PostingRow, index: number): Promise<void> {
    const voucher = voucherOf(this)
    const party = { doctype: 'Customer', name: row.party as string }
    const currency = row.account_currency as string
    const amount = row.debit_in_account_currency.minus(row.credit_in_account_currency)
    const base = row.debit.minus(row.credit)
    if (!row.reference_name) {
      await open(ctx, voucher, { party: party.name, account: row.account, currency, dueDate: null }, amount, base)
      return
    }
    const settled: Settled[] = await settle(ctx, voucher, party, currency, [
      {
        target: { doctype: 'Sales Invoice', name: row.reference_name },
        amount: amount.negate(),
        field: `accounts[${index}].credit_in_account_currency`,
      },
    ])
    // The invoice gave up what it had in the books; the posting by hand reckoned with its own rate.
    const given = settled.reduce((sum, part) => sum.plus(part.base), Decimal.zero)
    await post(ctx, voucher, exchangeDifference(await companyOf(ctx, this.organization), row.account, party, given.plus(base)))
  }
}
