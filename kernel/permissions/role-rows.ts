import type { PermissionRow } from '#kernel/meta/definition.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { Action } from './grant.ts'

/** Actions that show or hand on what a document holds: they need `read` beside their own right, and use the levels of reading. */
export const readingActions: ReadonlySet<Action> = new Set<Action>(['select', 'read', 'print', 'email', 'report', 'export'])

/** The level-0 rows that give one of the roles an action. Rows above level 0 speak of fields only. */
export function rowsGranting(meta: Meta, roles: ReadonlySet<string>, action: Action): PermissionRow[] {
  return meta.permissions.filter((row) => !row.permlevel && roles.has(row.role) && gives(row, action) && isDecidable(meta, row))
}

function gives(row: PermissionRow, action: Action): boolean {
  if (row[action] === 1) return true
  if (row.read !== 1) return false
  // Whoever administers the system takes data out of it.
  return action === 'select' || (action === 'export' && row.role === 'System Manager')
}

// A Single has no rows to tell apart, so a right bound to some rows is no right at all there.
function isDecidable(meta: Meta, row: PermissionRow): boolean {
  return !meta.isSingle || !isConditional(row)
}

/** The row gives its rights on some documents only. */
export function isConditional(row: PermissionRow): boolean {
  return row.if_owner === 1 || Boolean(row.user_scope)
}

/** Why no role can give the action on this DocType at all; undefined when one can. */
export function impossible(meta: Meta, action: Action): string | undefined {
  if (meta.isTable) return `${meta.name} rows live inside other documents; rights come from the document around them.`
  if (!meta.isSubmittable && (action === 'submit' || action === 'cancel' || action === 'amend'))
    return `${meta.name} documents are not submitted.`
  if (action === 'import' && meta.definition.allow_import !== 1) return `${meta.name} does not allow import.`
  return undefined
}

/**
 * Levels above 0 that the roles open for reading or writing. A row bound to some documents opens none: levels hold for all
 * documents alike, and a field must not be shown on one document because another is one's own.
 */
export function levelsAbove(meta: Meta, roles: ReadonlySet<string>, right: 'read' | 'write'): number[] {
  return meta.permissions
    .filter((row) => Boolean(row.permlevel) && roles.has(row.role) && row[right] === 1 && !isConditional(row))
    .map((row) => Number(row.permlevel))
}

/** Levels at which the roles see masked values in full. */
export function unmaskedLevels(meta: Meta, roles: ReadonlySet<string>): ReadonlySet<number> {
  const rows = meta.permissions.filter((row) => roles.has(row.role) && row.mask === 1 && !isConditional(row))
  return new Set(rows.map((row) => Number(row.permlevel ?? 0)))
}
