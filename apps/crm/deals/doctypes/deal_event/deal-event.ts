import { Document } from '#kernel/documents/document.ts'
import { HistoryIsFixed } from '../../../errors.ts'

/** How a deal stood from a moment on. A forecast of the past is worth something only if nobody can change this. */
export default class DealEvent extends Document {
  validate(_ctx: unknown, { before }: { before?: unknown } = {}): void {
    if (before) throw new HistoryIsFixed({ doctype: 'Deal Event', field: 'name' })
  }

  before_change(): void {
    throw new HistoryIsFixed({ doctype: 'Deal Event', field: 'name' })
  }

  before_rename(): void {
    throw new HistoryIsFixed({ doctype: 'Deal Event', field: 'name' })
  }

  on_trash(): void {
    throw new HistoryIsFixed({ doctype: 'Deal Event', field: 'name' })
  }
}
