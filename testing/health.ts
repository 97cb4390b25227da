import { type TestServer, testServer } from './server.ts'
import type { TestSiteOptions } from './site.ts'

/**
 * A clinic in North and one in South. Dora treats Ann in North; Petra is a practitioner there who does not, Nils a nurse of Ann's team, Adam
 * administers, Mira keeps the records, Pia is the privacy officer, Lara in the laboratory. Otto practises in South. Stan runs the site, Rita
 * answers customers, and Ann may sign in herself.
 */
export interface Clinic extends TestServer {
  readonly people: Readonly<Record<PersonName, string>>
  readonly practitioner: string
  readonly patient: string
  /** Somebody else's patient in North, and one in South. */
  readonly stranger: string
  readonly foreigner: string
  /** Lines of the access log so far, of all or of one user. */
  lines(user?: string): Promise<LogLine[]>
}

export interface LogLine {
  readonly user: string
  readonly access_doctype: string
  readonly document_name: string | null
  readonly action: string
  readonly patient: string | null
  readonly break_glass: string | null
}

const cast = {
  dora: [['Healthcare Practitioner'], 'North'],
  petra: [['Healthcare Practitioner'], 'North'],
  nils: [['Nursing User'], 'North'],
  adam: [['Healthcare Administrator'], 'North'],
  mira: [['Medical Records'], 'North'],
  pia: [['Privacy Officer'], 'North'],
  lara: [['Laboratory User'], 'North'],
  otto: [['Healthcare Practitioner'], 'South'],
  stan: [['System Manager', 'Super Admin'], 'North'],
  rita: [['Support Agent'], 'North'],
  ann: [['Patient'], 'North'],
} as const
export type PersonName = keyof typeof cast

export async function clinic(options: TestSiteOptions = {}): Promise<Clinic> {
  const server = await testServer({ apps: ['health'], ...options })
  const { make } = server
  for (const organization_name of ['North', 'South']) await make('Organization', { organization_name })
  const people = {} as Record<PersonName, string>
  for (const [name, [roles, organization]] of Object.entries(cast)) {
    const user = await server.user(`${name}@example.com`, roles)
    await make('User Permission', { user, allow: 'Organization', for_value: organization })
    people[name as PersonName] = user
  }
  const north = { organization: 'North' }
  const practitioner = await make('Healthcare Practitioner', { practitioner_name: 'Dora', user_id: people.dora, ...north })
  const patient = await make('Patient', {
    first_name: 'Ann',
    last_name: 'Zimtstern',
    dob: '1950-05-05',
    uid: 'AB-1950-777',
    mobile: '+49 30 5550100',
    user_id: people.ann,
    care_team: [{ user: people.dora }, { user: people.nils }],
    allergies: [{ substance: 'Penicillins', severity: 'Life-threatening', reaction: 'anaphylaxis' }],
    ...north,
  })
  const stranger = await make('Patient', { first_name: 'Bob', last_name: 'Quittenbaum', uid: 'AB-2', ...north })
  const foreigner = await make('Patient', {
    first_name: 'Cleo',
    last_name: 'Holunder',
    uid: 'AB-3',
    organization: 'South',
    care_team: [{ user: people.otto }],
  })
  return {
    ...server,
    people,
    practitioner,
    patient,
    stranger,
    foreigner,
    lines: async (user) => {
      const rows = await server.site.database.query<Record<string, string | null>>({
        sql: `select ${['user', 'access_doctype', 'document_name', 'action', 'patient', 'break_glass'].map((name) => server.site.database.dialect.quote(name)).join(', ')} from ${server.site.database.dialect.quote('tabPHI Access Log')}`,
        parameters: [],
      })
      return (rows as unknown as LogLine[]).filter((row) => user === undefined || row.user === user)
    },
  }
}
