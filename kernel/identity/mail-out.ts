import type { Context } from '#kernel/context/context.ts'
import { sendMail } from '#kernel/mail/send-mail.ts'

export interface Mail {
  readonly to: string
  readonly subject: string
  /** Paragraphs of plain text; a line that is a link alone becomes one. */
  readonly paragraphs: readonly string[]
  /** The User it is about. */
  readonly user?: string
}

/** Puts a mail into the queue, in the caller's transaction: it is sent exactly if the change stands. It is kept with no document: it signs somebody in. */
export async function queueMail(ctx: Context, mail: Mail): Promise<void> {
  await sendMail(ctx.asSystem(`mail "${mail.subject}"${mail.user ? ` about ${mail.user}` : ''}`), {
    to: [mail.to],
    subject: mail.subject,
    html: mail.paragraphs.map(paragraph).join('\n'),
    automatic: 'auto-generated',
  })
}

function paragraph(text: string): string {
  const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
  return /^https?:\/\/\S+$/.test(text) ? `<p><a href="${safe}">${safe}</a></p>` : `<p>${safe}</p>`
}
