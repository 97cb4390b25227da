import type { AppPart } from '#kernel/apps/app.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { acknowledgementPermissions, ownOnly } from '../access.ts'
import { recordDeeds } from '../audit.ts'
import { RecordIsFixed } from '../errors.ts'
import { isInside } from '../inside.ts'
import { keepApart } from '../organization.ts'

import { acknowledgementMethods } from './acknowledgements.ts'
import { shareMethods } from './shares.ts'
import { uploadMethods } from './upload-requests.ts'

/** Made by verbs alone, which know the token; afterwards only these fields change. */
const changeable: Readonly<Record<string, readonly string[]>> = {
  'Document Share': ['revoked', 'expires_on', 'max_downloads'],
  'Upload Request': ['closed', 'expires_on', 'max_files', 'title', 'message'],
  'Document Acknowledgement': [],
}

const keepRecord: DocumentListener = async (ctx, document, extra) => {
  if (isInside(ctx, 'filing')) return
  const before = extra?.before as AnyDocument | undefined
  if (!before) throw new RecordIsFixed({ doctype: document.doctype, field: 'name' })
  const meta = await ctx.site.meta.get(document.doctype)
  const free = new Set([...(changeable[document.doctype] ?? []), 'modified', 'modified_by'])
  for (const { fieldname } of meta.columns) if (!free.has(fieldname)) (document as Record<string, unknown>)[fieldname] = before[fieldname]
  if (document.revoked && !before.revoked)
    await recordDeeds(ctx, [
      {
        organization: String(document.organization),
        action: 'Withdraw',
        objectType: 'Document',
        objectName: String(document.document),
        details: document.name,
      },
    ])
}

const stay: DocumentListener = (_ctx, document) => {
  throw new RecordIsFixed({ doctype: document.doctype, field: 'name' })
}

const record = { before_validate: keepApart, validate: keepRecord, before_rename: stay, on_trash: stay }

/** Links for people without a login, files asked of them, and what people say that they have read. */
export const sharingPart: AppPart = {
  methods: [...shareMethods, ...uploadMethods, ...acknowledgementMethods],
  permissions: { 'Document Share': ownOnly, 'Upload Request': ownOnly, 'Document Acknowledgement': acknowledgementPermissions },
  events: { 'Document Share': record, 'Upload Request': record, 'Document Acknowledgement': record },
}
