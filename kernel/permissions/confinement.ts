import { and, never, or, type Predicate, where } from '#client/rules/predicate.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import type { TrailStep } from './grant.ts'
import { type Permitted, valuesFor } from './permitted.ts'

/** What confinement depends on beside the DocType itself. */
export interface Confines {
  readonly permitted: Permitted
  /** DocTypes that confine whatever links to them (tenants). */
  readonly scopes: ReadonlySet<string>
  /** System Settings `apply_strict_user_permissions`: an empty link is not permitted either. */
  readonly strictLinks: boolean
  /** Definitions of the DocType's child tables, by DocType name. */
  readonly children: ReadonlyMap<string, Meta>
}

export interface Confinement {
  readonly predicate: Predicate
  readonly steps: readonly TrailStep[]
}

/** What confines a user's documents of one DocType, whatever the action. */
export interface Confined {
  /** The tenants' walls, which nothing but full rights passes. */
  readonly scope: Confinement
  /** Ordinary User Permissions. */
  readonly permissions: Confinement
  readonly permitted: Permitted
}

export function confine(meta: Meta, confines: Confines): Confined {
  return { scope: scopeOf(meta, confines), permissions: userPermissionsOf(meta, confines), permitted: confines.permitted }
}

/** The DocTypes that confine this one strictly: the site's scopes, and the one its definition names. */
function scopesOf(meta: Meta, scopes: ReadonlySet<string>): Set<string> {
  const names = new Set(scopes)
  const named = meta.definition.user_permission_dependant_doctype
  if (named) names.add(named)
  return names
}

/**
 * The tenants' walls: only rows whose link to a scope is among the user's permitted values. No permitted value, or an empty link:
 * not visible. Nothing but full rights passes through, shares included. A DocType with no way to a scope is not confined.
 */
function scopeOf(meta: Meta, confines: Confines): Confinement {
  const parts: Predicate[] = []
  const steps: TrailStep[] = []
  if (meta.isSingle) return { predicate: and(), steps }
  for (const scope of scopesOf(meta, confines.scopes)) {
    const values = valuesFor(confines.permitted, scope, meta.name)
    // A tenant is confined by its own name; what it links to (the tenant above it, say) need not be permitted too.
    const links = scope === meta.name ? [] : linksTo(meta, scope)
    const isNamed = scope === meta.definition.user_permission_dependant_doctype && scope !== meta.name
    if (isNamed && links.length === 0) links.push(...meta.links.filter((field) => field.options === scope && field.stored))
    const own: Predicate[] = links.map((field) => oneOf(field.fieldname, values))
    if (scope === meta.name) own.push(oneOf('name', values))
    // The definition says that there is a tenant, but not where: nobody can be shown to belong.
    else if (isNamed && links.length === 0) own.push(never)
    own.push(...childLinks(meta, scope, confines.children).map(([table, link]) => noneOutside(table, link, values, false)))
    if (own.length === 0) continue
    const predicate = and(...own)
    parts.push(predicate)
    steps.push({ rule: 'scope', outcome: 'restricts', text: scopeText(scope, values), predicate })
  }
  return { predicate: and(...parts), steps }
}

function scopeText(scope: string, values: readonly string[]): string {
  if (values.length === 0) return `No ${scope} is permitted to the user, so nothing that belongs to one is visible.`
  return `Only what belongs to ${scope} ${listed(values)}.`
}

/**
 * Ordinary User Permissions: per permitted DocType, the document itself and each link to it (in child rows too) must be among the
 * values; an empty link passes unless links are strict. Values of one DocType are alternatives, fields must all agree.
 */
function userPermissionsOf(meta: Meta, confines: Confines): Confinement {
  const parts: Predicate[] = []
  const steps: TrailStep[] = []
  if (meta.isSingle) return { predicate: and(), steps }
  const scopes = scopesOf(meta, confines.scopes)
  for (const allow of confines.permitted.keys()) {
    const values = scopes.has(allow) ? [] : valuesFor(confines.permitted, allow, meta.name)
    if (values.length === 0) continue
    const own: Predicate[] = linksTo(meta, allow).map((field) =>
      confines.strictLinks ? oneOf(field.fieldname, values) : or(oneOf(field.fieldname, values), where(field.fieldname, 'not set')),
    )
    if (allow === meta.name) own.push(oneOf('name', values))
    own.push(...childLinks(meta, allow, confines.children).map(([table, link]) => noneOutside(table, link, values, confines.strictLinks)))
    if (own.length === 0) continue
    const predicate = and(...own)
    parts.push(predicate)
    steps.push({
      rule: 'user-permission',
      outcome: 'restricts',
      text: `User Permissions keep the user to ${allow} ${listed(values)}.`,
      predicate,
    })
  }
  return { predicate: and(...parts), steps }
}

/**
 * The condition of a role row with `user_scope`: the document, or each of its links to that DocType, is among the permitted values.
 * Never true where there is no such link or no permitted value.
 */
export function userScopeOf(meta: Meta, scope: string, permitted: Permitted): Predicate {
  const values = valuesFor(permitted, scope, meta.name)
  if (scope === meta.name) return oneOf('name', values)
  const links = linksTo(meta, scope)
  return links.length === 0 ? never : and(...links.map((field) => oneOf(field.fieldname, values)))
}

/** Stored links to a DocType that obey User Permissions. */
function linksTo(meta: Meta, target: string): MetaField[] {
  return meta.links.filter(
    (field) => field.options === target && field.stored && !field.ignore_user_permissions && !isPlaceInTree(meta, field),
  )
}

// Where a document hangs in its tree says nothing about it: the document itself is among the permitted, or what lies below one.
function isPlaceInTree(meta: Meta, field: MetaField): boolean {
  return meta.isTree && (field.fieldname === meta.parentField || field.fieldname === 'old_parent')
}

function childLinks(meta: Meta, target: string, children: ReadonlyMap<string, Meta>): [table: string, link: string][] {
  return meta.tables.flatMap((table) => {
    const child = table.stored || !table.is_virtual ? children.get(table.options ?? '') : undefined
    return child ? linksTo(child, target).map((field): [string, string] => [table.fieldname, field.fieldname]) : []
  })
}

function oneOf(field: string, values: readonly string[]): Predicate {
  if (values.length === 0) return never
  return values.length === 1 ? where(field, '=', values[0]) : where(field, 'in', values)
}

function noneOutside(table: string, link: string, values: readonly string[], isEmptyOutside: boolean): Predicate {
  const outside: Predicate = values.length === 0 ? and() : where(link, 'not in', values)
  return { child: table, where: isEmptyOutside ? outside : and(where(link, 'set'), outside), none: true }
}

function listed(values: readonly string[]): string {
  if (values.length === 1) return String(values[0])
  if (values.length <= 5) return `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`
  return `${values.slice(0, 4).join(', ')} or ${values.length - 4} more`
}
