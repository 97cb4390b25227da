import { Decimal } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, join, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { hashName } from '#kernel/documents/naming.ts'
import { insertRows } from '#kernel/documents/rows.ts'
import { findRows, type FoundRow } from '#kernel/query/find-rows.ts'
import { companyOf } from '../books/company-facts.ts'
import { BadBillingValue, CurrencyMismatch, LedgerUnbalanced, PeriodClosed } from '../errors.ts'

/** The submitted document that something is booked for. */
export interface Voucher {
  readonly doctype: string
  readonly name: string
  readonly organization: string
  readonly company: string
  /** ISO day. */
  readonly date: string
}

/** The voucher that a submitted document is. */
export function voucherOf(document: {
  doctype: string
  name: string
  organization: string
  company: string | null
  posting_date: string | null
}): Voucher {
  const { doctype, name, organization, company, posting_date } = document
  return { doctype, name, organization, company: company ?? '', date: posting_date ?? '' }
}

export interface Party {
  readonly doctype: string
  readonly name: string
}

/** One side of a posting; debit is positive, credit negative. */
export interface Posting {
  readonly account: string
  /** In the company's currency. */
  readonly amount: Decimal
  /** The same in the currency of the transaction; default: the company's. */
  readonly original?: { readonly currency: string; readonly amount: Decimal }
  readonly party?: Party
  readonly costCenter?: string | null
  readonly project?: string | null
  readonly against?: { readonly doctype: string; readonly name: string }
  readonly remarks?: string
}

/**
 * Writes a posting into the general ledger. There is no other way in, and this one demands that both sides are equal to the last digit.
 * @throws LedgerUnbalanced, PeriodClosed, BadBillingValue for an account that cannot be booked on, CurrencyMismatch
 */
export async function post(ctx: Context, voucher: Voucher, postings: readonly Posting[]): Promise<void> {
  const lines = postings.filter((line) => !line.amount.isZero() || (line.original !== undefined && !line.original.amount.isZero()))
  const difference = lines.reduce((sum, line) => sum.plus(line.amount), Decimal.zero)
  if (!difference.isZero()) throw new LedgerUnbalanced({ field: 'total_debit', difference: difference.abs().toString() })
  const fiscalYear = await demandOpenPeriod(ctx, voucher)
  if (lines.length === 0) return
  const facts = await companyOf(ctx, voucher.organization)
  await checkAccounts(ctx, voucher, lines, facts.currency)
  const rows = lines.map((line) => {
    const original = line.original ?? { currency: facts.currency, amount: line.amount }
    return {
      ...sides(line.amount, original.amount),
      organization: voucher.organization,
      company: voucher.company,
      posting_date: voucher.date,
      fiscal_year: fiscalYear,
      account: line.account,
      cost_center: line.costCenter ?? (facts.values.cost_center as string | null),
      project: line.project ?? null,
      party_type: line.party?.doctype ?? null,
      party: line.party?.name ?? null,
      account_currency: original.currency,
      voucher_type: voucher.doctype,
      voucher_no: voucher.name,
      against_voucher_type: line.against?.doctype ?? null,
      against_voucher: line.against?.name ?? null,
      reversal_of: null,
      remarks: line.remarks ?? null,
    }
  })
  await writeEntries(ctx, 'GL Entry', rows)
}

/** Adds the opposite of everything that was booked for a document, on the same day, so that the balance of every day is as if it had never been. @throws PeriodClosed */
export async function reverse(ctx: Context, voucher: Voucher): Promise<void> {
  await demandOpenPeriod(ctx, voucher)
  const entries = await entriesOf(ctx, 'GL Entry', voucher)
  await writeEntries(
    ctx,
    'GL Entry',
    entries.map((entry) => ({
      ...entry,
      debit: entry.credit,
      credit: entry.debit,
      debit_in_account_currency: entry.credit_in_account_currency,
      credit_in_account_currency: entry.debit_in_account_currency,
      reversal_of: entry.name,
    })),
  )
}

