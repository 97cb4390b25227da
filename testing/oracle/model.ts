import type { DocumentFact, PermissionFact, RightName, RowFact, ShareFact, World, WorldDocType, WorldUser } from './world.ts'

/**
 * Who may do what in a small world, decided document by document in the plainest way there is. It shares no code with
 * kernel/permissions: what the two agree on has been said twice. Slow, and meant to be read against docs/kernel/permissions.md.
 */
export function mayDo(world: World, user: WorldUser, right: RightName, document: DocumentFact): boolean {
  if (!isPossible(user, right, document.doctype)) return false
  if (!insideTenant(world, user, document)) return false
  if (sharedWith(world, user, right, document)) return true
  return coveredByRole(world, user, right, document) && passesChecks(world, document)
}

/** As `mayDo`, for lists, which ask for conditions on rows but not for an app's checks. */
export function isListed(world: World, user: WorldUser, right: RightName, document: DocumentFact): boolean {
  if (!isPossible(user, right, document.doctype)) return false
  if (!insideTenant(world, user, document)) return false
  return sharedWith(world, user, right, document) || coveredByRole(world, user, right, document)
}

/** Whether the user may ask at all: some role gives the right on some rows, or something was shared. */
export function mayAsk(world: World, user: WorldUser, right: RightName, doctype: WorldDocType): boolean {
  if (!isPossible(user, right, doctype)) return false
  if (needed(right).every((one) => rowsFor(world, user, one, doctype).length > 0)) return true
  return world.shares.some((share) => share.doctype === doctype && opens(user, share, right))
}

/** Whether the user may create this document, which is theirs once it exists. */
export function mayCreate(world: World, user: WorldUser, document: DocumentFact): boolean {
  return mayDo({ ...world, shares: [] }, user, 'create', { ...document, owner: user.name })
}

/** Whether the user may let a link point at this document. */
export function mayPointAt(world: World, user: WorldUser, target: DocumentFact): boolean {
  return insideTenant(world, user, target) && insideUserPermissions(world, user, target)
}

/** Levels that the user reads or writes on every document of a DocType that is open to them. */
export function levels(world: World, user: WorldUser, doctype: WorldDocType, right: 'read' | 'write'): Set<number> {
  const roles = rolesOf(user)
  const base: RightName[] = right === 'read' ? ['read'] : ['write', 'create']
  const found = new Set<number>()
  const byRole = base.some((one) => isPossible(user, one, doctype) && rowsFor(world, user, one, doctype).length > 0)
  if (byRole) {
    found.add(0)
    // Writing above level 0 needs the right to write below it; creating alone is not enough.
    if (isPossible(user, right, doctype) && rowsFor(world, user, right, doctype).length > 0)
      for (const row of world.rows)
        if (row.doctype === doctype && row.level > 0 && roles.includes(row.role) && row.rights.includes(right) && !isBound(row))
          found.add(row.level)
  } else if (isPossible(user, right, doctype) && world.shares.some((share) => share.doctype === doctype && opens(user, share, right))) {
    found.add(0)
  }
  return found
}

/** Whether a field with `mask` at a level is shown disguised. */
export function isMasked(world: World, user: WorldUser, doctype: WorldDocType, level: number): boolean {
  const roles = rolesOf(user)
  return !world.rows.some((row) => row.doctype === doctype && row.level === level && row.mask && roles.includes(row.role) && !isBound(row))
}

/** The HTTP status of asking for one document: 200, 403 inside the tenant, 404 across its wall (decision 7). */
export function statusFor(world: World, user: WorldUser, right: RightName, document: DocumentFact): 200 | 403 | 404 {
  if (!mayAsk(world, user, right, document.doctype)) return 403
  if (mayDo(world, user, right, document)) return 200
  return isPossible(user, 'read', document.doctype) && !insideTenant(world, user, document) ? 404 : 403
}

const reads: readonly RightName[] = ['select', 'read', 'report', 'print', 'export']

/** What an API key allows, and what the DocType's kind makes possible. */
function isPossible(user: WorldUser, right: RightName, doctype: WorldDocType): boolean {
  const isNarrowed = user.keyScopes !== undefined && !user.keyScopes.some((scope) => keyCovers(scope, right, doctype))
  if (isNarrowed) return false
  return doctype === 'Case' || !['submit', 'cancel', 'amend'].includes(right)
}

function keyCovers(scope: string, right: RightName, doctype: WorldDocType): boolean {
  const [area, named, limit] = scope.split(':')
  if (scope === 'write') return true
  if (scope === 'read') return reads.includes(right)
  if (area !== 'doctype' || named !== doctype) return false
  return limit === undefined || limit === 'write' || limit === right || (limit === 'read' && reads.includes(right))
}

function rolesOf(user: WorldUser): string[] {
  return user.name === 'Guest' ? ['Guest'] : ['Guest', 'All', ...user.roles]
}

