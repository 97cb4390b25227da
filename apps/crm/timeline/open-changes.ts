import type { Context } from '#kernel/context/context.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'

/** A field that changed, as somebody may see it. */
export interface FieldChange {
  readonly field: string
  readonly label: string
  readonly before?: unknown
  readonly after?: unknown
  /** Of a table: rows that came, went and changed. */
  readonly rows?: { readonly added: number; readonly removed: number; readonly changed: number }
}

/** What the caller may see of the fields of a DocType in versions of its documents. Keys that only serve comparing are left out. */
export async function openChanges(
  ctx: Context,
  doctype: string,
): Promise<{ canRead(field: string): boolean; changesIn(data: string): FieldChange[] }> {
  const meta = await ctx.site.meta.get(doctype)
  const access = await fieldAccess(ctx, meta)
  const canRead = (name: string): boolean => {
    const field = meta.field.get(name) ?? meta.column.get(name)
    return field !== undefined && access.canRead(field) && !access.isMasked(field)
  }
  const label = (name: string) => meta.field.get(name)?.label || name
  const isShown = (name: string) => canRead(name) && meta.field.get(name)?.hidden !== 1
  const changesIn = (data: string): FieldChange[] => {
    const version = parsed(data)
    const plain = listOf(version.changed).flatMap(([field, before, after]) =>
      isShown(String(field)) ? [{ field: String(field), label: label(String(field)), before, after }] : [],
    )
    const tables = meta.tables.flatMap(({ fieldname }) => {
      const count = (key: string) => listOf(version[key]).filter(([table]) => table === fieldname).length
      const rows = { added: count('added'), removed: count('removed'), changed: count('row_changed') }
      return isShown(fieldname) && rows.added + rows.removed + rows.changed > 0 ? [{ field: fieldname, label: label(fieldname), rows }] : []
    })
    return [...plain, ...tables]
  }
  return { canRead, changesIn }
}

function parsed(data: string): Record<string, unknown> {
  try {
    const value = JSON.parse(data) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

const listOf = (value: unknown): unknown[][] => (Array.isArray(value) ? (value as unknown[][]) : [])
