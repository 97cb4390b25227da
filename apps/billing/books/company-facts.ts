import { Decimal } from '#client/rules/decimal.ts'
import { numberFormat } from '#client/rules/number-format.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { BadBillingValue, CurrencyMismatch, ElsewhereInBooks, ExchangeRateNeeded, NoCompany, NotSetUp } from '../errors.ts'

/** What postings need to know of a company. */
export interface CompanyFacts {
  readonly name: string
  readonly organization: string
  readonly currency: string
  /** Digits of its currency. */
  readonly digits: number
  readonly timeZone: string
  readonly values: Readonly<Record<string, unknown>>
}

/** Accounts that a company names for a purpose. */
export type CompanyAccount =
  | 'default_receivable_account'
  | 'default_income_account'
  | 'default_bank_account'
  | 'default_cash_account'
  | 'round_off_account'
  | 'exchange_gain_loss_account'
  | 'write_off_account'

/** The company of an organization, read once in a unit of work. @throws NoCompany */
export async function companyOf(ctx: Context, organization: string): Promise<CompanyFacts> {
  const key = `billing:company:${organization}`
  const known = ctx.memo.get(key) as CompanyFacts | undefined
  if (known) return known
  const [row] = await findRows(ctx, await ctx.site.meta.get('Company'), where('organization', '=', organization), { limit: 1 })
  if (!row) throw new NoCompany({ organization, field: 'company' })
  const [owner] = await findRows(ctx, await ctx.site.meta.get('Organization'), where('name', '=', organization), {
    fields: ['name', 'time_zone'],
    limit: 1,
  })
  const currency = String(row.default_currency)
  const facts: CompanyFacts = {
    name: row.name,
    organization,
    currency,
    digits: await currencyDigits(ctx, currency),
    timeZone: owner?.time_zone ? String(owner.time_zone) : ctx.site.timeZone,
    values: row,
  }
  ctx.memo.set(key, facts)
  return facts
}

/** Forgets what was read: the company was saved in this unit of work. */
export function forgetCompany(ctx: Context, organization: string): void {
  ctx.memo.delete(`billing:company:${organization}`)
}

/** Fills the company in from the organization; the two belong together one to one. @throws ElsewhereInBooks, NoCompany */
export async function fillCompany(
  ctx: Context,
  document: { doctype: string; organization: string; company: string | null },
): Promise<CompanyFacts> {
  if (!document.organization && document.company) {
    const [row] = await findRows(ctx, await ctx.site.meta.get('Company'), where('name', '=', document.company), {
      fields: ['name', 'organization'],
      limit: 1,
    })
    if (row) document.organization = String(row.organization)
  }
  const facts = await companyOf(ctx, document.organization)
  document.company ??= facts.name
  if (document.company === '') document.company = facts.name
  if (document.company !== facts.name)
    throw new ElsewhereInBooks({ doctype: document.doctype, field: 'company', value: document.company, organization: facts.organization })
  return facts
}

/** @throws NotSetUp naming what is missing */
export function accountOf(facts: CompanyFacts, purpose: CompanyAccount): string {
  const account = facts.values[purpose]
  if (typeof account === 'string' && account !== '') return account
  throw new NotSetUp({ field: purpose, company: facts.name, what: purpose.replaceAll('_', ' ') })
}

/** Digits after the point of a currency, as its number format has them; 2 where it has none. */
export async function currencyDigits(ctx: Context, currency: string): Promise<number> {
  const key = `billing:digits:${currency}`
  const known = ctx.memo.get(key) as number | undefined
  if (known !== undefined) return known
  const [row] = await findRows(ctx, await ctx.site.meta.get('Currency'), where('name', '=', currency), {
    fields: ['name', 'number_format'],
    limit: 1,
  })
  const digits = row?.number_format ? numberFormat(String(row.number_format)).places : 2
  ctx.memo.set(key, digits)
  return digits
}

/** Today, where the organization is. */
export function todayOf(ctx: Context, facts: CompanyFacts): string {
  return utcToZone(nowText(ctx), facts.timeZone).slice(0, 10)
}

/**
 * How much of the company's currency one of another is worth. What is given counts, else the latest rate on or before the day.
 * @param given  0: not given
 * @throws CurrencyMismatch when the company's own currency is given another rate than 1, ExchangeRateNeeded
 */
export async function exchangeRate(
  ctx: Context,
  facts: CompanyFacts,
  currency: string,
  date: string,
  given: number,
  field: string,
): Promise<number> {
  if (currency === facts.currency) {
    if (given !== 0 && given !== 1) throw new CurrencyMismatch({ field, expected: 'a rate of 1', given: `${facts.currency} at ${given}` })
    return 1
  }
  if (given < 0) throw new BadBillingValue({ field, reason: 'a rate is more than zero.' })
  if (given > 0) return given
  const [row] = await findRows(
    ctx,
    await ctx.site.meta.get('Currency Exchange'),
    {
      all: [
        where('organization', '=', facts.organization),
        where('from_currency', '=', currency),
        where('to_currency', '=', facts.currency),
        where('date', '<=', date),
      ],
    },
    { fields: ['name', 'exchange_rate'], orderBy: [['date', 'desc']], limit: 1 },
  )
  if (!row) throw new ExchangeRateNeeded({ field, from: currency, to: facts.currency, date })
  return Number(row.exchange_rate)
}

/** An amount in the company's currency, rounded as invoices are. */
export function inCompanyCurrency(facts: CompanyFacts, amount: Decimal, rate: number): Decimal {
  return amount.times(Decimal.from(rate)).round(facts.digits, 'half-up')
}

/** Refuses amounts of money finer than their currency has them: nobody can pay half a cent. @throws BadBillingValue */
export async function demandDigits(ctx: Context, currency: string, amount: Decimal, field: string): Promise<void> {
  const digits = await currencyDigits(ctx, currency)
  if (amount.scale > digits) throw new BadBillingValue({ field, reason: `${currency} has ${digits} digits after the point.` })
}
