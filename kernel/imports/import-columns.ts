import type { Context } from '#kernel/context/context.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'

/** A field that a column may fill. */
export interface ImportTarget {
  /** `qty`, or `items.qty` for a field of a child table. */
  readonly key: string
  readonly field: MetaField
  /** The table field and its DocType, for a field of a child table. */
  readonly table?: MetaField
  readonly child?: Meta
  /** As templates and exports head the column. */
  readonly label: string
}

/** A column of the file. Without a target it is passed over. */
export interface ImportColumn {
  readonly index: number
  readonly header: string
  readonly target?: ImportTarget
  readonly warning?: string
}

/** A column that a person has assigned: the key of a field, or `Don't Import`; by the column's number from 0. */
export type ColumnMapping = Readonly<Record<string, string>>

const dontImport = "Don't Import"
/** The standard fields that a file may hold; the rest the kernel decides. */
const nameField = 'name'

/** The fields that the acting user may fill by an import, the document's own first. */
export async function importTargets(ctx: Context, meta: Meta): Promise<ImportTarget[]> {
  const targets: ImportTarget[] = []
  const add = (of: Meta, canWrite: (field: MetaField) => boolean, table?: MetaField): void => {
    const id = of.column.get(nameField) as MetaField
    const fields = of.fields.filter((field) => field.stored && !field.is_virtual && field.type.kind !== 'table' && canWrite(field))
    for (const field of [id, ...fields]) {
      const own = field === id ? 'ID' : field.label || field.fieldname
      targets.push(
        table
          ? { key: `${table.fieldname}.${field.fieldname}`, field, table, child: of, label: `${own} (${table.label || table.fieldname})` }
          : { key: field.fieldname, field, label: own },
      )
    }
  }
  const access = await fieldAccess(ctx, meta)
  add(meta, (field) => access.canWrite(field))
  for (const table of meta.tables) {
    if (table.is_virtual || !access.canWrite(table)) continue
    const child = await ctx.site.meta.get(table.options ?? '')
    const childAccess = await fieldAccess(ctx, child, meta)
    add(child, (field) => childAccess.canWrite(field), table)
  }
  return targets
}

/**
 * Finds the field of each column: as a person mapped it, else by the heading, which may be a fieldname, a label, `Label (Table)` or
 * `table.fieldname`. A heading that fits several fields, or one that is filled already, is left out with a warning.
 */
export function mapColumns(headers: readonly string[], targets: readonly ImportTarget[], mapping: ColumnMapping = {}): ImportColumn[] {
  const byKey = new Map(targets.map((target) => [target.key, target]))
  const byHeading = new Map<string, ImportTarget[]>()
  for (const target of targets)
    for (const heading of headingsOf(target)) byHeading.set(heading, [...(byHeading.get(heading) ?? []), target])
  const taken = new Set<string>()
  return headers.map((given, index): ImportColumn => {
    const header = given.trim()
    const chosen = Object.hasOwn(mapping, String(index)) ? mapping[String(index)] : undefined
    if (chosen === dontImport || (header === '' && chosen === undefined)) return { index, header }
    const found =
      chosen === undefined
        ? findTarget(header, byKey, byHeading)
        : (byKey.get(chosen) ?? `there is no field ${chosen.slice(0, 140)} to fill`)
    if (found === undefined) return { index, header, warning: `No field is called "${header.slice(0, 140)}"; the column is left out.` }
    if (typeof found === 'string') return { index, header, warning: `The column "${header.slice(0, 140)}" is left out: ${found}.` }
    if (taken.has(found.key))
      return { index, header, warning: `The column "${header.slice(0, 140)}" is left out: ${found.label} has a column already.` }
    taken.add(found.key)
    return { index, header, target: found }
  })
}

function headingsOf({ key, label, field, table }: ImportTarget): string[] {
  const headings = [key, label]
  if (table) headings.push(`${field.fieldname} (${table.fieldname})`, `${label.slice(0, label.lastIndexOf(' ('))} (${table.options})`)
  return [...new Set(headings.map((heading) => heading.toLowerCase()))]
}

function findTarget(
  header: string,
  byKey: ReadonlyMap<string, ImportTarget>,
  byHeading: ReadonlyMap<string, readonly ImportTarget[]>,
): ImportTarget | string | undefined {
  const exact = byKey.get(header)
  if (exact) return exact
  const found = byHeading.get(header.toLowerCase()) ?? []
  if (found.length > 1) return `several fields are called so (${found.map(({ key }) => key).join(', ')}); choose one`
  return found[0]
}