/** Entries of a document that were not taken back yet. */
export async function entriesOf(ctx: Context, doctype: 'GL Entry' | 'Payment Ledger Entry', voucher: Voucher): Promise<FoundRow[]> {
  const all = await findRows(ctx, await ctx.site.meta.get(doctype), {
    all: [where('voucher_type', '=', voucher.doctype), where('voucher_no', '=', voucher.name)],
  })
  const reversed = new Set(all.map((entry) => entry.reversal_of).filter(Boolean))
  return all.filter((entry) => !entry.reversal_of && !reversed.has(entry.name))
}

/** Stores rows of a ledger: each is new, none is ever changed. */
export async function writeEntries(
  ctx: Context,
  doctype: 'GL Entry' | 'Payment Ledger Entry',
  entries: readonly Record<string, unknown>[],
): Promise<void> {
  if (entries.length === 0) return
  await ctx.db.begin()
  const now = nowText(ctx)
  const rows = entries.map((entry) => ({
    ...entry,
    doctype,
    name: hashName(),
    owner: ctx.user.name,
    modified_by: ctx.user.name,
    creation: now,
    modified: now,
    docstatus: 0,
    idx: 0,
  }))
  await insertRows(ctx.db, await ctx.site.meta.get(doctype), rows as unknown as AnyDocument[])
}

/** Refuses a day in a closed period. @returns the fiscal year of the day, if there is one */
export async function demandOpenPeriod(
  ctx: Context,
  { organization, company, date }: Omit<Voucher, 'doctype' | 'name'>,
): Promise<string | null> {
  // Read anew, not remembered: the period may have been closed a moment ago.
  const [books] = await findRows(ctx, await ctx.site.meta.get('Company'), where('organization', '=', organization), {
    fields: ['name', 'accounts_frozen_till_date', 'role_allowed_for_frozen_entries'],
    limit: 1,
  })
  const frozen = books?.accounts_frozen_till_date ? String(books.accounts_frozen_till_date) : ''
  const role = books?.role_allowed_for_frozen_entries ? String(books.role_allowed_for_frozen_entries) : ''
  if (frozen !== '' && date <= frozen && !(role !== '' && ctx.user.roles.has(role)))
    throw new PeriodClosed({ field: 'posting_date', date, closed: `up to ${frozen}` })
  const [year] = await findRows(
    ctx,
    await ctx.site.meta.get('Fiscal Year'),
    { all: [where('company', '=', company), where('year_start_date', '<=', date), where('year_end_date', '>=', date)] },
    { fields: ['name', 'year', 'is_closed'], limit: 1 },
  )
  if (year?.is_closed) throw new PeriodClosed({ field: 'posting_date', date, closed: String(year.year) })
  return year?.name ?? null
}

function sides(amount: Decimal, original: Decimal): Record<string, Decimal> {
  const isDebit = amount.isZero() ? !original.isNegative() : !amount.isNegative()
  const zero = Decimal.zero
  return {
    debit: isDebit ? amount : zero,
    credit: isDebit ? zero : amount.negate(),
    debit_in_account_currency: isDebit ? original : zero,
    credit_in_account_currency: isDebit ? zero : original.negate(),
  }
}

async function checkAccounts(ctx: Context, voucher: Voucher, lines: readonly Posting[], currency: string): Promise<void> {
  const names = [...new Set(lines.map((line) => line.account))]
  const rows = await ctx.db.query<Record<string, string | number | null>>(
    ctx.db.dialect.compile(
      sql`select name, account_name, company, is_group, disabled, account_currency, account_type from ${ident('tabAccount')}
        where name in (${join(names.map((name) => sql`${name}`))})`,
    ),
  )
  const accounts = new Map(rows.map((row) => [String(row.name), row]))
  for (const line of lines) {
    const account = accounts.get(line.account)
    const refuse = (reason: string): never => {
      throw new BadBillingValue({ field: 'account', reason: `${String(account?.account_name ?? line.account)} ${reason}` })
    }
    if (!account || account.company !== voucher.company) refuse('is no account of the company.')
    else if (Number(account.is_group) === 1) refuse('is a group; amounts are booked on its parts.')
    else if (Number(account.disabled) === 1) refuse('is disabled.')
    else if (account.account_type === 'Receivable' && !line.party) refuse('needs a customer.')
    else if (account.account_currency && (line.original?.currency ?? currency) !== account.account_currency)
      throw new CurrencyMismatch({
        field: 'account',
        expected: String(account.account_currency),
        given: line.original?.currency ?? currency,
      })
  }
}
