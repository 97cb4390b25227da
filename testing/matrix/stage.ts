import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { hashName } from '#kernel/documents/naming.ts'
import { insertRows, isAutoincrement } from '#kernel/documents/rows.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { type TestServer, testServer } from '#testing/server.ts'

/** Two organizations that know nothing of each other; the words that stand in all text of their documents. */
export const sides = [
  { organization: 'North', canary: 'northcanary' },
  { organization: 'South', canary: 'southcanary' },
] as const
export type Side = (typeof sides)[number]

/** The documents of one side: one in the department of its users and one in another; the same twice where there is only one. */
export interface Placed {
  readonly own: string
  readonly elsewhere: string
}

/** Somebody who holds one role in one organization. */
export interface Holder {
  readonly user: string
  readonly authorization: string
  /** With the roles that everybody has. */
  readonly roles: ReadonlySet<string>
  readonly side: Side
}

/** A site with all business apps, two organizations, and documents of every DocType that is asked for. */
export interface Stage extends TestServer {
  /** The user of a role in an organization; made when first asked for. */
  holder(role: string, side: Side): Promise<Holder>
  /** Stores documents of a DocType for both sides; made when first asked for. */
  documents(meta: Meta): Promise<ReadonlyMap<Side, Placed>>
  /** Stores one more document, to be deleted. */
  spare(meta: Meta, side: Side): Promise<string>
  /** The DocTypes of business apps in whose documents a table stands. */
  parentsOf(table: Meta): Promise<readonly Meta[]>
  /** Puts a row into the table of a document, the first time it is asked. */
  fillTable(table: Meta, parent: Meta, fieldname: string, name: string, side: Side): Promise<void>
  /** The name of a Report Builder report of a DocType. */
  report(meta: Meta): Promise<string>
}

export async function openStage(apps: readonly string[], appFolders: readonly string[] = []): Promise<Stage> {
  const server = await testServer({ apps, appFolders })
  const departments = new Map<Side, readonly [own: string, elsewhere: string]>()
  for (const side of sides) {
    await server.make('Organization', { organization_name: side.organization })
    const make = (department_name: string) => server.make('Department', { department_name, organization: side.organization })
    departments.set(side, [await make('First floor'), await make('Second floor')])
  }
  const departmentOf = (side: Side, at: 0 | 1) => departments.get(side)?.[at] as string

  const write = async (meta: Meta, side: Side, at: 0 | 1): Promise<string> => {
    const name = isAutoincrement(meta) ? String(Math.floor(Math.random() * 1e9)) : hashName()
    await server.asSystem((ctx) => addRow(ctx, meta, { name, ...valuesFor(meta, side, departmentOf(side, at)) }))
    return name
  }

  const documents = once(async (meta: Meta) => {
    const placed = new Map<Side, Placed>()
    for (const side of sides) {
      const own = await write(meta, side, 0)
      placed.set(side, { own, elsewhere: isOneEach(meta) ? own : await write(meta, side, 1) })
    }
    return placed
  })

  return {
    ...server,
    holder: once((role: string, side: Side) => makeHolder(server, role, side, departmentOf(side, 0))),
    documents,
    spare: async (meta, side) => (isOneEach(meta) ? ((await documents(meta)).get(side) as Placed).own : write(meta, side, 0)),
    parentsOf: async (table) => {
      const metas = await Promise.all(server.site.apps.all.flatMap((app) => app.doctypes).map(({ name }) => server.site.meta.get(name)))
      return metas.filter((meta) => !meta.isTable && meta.tables.some((field) => field.options === table.name))
    },
    fillTable: once(async (table: Meta, parent: Meta, fieldname: string, name: string, side: Side) => {
      const place = { name: hashName(), parent: name, parenttype: parent.name, parentfield: fieldname, idx: 1 }
      await server.asSystem((ctx) => addRow(ctx, table, { ...valuesFor(table, side, departmentOf(side, 0)), ...place }))
    }),
    report: once((meta: Meta) =>
      server.make('Report', {
        report_name: `All ${meta.name}`,
        ref_doctype: meta.name,
        report_type: 'Report Builder',
        is_standard: 'No',
        json: JSON.stringify({ fields: [['name', meta.name]] }),
      }),
    ),
  }
}

/** Roles that nobody is given come with another. */
const bearers: Readonly<Record<string, string>> = { 'Desk User': 'Receptionist', All: 'Portal User' }

async function makeHolder(server: TestServer, role: string, side: Side, department: string): Promise<Holder> {
  const user = await server.user(`${role.toLowerCase().replaceAll(' ', '.')}@${side.organization.toLowerCase()}.example.com`, [
    bearers[role] ?? role,
  ])
  await server.make('User Permission', { user, allow: 'Organization', for_value: side.organization })
  await server.make('User Permission', { user, allow: 'Department', for_value: department })
  await server.site.freshen()
  const { roles } = await principalOf(server.site, user)
  return { user, authorization: await server.keyOf(user), roles, side }
}

/** As the function, but each question is worked out once. */
function once<Asked extends readonly unknown[], Answer>(work: (...asked: Asked) => Promise<Answer>): (...asked: Asked) => Promise<Answer> {
  const known = new Map<string, Promise<Answer>>()
  return (...asked) => {
    const key = JSON.stringify(asked.map((one) => (one as Partial<Meta>).name ?? one))
    const answer = known.get(key) ?? work(...asked)
    known.set(key, answer)
    return answer
  }
}

/** An organization has one document of it at most. */
function isOneEach(meta: Meta): boolean {
  return meta.fields.some((field) => field.options === 'Organization' && field.unique === 1)
}

/** Text says whose it is, links to organization and department lead there, whatever else is left empty. */
function valuesFor(meta: Meta, { organization, canary }: Side, department: string): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const field of meta.fields) {
    if (!field.stored) continue
    if (field.fieldtype === 'Link' && field.options === 'Organization') values[field.fieldname] = organization
    else if (field.fieldtype === 'Link' && field.options === 'Department') values[field.fieldname] = department
    else if (field.fieldtype === 'Select')
      values[field.fieldname] = field.default || (field.options ?? '').split('\n').find(Boolean) || null
    else if (field.fieldtype === 'Small Text' || field.fieldtype === 'Text') values[field.fieldname] = canary
    else if (field.fieldtype === 'Data' && !field.options) values[field.fieldname] = `${canary} ${hashName()}`
  }
  // A tree's node without a place would be inside every other.
  if (meta.isTree) Object.assign(values, { lft: 0, rgt: 0 })
  return values
}

/** Stores a row as it is, so that no rule of an app colours what is tested. */
async function addRow(ctx: Context, meta: Meta, values: Record<string, unknown>): Promise<void> {
  const time = '2026-11-20 10:00:00.000000'
  const row: Record<string, unknown> = {
    doctype: meta.name,
    owner: 'Administrator',
    modified_by: 'Administrator',
    creation: time,
    modified: time,
  }
  for (const column of meta.columns) if (column.type.kind === 'number' || column.type.kind === 'decimal') row[column.fieldname] = 0
  await insertRows(ctx.db, meta, [{ ...row, ...values } as AnyDocument])
}

/** Documents of a side as stored, to see what was changed. */
export async function stored({ site }: TestServer, meta: Meta, names: readonly string[]): Promise<string[]> {
  const found: string[] = []
  await site.asSystem('looks', async (ctx) => {
    const rows = await findRows(ctx, meta, { field: 'name', op: 'in', value: names })
    found.push(...rows.map((row) => JSON.stringify(row)).sort())
  })
  return found
}
