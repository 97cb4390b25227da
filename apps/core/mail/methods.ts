import { Type } from 'typebox'
import { exists, find, getDocument } from '#kernel/documents/load.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { insert, openForWrite } from '#kernel/documents/save.ts'
import { demandRate } from '#kernel/limits/rate-limit.ts'
import { sameKey, splitAddresses } from '#kernel/mail/addresses.ts'
import { readUnsubscribeToken, refusedAddresses, unsubscribe } from '#kernel/mail/refusals.ts'
import { enqueueMail, sendMail } from '#kernel/mail/send-mail.ts'
import { readDocumentInput, readListInput } from '#kernel/methods/document-input.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { checkedPerDocument, defineMethod, guests, type Method, roles } from '#kernel/methods/method.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import type { PrintRequest } from '#kernel/print/print-document.ts'
import { templateData } from '#kernel/templates/template-data.ts'
import { renderTemplate } from '#kernel/templates/render.ts'
import { documentAbout } from '../collaboration/about.ts'

const text = Type.Optional(Type.String())
const flag = Type.Optional(Type.Boolean())
const any = Type.Optional(Type.Unknown())
/** Mails that one user may have sent in an hour. */
const mailsPerUser = { limit: 300, windowMs: 3_600_000 }
const makePath = 'frappe.core.doctype.communication.email.make'

const make = defineMethod({
  path: makePath,
  summary: 'Notes a communication about a document, and sends it as a mail where `send_email` is set.',
  verbs: ['POST', 'PUT'],
  input: Type.Object({
    doctype: text,
    name: text,
    content: text,
    subject: text,
    sender: text,
    sender_full_name: text,
    recipients: any,
    cc: any,
    bcc: any,
    communication_medium: text,
    send_email: flag,
    send_me_a_copy: flag,
    attachments: any,
    print_html: text,
    print_format: text,
    print_letterhead: flag,
    print_language: text,
    email_template: text,
    in_reply_to: text,
    send_after: text,
  }),
  rule: checkedPerDocument('the right to mail the document is demanded; without a document, System Manager or Inbox User'),
  handler: async (ctx, given) => {
    const about = await aboutOf(ctx, given)
    if (!given.send_email) return { name: await noteTalk(ctx, given, about), emails_not_sent_to: null }
    const print = printOf(given, about)
    await demandRate(ctx.site, `mail-from:${ctx.user.name}`, mailsPerUser)
    const own = ctx.user.name.includes('@') ? `"${ctx.user.fullName.replaceAll('"', '')}" <${ctx.user.name}>` : undefined
    const queue = await sendMail(ctx, {
      to: addresses(given.recipients),
      cc: [...addresses(given.cc), ...(given.send_me_a_copy && own ? [own] : [])],
      bcc: addresses(given.bcc),
      subject: given.subject ?? '',
      html: given.content ?? '',
      attachments: [...attachmentsOf(given.attachments), ...(print ? [{ print }] : [])],
      embedsImages: true,
      ...(own && { from: own }),
      ...(about && { about }),
      ...(given.in_reply_to && (await answered(ctx, given.in_reply_to, about))),
      ...(given.email_template && { template: given.email_template }),
      ...(given.send_after && { sendAfter: instant(given.send_after) }),
    })
    const sent = await find(ctx, await ctx.site.meta.get('Email Queue'), queue)
    const refused = ((sent?.recipients ?? []) as unknown as { recipient: string; status: string }[]).filter((row) => row.status === 'Error')
    return { name: sent?.communication ?? queue, emails_not_sent_to: refused.map((row) => row.recipient).join(', ') || null }
  },
})

/** The document that the mail is about as PDF, where a format is named. What a screen drew of it is not taken: it could show anything. */
function printOf(
  given: { print_html?: string; print_format?: string; print_letterhead?: boolean; print_language?: string },
  about: { doctype: string; name: string } | undefined,
): PrintRequest | undefined {
  if (!given.print_html && !given.print_format) return undefined
  if (!about) throw new BadInput({ method: makePath, field: 'print_format', reason: 'needs a document' })
  return {
    ...about,
    ...(given.print_format && { format: given.print_format }),
    ...(given.print_letterhead === false && { letterHead: false as const }),
    ...(given.print_language && { language: given.print_language }),
  }
}

