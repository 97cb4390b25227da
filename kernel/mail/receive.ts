import { Readable } from 'node:stream'
import { AppError } from '#client/rules/errors.ts'
import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { exists, find } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { sanitiseHtml } from '#kernel/fields/text/sanitise-html.ts'
import { setValue } from '#kernel/documents/values.ts'
import { receiveStream } from '#kernel/files/received-file.ts'
import { storeFile } from '#kernel/files/store-file.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { demandRate, RateLimitExceeded } from '#kernel/limits/rate-limit.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { escapeHtml } from '#kernel/templates/plain-text.ts'
import { renderTemplate } from '#kernel/templates/render.ts'
import { domainOf } from './addresses.ts'
import { takeReports } from './bounces.ts'
import { messageKey } from './message-ids.ts'
import type { IncomingAttachment, IncomingMail } from './read-mail.ts'
import { sendMail } from './send-mail.ts'
import { isOurOwn, type Thread, threadOf } from './threads.ts'

const received = sql.id('__Received_Mail')

/** Where a mail lies. */
export interface MailPlace {
  readonly folder: string
  readonly uidvalidity: number
  readonly uid: number
  /** DocType that the folder makes documents of; '' for none. */
  readonly appendTo: string
}

/** What became of a mail that came. */
export type MailOutcome = 'stored' | 'known' | 'own' | 'report' | 'no sender'

/**
 * Takes a mail that came to an Email Account, in the caller's transaction: once, however often it is read. It becomes a Communication, of the
 * document whose mail it answers or of a new one where the account makes documents.
 */
export async function receiveMail(ctx: Context, account: AnyDocument, mail: IncomingMail, place: MailPlace): Promise<MailOutcome> {
  await ctx.db.begin()
  if (await isKnown(ctx, account, mail)) return 'known'
  const { outcome, communication } = await take(ctx, account, mail, place)
  await note(ctx, account, mail.hash, place, outcome, communication)
  return outcome
}

/** Remembers that a mail was dealt with; by its bytes, since anybody may write any Message-ID into a mail. */
export async function note(
  ctx: Context,
  account: AnyDocument,
  mailHash: string,
  { folder, uidvalidity, uid }: MailPlace,
  outcome: string,
  communication = '',
): Promise<void> {
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`insert into ${received} (account, mail_hash, folder, uidvalidity, uid, received, outcome, communication)
      values (${account.name}, ${mailHash}, ${folder}, ${uidvalidity}, ${uid}, ${ctx.clock.now()}, ${outcome}, ${communication})`),
  )
}

async function isKnown(ctx: Context, account: AnyDocument, mail: IncomingMail): Promise<boolean> {
  const rows = await ctx.db.query(
    ctx.db.dialect.compile(sql`select uid from ${received} where account = ${account.name} and mail_hash = ${mail.hash}`),
  )
  return rows.length > 0
}

async function take(
  ctx: Context,
  account: AnyDocument,
  mail: IncomingMail,
  place: MailPlace,
): Promise<{ outcome: MailOutcome; communication?: string }> {
  if (mail.reports.length > 0 && (await takeReports(ctx, mail.reports)) > 0) return { outcome: 'report' }
  if (await isOurOwn(ctx, mail)) return { outcome: 'own' }
  if (!mail.from) return { outcome: 'no sender' }
  const isSpam = failsChecks(account, mail)
  const thread = isSpam ? undefined : await threadOf(ctx, mail)
  const about = (thread?.about && (await stillThere(ctx, thread.about))) || undefined
  const made = !about && !isSpam && !mail.isAutomatic ? await makeDocument(ctx, account, mail, place) : undefined
  const communication = await store(ctx, account, mail, place, { thread, about: about ?? made, isSpam })
  if (!mail.isAutomatic && !isSpam && !thread) await answerByItself(ctx, account, mail, communication, made)
  return { outcome: 'stored', communication: String(communication.name) }
}

