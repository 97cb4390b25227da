import { always, and, or, never, type Predicate } from '#client/rules/predicate.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { accessOf, baseGrantOf, knownAccess } from './access.ts'
import { type AppConditions, completeGrant, fullGrant, noConditions, refusedGrant } from './compile-grant.ts'
import { PermissionDenied } from './errors.ts'
import type { Action, Grant, TrailStep } from './grant.ts'
import { predicateMatches } from './row-matches.ts'
import { hasShares } from './shares.ts'

/**
 * What the acting user may do with a DocType. A child DocType is refused: ask `grantForChild`. Warm, it is a look-up; where apps
 * add row conditions, these are asked once per request.
 * @throws DocTypeNotFound
 */
export async function grantFor(ctx: Context, doctype: string, action: Action): Promise<Grant> {
  if (bypasses(ctx)) return fullGrant((await metaOf(ctx, doctype)).name, action)
  const known = knownAccess(ctx)?.grants.get(`${doctype}\n${action}`)
  return known ?? makeGrant(ctx, await metaOf(ctx, doctype), action)
}

/**
 * What the acting user may do with the rows of a child table inside documents of `parent`: the grant of the parent's documents.
 * Refused unless the parent has a table of that DocType.
 */
export async function grantForChild(ctx: Context, child: string, parent: string, action: Action): Promise<Grant> {
  const childMeta = await metaOf(ctx, child)
  const parentMeta = await metaOf(ctx, parent)
  const isHeld = childMeta.isTable && parentMeta.tables.some((table) => table.options === childMeta.name)
  if (isHeld) return grantFor(ctx, parentMeta.name, action)
  return refusedGrant(childMeta.name, action, {
    rule: 'default',
    outcome: 'refuses',
    text: `${parentMeta.name} has no table of ${childMeta.name}.`,
  })
}

/**
 * Whether the acting user may do this: with the document when one is given, with some document otherwise. The document counts as it
 * is handed over, so a changed one is asked about again.
 */
export async function can(ctx: Context, action: Action, doctype: string, document?: AnyDocument): Promise<boolean> {
  return covers(ctx, await grantFor(ctx, doctype, action), document)
}

/** As `can`, for those who go on only when it is so. @throws PermissionDenied, in the same words whether the document exists or not */
export async function demand(ctx: Context, action: Action, doctype: string, document?: AnyDocument): Promise<Grant> {
  const grant = await grantFor(ctx, doctype, action)
  if (!(await covers(ctx, grant, document))) throw new PermissionDenied({ doctype: grant.doctype, action })
  return grant
}

/** Full rights, unless they come with an API key whose scopes narrow them. A context made by `asSystem` is not the key's any more. */
export function bypasses(ctx: Context): boolean {
  return ctx.user.unrestricted && (ctx.user.scopes === undefined || ctx.elevation !== undefined)
}

function metaOf(ctx: Context, doctype: string): Meta | Promise<Meta> {
  return ctx.site.meta.cached(doctype) ?? ctx.site.meta.get(doctype)
}

async function makeGrant(ctx: Context, meta: Meta, action: Action): Promise<Grant> {
  const key = `${meta.name}\n${action}`
  const memoKey = `permissions:grant:${key}`
  const remembered = ctx.memo.get(memoKey) as Grant | undefined
  if (remembered) return remembered
  const access = await accessOf(ctx)
  const kept = access.grants.get(key)
  if (kept) return kept
  const base = await baseGrantOf(ctx, access, meta, action)
  if (ctx.user.unrestricted) return base.isClosed ? completeGrant(base, noConditions, false) : fullGrant(meta.name, action)
  const hooks = base.hasRole ? await hooksOnRows(ctx, meta.name) : []
  // Whether something was shared changes with every share, too often to keep beyond the question.
  const isShared = !base.hasRole && base.share !== undefined && (await hasShares(ctx, meta.name, base.share))
  const grant = completeGrant(base, hooks.length === 0 ? noConditions : await askApps(ctx, hooks, meta.name, action), isShared)
  const dependsOnRulesAlone = hooks.length === 0 && (base.hasRole || base.share === undefined)
  if (dependsOnRulesAlone) access.grants.set(key, grant)
  else if (hooks.length > 0 && !ctx.db.isWriting) ctx.memo.set(memoKey, grant)
  return grant
}

/** The apps' hooks that have something to say about the rows of a DocType. */
async function hooksOnRows(ctx: Context, doctype: string): Promise<PermissionHooks[]> {
  const hooks: PermissionHooks[] = []
  for (const hook of ctx.site.apps.permissionHooks(doctype))
    if ((hook.rows || hook.alsoRows) && (!hook.concerns || (await hook.concerns(ctx.site, doctype)))) hooks.push(hook)
  return hooks
}

async function askApps(ctx: Context, hooks: readonly PermissionHooks[], doctype: string, action: Action): Promise<AppConditions> {
  let rows: Predicate = always
  let alsoRows: Predicate = never
  const steps: TrailStep[] = []
  for (const hook of hooks) {
    const condition = sane(await hook.rows?.(ctx, action, doctype))
    if (condition) {
      rows = and(rows, condition)
      steps.push({
        rule: 'app-condition',
        outcome: 'restricts',
        text: 'An app adds a condition that every row must meet.',
        predicate: condition,
      })
    }
    const also = sane(await hook.alsoRows?.(ctx, action))
    if (also) {
      alsoRows = or(alsoRows, also)
      steps.push({ rule: 'app-condition', outcome: 'grants', text: 'An app adds rows to what roles give.', predicate: also })
    }
  }
  return { rows, alsoRows, steps }
}

/** An app may have no opinion; whatever else is not a predicate is a fault of the app, and faults do not open doors. */
function sane(condition: Predicate | undefined): Predicate | undefined {
  if (condition === undefined) return undefined
  if (typeof condition !== 'object' || condition === null) throw new TypeError('A permission hook gave something that is not a condition.')
  return condition
}

/** Whether a grant covers a document, app checks included. A check is not asked about what a share opens. */
async function covers(ctx: Context, grant: Grant, document: AnyDocument | undefined): Promise<boolean> {
  if (!grant.allowed) return false
  if (document === undefined || bypasses(ctx)) return true
  const meta = await metaOf(ctx, grant.doctype)
  if (document.doctype !== meta.name) return false
  if (ctx.user.unrestricted) return true
  if (!(await predicateMatches(ctx, meta, grant.rows, document))) return false
  const checks = ctx.site.apps.permissionHooks(meta.name).filter((hook) => hook.check)
  if (await passes(ctx, checks, document, grant.action)) return true
  return grant.byShare !== undefined && predicateMatches(ctx, meta, grant.byShare, document)
}

async function passes(ctx: Context, checks: readonly PermissionHooks[], document: AnyDocument, action: Action): Promise<boolean> {
  for (const hook of checks) if ((await hook.check?.(ctx, document, action)) !== true) return false
  return true
}
