import { Decimal } from '#client/rules/decimal.ts'
import { where } from '#client/rules/predicate.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { exists, load } from '#kernel/documents/load.ts'
import { cancel, insert, openForWrite, submit } from '#kernel/documents/save.ts'
import { callDocumentMethod } from '#kernel/methods/call-document.ts'
import { findRows, type FoundRow } from '#kernel/query/find-rows.ts'
import { type TestSite, type TestSiteOptions, testSite } from './site.ts'

/**
 * Two organizations with books: North in euros, South in dollars. Fin manages the money of North, Ann keeps its accounts, Sam sells there; Otto manages
 * the money of South, Uma that of both; Ada is a customer of North who looks from outside; Tim is a technician.
 */
export interface BillingTown extends TestSite {
  readonly people: Readonly<Record<'fin' | 'ann' | 'sam' | 'otto' | 'uma' | 'ada' | 'tim' | 'sue', string>>
  /** A customer of North, and one of South. */
  readonly customer: string
  readonly theirs: string
  /** The account of the organization's company with that number. */
  account(number: string, organization?: string): Promise<string>
  /** Makes and submits, as a user. */
  submitted(doctype: string, values: Record<string, unknown>, user?: string): Promise<AnyDocument>
  cancelled(doctype: string, name: string, user?: string): Promise<AnyDocument>
  /** Calls a verb of a document; gives the name of what it made. */
  made(doctype: string, name: string, verb: string, input?: Record<string, unknown>, user?: string): Promise<string>
  /** Submits a draft. */
  submit(doctype: string, name: string, values?: Record<string, unknown>, user?: string): Promise<AnyDocument>
  stored(doctype: string, name: string): Promise<AnyDocument>
  /** Balance of each account by number, in the company's currency; without those at zero. */
  balances(organization?: string): Promise<Record<string, string>>
  entries(doctype: 'GL Entry' | 'Payment Ledger Entry', organization?: string): Promise<FoundRow[]>
}

export async function billingTown(options: TestSiteOptions = {}): Promise<BillingTown> {
  const site = await testSite({ apps: ['billing'], ...options })
  for (const [currency_name, number_format] of [
    ['EUR', '#.###,##'],
    ['USD', '#,###.##'],
    ['JPY', '#,###'],
  ] as const)
    if (!(await site.asSystem((ctx) => exists(ctx, 'Currency', currency_name))))
      await site.make('Currency', { currency_name, number_format, enabled: 1 })
  await site.make('Organization', { organization_name: 'North', abbr: 'N', default_currency: 'EUR', time_zone: 'Europe/Berlin' })
  await site.make('Organization', { organization_name: 'South', abbr: 'S', default_currency: 'USD', time_zone: 'America/New_York' })
  await site.make('Company', { company_name: 'North Ltd', organization: 'North', abbr: 'N', default_currency: 'EUR' })
  await site.make('Company', { company_name: 'South Inc', organization: 'South', abbr: 'S', default_currency: 'USD' })
  const person = async (name: string, roles: readonly string[], organizations: readonly string[]): Promise<string> => {
    const user = await site.user(`${name}@example.com`, roles)
    for (const for_value of organizations) await site.make('User Permission', { user, allow: 'Organization', for_value })
    return user
  }
  const people = {
    fin: await person('fin', ['Finance Manager'], ['North']),
    ann: await person('ann', ['Accounts User'], ['North']),
    sam: await person('sam', ['Sales User'], ['North']),
    sue: await person('sue', ['Supervisor'], ['North']),
    otto: await person('otto', ['Finance Manager'], ['South']),
    uma: await person('uma', ['Finance Manager'], ['North', 'South']),
    ada: await person('ada', ['Customer', 'Portal User'], ['North']),
    tim: await person('tim', ['Field Technician'], ['North']),
  }
  const customer = await site.make('Customer', {
    customer_name: 'Ada Ltd',
    organization: 'North',
    portal_enabled: 1,
    portal_users: [{ user: people.ada }],
  })
  const theirs = await site.make('Customer', { customer_name: 'Far Inc', organization: 'South' })
  const entries: BillingTown['entries'] = (doctype, organization = 'North') =>
    site.asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get(doctype), where('organization', '=', organization)))
  const accounts = (organization: string): Promise<FoundRow[]> =>
    site.asSystem(async (ctx) => findRows(ctx, await ctx.site.meta.get('Account'), where('organization', '=', organization)))
  return {
    ...site,
    people,
    customer,
    theirs,
    entries,
    account: async (number, organization = 'North') => {
      const found = (await accounts(organization)).find((one) => one.account_number === number)
      if (!found) throw new Error(`There is no account ${number}.`)
      return found.name
    },
    submitted: (doctype, values, user = people.fin) =>
      site.as(user, (ctx) => insert(ctx, doctype, { organization: 'North', ...values, docstatus: 1 })),
    submit: (doctype, name, values = {}, user = people.fin) =>
      site.as(user, async (ctx) => submit(ctx, await openForWrite(ctx, doctype, name), values)),
    cancelled: (doctype, name, user = people.fin) =>
      site.as(user, async (ctx) => cancel(ctx, await openForWrite(ctx, doctype, name, 'cancel'))),
    made: async (doctype, name, verb, input = {}, user = people.fin) => {
      const { result } = await site.as(user, (ctx) => callDocumentMethod(ctx, doctype, name, verb, input, 'POST'))
      return String((result as { name: unknown }).name)
    },
    stored: (doctype, name) => site.asSystem(async (ctx) => load(ctx, await ctx.site.meta.get(doctype), name)),
    balances: async (organization = 'North') => {
      const numbers = new Map((await accounts(organization)).map((one) => [one.name, String(one.account_number)]))
      const sums = new Map<string, Decimal>()
      for (const entry of await entries('GL Entry', organization)) {
        const number = numbers.get(String(entry.account)) as string
        sums.set(number, (sums.get(number) ?? Decimal.zero).plus(entry.debit as Decimal).minus(entry.credit as Decimal))
      }
      return Object.fromEntries(
        [...sums]
          .filter(([, sum]) => !sum.isZero())
          .map(([number, sum]) => [number, sum.toString()])
          .sort(),
      )
    },
  }
}
