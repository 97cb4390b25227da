import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { strayLink } from '#kernel/documents/tenant-links.ts'
import { phiDoctypes } from './access.ts'
import { NotShared, OfAnotherOrganization } from './errors.ts'

const isPhi = (doctype: unknown): boolean => typeof doctype === 'string' && Object.hasOwn(phiDoctypes, doctype)

/** A share opens a document whatever roles and apps say, so there is none here. @throws NotShared */
export const refuseShare: DocumentListener = (_ctx, share) => {
  if (isPhi(share.share_doctype)) throw new NotShared({ field: 'share_doctype', doctype: String(share.share_doctype) })
}

/** What is attached to a patient's documents has no public address. */
export const keepFilePrivate: DocumentListener = (_ctx, file) => {
  if (isPhi(file.attached_to_doctype)) file.is_private = 1
}

/** @throws OfAnotherOrganization with the path of the link */
export const keepOrganizationsApart: DocumentListener = async (ctx: Context, document, extra) => {
  const stray = await strayLink(ctx, document, extra?.before as AnyDocument | undefined, 'organization')
  if (stray) throw new OfAnotherOrganization({ doctype: document.doctype, ...stray, organization: String(document.organization) })
}