/** The document that a mail is about, if the user may mail it. */
async function aboutOf(ctx: Context, given: { doctype?: string; name?: string }): Promise<{ doctype: string; name: string } | undefined> {
  if (given.doctype && given.name) {
    await documentAbout(ctx, given.doctype, given.name, 'read')
    await documentAbout(ctx, given.doctype, given.name, 'email')
    return { doctype: given.doctype, name: given.name }
  }
  if (!ctx.user.unrestricted && !ctx.user.roles.has('System Manager') && !ctx.user.roles.has('Inbox User'))
    throw new BadInput({ method: makePath, field: 'name', reason: 'is needed: a mail must be about a document' })
  return undefined
}

async function noteTalk(
  ctx: Context,
  given: { subject?: string; content?: string; communication_medium?: string; recipients?: unknown },
  about: { doctype: string; name: string } | undefined,
): Promise<string> {
  const communication = await insert(ctx, 'Communication', {
    subject: given.subject || '(no subject)',
    content: given.content ?? '',
    communication_medium: given.communication_medium || 'Email',
    recipients: addresses(given.recipients).join(', ') || null,
    status: about ? 'Linked' : 'Open',
    ...(about && { reference_doctype: about.doctype, reference_name: about.name }),
  })
  return String(communication.name)
}

/** The Message-ID of the Communication that is answered: one about the same document, or one that the user may read. */
async function answered(ctx: Context, name: string, about: { doctype: string; name: string } | undefined): Promise<{ inReplyTo?: string }> {
  const communication = await find(ctx, await ctx.site.meta.get('Communication'), name)
  const isSame = about && communication?.reference_doctype === about.doctype && communication.reference_name === about.name
  const found = isSame ? communication : await getDocument(ctx, 'Communication', name)
  return found.message_id ? { inReplyTo: String(found.message_id) } : {}
}

/** A list, its JSON, or addresses with commas between. */
function addresses(given: unknown): string[] {
  if (given === undefined || given === null || given === '') return []
  if (typeof given === 'string' && !given.trim().startsWith('[')) return splitAddresses(given)
  return readListInput(makePath, given, 'recipients', 500).map(String)
}

function attachmentsOf(given: unknown): { file: string }[] {
  if (given === undefined || given === null || given === '') return []
  return readListInput(makePath, given, 'attachments', 50).map((one, index) => {
    const file =
      typeof one === 'string' ? one : ((one as { fid?: unknown; name?: unknown } | null)?.fid ?? (one as { name?: unknown } | null)?.name)
    if (typeof file !== 'string')
      throw new BadInput({ method: makePath, field: `attachments[${index}]`, reason: 'must be the name of a File' })
    return { file }
  })
}

function instant(given: string): Date {
  const date = new Date(/[zZ]|[+-]\d\d:?\d\d$/.test(given) ? given : `${given.replace(' ', 'T')}Z`)
  if (Number.isNaN(date.getTime())) throw new BadInput({ method: makePath, field: 'send_after', reason: 'must be a time' })
  return date
}

const fillTemplate = defineMethod({
  path: 'frappe.email.doctype.email_template.email_template.get_email_template',
  summary: 'Subject and text of an Email Template, filled in with a document as the user may read it.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ template_name: Type.String({ minLength: 1, maxLength: 140 }), doc: any }),
  rule: checkedPerDocument('the right to read the template and the document is demanded'),
  handler: async (ctx, { template_name, doc }) => {
    const template = await getDocument(ctx, 'Email Template', template_name)
    const data = doc === undefined ? {} : await dataFor(ctx, doc)
    const values = { ...data, doc: data }
    const source = String((template.use_html === 1 ? template.response_html : template.response) ?? '')
    return {
      subject: (await renderTemplate(ctx, String(template.subject ?? ''), values, { escape: 'none' })).replaceAll(/\s+/g, ' ').trim(),
      message: await renderTemplate(ctx, source, values),
    }
  },
})

