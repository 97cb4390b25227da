import { and, where } from '#client/rules/predicate.ts'
import type { PermissionHooks } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { datetimeType } from '#kernel/fields/dates/date-types.ts'
import { can } from '#kernel/permissions/grants.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'

/** Communications that a form shows at most; the latest come first. */
const most = 100

const shown = [
  'name',
  'communication_type',
  'communication_medium',
  'communication_date',
  'content',
  'sender',
  'sender_full_name',
  'recipients',
  'cc',
  'creation',
  'subject',
  'delivery_status',
  'sent_or_received',
  'status',
  'has_attachment',
  'reference_doctype',
  'reference_name',
] as const

/** Mails and talks about a document that the caller has read already. Times are in v1 form. @param type `Communication` or `Automated Message` */
export async function communicationsOf(ctx: Context, doctype: string, name: string, type: string): Promise<Record<string, unknown>[]> {
  const meta = await ctx.site.meta.get('Communication')
  const about = and(where('reference_doctype', '=', doctype), where('reference_name', '=', name))
  const rows = await findRows(ctx, meta, and(about, where('communication_type', '=', type), where('email_status', '!=', 'Spam')), {
    fields: shown,
    orderBy: [['creation', 'desc']],
    limit: most,
  })
  const wire = wireV1(ctx)
  const time = (value: unknown): unknown => datetimeType.toWire(value as string | null, wire)
  return rows.map((row) => ({ ...row, creation: time(row.creation), communication_date: time(row.communication_date) }))
}

/** Mail that belongs to no document is for those who look after the inbox; the rest is as open as its document. */
export const communicationPermissions: PermissionHooks = {
  rows: (ctx) => {
    if (ctx.user.roles.has('System Manager')) return undefined
    const unclaimed = and(where('sent_or_received', '=', 'Received'), where('reference_name', 'not set'))
    return ctx.user.roles.has('Inbox User') ? { any: [unclaimed, where('owner', '=', ctx.user.name)] } : where('owner', '=', ctx.user.name)
  },
  check: (ctx, communication) => mayReadTarget(ctx, communication),
}

async function mayReadTarget(ctx: Context, { reference_doctype: doctype, reference_name: name }: AnyDocument): Promise<boolean> {
  if (!doctype || !name) return true
  if (!(await ctx.site.meta.exists(String(doctype)))) return false
  const meta = await ctx.site.meta.get(String(doctype))
  const target = await find(ctx, meta, String(name))
  return target !== undefined && can(ctx, 'read', meta.name, target)
}
