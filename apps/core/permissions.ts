import { and, never, or, where } from '#client/rules/predicate.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { checkFileAccess } from '#kernel/files/file-access.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { can } from '#kernel/permissions/grants.ts'

const reading: ReadonlySet<Action> = new Set<Action>(['select', 'read', 'print', 'email', 'report', 'export'])

/** Whether the user may read the document that a record is attached to; a record attached to nothing decides by itself. */
async function mayReadTarget(ctx: Context, doctype: unknown, name: unknown): Promise<boolean> {
  if (!doctype || !name) return true
  if (!(await ctx.site.meta.exists(String(doctype)))) return false
  const meta = await ctx.site.meta.get(String(doctype))
  if (!(await can(ctx, 'read', meta.name))) return false
  const target = await find(ctx, meta, String(name))
  return target !== undefined && (await can(ctx, 'read', meta.name, target))
}

/** Row conditions of the platform's own DocTypes, beside what their role rows say. */
export const corePermissions: Readonly<Record<string, PermissionHooks>> = {
  // People see and keep their own account; what decides about rights lies on a level of its own.
  User: {
    hidesExistence: true,
    alsoRows: (ctx, action) => (action === 'read' || action === 'write' ? where('name', '=', ctx.user.name) : never),
  },
  ToDo: {
    alsoRows: (ctx) => or(where('allocated_to', '=', ctx.user.name), where('assigned_by', '=', ctx.user.name)),
  },
  Note: {
    alsoRows: (ctx, action) => (reading.has(action) && ctx.user.name !== 'Guest' ? where('public', '=', 1) : never),
  },
  Event: {
    alsoRows: (ctx, action) => (reading.has(action) && ctx.user.name !== 'Guest' ? where('event_type', '=', 'Public') : never),
  },
  Comment: {
    check: (ctx, comment: AnyDocument) => mayReadTarget(ctx, comment.reference_doctype, comment.reference_name),
  },
  File: { check: checkFileAccess },
  'Notification Log': {
    rows: (ctx) => where('for_user', '=', ctx.user.name),
  },
  'List Filter': {
    rows: (ctx) => or(where('for_user', '=', ctx.user.name), and(where('for_user', 'not set'))),
  },
}