/** Whether the mail server that the account trusts says that the sender is forged. Other servers' words, and the sender's own, do not count. */
function failsChecks(account: AnyDocument, mail: IncomingMail): boolean {
  const trusted = String(account.trusted_authserv_id ?? '').toLowerCase()
  if (trusted === '') return false
  // The last server to handle a mail writes on top: only the first header can be its word.
  const [server = '', ...results] = mail.header('authentication-results').toLowerCase().split(';')
  if (server.trim().split(/\s/)[0] !== trusted) return false
  return results.some((result) => /^\s*dmarc\s*=\s*fail\b/.test(result))
}

async function stillThere(ctx: Context, about: { doctype: string; name: string }): Promise<{ doctype: string; name: string } | undefined> {
  return (await ctx.site.meta.exists(about.doctype)) && (await exists(ctx, about.doctype, about.name)) ? about : undefined
}

interface Stored {
  thread: Thread | undefined
  about: { doctype: string; name: string } | undefined
  isSpam: boolean
}

async function store(
  ctx: Context,
  account: AnyDocument,
  mail: IncomingMail,
  place: MailPlace,
  { thread, about, isSpam }: Stored,
): Promise<AnyDocument> {
  const now = ctx.clock.now()
  const communication = await insert(ctx, 'Communication', {
    subject: mail.subject || '(no subject)',
    communication_medium: 'Email',
    communication_type: mail.isAutomatic ? 'Automated Message' : 'Communication',
    sent_or_received: 'Received',
    status: about ? 'Linked' : 'Open',
    email_status: isSpam ? 'Spam' : 'Open',
    sender: mail.from?.address,
    sender_full_name: mail.from?.name || mail.from?.address,
    recipients: mail.to.join(', ') || null,
    cc: mail.cc.join(', ') || null,
    content: withoutRemoteImages(mail.html),
    text_content: mail.text,
    // A date to come would stay on top of every list.
    communication_date: textOfInstant(mail.date !== undefined && mail.date < now ? Math.max(mail.date, 0) : now),
    reference_doctype: about?.doctype ?? null,
    reference_name: about?.name ?? null,
    email_account: account.name,
    in_reply_to: thread?.communication ?? null,
    message_id: mail.messageId || null,
    message_key: messageKey(mail.messageId) || null,
    imap_folder: place.folder,
    uid: place.uid,
    has_attachment: mail.attachments.length > 0 ? 1 : 0,
  })
  if (mail.attachments.length > 0) await storeAttachments(ctx, account, mail, communication, about)
  return communication
}

