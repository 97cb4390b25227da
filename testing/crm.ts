import { exists } from '#kernel/documents/load.ts'
import { type TestSite, type TestSiteOptions, testSite } from './site.ts'

/** Two organizations that sell; Sam sells and Mona manages in the first, Uma may enter both, Otto sells in the second, Fay is a field technician. */
export interface SellingTown extends TestSite {
  readonly sam: string
  readonly mona: string
  readonly uma: string
  readonly otto: string
  readonly fay: string
  /** Makes somebody with roles in some of the organizations. */
  person(name: string, roles: readonly string[], organizations: readonly string[]): Promise<string>
}

/** A site with the app `crm`, and people in it. */
export async function sellingTown(options: TestSiteOptions = {}): Promise<SellingTown> {
  const site = await testSite({ apps: ['crm'], ...options })
  for (const currency_name of ['EUR', 'USD'])
    if (!(await site.asSystem((ctx) => exists(ctx, 'Currency', currency_name)))) await site.make('Currency', { currency_name, enabled: 1 })
  await site.make('Organization', { organization_name: 'North', abbr: 'N', default_currency: 'EUR', time_zone: 'Europe/Berlin' })
  await site.make('Organization', { organization_name: 'South', abbr: 'S', default_currency: 'USD', time_zone: 'America/New_York' })
  const person = async (name: string, roles: readonly string[], organizations: readonly string[]): Promise<string> => {
    const user = await site.user(`${name}@example.com`, roles)
    for (const for_value of organizations) await site.make('User Permission', { user, allow: 'Organization', for_value })
    return user
  }
  return {
    ...site,
    person,
    sam: await person('sam', ['Sales User'], ['North']),
    mona: await person('mona', ['Sales Manager'], ['North']),
    uma: await person('uma', ['Sales Manager'], ['North', 'South']),
    otto: await person('otto', ['Sales Manager'], ['South']),
    fay: await person('fay', ['Field Technician'], ['North']),
  }
}
