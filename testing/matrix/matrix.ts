import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PermissionRow } from '#kernel/meta/definition.ts'
import type { Meta } from '#kernel/meta/meta.ts'

/** Rights that the matrix speaks of; the others of a permission row it leaves to the app. */
export const spokenOf = ['select', 'read', 'write', 'create', 'delete', 'submit', 'cancel', 'amend', 'report', 'export'] as const
export type SpokenOf = (typeof spokenOf)[number]

/** What a cell of the matrix says: rights that there must be, and rights that there may be beside them. All others: none. */
export interface Level {
  readonly must: readonly SpokenOf[]
  readonly may: readonly SpokenOf[]
  /** Only documents of the permitted departments, or one's own. */
  readonly scope?: 'department' | 'owner'
}

/** One kind of data: its DocTypes, and a level for each role. */
export interface Area {
  readonly area: string
  readonly source: string
  readonly app: string
  readonly doctypes: readonly string[]
  readonly roles: Readonly<Record<string, string>>
  /** No role but those named (and those in `alsoAllowed`) has any right. */
  readonly closed?: boolean
  readonly alsoAllowed?: readonly string[]
}

export interface RoleMatrix {
  readonly levels: Readonly<Record<string, Level>>
  readonly areas: readonly Area[]
  /** DocTypes of business apps that belong to no organization, with the reason. */
  readonly siteWide: Readonly<Record<string, string>>
}

export const roleMatrix = JSON.parse(readFileSync(join(import.meta.dirname, 'role-matrix.json'), 'utf8')) as RoleMatrix

const appsFolder = join(import.meta.dirname, '..', '..', 'apps')
const notBusiness: ReadonlySet<string> = new Set(['core', 'company', 'sample', 'demo'])

/** The business apps of this checkout; `ORC_MATRIX_APPS` names some of them, to walk no others. */
export function businessApps(): string[] {
  const asked = process.env.ORC_MATRIX_APPS?.split(',').filter(Boolean)
  const present = readdirSync(appsFolder).filter((name) => !notBusiness.has(name) && existsSync(join(appsFolder, name, 'app.ts')))
  return asked ? present.filter((name) => asked.includes(name)) : present.sort()
}

/** The level that a cell names. @throws Error for a level that the matrix does not define */
export function levelOf(area: Area, role: string): Level {
  const level = roleMatrix.levels[area.roles[role] ?? '']
  if (!level) throw new Error(`${area.area}: the level "${area.roles[role]}" of ${role} is not defined.`)
  return level
}

/** How far a role's rows let it at documents: everybody's, its departments', its own, or none. */
export type Reach = 'all' | 'department' | 'owner' | 'none'

/** What the rows of some roles give for one right: the widest of them counts. */
export function reachOf(rows: readonly PermissionRow[], roles: ReadonlySet<string>, right: SpokenOf): Reach {
  const giving = rows.filter((row) => (row.permlevel ?? 0) === 0 && roles.has(row.role) && gives(row, right))
  if (giving.length === 0) return 'none'
  if (giving.some((row) => row.if_owner !== 1 && !row.user_scope)) return 'all'
  return giving.some((row) => row.if_owner !== 1) ? 'department' : 'owner'
}

function gives(row: PermissionRow, right: SpokenOf): boolean {
  const rights = row as unknown as Record<string, unknown>
  if (rights[right] === 1) return true
  // Reading brings choosing, and whoever administers the system takes data out of it.
  return rights.read === 1 && (right === 'select' || (right === 'export' && row.role === 'System Manager'))
}

/**
 * The rows that decide about a table inside documents: those of the level of the field that holds it, as if it were level 0. At level 0 all
 * who read the document read the table.
 */
export function rowsOfTable(parent: Meta, table: string): PermissionRow[] {
  const level = parent.tables.find((field) => field.options === table)?.permlevel ?? 0
  const rows = parent.definition.permissions ?? []
  return rows.filter((row) => (row.permlevel ?? 0) === level).map((row) => ({ ...row, permlevel: 0 }))
}

/** What the kind of a DocType decides: rows of tables are only read and written, drafts are not submitted. */
interface Kind {
  readonly isTable: boolean
  readonly isSubmittable: boolean
}

const inTables: readonly SpokenOf[] = ['read', 'write']

/** What is wrong with a role's rows for a DocType, by the matrix; empty: nothing. */
export function differences(area: Area, role: string, rows: readonly PermissionRow[], kind: Kind): string[] {
  const level = levelOf(area, role)
  const allowed = new Set<string>([
    ...level.must,
    ...level.may,
    ...(level.must.includes('read') || level.may.includes('read') ? ['select'] : []),
  ])
  const wrong: string[] = []
  for (const right of kind.isTable ? inTables : spokenOf) {
    const reach = reachOf(rows, new Set([role]), right)
    if (level.must.includes(right) && reach === 'none') wrong.push(`${role} must have ${right}`)
    if (reach !== 'none' && !allowed.has(right)) wrong.push(`${role} must not have ${right}`)
    if (!kind.isSubmittable && reach !== 'none' && ['submit', 'cancel', 'amend'].includes(right))
      wrong.push(`${role} has ${right}, which is not submitted`)
    if (level.must.includes(right) && reach !== 'none' && right !== 'create' && !kind.isTable && reach !== (level.scope ?? 'all'))
      wrong.push(`${role} has ${right} for ${reach}, and should for ${level.scope ?? 'all'}`)
  }
  return wrong
}
