import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { strayLink } from '#kernel/documents/tenant-links.ts'
import { ElsewhereInBooks } from './errors.ts'

/**
 * Before a document is written: whatever it links to that belongs to an organization belongs to its own. The tenants' walls keep people out
 * of what is not theirs; this keeps apart the books of two organizations for those who may enter both, and for the platform's own code.
 * @throws ElsewhereInBooks with the path of the link
 */
export const keepBooksApart: DocumentListener = async (ctx, document, extra) => {
  const stray = await strayLink(ctx, document, extra?.before as AnyDocument | undefined, 'organization')
  if (stray) throw new ElsewhereInBooks({ doctype: document.doctype, ...stray, organization: String(document.organization) })
}
