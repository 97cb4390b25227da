import { Document } from '#kernel/documents/document.ts'
import { RecordIsFixed } from '../../../errors.ts'

const refuse = (field: string): never => {
  throw new RecordIsFixed({ doctype: 'Document Audit', field })
}

/** An entry of the log. The platform writes the rows themselves; through the door of documents nobody makes, changes or deletes one. */
export default class DocumentAudit extends Document {
  validate(): void {
    refuse('name')
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
