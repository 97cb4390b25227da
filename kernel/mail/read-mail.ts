import { hash } from 'node:crypto'
import type { Attachment, HeaderValue, ParsedMail } from 'mailparser'
import { isEmail } from '#client/rules/formats.ts'
import { htmlOfText, plainText } from '#kernel/templates/plain-text.ts'
import type { Address } from './addresses.ts'

/** A mail as it came, read. Nothing in it is trusted. */
export interface IncomingMail {
  /** SHA-256 of its bytes, base64url. */
  readonly hash: string
  readonly messageId: string
  /** Message-IDs it says it answers, the nearest first. */
  readonly answers: readonly string[]
  readonly from: Address | undefined
  readonly to: readonly string[]
  readonly cc: readonly string[]
  readonly subject: string
  /** As it came: to be sanitised by whoever stores it. */
  readonly html: string
  readonly text: string
  /** Milliseconds since 1970, as the sender says; undefined where it is nonsense. */
  readonly date: number | undefined
  readonly attachments: readonly IncomingAttachment[]
  /** Sent by a program: nothing answers it by itself. */
  readonly isAutomatic: boolean
  /** What a mail server reports of mails that we sent; empty for other mail. */
  readonly reports: readonly DeliveryReport[]
  header(name: string): string
}

export interface IncomingAttachment {
  readonly name: string
  readonly content: Buffer
  /** Content-ID without brackets; '' for none. */
  readonly cid: string
}

/** One recipient of a report (RFC 3464). */
export interface DeliveryReport {
  /** Message-ID of the mail that came back; '' where the report does not say. */
  readonly messageId: string
  readonly recipient: string
  readonly action: string
  /** Such as `5.1.1`. */
  readonly status: string
  readonly diagnostic: string
}

const mostAttachments = 100
const longestText = 1_000_000

/** Reads a mail. Broken ones are read as far as they go. */
export async function readMail(source: Buffer): Promise<IncomingMail> {
  // Loaded when the first mail comes.
  const { simpleParser } = await import('mailparser')
  const mail = await simpleParser(source, {
    // Its own ways from one to the other give up on deep HTML.
    skipTextToHtml: true,
    skipHtmlToText: true,
    skipImageLinks: true,
    keepCidLinks: true,
    keepDeliveryStatus: true,
    maxHtmlLengthToParse: longestText,
  } as object)
  const header = (name: string): string => textOfHeader(mail.headers.get(name)).slice(0, 2_000)
  const html = typeof mail.html === 'string' ? mail.html.slice(0, longestText) : ''
  const text = (mail.text || plainText(html)).slice(0, longestText)
  return {
    hash: hash('sha256', source, 'base64url'),
    messageId: (mail.messageId ?? '').slice(0, 900),
    answers: answersOf(mail),
    from: senderOf(mail),
    to: addressesOf(mail.to),
    cc: addressesOf(mail.cc),
    subject: (mail.subject ?? '')
      .replaceAll(/[\s\p{Cc}]+/gu, ' ')
      .trim()
      .slice(0, 500),
    html: html || htmlOfText(text),
    text,
    date: mail.date && !Number.isNaN(mail.date.getTime()) ? mail.date.getTime() : undefined,
    attachments: mail.attachments.filter(isKept).slice(0, mostAttachments).map(attachmentOf),
    isAutomatic: isAutomatic(header, mail),
    reports: reportsOf(mail),
    header,
  }
}

function answersOf(mail: ParsedMail): string[] {
  const references = typeof mail.references === 'string' ? [mail.references] : (mail.references ?? [])
  const all = [...(mail.inReplyTo ?? '').split(/\s+/), ...references.toReversed()]
  return [...new Set(all.filter((id) => id !== '' && id.length < 900))].slice(0, 50)
}

