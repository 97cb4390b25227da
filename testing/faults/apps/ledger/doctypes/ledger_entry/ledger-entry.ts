import type { Context } from '#kernel/context/context.ts'
import { type ChildFields, Document } from '#kernel/documents/document.ts'
import { insert } from '#kernel/documents/save.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { sendMail } from '#kernel/mail/send-mail.ts'
import { startSaga } from '#kernel/saga/start.ts'

interface LedgerEntryFields {
  client_ref: string
  amount: number
  wants: string | null
  rows: (ChildFields & { part: number })[]
}

/** What follows from an entry is caused in its own transaction: the job, the mail and the saga exist exactly if the entry does. */
export default class LedgerEntry extends Document<LedgerEntryFields> {
  async after_insert(ctx: Context): Promise<void> {
    const wants = (this.wants ?? '').split(' ')
    if (wants.includes('job')) await enqueue(ctx, 'ledger.apply', { entry: this.name, ref: this.client_ref })
    if (wants.includes('mail')) await sendMail(ctx, { to: [`${this.client_ref}@mail.test`], subject: this.client_ref, text: this.name })
    if (wants.includes('saga'))
      await startSaga(ctx, 'ledger-order', { entry: this.name, ref: this.client_ref }, { organization: 'Ledger House' })
  }

  /** Both sides of the posting, or neither. */
  async on_submit(ctx: Context): Promise<void> {
    const system = ctx.asSystem('postings follow from the entry')
    for (const amount of [this.amount, -this.amount]) await insert(system, 'Ledger Posting', { entry: this.name, amount })
  }
}
