import type { SendMailOptions } from 'nodemailer'
import { AppError } from '#client/rules/errors.ts'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { placeOf } from '#kernel/files/file-names.ts'
import { fileStoreOf } from '#kernel/files/file-store.ts'
import { principalOf } from '#kernel/identity/principals.ts'
import { siteAddress } from '#kernel/identity/users.ts'
import { type PrintRequest, printPdf } from '#kernel/print/print-document.ts'
import { escapeHtml, plainText } from '#kernel/templates/plain-text.ts'
import { readAddress } from './addresses.ts'
import { portableHtml } from './local-images.ts'
import type { OutgoingServer } from './outgoing-server.ts'
import { unsubscribeLinks } from './refusals.ts'

/** A queued mail as it goes to the server, for the given recipients. */
export interface Envelope {
  readonly recipients: readonly string[]
  readonly options: SendMailOptions
}

/** A mail of the queue with its attachments, read once for all its recipients. */
export interface QueuedMail {
  readonly queue: AnyDocument
  readonly files: readonly { name: string; content: Buffer; type: string | undefined; url: string }[]
}

export async function readQueued(ctx: Context, queue: AnyDocument): Promise<QueuedMail> {
  const meta = await ctx.site.meta.get('File')
  const store = fileStoreOf(ctx.site)
  const files: QueuedMail['files'][number][] = []
  for (const { fid, print, user } of JSON.parse(String(queue.attachments || '[]')) as StoredAttachment[]) {
    if (print) {
      const content = await printed(ctx, print, user ?? '')
      if (content)
        files.push({
          name: `${print.name.replaceAll(/[^\p{L}\p{N} ._-]+/gu, '-').slice(0, 120)}.pdf`,
          content,
          type: 'application/pdf',
          url: '',
        })
      continue
    }
    if (!fid) continue
    const file = await find(ctx, meta, fid)
    const place = placeOf(String(file?.file_url ?? ''))
    // Deleted since: the mail goes without it, as the sender wished it to be gone.
    if (!file || !place || !(await store.stat(place))) continue
    const content = Buffer.concat(await Array.fromAsync(store.read(place) as AsyncIterable<Buffer>))
    files.push({
      name: String(file.file_name),
      content,
      type: (file.content_type as string | null) ?? undefined,
      url: String(file.file_url),
    })
  }
  return { queue, files }
}

/** What `attachments` of a queued mail holds. */
interface StoredAttachment {
  readonly fid?: string
  readonly print?: PrintRequest
  readonly user?: string
}

/** A document as its sender may print it now; undefined when it is gone or closed to them. What fails otherwise is tried again with the mail. */
async function printed(ctx: Context, request: PrintRequest, user: string): Promise<Buffer | undefined> {
  try {
    return Buffer.from(await printPdf(ctx.as(await principalOf(ctx, user)), request))
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error
    ctx.site.log.warn(
      { err: error, doctype: request.doctype },
      'a document is not attached to a mail: its sender may not print it any more',
    )
    return undefined
  }
}

/** @param addressed who stands in To and Cc: everybody, or, in mail to many, the one recipient */
export function compose(
  ctx: Context,
  { queue, files }: QueuedMail,
  server: OutgoingServer,
  recipients: readonly string[],
  addressed: readonly { recipient: string; kind: string }[],
): Envelope {
  const written = String(queue.message ?? '')
  const carried = new Map(files.map((file, index) => [file.url, `image${index}.${String(queue.name)}`]))
  const shownInText = new Set(
    files.filter((file) => file.url !== '' && (written.includes(file.url) || written.includes(encodeURI(file.url)))),
  )
  const unsubscribing = queue.is_bulk === 1 ? linksFor(ctx, queue, recipients[0] ?? '') : undefined
  const body = portableHtml(written, siteAddress(ctx), carried)
  const html = wrapped(body, server.footer, unsubscribing?.page)
  const of = (kind: string) => addressed.filter((one) => one.kind === kind).map((one) => one.recipient)
  const options: SendMailOptions = {
    envelope: { from: server.address, to: [...recipients] },
    from: { address: server.address, name: nameOf(queue, server) },
    to: of('To'),
    cc: of('Cc'),
    subject: String(queue.subject ?? ''),
    html,
    text: plainText(html),
    messageId: String(queue.message_id),
    date: new Date(ctx.clock.now()),
    ...(queue.reply_to ? { replyTo: String(queue.reply_to) } : {}),
    ...(queue.in_reply_to ? { inReplyTo: String(queue.in_reply_to), references: String(queue.in_reply_to) } : {}),
    headers: {
      ...(queue.auto_submitted ? { 'Auto-Submitted': String(queue.auto_submitted), 'X-Auto-Response-Suppress': 'All' } : {}),
      ...(unsubscribing && {
        'List-Unsubscribe': `<${unsubscribing.oneClick}>`,
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
        Precedence: 'bulk',
      }),
    },
    attachments: files.map((file) => ({
      filename: file.name,
      content: file.content,
      contentType: file.type,
      ...(shownInText.has(file) && { cid: carried.get(file.url), contentDisposition: 'inline' as const }),
    })),
  }
  return { recipients, options }
}

function nameOf(queue: AnyDocument, server: OutgoingServer): string {
  const sender = String(queue.sender ?? '')
  return (sender === '' ? '' : readAddress(sender, 'sender').name) || server.name
}

function linksFor(ctx: Context, queue: AnyDocument, email: string): { page: string; oneClick: string } {
  const [doctype, name] = [queue.reference_doctype, queue.reference_name]
  return unsubscribeLinks(ctx, { email, ...(doctype && name ? { doctype: String(doctype), name: String(name) } : {}) })
}

function wrapped(body: string, footer: string, unsubscribePage: string | undefined): string {
  const link = unsubscribePage ? `<p style="font-size:12px;color:#667"><a href="${escapeHtml(unsubscribePage)}">Unsubscribe</a></p>` : ''
  const whole = `${body}${footer === '' ? '' : `<div>${footer}</div>`}${link}`
  if (/<html[\s>]/i.test(body)) return whole
  return `<!doctype html>\n<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>\n<body>${whole}</body></html>\n`
}
