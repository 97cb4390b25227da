import { BadIdentityInput } from './errors.ts'

const actionScopes: ReadonlySet<string> = new Set(['read', 'write'])

/**
 * Reads an API key's scopes: `read`, `write`, `doctype:Lead`, `doctype:Lead:read`, `method:frappe.client.get_list`, one per line or
 * as a list. None means whatever the user may.
 * @throws BadIdentityInput naming the first one that is no scope, so that a slip of the pen never means "everything"
 */
export function parseScopes(value: string | readonly string[] | null | undefined, field = 'scopes'): string[] {
  const parts = typeof value === 'string' ? value.split(/[\n,]/) : (value ?? [])
  const scopes = [...new Set(parts.map((part) => part.trim()).filter((part) => part !== ''))]
  if (scopes.length > 100) throw new BadIdentityInput({ field, reason: 'A key takes at most 100 scopes.' })
  for (const scope of scopes) {
    if (!isScope(scope))
      throw new BadIdentityInput({
        field,
        reason: `"${scope.slice(0, 80)}" is no scope. Use read, write, doctype:<name>, doctype:<name>:<action> or method:<path>.`,
      })
  }
  return scopes
}

function isScope(scope: string): boolean {
  if (actionScopes.has(scope)) return true
  if (scope.startsWith('doctype:')) return /^doctype:[^:\n]{1,61}(?::[a-z]{3,10})?$/.test(scope)
  return /^method:[A-Za-z0-9_.*-]{1,200}$/.test(scope)
}
