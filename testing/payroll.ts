import { insert, submit } from '#kernel/documents/save.ts'
import { exists, load } from '#kernel/documents/load.ts'
import { type TestSite, type TestSiteOptions, testSite } from './site.ts'

/** Two organizations that pay people. Hana is HR manager and Fred finance manager of the first, Olga HR manager of the second; Emma works in the first and has a login. */
export interface PayingHouse extends TestSite {
  readonly hana: string
  readonly fred: string
  readonly olga: string
  readonly emma: string
  /** Makes and submits, with all rights. */
  made(doctype: string, values: Record<string, unknown>): Promise<string>
  /** Makes somebody who works for an organization since the beginning of 2026, unless it is said otherwise. */
  hired(first_name: string, values?: Record<string, unknown>): Promise<string>
  /** Makes components of the first organization by short name. */
  component(abbr: string, values?: Record<string, unknown>): Promise<string>
}

/** A site with the app `hr`, and people in it. Organizations `North` (EUR) and `South` (USD). */
export async function payingHouse(options: TestSiteOptions = {}): Promise<PayingHouse> {
  const site = await testSite({ apps: ['hr'], ...options })
  for (const currency_name of ['EUR', 'USD'])
    if (!(await site.asSystem((ctx) => exists(ctx, 'Currency', currency_name))))
      await site.make('Currency', { currency_name, enabled: 1, fraction_units: 100 })
  await site.make('Organization', { organization_name: 'North', abbr: 'N', default_currency: 'EUR', time_zone: 'Europe/Berlin' })
  await site.make('Organization', { organization_name: 'South', abbr: 'S', default_currency: 'USD', time_zone: 'America/New_York' })
  const person = async (name: string, roles: readonly string[], organization: string): Promise<string> => {
    const user = await site.user(`${name}@example.com`, roles)
    await site.make('User Permission', { user, allow: 'Organization', for_value: organization })
    return user
  }
  const emma = await person('emma', ['Employee'], 'North')
  return {
    ...site,
    hana: await person('hana', ['HR Manager'], 'North'),
    fred: await person('fred', ['Finance Manager'], 'North'),
    olga: await person('olga', ['HR Manager'], 'South'),
    emma,
    made: (doctype, values) =>
      site.asSystem(async (ctx) => {
        const { name } = await insert(ctx, doctype, values)
        return (await submit(ctx, await load(ctx, await ctx.site.meta.get(doctype), name))).name
      }),
    hired: (first_name, values = {}) =>
      site.make('Employee', { first_name, organization: 'North', date_of_joining: '2026-01-01', ...values }),
    component: (abbr, values = {}) =>
      site.make('Salary Component', { salary_component: `Part ${abbr}`, salary_component_abbr: abbr, organization: 'North', ...values }),
  }
}