/** Images elsewhere tell their sender who reads, when and where: their addresses are kept aside (`data-src`) for a screen that asks first. */
function withoutRemoteImages(html: string): string {
  // Sanitised, every tag has one spelling.
  return sanitiseHtml(html).replaceAll(/(<img\b[^>]*\s)src="(?=(?:https?:)?\/\/)/gi, '$1data-src="')
}

/** Private Files of the document, else of the Communication. What is not kept is named in the text, so that nobody waits for it. */
async function storeAttachments(
  ctx: Context,
  account: AnyDocument,
  mail: IncomingMail,
  communication: AnyDocument,
  about: { doctype: string; name: string } | undefined,
): Promise<void> {
  const limit = Math.max(1, Number(account.attachment_limit || 25)) * 1024 * 1024
  const left: string[] = []
  const original = withoutRemoteImages(mail.html)
  let html = original
  for (const attachment of mail.attachments) {
    const reason =
      attachment.content.length > limit
        ? 'it is too large'
        : await keep(ctx, attachment, about ?? { doctype: 'Communication', name: String(communication.name) })
    if (typeof reason === 'string') left.push(`${attachment.name.slice(0, 140)} (${reason})`)
    else if (attachment.cid !== '') html = html.replaceAll(`cid:${attachment.cid}`, encodeURI(String(reason.file_url)))
  }
  if (left.length > 0) html += `<p><em>${escapeHtml(`Attachments that were not kept: ${left.join(', ')}`)}</em></p>`
  if (html !== original) await setValue(ctx, 'Communication', String(communication.name), { content: html })
}

/** @returns the File, or why it was not kept */
async function keep(ctx: Context, attachment: IncomingAttachment, to: { doctype: string; name: string }): Promise<AnyDocument | string> {
  try {
    const file = await receiveStream(ctx.site, Readable.from([attachment.content]), attachment.name)
    try {
      return await ctx.db.savepoint(() => storeFile(ctx, file, { isPrivate: true, attachedTo: to }))
    } finally {
      await file.finish(ctx.site, true)
    }
  } catch (error) {
    if (error instanceof AppError && error.status < 500) return error.message
    throw error
  }
}

/** A new document of a mail that answers nothing, on behalf of the account's user, with the rights of that user. */
async function makeDocument(
  ctx: Context,
  account: AnyDocument,
  mail: IncomingMail,
  place: MailPlace,
): Promise<{ doctype: string; name: string } | undefined> {
  const doctype = place.appendTo || String(account.append_to ?? '')
  if (doctype === '' || !account.append_as) return undefined
  const meta = await ctx.site.meta.get(doctype)
  const { subject_field, sender_field, sender_name_field, email_append_to } = meta.definition
  if (email_append_to !== 1 || typeof subject_field !== 'string') return undefined
  const values: Record<string, unknown> = { [subject_field]: (mail.subject || '(no subject)').slice(0, 140) }
  if (typeof sender_field === 'string' && sender_field !== '') values[sender_field] = mail.from?.address
  if (typeof sender_name_field === 'string' && sender_name_field !== '') values[sender_name_field] = mail.from?.name || mail.from?.address
  try {
    const as = ctx.as(await principalOf(ctx.site, String(account.append_as)))
    const document = await ctx.db.savepoint(() => insert(as, doctype, values))
    return { doctype, name: String(document.name) }
  } catch (error) {
    // The mail is kept without a document, for a person to look at.
    if (!(error instanceof AppError) || error.status >= 500) throw error
    ctx.site.log.warn({ err: error, account: account.name, doctype }, 'a mail could not become a document')
    return undefined
  }
}

/** One automatic answer per sender and day: two programs that answer each other stop at once. */
const answerRate = { limit: 1, windowMs: 86_400_000 }

async function answerByItself(
  ctx: Context,
  account: AnyDocument,
  mail: IncomingMail,
  communication: AnyDocument,
  about: { doctype: string; name: string } | undefined,
): Promise<void> {
  if (account.enable_auto_reply !== 1 || !account.auto_reply_message || !mail.from) return
  const { address, name } = mail.from
  if (await isOurAddress(ctx, address)) return
  try {
    await demandRate(ctx.site, `auto-reply:${account.name}:${address}`, answerRate)
  } catch (error) {
    if (RateLimitExceeded.is(error)) return
    throw error
  }
  const document = about && (await find(ctx, await ctx.site.meta.get(about.doctype), about.name))
  const doc = {
    name: document?.name ?? communication.name,
    doctype: document?.doctype ?? 'Communication',
    subject: mail.subject,
    sender: address,
    sender_name: name,
  }
  await sendMail(ctx, {
    to: [address],
    subject: mail.subject.toLowerCase().startsWith('re:') ? mail.subject : `Re: ${mail.subject}`,
    html: await renderTemplate(ctx, String(account.auto_reply_message), { doc }),
    from: String(account.email_id),
    automatic: 'auto-replied',
    ...(mail.messageId && { inReplyTo: mail.messageId }),
    ...(about && { about }),
  })
}

/** An account of the site itself: an answer to it would come back. */
async function isOurAddress(ctx: Context, address: string): Promise<boolean> {
  const meta = await ctx.site.meta.get('Email Account')
  const rows = await findRows(ctx, meta, where('email_id', '=', address), { fields: ['name'], limit: 1 })
  return rows.length > 0 || domainOf(address) === ctx.site.host
}
