import { Readable } from 'node:stream'
import type { Context } from '#kernel/context/context.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import { find } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { fileSizeLimit, receiveStream } from '#kernel/files/received-file.ts'
import { mayReadFile, type FileFacts } from '#kernel/files/file-access.ts'
import { storeFile } from '#kernel/files/store-file.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { demandPrint, type PrintRequest } from '#kernel/print/print-document.ts'
import { htmlOfText, plainText } from '#kernel/templates/plain-text.ts'
import { type Address, readAddress, readAddresses, sameKey } from './addresses.ts'
import { AttachmentRefused, BadMail, MailTooLarge } from './errors.ts'
import { localImages } from './local-images.ts'
import { messageKey, newMessageId } from './message-ids.ts'
import { answerAddress, type OutgoingServer, outgoingServer } from './outgoing-server.ts'
import { refusedAddresses } from './refusals.ts'

/**
 * What a mail carries: a File by name, bytes, or a document, which is printed as PDF when the mail is sent, with the rights that the acting
 * user has then.
 */
export type MailAttachment = { file: string } | { filename: string; content: Uint8Array; type?: string } | { print: PrintRequest }

/** A mail to be sent. Addresses are bare or `Name <address>`. */
export interface OutgoingMail {
  to: readonly string[]
  cc?: readonly string[]
  bcc?: readonly string[]
  subject: string
  /** Its plain-text form is made from it. */
  html?: string
  /** Used where there is no `html`. */
  text?: string
  /** An outgoing account's address sends from there; any other becomes the address for answers, since servers refuse forged senders. */
  from?: string
  replyTo?: string
  /** Message-ID of the mail that this one answers. */
  inReplyTo?: string
  attachments?: readonly MailAttachment[]
  /**
   * Images of the site that the text shows go along, as far as the acting user may see them. Only for texts that this user wrote: an
   * elevated context would send whatever file somebody else's text names.
   */
  embedsImages?: boolean
  /** The document it belongs to: kept there as a Communication, and answers find their way back. */
  about?: { doctype: string; name: string }
  sendAfter?: Date
  /** To many who do not know each other: one mail each, with a link to unsubscribe. */
  isBulk?: boolean
  /** No person wrote it: programs that answer mail leave it alone. */
  automatic?: 'auto-generated' | 'auto-replied'
  /** Email Template it was made with, for the record. */
  template?: string
}

const longestSubject = 500
const longestBody = 5_000_000

/** Bytes of attachments that a mail may have. */
export const largestMail = 25 * 1024 * 1024

/**
 * Puts a mail into the queue in the caller's transaction: it is sent exactly if the change stands, and by a job. Whoever calls has
 * checked that the user may write to these people; the right to the attached files is checked here. Without a mail server it is kept
 * in the outbox.
 * @returns name of the Email Queue document
 * @throws BadMail, MailTooLarge, AttachmentRefused; for prints as `demandPrint`
 */
