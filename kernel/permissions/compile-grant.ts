import { always, and, never, or, type Predicate, type SharedCondition, where } from '#client/rules/predicate.ts'
import type { Principal } from '#kernel/context/context.ts'
import type { PermissionRow } from '#kernel/meta/definition.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { type Confined, userScopeOf } from './confinement.ts'
import { verbOf } from './errors.ts'
import type { Action, Grant, TrailStep } from './grant.ts'
import { keyAllows } from './key-scopes.ts'
import { impossible, levelsAbove, readingActions, rowsGranting, unmaskedLevels } from './role-rows.ts'

/** A grant before apps and shares have had their say: what follows from the user's roles and the site's stored rules alone. */
export interface BaseGrant {
  readonly doctype: string
  readonly action: Action
  /** Refused whatever anybody shares: the DocType's kind or the API key forbids it. */
  readonly isClosed: boolean
  /** Some role gives the action, on some rows at least. */
  readonly hasRole: boolean
  /** The tenants' walls, around everything else. */
  readonly scope: Predicate
  /** Rows that roles give inside the walls. */
  readonly byRole: Predicate
  /** The right on a share that opens a document for this action; undefined: none does. */
  readonly share: SharedCondition | undefined
  readonly levels: ReadonlySet<number>
  readonly masked: ReadonlySet<string>
  readonly selectOnly: boolean
  /** Told only when somebody asks: sentences are not kept. */
  readonly trail: () => readonly TrailStep[]
}

/** What apps add to a grant. */
export interface AppConditions {
  readonly rows: Predicate
  readonly alsoRows: Predicate
  readonly steps: readonly TrailStep[]
}

export const noConditions: AppConditions = { rows: always, alsoRows: never, steps: [] }

const everyLevel: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
const onlyLevelZero: ReadonlySet<number> = new Set([0])
const none: ReadonlySet<never> = new Set<never>()

/** The grant of somebody who bypasses permissions. */
export function fullGrant(doctype: string, action: Action): Grant {
  const trail: TrailStep[] = [{ rule: 'administrator', outcome: 'grants', text: 'Full rights: nothing is checked.', predicate: always }]
  return { doctype, action, allowed: true, rows: always, levels: everyLevel, masked: none, selectOnly: false, trail }
}

/** A grant that refuses, with the one rule that did. */
export function refusedGrant(doctype: string, action: Action, step: TrailStep): Grant {
  return { doctype, action, allowed: false, rows: never, levels: none, masked: none, selectOnly: false, trail: [step] }
}

/**
 * Decides what a user may do with a DocType from roles, tenants, User Permissions and the key in use. Pure: everything it depends
 * on is given, so the result may be kept as long as that does not change.
 */
export function compileBase(user: Principal, meta: Meta, action: Action, confined: Confined): BaseGrant {
  const closed = closedStep(user, meta, action)
  if (closed) return closedGrant(meta, action, closed)
  const { scope, permissions } = confined
  const needed = readingActions.has(action) && action !== 'read' && action !== 'select' ? [action, 'read' as const] : [action]
  const parts = needed.map((one) => rowsByRole(user, meta, one, permissions.predicate, confined))
  const hasRole = parts.every((part) => part.rows.length > 0)
  // What is shared with everybody is shared with everybody who signed in.
  const right = user.name === 'Guest' ? undefined : shareRights[action]
  return {
    doctype: meta.name,
    action,
    isClosed: false,
    hasRole,
    scope: scope.predicate,
    byRole: hasRole ? and(...parts.map((part) => part.predicate)) : never,
    share: right && !meta.isSingle ? { shared: right, user: user.name } : undefined,
    levels: levelsOf(user, meta, action, hasRole),
    masked: maskedFields(user, meta),
    selectOnly: action === 'select' && hasRole && rowsGranting(meta, user.roles, 'read').length === 0,
    trail: () => [...scope.steps, ...needed.flatMap((one) => roleTrail(user, meta, one, confined)), ...(hasRole ? permissions.steps : [])],
  }
}

/** Which right on a share opens a document for an action. */
const shareRights: Partial<Record<Action, SharedCondition['shared']>> = {
  select: 'read',
  read: 'read',
  print: 'read',
  email: 'read',
  write: 'write',
  share: 'share',
  submit: 'submit',
}

function closedStep(user: Principal, meta: Meta, action: Action): TrailStep | undefined {
  if (user.scopes && !keyAllows(user.scopes, meta.name, action))
    return { rule: 'key-scope', outcome: 'refuses', text: `The API key in use may not ${verbOf(action)} ${meta.name}.` }
  const text = impossible(meta, action)
  return text ? { rule: 'default', outcome: 'refuses', text } : undefined
}

