import { and, where } from '#client/rules/predicate.ts'
import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { type ChannelMessage, channelDriver, type OutsideChannel } from '#kernel/notifications/channel.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { notificationMethods } from './methods.ts'

/** People whom one comment may name. */
const mostMentions = 50

/** Users whom a comment names: spans that the editor makes of an @. */
export function mentionsIn(html: string): string[] {
  const found: string[] = []
  for (const [tag] of html.matchAll(/<span\b[^<>]{0,1000}>/gi)) {
    if (!/\sclass="[^"]*\bmention\b[^"]*"/i.test(tag)) continue
    const id = /\sdata-id="([^"]{1,140})"/i.exec(tag)?.[1]
    if (id) found.push(id.replaceAll('&amp;', '&'))
  }
  return [...new Set(found)].slice(0, mostMentions)
}

const commented: DocumentListener = async (ctx, comment) => {
  if (comment.comment_type !== 'Comment' || !comment.reference_doctype || !comment.reference_name) return
  const users = mentionsIn(String(comment.content ?? '')).filter((user) => user !== ctx.user.name)
  if (users.length === 0) return
  const about = { doctype: String(comment.reference_doctype), name: String(comment.reference_name) }
  const subject = `${ctx.user.fullName} mentioned you in ${about.doctype} ${about.name}`
  await notify(ctx, { users, subject, body: String(comment.content), type: 'Mention', about })
}

const assigned: DocumentListener = async (ctx, todo) => {
  const user = todo.allocated_to
  if (typeof user !== 'string' || user === '' || user === ctx.user.name || todo.status !== 'Open') return
  const about = aboutOf(todo, 'reference_type', 'reference_name') ?? { doctype: 'ToDo', name: String(todo.name) }
  const subject = `${ctx.user.fullName} assigned ${about.doctype} ${about.name} to you`
  await notify(ctx, { users: [user], subject, body: String(todo.description ?? ''), type: 'Assignment', about })
}

const shared: DocumentListener = async (ctx, share) => {
  const about = aboutOf(share, 'share_doctype', 'share_name')
  if (typeof share.user !== 'string' || share.user === '' || share.user === ctx.user.name || !about) return
  await notify(ctx, {
    users: [share.user],
    subject: `${ctx.user.fullName} shared ${about.doctype} ${about.name} with you`,
    type: 'Share',
    about,
  })
}

function aboutOf(document: AnyDocument, typeField: string, nameField: string): { doctype: string; name: string } | undefined {
  const [doctype, name] = [document[typeField], document[nameField]]
  return doctype && name ? { doctype: String(doctype), name: String(name) } : undefined
}

/** Whoever has the document of an incoming mail in hand hears of it. */
const mailCame: DocumentListener = async (ctx, communication) => {
  const about = aboutOf(communication, 'reference_doctype', 'reference_name')
  if (communication.sent_or_received !== 'Received' || communication.email_status === 'Spam' || !about) return
  const users = await peopleWith(ctx, about)
  if (users.length === 0) return
  const subject = `Mail from ${String(communication.sender_full_name || communication.sender)} about ${about.doctype} ${about.name}`
  const body = `<p>${String(communication.subject ?? '').replaceAll(/[<>&]/g, '')}</p>`
  await notify(ctx, { users, subject, body, type: '', about, channels: ['system'] })
}

/** Users with an open assignment. */
async function peopleWith(ctx: Context, { doctype, name }: { doctype: string; name: string }): Promise<string[]> {
  const meta = await ctx.site.meta.get('ToDo')
  const mine = and(where('reference_type', '=', doctype), where('reference_name', '=', name), where('status', '=', 'Open'))
  const rows = await findRows(ctx, meta, mine, { fields: ['name', 'allocated_to'], limit: 50 })
  return rows.map((row) => String(row.allocated_to ?? '')).filter((user) => user !== '')
}

/** What people are told: in the platform, by mail, and through the channels that apps bring. */
export const notificationsPart: AppPart = {
  methods: notificationMethods,
  jobs: {
    'deliver-notice': {
      queue: 'short',
      attempts: 5,
      backoff: 30,
      asSystem: 'tells a user through a channel outside',
      run: async (ctx, { channel, message }, job) => {
        const driver = channelDriver(ctx, channel as OutsideChannel)
        // The app that brought it has been removed meanwhile.
        if (!driver) return 'no driver'
        await driver.send(ctx, message as ChannelMessage, job.signal)
        return 'sent'
      },
    },
  },
  events: {
    Comment: { after_insert: commented },
    ToDo: { after_insert: assigned },
    DocShare: { after_insert: shared },
    Communication: { after_insert: mailCame },
  },
}
