import { Document } from '#kernel/documents/document.ts'
import { EventIsFixed } from '../../../errors.ts'

/** What happened to a ticket. Deadlines that derive from it are worth something only if nobody can change it. */
export default class TicketEvent extends Document {
  validate(_ctx: unknown, { before }: { before?: unknown } = {}): void {
    if (before) throw new EventIsFixed({ field: 'name' })
  }

  before_change(): void {
    throw new EventIsFixed({ field: 'name' })
  }

  before_rename(): void {
    throw new EventIsFixed({ field: 'name' })
  }

  on_trash(): void {
    throw new EventIsFixed({ field: 'name' })
  }
}
