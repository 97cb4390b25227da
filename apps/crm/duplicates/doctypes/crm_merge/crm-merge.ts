import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { HistoryIsFixed } from '../../../errors.ts'

/** The journal of a merge. Nobody but the platform writes it: undoing trusts it. */
export default class CrmMerge extends Document {
  validate(ctx: Context): void {
    if (!ctx.elevation) throw new HistoryIsFixed({ doctype: 'CRM Merge', field: 'journal' })
  }

  before_rename(): void {
    throw new HistoryIsFixed({ doctype: 'CRM Merge', field: 'name' })
  }
}