function senderOf(mail: ParsedMail): Address | undefined {
  const [first] = mail.from?.value ?? []
  const address = first?.address ?? ''
  if (!isEmail(address)) return undefined
  return {
    address: address.toLowerCase(),
    name: (first?.name ?? '')
      .replaceAll(/\p{Cc}/gu, ' ')
      .trim()
      .slice(0, 140),
  }
}

function addressesOf(field: ParsedMail['to']): string[] {
  const lists = Array.isArray(field) ? field : field ? [field] : []
  const found = lists.flatMap((list) => list.value.flatMap((one) => [one, ...(one.group ?? [])])).map((one) => one.address ?? '')
  return [...new Set(found.filter(isEmail))].slice(0, 500)
}

function textOfHeader(value: HeaderValue | undefined): string {
  if (value === undefined) return ''
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map((one) => textOfHeader(one as HeaderValue)).join(', ')
  if (value instanceof Date) return value.toISOString()
  if ('text' in value) return String(value.text)
  return 'value' in value ? String(value.value) : ''
}

function isKept(attachment: Attachment): boolean {
  return attachment.contentType !== 'message/delivery-status' && Buffer.isBuffer(attachment.content)
}

function attachmentOf(attachment: Attachment): IncomingAttachment {
  const extension = attachment.contentType === 'message/rfc822' ? '.eml' : ''
  return {
    name: attachment.filename || `attachment${extension}`,
    content: attachment.content,
    cid: (attachment.cid ?? attachment.contentId ?? '').replaceAll(/[<>]/g, ''),
  }
}

const robots = /^(mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?)(\+|@)/

/** By RFC 3834, and by what programs do that do not know it. */
function isAutomatic(header: (name: string) => string, mail: ParsedMail): boolean {
  const submitted = header('auto-submitted').toLowerCase()
  if (submitted !== '' && !submitted.startsWith('no')) return true
  if (/^(bulk|junk|list|auto_reply)$/i.test(header('precedence').trim())) return true
  for (const name of ['x-autoreply', 'x-autorespond', 'x-auto-response-suppress', 'list-id', 'list-unsubscribe', 'feedback-id'])
    if (mail.headers.has(name)) return true
  // The list headers arrive as one value.
  if (mail.headers.has('list')) return true
  if (/^<?\s*>?$/.test(header('return-path')) && mail.headers.has('return-path')) return true
  const from = mail.from?.value[0]?.address?.toLowerCase() ?? ''
  return robots.test(from) || header('content-type').toLowerCase().startsWith('multipart/report')
}

function reportsOf(mail: ParsedMail): DeliveryReport[] {
  const status = mail.attachments.find((one) => one.contentType === 'message/delivery-status')
  if (!status) return []
  const original = mail.attachments.find((one) => /^(message\/rfc822|text\/rfc822-headers|message\/global)/.test(one.contentType))
  const head =
    original?.content
      .subarray(0, 64 * 1024)
      .toString('latin1')
      .split(/\r?\n\r?\n/)[0] ?? ''
  const messageId = /^message-id:\s*(<[^>\s]{1,900}>)/im.exec(head)?.[1] ?? ''
  const blocks = status.content
    .subarray(0, 256 * 1024)
    .toString('utf8')
    .split(/\r?\n\s*\r?\n/)
  return blocks.slice(0, 500).flatMap((block) => {
    const field = (name: string): string => new RegExp(`^${name}:[ \\t]*(.*(?:\\r?\\n[ \\t].*)*)`, 'im').exec(block)?.[1]?.trim() ?? ''
    const recipient = (field('Final-Recipient') || field('Original-Recipient')).replace(/^[^;]*;\s*/, '').toLowerCase()
    if (recipient === '') return []
    return [
      {
        messageId,
        recipient,
        action: field('Action').toLowerCase(),
        status: /\d\.\d{1,3}\.\d{1,3}/.exec(field('Status'))?.[0] ?? '',
        diagnostic: field('Diagnostic-Code').replaceAll(/\s+/g, ' ').slice(0, 500),
      },
    ]
  })
}
