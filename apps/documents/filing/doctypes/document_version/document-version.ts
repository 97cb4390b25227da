import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { RecordIsFixed } from '../../../errors.ts'
import { isInside } from '../../../inside.ts'

const refuse = (field: string): never => {
  throw new RecordIsFixed({ doctype: 'Document Version', field })
}

/** A document's bytes as they were. Written by the save that made them, and by nothing else. */
export default class DocumentVersion extends Document {
  validate(ctx: Context, { before }: { before?: unknown } = {}): void {
    if (before || !isInside(ctx, 'filing')) refuse('name')
  }

  before_change(): void {
    refuse('name')
  }

  before_rename(): void {
    refuse('new_name')
  }

  on_trash(): void {
    refuse('name')
  }
}
