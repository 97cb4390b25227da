import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { documentAbout } from '../../../collaboration/about.ts'

interface CommunicationFields {
  sent_or_received: 'Sent' | 'Received'
  sender: string | null
  sender_full_name: string | null
  reference_doctype: string | null
  reference_name: string | null
  message_id: string | null
  message_key: string | null
  in_reply_to: string | null
  delivery_status: string | null
  email_account: string | null
  user: string | null
}

/** What came from outside, or marks a mail as ours, is not a caller's to write: a forged Message-ID would let strangers into a thread. */
const ours = ['message_id', 'message_key', 'in_reply_to', 'delivery_status', 'email_account'] as const

/** A mail or talk with somebody. Whoever notes one must be able to read the document it is about. */
export default class Communication extends Document<CommunicationFields> {
  async before_insert(ctx: Context): Promise<void> {
    if (this.reference_doctype && this.reference_name) await documentAbout(ctx, this.reference_doctype, this.reference_name, 'read')
    if (ctx.user.unrestricted) return
    for (const field of ours) this[field] = null
    this.sent_or_received = 'Sent'
    this.sender = ctx.user.name.includes('@') ? ctx.user.name : null
    this.sender_full_name = ctx.user.fullName
    this.user = ctx.user.name
  }

  async validate(ctx: Context, { before }: { before?: CommunicationFields } = {}): Promise<void> {
    if (!before || ctx.user.unrestricted) return
    for (const field of ours) this[field] = before[field] as null
    this.sent_or_received = before.sent_or_received
    this.sender = before.sender
    this.user = before.user
    const hasMoved = before.reference_doctype !== this.reference_doctype || before.reference_name !== this.reference_name
    if (hasMoved && this.reference_doctype && this.reference_name)
      await documentAbout(ctx, this.reference_doctype, this.reference_name, 'read')
  }
}
