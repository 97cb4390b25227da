import { AppError } from '#client/rules/errors.ts'
import type { JobDefinition } from '#kernel/apps/app.ts'
import { publicData } from '#kernel/automation/public-data.ts'
import type { Context } from '#kernel/context/context.ts'
import { documentForm, sameValue } from '#kernel/documents/cast.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { openForWrite, save } from '#kernel/documents/save.ts'
import { safeFetch } from '#kernel/external/safe-fetch.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { getSecret } from '#kernel/identity/secrets.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { sendMail } from '#kernel/mail/send-mail.ts'
import { notify } from '#kernel/notifications/notify.ts'
import { can } from '#kernel/permissions/grants.ts'
import { renderTemplate } from '#kernel/templates/render.ts'
import { templateData } from '#kernel/templates/template-data.ts'
import { SlackRefused } from './errors.ts'
import type { NotificationInput } from './notification-events.ts'
import { recipientsOf } from './recipients.ts'

/** One notification about one document: everybody is told in this job's transaction, or nobody. */
export const notificationJob: JobDefinition = {
  queue: 'short',
  asSystem: 'sends what a Notification says',
  run: async (ctx, given) => {
    const input = given as unknown as NotificationInput
    const rule = await find(ctx, await ctx.site.meta.get('Notification'), input.notification)
    const document = await find(ctx, await ctx.site.meta.get(input.doctype), input.name)
    if (rule?.enabled !== 1 || !document) return { told: 0 }
    const told = rule.channel === 'Slack' ? await tellSlack(ctx, rule, document) : await tellPeople(ctx, rule, document)
    return { told, property: await setProperty(ctx, rule, document) }
  },
}

interface Text {
  subject: string
  message: string
}

async function textFor(ctx: Context, rule: AnyDocument, data: Record<string, unknown>): Promise<Text> {
  const isPlain = rule.message_type === 'Plain Text' || rule.channel === 'SMS' || rule.channel === 'Slack'
  return {
    subject: (await renderTemplate(ctx, String(rule.subject ?? ''), { doc: data }, { escape: 'none' })).trim(),
    message: await renderTemplate(ctx, String(rule.message ?? ''), { doc: data }, { escape: isPlain ? 'none' : 'html' }),
  }
}

/** Everybody gets a text of their own, made of what they may read; whoever may not read the document is told nothing. */
async function tellPeople(ctx: Context, rule: AnyDocument, document: AnyDocument): Promise<number> {
  const { people, outsiders } = await recipientsOf(ctx, rule, document)
  let told = 0
  for (const person of people) {
    const theirs = ctx.as(await principalOf(ctx, person.name))
    if (!(await can(theirs, 'read', document.doctype, document))) continue
    const text = await textFor(theirs, rule, await templateData(theirs, document))
    if (rule.channel === 'Email' && person.email !== '') await mail(ctx, rule, person.email, text)
    if (rule.channel === 'SMS') await inApp(ctx, person.name, text, document, ['sms'])
    if (rule.channel === 'System Notification' || rule.send_system_notification === 1)
      await inApp(ctx, person.name, text, document, ['system'])
    told++
  }
  if (rule.channel !== 'Email' || outsiders.length === 0) return told
  const text = await textFor(ctx, rule, await publicData(ctx, document))
  for (const address of outsiders) await mail(ctx, rule, address, text)
  return told + outsiders.length
}

// Not kept with the document: it may say more than others who read there may know.
async function mail(ctx: Context, rule: AnyDocument, address: string, { subject, message }: Text): Promise<void> {
  await sendMail(ctx, {
    to: [address],
    subject,
    ...(rule.message_type === 'Plain Text' ? { text: message } : { html: message }),
    ...(rule.sender_email ? { from: String(rule.sender_email) } : {}),
    automatic: 'auto-generated',
  })
}

async function inApp(
  ctx: Context,
  user: string,
  { subject, message }: Text,
  document: AnyDocument,
  channels: ('system' | 'sms')[],
): Promise<void> {
  const about = { doctype: document.doctype, name: String(document.name) }
  await notify(ctx, { users: [user], subject: subject || message, body: message, type: 'Alert', about, channels })
}

/** A channel has no rights of its own: it gets what somebody without an account would. */
async function tellSlack(ctx: Context, rule: AnyDocument, document: AnyDocument): Promise<number> {
  const { subject, message } = await textFor(ctx, rule, await publicData(ctx, document))
  await enqueue(ctx, 'core.slack-message', {
    webhook: String(rule.slack_webhook_url),
    text: [subject, message].filter((part) => part !== '').join('\n'),
    doctype: document.doctype,
    name: String(document.name),
  })
  return 1
}

/** Posts to a Slack channel. Nothing is written meanwhile, so no transaction waits for the network. */
export const slackJob: JobDefinition = {
  queue: 'short',
  attempts: 5,
  backoff: 10,
  asSystem: 'posts what a Notification says to Slack',
  run: async (ctx, given, job) => {
    const input = given as { webhook: string; text: string; doctype: string; name: string }
    const webhook = await find(ctx, await ctx.site.meta.get('Slack Webhook URL'), input.webhook)
    const url = webhook && (await getSecret(ctx, 'Slack Webhook URL', input.webhook, 'webhook_url'))
    if (!url) throw new SlackRefused({ webhook: input.webhook, status: 0 })
    const link = `${siteAddress(ctx)}/app/${input.doctype.toLowerCase().replaceAll(' ', '-')}/${encodeURIComponent(input.name)}`
    const text = webhook.show_document_link === 1 ? `${input.text}\n${link}` : input.text
    const answer = await safeFetch(ctx.site, url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
      redirects: 0,
      signal: job.signal,
    })
    if (answer.status >= 300) throw new SlackRefused({ webhook: input.webhook, status: answer.status })
    return { status: answer.status }
  },
}

/** @returns what kept it from being set; undefined when there was nothing to set, or it is set */
async function setProperty(ctx: Context, rule: AnyDocument, document: AnyDocument): Promise<string | undefined> {
  const fieldname = String(rule.set_property_after_alert ?? '')
  const meta = await ctx.site.meta.get(document.doctype)
  const field = meta.field.get(fieldname)
  if (!field) return undefined
  try {
    await ctx.db.begin()
    await ctx.db.savepoint(async () => {
      const open = await openForWrite(ctx, document.doctype, String(document.name))
      const value = field.type.cast(rule.property_value ?? null, field, documentForm, fieldname)
      if (!sameValue(open[fieldname], value)) await save(ctx, open, { [fieldname]: value })
    })
    return undefined
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return error.message
  }
}
