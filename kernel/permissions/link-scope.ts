import { and, isAlways, type Predicate } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { find } from '#kernel/documents/load.ts'
import { readRow } from '#kernel/documents/rows.ts'
import type { Meta, MetaField } from '#kernel/meta/meta.ts'
import { accessOf, confinedOf } from './access.ts'
import { LinkNotFound } from './errors.ts'
import { can } from './grants.ts'
import { predicateMatches } from './row-matches.ts'

/**
 * Refuses a link that the acting user may not make, as if the document were not there.
 * @param path  where the link stands in the caller's input
 * @throws LinkNotFound
 */
export async function demandLinkable(
  ctx: Context,
  meta: Meta,
  field: MetaField,
  targetDoctype: string,
  targetName: string,
  path: string = field.fieldname,
): Promise<void> {
  if (await isLinkable(ctx, field, targetDoctype, targetName)) return
  throw new LinkNotFound({ doctype: meta.name, field: path, target: targetDoctype, value: targetName })
}

/**
 * Whether the acting user may point at a document: it lies inside the user's tenants and User Permissions. No role on the target is
 * needed, except where the caller chooses the DocType too: a Dynamic Link leads only to what the user may read or select, because otherwise
 * it could be asked for any name of any DocType. What a share or ownership opens beyond the User Permissions counts: one may comment on
 * whatever one may read. A document that is not there cannot be pointed at either.
 * @param field  the link; with `ignore_user_permissions` only the tenants' walls count, and a tenant itself may be named
 */
async function isLinkable(ctx: Context, field: MetaField, targetDoctype: string, targetName: string): Promise<boolean> {
  if (ctx.user.unrestricted) return true
  const target = await ctx.site.meta.get(targetDoctype)
  if (target.isVirtual || target.isSingle) return true
  if (field.fieldtype === 'Dynamic Link') return isOpen(ctx, target, targetName)
  const { scope, permissions } = await confinedOf(ctx, await accessOf(ctx), target)
  const isFree = field.ignore_user_permissions === 1
  if (isFree && ctx.site.apps.scopes.has(target.name)) return true
  const byApps = await rowsForLinks(ctx, target)
  const condition = isFree ? and(scope.predicate, byApps) : and(scope.predicate, permissions.predicate, byApps)
  if (isAlways(condition)) return true
  const row = await readRow(ctx.db, ctx.site.meta, target, targetName)
  return row !== undefined && predicateMatches(ctx, target, condition, row)
}

/** What apps say about where links may lead. */
async function rowsForLinks(ctx: Context, target: Meta): Promise<Predicate> {
  const conditions: Predicate[] = []
  for (const hook of ctx.site.apps.permissionHooks(target.name)) {
    const condition = await hook.linkRows?.(ctx)
    if (condition) conditions.push(condition)
  }
  return and(...conditions)
}

async function isOpen(ctx: Context, target: Meta, name: string): Promise<boolean> {
  for (const action of ['select', 'read'] as const) {
    if (!(await can(ctx, action, target.name))) continue
    const document = await find(ctx, target, name)
    if (document && (await can(ctx, action, target.name, document))) return true
  }
  return false
}
