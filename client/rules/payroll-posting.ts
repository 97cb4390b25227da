import { Decimal, sumDecimals } from './decimal.ts'

/** What of a slip the books are to know. Amounts in the slip's currency. */
export interface PostedSlip {
  readonly employee: string
  readonly payableAccount: string
  readonly roundOffAccount: string
  readonly earnings: readonly PostedAmount[]
  readonly deductions: readonly PostedAmount[]
  /** What is paid out: the net pay, or what it was rounded to. */
  readonly payable: Decimal
  /** Shares of cost centres in percent, summing to 100; empty: none is named. */
  readonly costCenters: readonly { readonly costCenter: string; readonly percentage: number }[]
  /** What one unit is worth in the currency of the books. */
  readonly exchangeRate: number
  /** Places of that currency. */
  readonly places: number
}

interface PostedAmount {
  readonly account: string
  readonly component: string
  readonly amount: Decimal
}

export interface PostingLine {
  readonly account: string
  readonly debit: Decimal
  readonly credit: Decimal
  readonly costCenter?: string
  readonly party?: string
  readonly component?: string
}

/**
 * The entries of a slip in the currency of the books: earnings are debited, by cost centre; deductions and what is owed to the person are
 * credited; what conversion and rounding leave goes to the account for rounding. Debits equal credits by construction.
 */
export function postingOf(slip: PostedSlip): PostingLine[] {
  const inBooks = (amount: Decimal) => amount.times(Decimal.from(slip.exchangeRate)).round(slip.places)
  const lines: PostingLine[] = []
  for (const { account, component, amount } of slip.earnings)
    for (const [part, costCenter] of shares(inBooks(amount), slip)) lines.push(line(account, part, { component, ...costCenter }))
  for (const { account, component, amount } of slip.deductions) lines.push(line(account, inBooks(amount).negate(), { component }))
  lines.push(line(slip.payableAccount, inBooks(slip.payable).negate(), { party: slip.employee }))
  const balance = sumDecimals(lines.map(({ debit, credit }) => debit.minus(credit)))
  lines.push(line(slip.roundOffAccount, balance.negate(), {}))
  return lines.filter(({ debit, credit }) => !debit.isZero() || !credit.isZero())
}

/** @param amount a debit; negative: a credit */
function line(account: string, amount: Decimal, about: Pick<PostingLine, 'costCenter' | 'party' | 'component'>): PostingLine {
  const [debit, credit] = amount.isNegative() ? [Decimal.zero, amount.negate()] : [amount, Decimal.zero]
  return { account, debit, credit, ...about }
}

/** Parts that sum to the whole: the last takes what rounding leaves. */
function shares(amount: Decimal, { costCenters, places }: PostedSlip): [Decimal, { costCenter?: string }][] {
  if (costCenters.length === 0) return [[amount, {}]]
  let rest = amount
  return costCenters.map(({ costCenter, percentage }, index) => {
    const part = index === costCenters.length - 1 ? rest : amount.times(Decimal.from(percentage)).dividedBy(100, places)
    rest = rest.minus(part)
    return [part, { costCenter }]
  })
}