export async function sendMail(ctx: Context, mail: OutgoingMail): Promise<string> {
  const subject = mail.subject.replaceAll(/\s+/g, ' ').trim()
  if (subject.length > longestSubject)
    throw new BadMail({ field: 'subject', reason: `its subject has more than ${longestSubject} characters.` })
  const html = mail.html ?? htmlOfText(mail.text ?? '')
  if (html.length > longestBody) throw new BadMail({ field: 'html', reason: 'its text is too long.' })
  const recipients = readRecipients(mail)
  const from = mail.from ? readAddress(mail.from, 'from') : undefined
  const server = await outgoingServer(ctx, { from: from?.address })
  const kept = server === undefined
  const sender: Address = server ?? { address: from?.address ?? `no-reply@${ctx.site.host}`, name: from?.name ?? '' }
  const messageId = newMessageId(sender.address)
  const references = await checkedFiles(ctx, mail, html)
  const system = ctx.asSystem(`mail "${subject.slice(0, 100)}"`)
  const replyTo = mail.replyTo ? readAddress(mail.replyTo, 'replyTo').address : await answersTo(ctx, server, from)
  const communication = mail.about && (await record(system, mail, { subject, html, recipients, sender: from ?? sender, messageId, kept }))
  const refused = await refusedAddresses(
    ctx,
    recipients.map((one) => one.address),
    { isBulk: mail.isBulk === true, about: mail.about },
  )
  const rows = recipients.map((one) => {
    const reason = refused.get(sameKey(one.address))
    return { recipient: one.address, kind: one.kind, status: reason ? 'Error' : kept ? 'Kept' : 'Not Sent', error: reason ?? null }
  })
  const isDue = !kept && rows.some((row) => row.status === 'Not Sent')
  const queue = await insert(system, 'Email Queue', {
    sender: shown({ address: sender.address, name: from?.name || sender.name }),
    recipients: rows,
    subject,
    message: html,
    status: isDue ? 'Not Sent' : kept ? 'Kept' : 'Error',
    ...(!isDue && !kept && { error: 'Nobody is left to send it to.' }),
    message_id: messageId,
    message_key: messageKey(messageId),
    email_account: server?.account ?? null,
    reply_to: replyTo,
    in_reply_to: cleanIds(mail.inReplyTo),
    attachments: attachmentsText(ctx, mail, references),
    is_bulk: mail.isBulk ? 1 : 0,
    add_unsubscribe_link: mail.isBulk ? 1 : 0,
    auto_submitted: mail.automatic ?? null,
    send_after: mail.sendAfter ? textOfInstant(mail.sendAfter.getTime()) : null,
    communication: communication ?? null,
    ...(mail.about && { reference_doctype: mail.about.doctype, reference_name: mail.about.name }),
  })
  const name = String(queue.name)
  await attachBytes(system, mail, name, references)
  if (isDue) await enqueueMail(system, name, mail.sendAfter ? Math.max(0, mail.sendAfter.getTime() - ctx.clock.now()) : 0)
  return name
}

/** Asks a worker to send a mail of the queue; asked twice, it is one job. */
export async function enqueueMail(ctx: Context, name: string, delayMs = 0): Promise<void> {
  await enqueue(ctx, 'core.send-mail', { queue: name }, { key: `mail:${name}`, delayMs: Math.min(delayMs, 365 * 86_400_000) })
}

interface Recipient extends Address {
  readonly kind: 'To' | 'Cc' | 'Bcc'
}

/** Who gets it; somebody who is named twice gets it once. @throws BadMail */
function readRecipients(mail: OutgoingMail): Recipient[] {
  const fields = [
    ['To', mail.to, 'to'],
    ['Cc', mail.cc, 'cc'],
    ['Bcc', mail.bcc, 'bcc'],
  ] as const
  const found = new Map<string, Recipient>()
  for (const [kind, texts, field] of fields)
    for (const address of readAddresses(texts, field))
      if (!found.has(sameKey(address.address))) found.set(sameKey(address.address), { ...address, kind })
  if (found.size === 0) throw new BadMail({ field: 'to', reason: 'it names nobody.' })
  return [...found.values()]
}

/** Answers go to the person who wrote, where that is not the sending account itself; else to the mailbox that is read. */
async function answersTo(ctx: Context, server: OutgoingServer | undefined, from: Address | undefined): Promise<string | null> {
  if (from && server && sameKey(from.address) !== sameKey(server.address)) return (await answerAddress(ctx)) || from.address
  const answers = await answerAddress(ctx)
  return answers !== '' && sameKey(answers) !== sameKey(server?.address ?? '') ? answers : null
}