function closedGrant(meta: Meta, action: Action, step: TrailStep): BaseGrant {
  return {
    doctype: meta.name,
    action,
    isClosed: true,
    hasRole: false,
    scope: never,
    byRole: never,
    share: undefined,
    levels: none,
    masked: none,
    selectOnly: false,
    trail: () => [step],
  }
}

interface RoleRows {
  readonly rows: readonly PermissionRow[]
  readonly predicate: Predicate
}

/** Role rows are alternatives. One's own documents stay one's own whatever the User Permissions say; the rest obeys them. */
function rowsByRole(user: Principal, meta: Meta, action: Action, permissions: Predicate, confined: Confined): RoleRows {
  const rows = rowsGranting(meta, user.roles, action)
  const owned: Predicate[] = []
  const others: Predicate[] = []
  const seen = new Set<string>()
  for (const row of rows) {
    const isOwned = row.if_owner === 1 && action !== 'create'
    const key = `${isOwned} ${row.user_scope ?? ''}`
    if (seen.has(key)) continue
    seen.add(key)
    const condition = conditionOf(row, user, meta, action, confined)
    if (isOwned) owned.push(condition)
    else others.push(condition)
  }
  return { rows, predicate: or(and(permissions, or(...others)), ...owned) }
}

/** A document that is only being made has no other owner yet. */
function conditionOf(row: PermissionRow, user: Principal, meta: Meta, action: Action, confined: Confined): Predicate {
  const within = row.user_scope ? userScopeOf(meta, row.user_scope, confined.permitted) : always
  if (row.if_owner !== 1 || action === 'create') return within
  // Every visitor is Guest, so what one of them made is not the next one's own.
  return user.name === 'Guest' ? never : and(where('owner', '=', user.name), within)
}

function roleTrail(user: Principal, meta: Meta, action: Action, confined: Confined): TrailStep[] {
  const rows = rowsGranting(meta, user.roles, action)
  const verb = verbOf(action)
  if (rows.length === 0) return [{ rule: 'role', outcome: 'silent', text: `No role of the user may ${verb} ${meta.name}.` }]
  return rows.map((row) => {
    const within = row.user_scope ? `, within the permitted ${row.user_scope}` : ''
    const isOwned = row.if_owner === 1 && action !== 'create'
    const text = `${row.role} may ${verb} ${isOwned ? 'own ' : ''}${meta.name} documents${within}.`
    return { rule: isOwned ? 'owner' : 'role', outcome: 'grants', text, predicate: conditionOf(row, user, meta, action, confined) }
  })
}

function levelsOf(user: Principal, meta: Meta, action: Action, hasRole: boolean): ReadonlySet<number> {
  if (!hasRole) return onlyLevelZero
  const above = levelsAbove(meta, user.roles, readingActions.has(action) ? 'read' : 'write')
  return above.length === 0 ? onlyLevelZero : new Set([0, ...above])
}

/** Fields with `mask` that no role of the user sees in full. */
function maskedFields(user: Principal, meta: Meta): ReadonlySet<string> {
  const masked = meta.fields.filter((field) => field.mask === 1)
  if (masked.length === 0) return none
  const unmasked = unmaskedLevels(meta, user.roles)
  return new Set(masked.filter((field) => !unmasked.has(field.permlevel)).map((field) => field.fieldname))
}

/**
 * Joins what roles, apps and shares say: inside the tenants' walls, what roles give (or apps add) as far as apps' conditions hold,
 * and beside that whatever was shared.
 * @param isShared  some document of this DocType was shared with the user; asked only where no role gives the action
 */
export function completeGrant(base: BaseGrant, conditions: AppConditions, isShared: boolean): Grant {
  const { doctype, action, share, levels, masked, selectOnly } = base
  const allowed = base.hasRole || (share !== undefined && isShared)
  const trail = () => [...base.trail(), ...conditions.steps, ...closingSteps(base, allowed)]
  if (!allowed)
    return {
      doctype,
      action,
      allowed,
      rows: never,
      levels: none,
      masked,
      selectOnly: false,
      get trail() {
        return trail()
      },
    }
  const granted = base.hasRole ? and(conditions.rows, or(base.byRole, conditions.alsoRows)) : never
  const rows = and(base.scope, share ? or(granted, share) : granted)
  const byShare = share && and(base.scope, share)
  return {
    doctype,
    action,
    allowed,
    rows,
    ...(byShare && { byShare }),
    levels,
    masked,
    selectOnly,
    get trail() {
      return trail()
    },
  }
}

function closingSteps({ share, isClosed }: BaseGrant, isAllowed: boolean): TrailStep[] {
  if (isAllowed) {
    if (!share) return []
    return [{ rule: 'share', outcome: 'grants', text: `Documents shared with the user (${share.shared}).`, predicate: share }]
  }
  return isClosed ? [] : [{ rule: 'default', outcome: 'refuses', text: 'Nothing gives this right, so it is refused.' }]
}
