import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, join, sql, tableOf } from '#kernel/database/sql.ts'
import type { Reader } from '#kernel/documents/rows.ts'

/** One document that a User Permission lets a user at. */
export interface PermittedValue {
  readonly value: string
  /** The only DocType it holds for; '' for all. */
  readonly applicableFor: string
  /** Filled in for new documents. */
  readonly isDefault: boolean
  /** Permitted only because it lies below a permitted document of a tree. */
  readonly isDescendant: boolean
}

/** A user's User Permissions by permitted DocType, descendants included. */
export type Permitted = ReadonlyMap<string, readonly PermittedValue[]>

/** The permitted names of a DocType that count for documents of another; each once. */
export function valuesFor(permitted: Permitted, allow: string, doctype: string): string[] {
  const values = permitted.get(allow) ?? []
  return [...new Set(values.filter((one) => one.applicableFor === '' || one.applicableFor === doctype).map((one) => one.value))]
}

/** Reads a user's User Permissions, default values first, and resolves what lies below the permitted documents of trees. */
export async function readPermitted(ctx: Context, reader: Reader, user: string): Promise<Permitted> {
  const columns = join(
    ['allow', 'for_value', 'is_default', 'apply_to_all_doctypes', 'applicable_for', 'hide_descendants'].map((column) => ident(column)),
  )
  const rows = await reader.query<Row>(
    reader.dialect.compile(
      sql`select ${columns} from ${ident('tabUser Permission')} where ${ident('user')} = ${user} order by is_default desc, creation, name`,
    ),
  )
  const permitted = new Map<string, PermittedValue[]>()
  const open: { allow: string; value: string; applicableFor: string }[] = []
  for (const row of rows) {
    const [allow, value] = [String(row.allow ?? ''), String(row.for_value ?? '')]
    if (allow === '' || value === '') continue
    const applicableFor = row.apply_to_all_doctypes === 1 ? '' : String(row.applicable_for ?? '')
    const values = permitted.get(allow) ?? []
    values.push({ value, applicableFor, isDefault: row.is_default === 1, isDescendant: false })
    permitted.set(allow, values)
    if (row.hide_descendants !== 1) open.push({ allow, value, applicableFor })
  }
  for (const allow of permitted.keys()) {
    const roots = open.filter((one) => one.allow === allow)
    if (roots.length === 0 || !(await ctx.site.meta.exists(allow)) || !(await ctx.site.meta.get(allow)).isTree) continue
    const below = await readDescendants(reader, allow, [...new Set(roots.map((root) => root.value))])
    for (const root of roots)
      for (const value of below.get(root.value) ?? [])
        permitted.get(allow)?.push({ value, applicableFor: root.applicableFor, isDefault: false, isDescendant: true })
  }
  return permitted
}

const rootsPerQuery = 500

async function readDescendants(reader: Reader, doctype: string, roots: readonly string[]): Promise<Map<string, string[]>> {
  const below = new Map<string, string[]>()
  const table = ident(tableOf(doctype))
  for (let start = 0; start < roots.length; start += rootsPerQuery) {
    const names = join(roots.slice(start, start + rootsPerQuery).map((root) => sql`${root}`))
    const rows = await reader.query<Row>(
      reader.dialect.compile(
        sql`select above.name as root, below.name as name from ${table} above join ${table} below on below.lft > above.lft and below.rgt < above.rgt where above.name in (${names})`,
      ),
    )
    for (const row of rows) {
      const root = String(row.root)
      const known = below.get(root)
      if (known) known.push(String(row.name))
      else below.set(root, [String(row.name)])
    }
  }
  return below
}
