import { Document } from '#kernel/documents/document.ts'
import { HistoryIsFixed } from '../../../errors.ts'

/** How a task stood to a sprint. A burndown is worth something only if nobody can change this. */
export default class SprintEvent extends Document {
  validate(_ctx: unknown, { before }: { before?: unknown } = {}): void {
    if (before) refuse()
  }

  before_change(): void {
    refuse()
  }

  before_rename(): void {
    refuse()
  }

  on_trash(): void {
    refuse()
  }
}

function refuse(): never {
  throw new HistoryIsFixed({ doctype: 'Sprint Event', field: 'name' })
}
