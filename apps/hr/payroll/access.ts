import { and, where } from '#client/rules/predicate.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { writeThrough } from '#kernel/documents/values.ts'
import { peopleOf } from '../shared/access.ts'

/** Roles that see the pay of everybody; the permission rows say what each of them may do. */
const paymasters = [
  'System Manager',
  'Super Admin',
  'HR Manager',
  'HR User',
  'Payroll Manager',
  'Finance Manager',
  'Accounts Manager',
  'Auditor',
  'Supervisor',
]

/**
 * Pay is seen by those who see everybody's, and one's own by each; nobody sees that of those whom they lead.
 * @param isFinal people see only what has been submitted
 */
export function ofOneself(isFinal: boolean): PermissionHooks {
  return {
    rows: async (ctx) => {
      if (ctx.user.unrestricted || paymasters.some((role) => ctx.user.roles.has(role))) return undefined
      const own = where('employee', 'in', (await peopleOf(ctx, ctx.user.name)).own)
      return isFinal ? and(own, where('docstatus', '=', 1)) : own
    },
  }
}

/** What the platform notes on a submitted document is changed by nobody else: it keeps its stored value. */
export const keepResults: DocumentListener = async (ctx, document, extra) => {
  const before = extra?.before as AnyDocument | undefined
  if (ctx.user.unrestricted || !before) return
  for (const field of (await ctx.site.meta.get(document.doctype)).fields)
    if (field.allow_on_submit && field.read_only) document[field.fieldname] = before[field.fieldname]
}

/** Its status says that a document has been cancelled; nothing else of it changes. */
export async function noteCancelled(ctx: Context, document: { doctype: string; name: string }): Promise<void> {
  await writeThrough(ctx.asSystem('a status follows what was done'), document.doctype, document.name, { status: 'Cancelled' })
}