/** Handing a document out takes the right to read it as well. */
function needed(right: RightName): RightName[] {
  return ['print', 'email', 'report', 'export'].includes(right) ? [right, 'read'] : [right]
}

function rowsFor(world: World, user: WorldUser, right: RightName, doctype: WorldDocType): RowFact[] {
  const roles = rolesOf(user)
  return world.rows.filter((row) => {
    if (row.doctype !== doctype || row.level !== 0 || !roles.includes(row.role)) return false
    return row.rights.includes(right) || (right === 'select' && row.rights.includes('read'))
  })
}

function isBound(row: RowFact): boolean {
  return row.ifOwner || row.userScope !== undefined
}

function coveredByRole(world: World, user: WorldUser, right: RightName, document: DocumentFact): boolean {
  const { doctype } = document
  if (needed(right).some((one) => rowsFor(world, user, one, doctype).length === 0)) return false
  if (world.hooks.memoNotHidden && doctype === 'Memo' && document.note === 'hidden') return false
  if (world.hooks.caseOpenNotes && doctype === 'Case' && document.note === 'open') return true
  return needed(right).every((one) => rowsFor(world, user, one, doctype).some((row) => rowCovers(world, user, one, row, document)))
}

function rowCovers(world: World, user: WorldUser, right: RightName, row: RowFact, document: DocumentFact): boolean {
  if (row.userScope !== undefined && !insideScopeOfRow(world, user, row.userScope, document)) return false
  if (row.ifOwner && right !== 'create') return document.owner === user.name && user.name !== 'Guest'
  return insideUserPermissions(world, user, document)
}

function insideScopeOfRow(world: World, user: WorldUser, scope: WorldDocType, document: DocumentFact): boolean {
  const permitted = permittedNames(world, user, scope, document.doctype)
  if (scope === document.doctype) return permitted.has(document.name)
  const links = linksTo(document, scope)
  return links.length > 0 && links.every((link) => permitted.has(link))
}

function insideTenant(world: World, user: WorldUser, document: DocumentFact): boolean {
  const permitted = permittedNames(world, user, 'Organization', document.doctype)
  if (document.doctype === 'Organization') return permitted.has(document.name)
  return linksTo(document, 'Organization').every((link) => permitted.has(link))
}

function insideUserPermissions(world: World, user: WorldUser, document: DocumentFact): boolean {
  for (const allow of ['Region', 'Case', 'Memo'] as const) {
    const permitted = permittedNames(world, user, allow, document.doctype)
    if (permitted.size === 0) continue
    if (document.doctype === allow && !permitted.has(document.name)) return false
    const links = [...linksTo(document, allow), ...(allow === 'Region' ? document.visits : [])]
    if (links.some((link) => (link === '' ? world.strictLinks : !permitted.has(link)))) return false
  }
  return true
}

/** What a document's own links to a DocType hold; '' where empty. A region's place in its tree does not count. */
function linksTo(document: DocumentFact, target: WorldDocType): string[] {
  if (target === 'Organization') return document.doctype === 'Case' ? [document.organization] : []
  if (target === 'Region') return document.doctype === 'Case' || document.doctype === 'Memo' ? [document.region] : []
  return target === 'Case' && document.doctype === 'Memo' ? [document.about] : []
}

function permittedNames(world: World, user: WorldUser, allow: WorldDocType, forDocType: WorldDocType): Set<string> {
  const names = new Set<string>()
  for (const fact of world.permissions) {
    if (fact.user !== user.name || fact.allow !== allow) continue
    if (fact.applicableFor !== undefined && fact.applicableFor !== forDocType) continue
    names.add(fact.value)
    if (allow === 'Region' && !fact.hideDescendants) for (const below of regionsBelow(world, fact)) names.add(below)
  }
  return names
}

function regionsBelow(world: World, fact: PermissionFact): string[] {
  return world.documents.filter((one) => one.doctype === 'Region' && isBelow(world, one.name, fact.value)).map((one) => one.name)
}

function isBelow(world: World, name: string, above: string): boolean {
  const parent = world.documents.find((one) => one.doctype === 'Region' && one.name === name)?.parentRegion
  return parent !== undefined && parent !== '' && (parent === above || isBelow(world, parent, above))
}

function sharedWith(world: World, user: WorldUser, right: RightName, document: DocumentFact): boolean {
  return world.shares.some((share) => share.doctype === document.doctype && share.name === document.name && opens(user, share, right))
}

function opens(user: WorldUser, share: ShareFact, right: RightName): boolean {
  if (user.name === 'Guest' || (share.user !== undefined && share.user !== user.name)) return false
  const wanted = ['select', 'read', 'print', 'email'].includes(right) ? 'read' : right
  return (share.rights as readonly string[]).includes(wanted)
}

function passesChecks(world: World, document: DocumentFact): boolean {
  return !(world.hooks.caseNotClosed && document.doctype === 'Case' && document.note === 'closed')
}
