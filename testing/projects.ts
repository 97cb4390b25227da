import { exists } from '#kernel/documents/load.ts'
import { type TestSite, type TestSiteOptions, testSite } from './site.ts'

/** Two organizations that plan: Mia manages and Paul plans in North, Eva is employed there, Olaf manages in South, Cleo is a customer's person. */
export interface PlanningTown extends TestSite {
  readonly mia: string
  readonly paul: string
  readonly eva: string
  readonly olaf: string
  readonly cleo: string
  /** Employee documents of North. */
  readonly employees: Readonly<Record<'eva' | 'ben', string>>
  /** Of North, with Cleo in its portal. */
  readonly customer: string
  /** The time of the site: Monday 2026-01-05 08:00 in Berlin. Set it to move on. */
  readonly clock: { at: number; now(): number }
  person(name: string, roles: readonly string[], organizations: readonly string[]): Promise<string>
}

/** A site with the app `projects`, and people in it. North works from 9 to 17, but not on 2026-01-06. */
export async function planningTown(options: TestSiteOptions = {}): Promise<PlanningTown> {
  const clock = { at: Date.UTC(2026, 0, 5, 7), now: () => clock.at }
  const site = await testSite({ apps: ['projects'], clock, ...options })
  for (const currency_name of ['EUR', 'USD'])
    if (!(await site.asSystem((ctx) => exists(ctx, 'Currency', currency_name)))) await site.make('Currency', { currency_name, enabled: 1 })
  await site.make('Organization', { organization_name: 'North', abbr: 'N', default_currency: 'EUR', time_zone: 'Europe/Berlin' })
  await site.make('Organization', { organization_name: 'South', abbr: 'S', default_currency: 'USD', time_zone: 'America/New_York' })
  const person = async (name: string, roles: readonly string[], organizations: readonly string[]): Promise<string> => {
    const user = await site.user(`${name}@example.com`, roles)
    for (const for_value of organizations) await site.make('User Permission', { user, allow: 'Organization', for_value })
    return user
  }
  const mia = await person('mia', ['Projects Manager'], ['North'])
  const paul = await person('paul', ['Projects User'], ['North'])
  const eva = await person('eva', ['Employee'], ['North'])
  const olaf = await person('olaf', ['Projects Manager'], ['South'])
  const cleo = await person('cleo', ['Customer'], ['North'])
  const holidays = await site.make('Holiday List', {
    holiday_list_name: 'North 2026',
    organization: 'North',
    from_date: '2026-01-01',
    to_date: '2026-12-31',
    is_default: 1,
    holidays: [{ holiday_date: '2026-01-06', description: 'Epiphany' }],
  })
  await site.make('Project Settings', { organization: 'North', holiday_list: holidays })
  const employ = (first_name: string, user_id?: string) =>
    site.make('Employee', { first_name, organization: 'North', date_of_joining: '2020-01-01', ...(user_id && { user_id }) })
  const customer = await site.make('Customer', {
    customer_name: 'Harbour Ltd',
    organization: 'North',
    portal_enabled: 1,
    portal_users: [{ user: cleo }],
  })
  return {
    ...site,
    mia,
    paul,
    eva,
    olaf,
    cleo,
    employees: { eva: await employ('Eva', eva), ben: await employ('Ben') },
    customer,
    clock,
    person,
  }
}
