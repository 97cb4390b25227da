import type { Context } from '#kernel/context/context.ts'
import { insert } from '#kernel/documents/save.ts'

export interface Mail {
  readonly to: string
  readonly subject: string
  /** Paragraphs of plain text; a line that is a link alone becomes one. */
  readonly paragraphs: readonly string[]
  /** The User it is about. */
  readonly user?: string
}

/** Puts a mail into the outbox, in the caller's transaction: it is sent exactly if the change stands. */
export async function queueMail(ctx: Context, mail: Mail): Promise<void> {
  await insert(ctx.asSystem(`mail "${mail.subject}"`), 'Email Queue', {
    recipients: [{ recipient: mail.to, status: 'Not Sent' }],
    subject: mail.subject,
    message: mail.paragraphs.map(paragraph).join('\n'),
    status: 'Not Sent',
    ...(mail.user && { reference_doctype: 'User', reference_name: mail.user }),
  })
}

function paragraph(text: string): string {
  const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
  return /^https?:\/\/\S+$/.test(text) ? `<p><a href="${safe}">${safe}</a></p>` : `<p>${safe}</p>`
}
