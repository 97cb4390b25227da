import { type TestSite, testSite } from '#testing/site.ts'

/** What the people of the report tests may do: all sales, their own, sales with the secret level, nothing. */
export const cast = {
  reader: 'reader@example.com',
  owner: 'owner@example.com',
  boss: 'boss@example.com',
  stranger: 'stranger@example.com',
  manager: 'manager@example.com',
} as const

export interface ReportWorld extends TestSite {
  /** Names of the sales by whom they belong to. */
  readonly mine: string[]
  readonly others: string[]
  report(name: string, values: Record<string, unknown>): Promise<string>
}

const field = (fieldname: string, fieldtype = 'Data', more: Record<string, unknown> = {}) => ({
  fieldname,
  fieldtype,
  label: fieldname.replace(/^./, (first) => first.toUpperCase()).replaceAll('_', ' '),
  ...more,
})

const rights = { read: 1, write: 1, create: 1, report: 1, export: 1 }

/** Regions and what they sell; everything about a sale follows from its number. */
export const sales = Array.from({ length: 40 }, (_, at) => ({
  region: ['North', 'South', 'West'][at % 3] as string,
  status: at % 4 === 0 ? 'Closed' : 'Open',
  amount: `${(at * 7919) % 1000}.${String((at * 37) % 100).padStart(2, '0')}`,
  qty: (at * 13) % 11,
  rate: ((at * 31) % 100) / 8,
  day: `2026-0${1 + (at % 6)}-1${at % 9}`,
  secret: `secret ${at}`,
  cost: at % 5,
  phone: `+49 30 1234${String(at).padStart(3, '0')}`,
}))

/** A site with sales that belong to two people, one table of rows inside them, and people who see different parts of it. */
export async function reportWorld(database: 'sqlite' | 'postgres' | 'mariadb', clock?: { now(): number }): Promise<ReportWorld> {
  const world = await testSite({ database, closedByCaller: true, ...(clock && { clock }) })
  for (const role of ['Sales Reader', 'Sales Owner', 'Sales Boss']) await world.make('Role', { role_name: role })
  await world.make('DocType', {
    name: 'Sale Row',
    module: 'Core',
    custom: 1,
    istable: 1,
    fields: [field('item'), field('pieces', 'Int'), field('hidden_note', 'Data', { permlevel: 1 })],
  })
  await world.make('DocType', {
    name: 'Sale',
    module: 'Core',
    custom: 1,
    autoname: 'SALE-.#####',
    fields: [
      field('region'),
      field('status'),
      field('amount', 'Currency'),
      field('qty', 'Int'),
      field('rate', 'Float'),
      field('day', 'Date'),
      field('moment', 'Datetime'),
      field('secret', 'Data', { permlevel: 1 }),
      field('cost', 'Int', { permlevel: 1 }),
      field('phone', 'Data', { options: 'Phone', mask: 1 }),
      field('token', 'Password'),
      field('rows', 'Table', { options: 'Sale Row' }),
    ],
    permissions: [
      { role: 'Sales Reader', ...rights },
      { role: 'Sales Owner', ...rights, if_owner: 1 },
      { role: 'Sales Boss', ...rights, mask: 1 },
      { role: 'Sales Boss', permlevel: 1, read: 1, write: 1, mask: 1 },
    ],
  })
  await world.user(cast.reader, ['Sales Reader'])
  await world.user(cast.owner, ['Sales Owner'])
  await world.user(cast.boss, ['Sales Boss'])
  await world.user(cast.stranger, [])
  await world.user(cast.manager, ['System Manager', 'Report Manager'])
  const { insert } = await import('#kernel/documents/save.ts')
  const mine: string[] = []
  const others: string[] = []
  for (const [at, sale] of sales.entries()) {
    const isMine = at % 5 === 0
    const rows = [{ item: `item ${at % 3}`, pieces: at % 7 }]
    const made = await world.as(isMine ? cast.owner : cast.boss, (ctx) => insert(ctx, 'Sale', { ...sale, rows }))
    ;(isMine ? mine : others).push(made.name)
  }
  return {
    ...world,
    mine,
    others,
    report: (name, values) => world.make('Report', { report_name: name, ref_doctype: 'Sale', is_standard: 'No', ...values }),
  }
}
