import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { getDocument } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert } from '#kernel/documents/save.ts'
import { FileMissing } from '#kernel/files/errors.ts'
import { optimizePicture } from '#kernel/files/optimize.ts'
import { partOfFile, ReceivedFile, receiveStream } from '#kernel/files/received-file.ts'
import { demandUpload, type FileDetails, storeFile } from '#kernel/files/store-file.ts'
import { BadInput, MethodUnknown } from '#kernel/methods/errors.ts'
import { callMethod } from '#kernel/methods/call.ts'
import { checkedPerDocument, defineMethod, type Method } from '#kernel/methods/method.ts'
import { shownV1 } from '#kernel/methods/wire-v1.ts'
import { documentAbout } from '../collaboration/about.ts'

const text = Type.Optional(Type.String({ maxLength: 1000 }))
const flag = Type.Optional(Type.Boolean())
const pixels = Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 }))

const uploadInput = Type.Object({
  file: Type.Optional(Type.Unknown()),
  is_private: flag,
  folder: text,
  doctype: text,
  docname: text,
  fieldname: text,
  file_url: text,
  file_name: text,
  filename: text,
  library_file_name: text,
  method: text,
  optimize: flag,
  max_width: pixels,
  max_height: pixels,
})

const uploadFile = defineMethod({
  path: 'upload_file',
  summary:
    'Takes a file (multipart field `file`), or the address of one, and answers its File document. A part of a file answers nothing until the last has come.',
  verbs: ['POST', 'PUT'],
  input: uploadInput,
  keepsUnknown: true,
  rule: checkedPerDocument(
    'creating a File, and changing the document it is attached to, is demanded of the caller; guests only where the site allows it',
  ),
  handler: async (ctx, given) => {
    if (given.method) return callUploadMethod(ctx, given as Record<string, unknown>, given.method)
    const attachedTo = given.doctype
      ? { doctype: given.doctype, ...(given.docname && { name: given.docname }), ...(given.fieldname && { field: given.fieldname }) }
      : undefined
    if (given.file instanceof ReceivedFile) {
      const fileName = given.file_name ?? given.filename
      const details = {
        ...(fileName && { fileName }),
        isPrivate: given.is_private === true,
        ...(given.folder && { folder: given.folder }),
        ...(attachedTo && { attachedTo }),
      }
      if (!given.optimize) return shownV1(ctx, await storeFile(ctx, given.file, details))
      return shownV1(ctx, await storeSmaller(ctx, given.file, details, given))
    }
    // A part of a file; the last one brings the whole.
    if (given.file === partOfFile) return undefined
    const url = given.file_url ?? (await libraryAddress(ctx, given.library_file_name))
    if (!url) throw new FileMissing({ field: 'file' })
    const values = {
      file_url: url,
      file_name: given.file_name ?? null,
      is_private: given.is_private ? 1 : 0,
      attached_to_doctype: given.doctype ?? null,
      attached_to_name: given.docname ?? null,
      attached_to_field: given.fieldname ?? null,
    }
    return shownV1(ctx, await insert(ctx, 'File', values))
  },
})

/** Stores a picture in the size that the caller asked for; any other file as it is. */
async function storeSmaller(
  ctx: Context,
  file: ReceivedFile,
  details: FileDetails,
  { max_width, max_height }: { max_width?: number; max_height?: number },
): Promise<AnyDocument> {
  await demandUpload(ctx, details)
  const limits = { ...(max_width && { maxWidth: max_width }), ...(max_height && { maxHeight: max_height }) }
  const smaller = await optimizePicture(ctx.site, file, limits)
  let isStored = false
  try {
    const document = await storeFile(ctx, smaller, details)
    isStored = true
    return document
  } finally {
    if (smaller !== file) await smaller.finish(ctx.site, isStored)
  }
}

/** A custom handler gets the same parameters, the received file among them. */
async function callUploadMethod(ctx: Context, given: Record<string, unknown>, path: string): Promise<unknown> {
  const method = ctx.site.apps.method(path)
  if (!method || path === 'upload_file') throw new MethodUnknown({ method: path.slice(0, 140) })
  const { method: _, ...rest } = given
  return callMethod(ctx, method, rest, 'POST')
}

async function libraryAddress(ctx: Context, name: string | undefined): Promise<string | undefined> {
  if (!name) return undefined
  const file = await getDocument(ctx, 'File', name)
  return (file as unknown as { file_url: string | null }).file_url ?? undefined
}

const attachFile = defineMethod({
  path: 'frappe.client.attach_file',
  summary: 'Attaches a file whose content comes as text, or as base64, to a document.',
  verbs: ['POST', 'PUT'],
  input: Type.Object({
    filename: Type.String({ minLength: 1, maxLength: 500 }),
    filedata: Type.String(),
    doctype: text,
    docname: text,
    folder: text,
    decode_base64: flag,
    is_private: flag,
    docfield: text,
  }),
  rule: checkedPerDocument('the right to change the document is demanded of the caller'),
  handler: async (ctx, given) => {
    const bytes = given.decode_base64 ? decodeBase64(given.filedata) : Buffer.from(given.filedata)
    const file = await receiveStream(ctx.site, Readable.from([bytes]), given.filename)
    let document: Awaited<ReturnType<typeof storeFile>> | undefined
    try {
      document = await storeFile(ctx, file, {
        isPrivate: given.is_private === true,
        ...(given.folder && { folder: given.folder }),
        ...(given.doctype && {
          attachedTo: {
            doctype: given.doctype,
            ...(given.docname && { name: given.docname }),
            ...(given.docfield && { field: given.docfield }),
          },
        }),
      })
    } finally {
      await file.finish(ctx.site, document !== undefined)
    }
    return shownV1(ctx, document)
  },
})

function decodeBase64(given: string): Buffer {
  const data = given.replace(/^data:[^,]{0,200},/, '').replaceAll(/\s/g, '')
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(data))
    throw new BadInput({ method: 'frappe.client.attach_file', field: 'filedata', reason: 'is not base64' })
  return Buffer.from(data, 'base64')
}

const removeAttach = defineMethod({
  path: 'frappe.desk.form.utils.remove_attach',
  summary: 'Removes a file from the document it is attached to.',
  verbs: ['POST', 'DELETE'],
  input: Type.Object({ fid: Type.String({ minLength: 1, maxLength: 140 }), dt: text, dn: text }),
  rule: checkedPerDocument('the right to change the document is demanded of the caller'),
  handler: async (ctx, { fid, dt, dn }) => {
    const [row] = await ctx.db.query<{ attached_to_doctype: string | null; attached_to_name: string | null }>(
      ctx.db.dialect.compile(sql`select attached_to_doctype, attached_to_name from ${ident('tabFile')} where name = ${fid}`),
    )
    if (
      !row?.attached_to_doctype ||
      !row.attached_to_name ||
      (dt && dt !== row.attached_to_doctype) ||
      (dn && dn !== row.attached_to_name)
    ) {
      await remove(ctx, 'File', fid)
      return undefined
    }
    await documentAbout(ctx, row.attached_to_doctype, row.attached_to_name, 'write')
    await remove(ctx.asSystem('takes an attachment off a document that the caller may change'), 'File', fid)
    return undefined
  },
})

/** Uploading and attaching files; fetching them is the HTTP layer's work. */
export const fileMethods: readonly Method[] = [uploadFile, { ...uploadFile, path: 'frappe.handler.upload_file' }, attachFile, removeAttach]
