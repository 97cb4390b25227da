import type { Context } from '#kernel/context/context.ts'
import { sql } from '#kernel/database/sql.ts'
import type { AnyDocument, DocumentListener } from '#kernel/documents/document.ts'
import { remove } from '#kernel/documents/remove.ts'
import { readRows } from '#kernel/documents/rows.ts'
import { insert } from '#kernel/documents/save.ts'

/** What a File says about its bytes, beside where it is attached. */
const aboutBytes = [
  'file_name',
  'file_url',
  'is_private',
  'file_size',
  'file_type',
  'content_type',
  'content_hash',
  'thumbnail_url',
  'folder',
  'uploaded_by',
  'attached_to_field',
] as const

/** An amended document starts with the attachments of the one it replaces; both share the bytes. */
export const copyAttachments: DocumentListener = async (ctx, document) => {
  if (typeof document.amended_from !== 'string' || document.amended_from === '') return
  const meta = await ctx.site.meta.get(document.doctype)
  if (!meta.isSubmittable) return
  for (const file of await attachmentsOf(ctx, document.doctype, document.amended_from)) {
    const values = Object.fromEntries(aboutBytes.map((fieldname) => [fieldname, file[fieldname] ?? null]))
    await insert(ctx.asSystem(`attachment of ${document.amended_from}, which this amends`), 'File', {
      ...values,
      attached_to_doctype: document.doctype,
      attached_to_name: String(document.name),
    })
  }
}

/** Attachments go with their document: another one may get its name, and must not find them there. */
export const removeAttachments: DocumentListener = async (ctx, document) => {
  if (document.doctype === 'File') return
  for (const file of await attachmentsOf(ctx, document.doctype, String(document.name)))
    await remove(ctx.asSystem(`attachment of ${document.doctype} ${document.name}, which is deleted`), 'File', file.name)
}

async function attachmentsOf(ctx: Context, doctype: string, name: string): Promise<AnyDocument[]> {
  const meta = await ctx.site.meta.get('File')
  return readRows(ctx.db, ctx.site.meta, meta, sql`attached_to_doctype = ${doctype} and attached_to_name = ${name} order by creation, name`)
}
