import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { Document } from '#kernel/documents/document.ts'

/** Something to be done for a client. */
export default class CareTask extends Document<{ status: string; done_at: string | null }> {
  validate(ctx: Context): void {
    this.done_at = this.status === 'Done' ? (this.done_at ?? nowText(ctx)) : null
  }
}
