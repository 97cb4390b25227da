import type { Context } from '#kernel/context/context.ts'
import { where } from '#client/rules/predicate.ts'
import { find } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { uuidv7 } from '#kernel/documents/uuid.ts'
import { UserUnavailable } from '#kernel/identity/errors.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { isEmail } from '#client/rules/formats.ts'
import { sendMail } from '#kernel/mail/send-mail.ts'
import { can } from '#kernel/permissions/grants.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { escapeHtml, plainText } from '#kernel/templates/plain-text.ts'
import { channelDriver } from './channel.ts'

export type NotificationType = 'Mention' | 'Assignment' | 'Share' | 'Alert' | 'Energy Point' | ''
export type NotificationChannel = 'system' | 'mail' | 'push' | 'sms'

/** Something that people should know. */
export interface Notice {
  /** Names of Users; each is told once, the disabled not at all. */
  users: readonly string[]
  /** Plain text. */
  subject: string
  /** HTML. */
  body?: string
  type: NotificationType
  about?: { doctype: string; name: string }
  /** Default: in the platform, and by mail where the user wants it. */
  channels?: readonly NotificationChannel[]
}

/** The setting that says whether a user wants mail of a type; the others ask for the general one alone. */
const mailSetting: Partial<Record<NotificationType, string>> = {
  Mention: 'enable_email_mention',
  Assignment: 'enable_email_assignment',
  Share: 'enable_email_share',
  'Energy Point': 'enable_email_energy_point',
}

/** What somebody hands to another is told even where the rights for it come later. */
const handedOver: ReadonlySet<NotificationType> = new Set(['Assignment', 'Share'])

/** Users whom one notice tells. */
const mostUsers = 1_000

/**
 * Tells people, in the caller's transaction: nobody hears of what was undone. Whoever may not read the document is not told of it, except
 * of an assignment or share. What users switched off in their Notification Settings is left out.
 */
export async function notify(ctx: Context, notice: Notice): Promise<void> {
  const users = [...new Set(notice.users)].filter((user) => user !== '' && user !== 'Guest').slice(0, mostUsers)
  if (users.length === 0) return
  const wishes = await wishesOf(ctx, users)
  for (const user of users) {
    const wish = wishes.get(user)
    if (wish?.enabled === 0 || !(await mayHear(ctx, user, notice))) continue
    for (const channel of notice.channels ?? ['system', 'mail']) {
      if (channel === 'system') await logNotice(ctx, user, notice)
      else if (channel === 'mail') await mailNotice(ctx, user, notice, wish)
      else await enqueueNotice(ctx, user, notice, channel)
    }
  }
}

type Wish = Record<string, unknown>

async function wishesOf(ctx: Context, users: readonly string[]): Promise<ReadonlyMap<string, Wish>> {
  const meta = await ctx.site.meta.get('Notification Settings')
  const rows = await findRows(ctx, meta, where('name', 'in', users))
  return new Map(rows.map((row) => [row.name, row]))
}

async function mayHear(ctx: Context, user: string, { about, type }: Notice): Promise<boolean> {
  try {
    const principal = await principalOf(ctx.site, user)
    if (!about || handedOver.has(type)) return true
    if (!(await ctx.site.meta.exists(about.doctype))) return false
    const document = await find(ctx, await ctx.site.meta.get(about.doctype), about.name)
    return document !== undefined && (await can(ctx.as(principal), 'read', about.doctype, document))
  } catch (error) {
    if (UserUnavailable.is(error)) return false
    throw error
  }
}

async function logNotice(ctx: Context, user: string, { subject, body, type, about }: Notice): Promise<void> {
  await insert(ctx.asSystem('notifies a user'), 'Notification Log', {
    subject: escapeHtml(subject),
    for_user: user,
    type,
    email_content: body ?? null,
    document_type: about?.doctype ?? null,
    document_name: about?.name ?? null,
    from_user: ctx.user.name,
  })
}

async function mailNotice(ctx: Context, user: string, notice: Notice, wish: Wish | undefined): Promise<void> {
  if (wish?.enable_email_notifications === 0) return
  const setting = mailSetting[notice.type]
  if (setting && wish?.[setting] === 0) return
  const [row] = await findRows(ctx, await ctx.site.meta.get('User'), where('name', '=', user), { fields: ['email'] })
  const email = String(row?.email || user)
  if (!isEmail(email)) return
  const link = linkTo(ctx, notice.about)
  const html = `<p>${escapeHtml(notice.subject)}</p>${notice.body ?? ''}${link ? `<p><a href="${escapeHtml(link)}">${escapeHtml(link)}</a></p>` : ''}`
  await sendMail(ctx.asSystem('mails a notification'), { to: [email], subject: notice.subject, html, automatic: 'auto-generated' })
}

async function enqueueNotice(ctx: Context, user: string, notice: Notice, channel: 'push' | 'sms'): Promise<void> {
  const driver = channelDriver(ctx, channel)
  if (!driver || !(await driver.canReach(ctx, user))) return
  const text = plainText(notice.body ?? '').slice(0, 2_000)
  const message = { user, subject: notice.subject.slice(0, 500), text, url: linkTo(ctx, notice.about), key: uuidv7(ctx.clock.now()) }
  await enqueue(ctx, 'core.deliver-notice', { channel, message })
}

function linkTo(ctx: Context, about: Notice['about']): string {
  if (!about) return ''
  return `${siteAddress(ctx)}/app/${encodeURIComponent(about.doctype.toLowerCase().replaceAll(' ', '-'))}/${encodeURIComponent(about.name)}`
}
