import { Type } from 'typebox'
import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { defineMethod, type Method, signedIn } from '#kernel/methods/method.ts'
import { wireV1 } from '#kernel/methods/wire-v1.ts'
import { channelDriver } from '#kernel/notifications/channel.ts'
import { find } from '#kernel/documents/load.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { list } from '#kernel/query/list.ts'

const log = 'frappe.desk.doctype.notification_log.notification_log'
const fields = ['name', 'subject', 'type', 'document_type', 'document_name', 'from_user', 'read', 'link', 'email_content', 'creation']

const logs = defineMethod({
  path: `${log}.get_notification_logs`,
  summary: "The user's latest notifications, and who caused them.",
  verbs: ['GET', 'POST'],
  input: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })) }),
  rule: signedIn,
  handler: async (ctx, { limit = 20 }) => {
    const { rows } = await list(ctx, 'Notification Log', {
      fields,
      filters: [['for_user', '=', ctx.user.name]],
      orderBy: 'creation desc',
      limit,
      wire: wireV1(ctx),
    })
    const causes = [...new Set(rows.map((row) => String(row.from_user ?? '')))].filter(Boolean)
    const users =
      causes.length === 0
        ? []
        : await findRows(ctx, await ctx.site.meta.get('User'), where('name', 'in', causes), { fields: ['name', 'full_name', 'user_image'] })
    return {
      notification_logs: rows,
      user_info: Object.fromEntries(users.map((user) => [user.name, { fullname: user.full_name, image: user.user_image }])),
    }
  },
})

const markRead = defineMethod({
  path: `${log}.mark_as_read`,
  summary: "Marks one of the user's notifications as read.",
  verbs: ['POST', 'PUT'],
  input: Type.Object({ docname: Type.String({ minLength: 1, maxLength: 140 }) }),
  rule: signedIn,
  handler: (ctx, { docname }) => markAs(ctx, and(where('for_user', '=', ctx.user.name), where('name', '=', docname))),
})

const markAllRead = defineMethod({
  path: `${log}.mark_all_as_read`,
  summary: "Marks all of the user's notifications as read.",
  verbs: ['POST', 'PUT'],
  input: Type.Object({}),
  rule: signedIn,
  handler: (ctx) => markAs(ctx, and(where('for_user', '=', ctx.user.name), where('read', '=', 0))),
})

async function markAs(ctx: Context, which: ReturnType<typeof and>): Promise<undefined> {
  const rows = await findRows(ctx, await ctx.site.meta.get('Notification Log'), which, { fields: ['name'], limit: 5_000 })
  for (const { name } of rows)
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`update ${ident('tabNotification Log')} set ${ident('read')} = 1, modified = ${nowText(ctx)} where name = ${name}`,
      ),
    )
  return undefined
}

const seen = defineMethod({
  path: `${log}.trigger_indicator_hide`,
  summary: 'Remembers that the user has looked at the notifications.',
  verbs: ['POST', 'PUT'],
  input: Type.Object({}),
  rule: signedIn,
  handler: (ctx) => setOwn(ctx, { seen: 1 }),
})

const settings = defineMethod({
  path: 'frappe.desk.doctype.notification_settings.notification_settings.set_seen_value',
  summary: 'Whether the user has seen the latest notifications.',
  verbs: ['POST', 'PUT'],
  input: Type.Object({ value: Type.Boolean(), user: Type.Optional(Type.String()) }),
  rule: signedIn,
  handler: (ctx, { value }) => setOwn(ctx, { seen: value ? 1 : 0 }),
})

const wants = [
  'enabled',
  'enable_email_notifications',
  'enable_email_mention',
  'enable_email_assignment',
  'enable_email_share',
  'enable_email_threads_on_assigned_document',
] as const

const setWishes = defineMethod({
  path: 'orchestrator.notifications.set',
  summary: 'What the user wants to hear of, and whether by mail too; answers the settings.',
  verbs: ['POST', 'PUT'],
  input: Type.Object(Object.fromEntries(wants.map((want) => [want, Type.Optional(Type.Boolean())]))),
  rule: signedIn,
  handler: async (ctx, given) => {
    const values = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value ? 1 : 0]))
    await setOwn(ctx, values)
    const own = await find(ctx, await ctx.site.meta.get('Notification Settings'), ctx.user.name)
    return Object.fromEntries(wants.map((want) => [want, own?.[want] ?? 1]))
  },
})

/** The user's own settings, made when first changed. */
async function setOwn(ctx: Context, values: Record<string, number>): Promise<undefined> {
  const system = ctx.asSystem("keeps the user's own notification settings")
  const known = await find(ctx, await ctx.site.meta.get('Notification Settings'), ctx.user.name)
  if (known) await save(system, await openForWrite(system, 'Notification Settings', ctx.user.name), values)
  else await insert(system, 'Notification Settings', { user: ctx.user.name, ...values }, { naming: { given: ctx.user.name } })
  return undefined
}

const channels = defineMethod({
  path: 'orchestrator.notifications.channels',
  summary: 'Ways by which the user can be reached: those that no app brings, or that are not set up, are false.',
  verbs: ['GET', 'POST'],
  input: Type.Object({}),
  rule: signedIn,
  handler: async (ctx) => ({
    system: true,
    mail: true,
    push: (await channelDriver(ctx, 'push')?.canReach(ctx, ctx.user.name)) ?? false,
    sms: (await channelDriver(ctx, 'sms')?.canReach(ctx, ctx.user.name)) ?? false,
  }),
})

/** What a user does with notifications. */
export const notificationMethods: readonly Method[] = [logs, markRead, markAllRead, seen, settings, setWishes, channels]
