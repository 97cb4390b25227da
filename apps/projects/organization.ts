import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { strayLink } from '#kernel/documents/tenant-links.ts'
import { OfAnotherOrganization } from './errors.ts'

/**
 * Before a document is written: whatever it links to that belongs to an organization belongs to its own. The tenants' walls keep people out of
 * what is not theirs; this keeps those apart who may enter two, and the platform's own code.
 * @throws OfAnotherOrganization with the path of the link
 */
export const keepOrganizationsApart: DocumentListener = async (ctx, document, extra) => {
  const stray = await strayLink(ctx, document, extra?.before as AnyDocument | undefined, 'organization')
  if (stray) throw new OfAnotherOrganization({ doctype: document.doctype, ...stray, organization: String(document.organization) })
}