/** A stored document as its reader may see it; one that is not stored yet is what the caller wrote. */
async function dataFor(ctx: Context, given: unknown): Promise<Record<string, unknown>> {
  const document = readDocumentInput('frappe.email.doctype.email_template.email_template.get_email_template', given, 'doc')
  const { doctype, name } = document
  const meta = await ctx.site.meta.get(doctype)
  if (typeof name === 'string' && name !== '' && (await exists(ctx, meta.name, name)))
    return templateData(ctx, await getDocument(ctx, meta.name, name))
  const access = await fieldAccess(ctx, meta)
  return Object.fromEntries(
    Object.entries(document).filter(([key]) => !meta.field.has(key) || access.canRead(meta.field.get(key) as never)),
  )
}

const retry = defineMethod({
  path: 'frappe.email.doctype.email_queue.email_queue.retry_sending',
  summary: 'Sends mails of the queue again to those who have not got them.',
  verbs: ['POST', 'PUT'],
  input: Type.Object({ queues: Type.Unknown() }),
  rule: roles('System Manager'),
  handler: async (ctx, { queues }) => {
    const path = 'frappe.email.doctype.email_queue.email_queue.retry_sending'
    const names = readListInput(path, typeof queues === 'string' && !queues.startsWith('[') ? [queues] : queues, 'queues', 500).map(String)
    for (const name of names) await sendAgain(ctx, name)
    return names.length
  },
})

const sendNow = defineMethod({
  path: 'frappe.email.doctype.email_queue.email_queue.send_now',
  summary: 'Sends a mail of the queue at once.',
  verbs: ['POST', 'PUT'],
  input: Type.Object({ name: Type.String({ minLength: 1, maxLength: 140 }) }),
  rule: roles('System Manager'),
  handler: (ctx, { name }) => sendAgain(ctx, name),
})

async function sendAgain(ctx: Context, name: string): Promise<undefined> {
  const system = ctx.asSystem('sends a mail again that a System Manager chose')
  const queue = await openForWrite(system, 'Email Queue', name)
  if (queue.status === 'Sent') return undefined
  const run = (fragment: ReturnType<typeof sql>) => ctx.db.execute(ctx.db.dialect.compile(fragment))
  await run(
    sql`update ${ident('tabEmail Queue')} set status = ${'Not Sent'}, retry = 0, error = null, send_after = null where name = ${name}`,
  )
  const rows = (queue.recipients as unknown as { name: string; recipient: string; status: string }[]).filter((row) => row.status !== 'Sent')
  const refused = await refusedAddresses(
    ctx,
    rows.map((row) => row.recipient),
    { isBulk: queue.is_bulk === 1 },
  )
  for (const row of rows.filter((one) => !refused.has(sameKey(one.recipient))))
    await run(sql`update ${ident('tabEmail Queue Recipient')} set status = ${'Not Sent'}, error = null where name = ${row.name}`)
  await enqueueMail(ctx, name)
  return undefined
}

const stopMails = defineMethod({
  path: 'orchestrator.mail.unsubscribe',
  summary: 'Takes the address of a link to unsubscribe off mail to many. Mail programs call it at a click.',
  verbs: ['POST'],
  input: Type.Object({ token: Type.String({ minLength: 1, maxLength: 2_000 }) }),
  rule: guests,
  handler: async (ctx, { token }) => {
    const what = readUnsubscribeToken(ctx, token)
    await unsubscribe(ctx, what)
    return { email: sameKey(what.email) }
  },
})

/** Writing mail, filling in its templates, and getting rid of it. */
export const mailMethods: readonly Method[] = [make, fillTemplate, retry, sendNow, stopMails]