/** Names of the Files that it carries, those its text shows included. @throws AttachmentRefused, MailTooLarge */
async function checkedFiles(ctx: Context, mail: OutgoingMail, html: string): Promise<string[]> {
  const meta = await ctx.site.meta.get('File')
  const names: string[] = []
  let size = 0
  for (const [index, attachment] of (mail.attachments ?? []).entries()) {
    const field = `attachments[${index}]`
    if ('content' in attachment) size += attachment.content.byteLength
    else if ('print' in attachment) await demandPrint(ctx, attachment.print)
    else {
      const file = await find(ctx, meta, attachment.file)
      if (!file || file.is_folder || !(await mayReadFile(ctx, file as unknown as FileFacts)))
        throw new AttachmentRefused({ field, file: attachment.file.slice(0, 140) })
      size += Number(file.file_size ?? 0)
      names.push(String(file.name))
    }
    if (size > Math.min(largestMail, fileSizeLimit(ctx.site))) throw new MailTooLarge({ field, limit: largestMail })
  }
  for (const image of mail.embedsImages ? await localImages(ctx, html) : []) {
    size += image.size
    if (size <= largestMail && !names.includes(image.file)) names.push(image.file)
  }
  return names
}

/** Bytes become private Files that belong to the queued mail. */
async function attachBytes(ctx: Context, mail: OutgoingMail, queue: string, references: string[]): Promise<void> {
  const added: string[] = []
  for (const attachment of mail.attachments ?? []) {
    if (!('content' in attachment)) continue
    const received = await receiveStream(ctx.site, Readable.from([Buffer.from(attachment.content)]), attachment.filename)
    try {
      const file = await storeFile(ctx, received, { isPrivate: true, attachedTo: { doctype: 'Email Queue', name: queue } })
      added.push(String(file.name))
    } finally {
      await received.finish(ctx.site, true)
    }
  }
  if (added.length === 0) return
  const { setValue } = await import('#kernel/documents/values.ts')
  await setValue(ctx, 'Email Queue', queue, { attachments: attachmentsText(ctx, mail, [...references, ...added]) })
}

/** Files by name, and prints with the user whose rights they are made with. */
function attachmentsText(ctx: Context, { attachments = [] }: OutgoingMail, files: readonly string[]): string {
  const prints = attachments.flatMap((one) => ('print' in one ? [{ print: one.print, user: ctx.user.name }] : []))
  return JSON.stringify([...files.map((fid) => ({ fid })), ...prints])
}

interface Recorded {
  subject: string
  html: string
  recipients: readonly Recipient[]
  sender: Address
  messageId: string
  kept: boolean
}

async function record(ctx: Context, mail: OutgoingMail, known: Recorded): Promise<string> {
  const list = (kind: Recipient['kind']) =>
    known.recipients
      .filter((one) => one.kind === kind)
      .map(shown)
      .join(', ') || null
  const communication = await insert(ctx, 'Communication', {
    subject: known.subject || '(no subject)',
    communication_medium: 'Email',
    communication_type: mail.automatic ? 'Automated Message' : 'Communication',
    sent_or_received: 'Sent',
    status: 'Linked',
    sender: known.sender.address,
    sender_full_name: known.sender.name || null,
    recipients: mail.isBulk ? null : list('To'),
    cc: mail.isBulk ? null : list('Cc'),
    bcc: mail.isBulk ? null : list('Bcc'),
    content: known.html,
    text_content: plainText(known.html),
    reference_doctype: mail.about?.doctype,
    reference_name: mail.about?.name,
    message_id: known.messageId,
    message_key: messageKey(known.messageId),
    delivery_status: known.kept ? null : 'Sending',
    has_attachment: mail.attachments?.length ? 1 : 0,
    email_template: mail.template ?? null,
    user: ctx.user.name,
  })
  return String(communication.name)
}

/** As it stands in a header or a list. */
function shown({ address, name }: Address): string {
  return name === '' ? address : `"${name.replaceAll(/["\\]/g, '')}" <${address}>`
}

/** A Message-ID without anything that could begin another header. */
function cleanIds(id: string | undefined): string | null {
  const match = /^<?([^\s<>\p{Cc}]{1,900})>?$/u.exec(id?.trim() ?? '')
  return match ? `<${match[1]}>` : null
}
