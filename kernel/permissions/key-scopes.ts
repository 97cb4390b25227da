import type { Action } from './grant.ts'

const reading: ReadonlySet<Action> = new Set<Action>(['select', 'read', 'report', 'print', 'export'])

/**
 * Whether an API key's scopes leave room for an action on a DocType. Scopes never grant, they only narrow what the user may do:
 * `read` (reading actions everywhere), `write` (every action everywhere), `doctype:Lead` (every action on Lead),
 * `doctype:Lead:read` and `doctype:Lead:write` (the same, on Lead), `doctype:Lead:delete` (that one action). Anything else, and an
 * empty list, leaves no room; scopes for methods (`method:…`) are checked where methods are called.
 */
export function keyAllows(scopes: readonly string[], doctype: string, action: Action): boolean {
  return scopes.some((scope) => {
    if (scope === 'read' || scope === 'write') return covers(scope, action)
    const own = `doctype:${doctype}`
    if (scope === own) return true
    return scope.startsWith(`${own}:`) && covers(scope.slice(own.length + 1), action)
  })
}

function covers(right: string, action: Action): boolean {
  return right === 'write' || right === action || (right === 'read' && reading.has(action))
}
