import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { DocumentNotFound } from '#kernel/documents/errors.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { accessOf, baseGrantOf } from './access.ts'
import { PermissionDenied } from './errors.ts'
import type { Action } from './grant.ts'
import { bypasses, can } from './grants.ts'
import { predicateMatches } from './row-matches.ts'

/**
 * As `demand`, for a document read from the database. One that lies in another tenant is answered like one that does not exist, so that
 * names cannot be found out by asking; likewise where an app wants it so. Inside the tenant the answer is a plain refusal, as clients of
 * Frappe expect it.
 * @throws DocumentNotFound, PermissionDenied
 * @see docs/decisions/0007-refused-or-not-found.md
 */
export async function demandStored(ctx: Context, action: Action, meta: Meta, document: AnyDocument): Promise<void> {
  if (await can(ctx, action, meta.name, document)) return
  if (await isHidden(ctx, meta, document)) throw new DocumentNotFound({ doctype: meta.name, name: String(document.name).slice(0, 140) })
  throw new PermissionDenied({ doctype: meta.name, action })
}

async function isHidden(ctx: Context, meta: Meta, document: AnyDocument): Promise<boolean> {
  if (bypasses(ctx) || meta.isSingle) return false
  if (ctx.site.apps.permissionHooks(meta.name).some((hook) => hook.hidesExistence))
    return !(await can(ctx, 'read', meta.name, document)) && !(await can(ctx, 'select', meta.name, document))
  const { scope, isClosed } = await baseGrantOf(ctx, await accessOf(ctx), meta, 'read')
  return !isClosed && !(await predicateMatches(ctx, meta, scope, document))
}
