import { Document } from '#kernel/documents/document.ts'
import { LedgerIsFixed } from '../errors.ts'

/** A row of a ledger: postings write it, and then nobody, with whatever rights, changes or deletes it. */
export class LedgerRow extends Document {
  validate(): void {
    throw new LedgerIsFixed({ doctype: this.doctype, field: 'name' })
  }

  before_change(): void {
    throw new LedgerIsFixed({ doctype: this.doctype, field: 'name' })
  }

  before_rename(): void {
    throw new LedgerIsFixed({ doctype: this.doctype, field: 'name' })
  }

  on_trash(): void {
    throw new LedgerIsFixed({ doctype: this.doctype, field: 'name' })
  }
}
