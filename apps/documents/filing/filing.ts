import type { AppPart } from '#kernel/apps/app.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { DocumentListener } from '#kernel/documents/document.ts'
import { documentPermissions, folderPermissions, overseersOnly } from '../access.ts'
import { RecordIsFixed } from '../errors.ts'
import { keepApart } from '../organization.ts'
import { textOfDocument } from './read-text.ts'
import { filingMethods, filingVerbs, readTextJob } from './verbs.ts'

/** The bytes of a version stay what and where they are, for everybody; they go when the document is deleted for good. */
const keepBytes: DocumentListener = (ctx, file, extra) => (extra?.before ? refuseBytes(ctx, file.name) : undefined)

async function refuseBytes(ctx: Context, file: string): Promise<void> {
  const rows = await ctx.db.query(
    ctx.db.dialect.compile(sql`select 1 as one from ${ident('tabDocument Version')} where ${ident('file')} = ${file} limit 1`),
  )
  if (rows.length > 0) throw new RecordIsFixed({ doctype: 'File', field: 'file' })
}

/** Folders, documents, versions, types and tags. */
export const filingPart: AppPart = {
  methods: filingMethods,
  documentMethods: filingVerbs,
  permissions: { Document: documentPermissions, 'Document Folder': folderPermissions, 'Document Version': overseersOnly },
  events: {
    Document: { before_validate: keepApart },
    'Document Folder': { before_validate: keepApart },
    'Document Type': { before_validate: keepApart },
    'Document Tag': { before_validate: keepApart },
    File: {
      validate: keepBytes,
      on_trash: (ctx, file) => refuseBytes(ctx, file.name),
      before_rename: (ctx, file) => refuseBytes(ctx, file.name),
    },
  },
  searchTexts: { Document: textOfDocument },
  jobs: {
    'read-text': { queue: 'long', asSystem: 'reads what a document says, for search and comparison', run: readTextJob },
  },
}
