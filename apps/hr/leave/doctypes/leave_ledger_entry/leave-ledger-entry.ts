import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { LedgerIsFixed } from '../../../errors.ts'

/** What changed somebody's leave. Written by what is submitted and cancelled, and never again touched: whatever is taken back is a row of its own. */
export default class LeaveLedgerEntry extends Document {
  before_insert(ctx: Context): void {
    if (ctx.elevation === undefined) throw new LedgerIsFixed({ field: 'name' })
  }

  validate(_ctx: unknown, { before }: { before?: unknown } = {}): void {
    if (before) throw new LedgerIsFixed({ field: 'name' })
  }

  before_change(): void {
    throw new LedgerIsFixed({ field: 'name' })
  }

  before_rename(): void {
    throw new LedgerIsFixed({ field: 'name' })
  }

  on_trash(): void {
    throw new LedgerIsFixed({ field: 'name' })
  }
}
