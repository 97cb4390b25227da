import { Document } from '#kernel/documents/document.ts'
import { Fixed } from '../../../errors.ts'

/** A line that says who saw what. Only reads themselves write one; see access-log.ts. */
export default class PhiAccessLog extends Document {
  before_insert(): void {
    throw new Fixed({ doctype: 'PHI Access Log', name: '', field: 'document_name', reason: 'only a read writes a line.' })
  }
}
