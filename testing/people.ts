import { enqueue } from '#kernel/jobs/enqueue.ts'
import { Worker } from '#kernel/jobs/worker.ts'
import { type TestSite, type TestSiteOptions, testSite } from './site.ts'

/**
 * Two organizations with people: in North, Hanna is HR manager, Lea leads, Ben works for Lea and Dina stands beside her; Olga is HR manager of
 * South. Employees by the same names, with `lea`, `ben`, `dina`, `hanna` as keys.
 */
export interface WorkingTown extends TestSite {
  readonly hanna: string
  readonly lea: string
  readonly ben: string
  readonly dina: string
  readonly olga: string
  readonly employees: Readonly<Record<'hanna' | 'lea' | 'ben' | 'dina' | 'oskar', string>>
  /** Makes somebody with roles in some of the organizations. */
  person(name: string, roles: readonly string[], organizations: readonly string[]): Promise<string>
  /** Makes an employee of North who joined on 2020-01-01; returns the name of the document. */
  employ(first_name: string, values?: Record<string, unknown>): Promise<string>
}

/** A site with the app `hr`, and people in it. North is in Berlin, South in New York. */
export async function workingTown(options: TestSiteOptions = {}): Promise<WorkingTown> {
  const site = await testSite({ apps: ['hr'], ...options })
  await site.make('Organization', { organization_name: 'North', abbr: 'N', time_zone: 'Europe/Berlin' })
  await site.make('Organization', { organization_name: 'South', abbr: 'S', time_zone: 'America/New_York' })
  const person = async (name: string, roles: readonly string[], organizations: readonly string[]): Promise<string> => {
    const user = await site.user(`${name}@example.com`, roles)
    for (const for_value of organizations) await site.make('User Permission', { user, allow: 'Organization', for_value })
    return user
  }
  const hanna = await person('hanna', ['HR Manager', 'Employee'], ['North'])
  const lea = await person('lea', ['Leave Approver', 'Employee'], ['North'])
  const ben = await person('ben', ['Employee'], ['North'])
  const dina = await person('dina', ['Leave Approver', 'Employee'], ['North'])
  const olga = await person('olga', ['HR Manager'], ['South'])
  const employ = (first_name: string, values: Record<string, unknown> = {}): Promise<string> =>
    site.make('Employee', { first_name, organization: 'North', date_of_joining: '2020-01-01', ...values })
  const leaRecord = await employ('Lea', { user_id: lea })
  const employees = {
    lea: leaRecord,
    hanna: await employ('Hanna', { user_id: hanna }),
    ben: await employ('Ben', { user_id: ben, reports_to: leaRecord, ctc: '50000', attendance_device_id: '7' }),
    dina: await employ('Dina', { user_id: dina }),
    oskar: await employ('Oskar', { organization: 'South', attendance_device_id: '7' }),
  }
  return { ...site, hanna, lea, ben, dina, olga, employees, person, employ }
}

/** Runs a job of the site to its end, and whatever else is due. */
export async function work(town: WorkingTown, job: string, input: Record<string, unknown> = {}): Promise<void> {
  await town.asSystem((ctx) => enqueue(ctx, job, input))
  await new Worker({ sites: async () => [town.site], pollMs: 20, queues: ['short', 'default', 'long'] }).drain()
}
