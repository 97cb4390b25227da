import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { packFiles, unpackFile } from '#kernel/files/archives.ts'
import { FileDenied } from '#kernel/files/errors.ts'
import { type FileFacts, mayReadFile } from '#kernel/files/file-access.ts'
import { fileSizeLimit } from '#kernel/files/received-file.ts'
import { BadInput } from '#kernel/methods/errors.ts'
import { FileAnswer } from '#kernel/methods/file-answer.ts'
import { checkedPerDocument, defineMethod, type Method, signedIn } from '#kernel/methods/method.ts'
import { shownV1 } from '#kernel/methods/wire-v1.ts'
import { demandStored } from '#kernel/permissions/demand-stored.ts'

const unzipFile = defineMethod({
  path: 'frappe.core.api.file.unzip_file',
  summary: 'Replaces a zip archive by the files in it, beside it and as private as it.',
  verbs: ['POST', 'PUT'],
  input: Type.Object({ name: Type.String({ minLength: 1, maxLength: 140 }) }),
  rule: checkedPerDocument('the archive must be the caller’s to read and to delete, and each file in it the caller’s to store'),
  handler: async (ctx, { name }) => {
    const archive = await readableFile(ctx, name)
    await demandStored(ctx, 'delete', await ctx.site.meta.get('File'), archive)
    const files = await unpackFile(ctx, archive)
    await remove(ctx, 'File', name)
    return Promise.all(files.map((file) => shownV1(ctx, file)))
  },
})

const zipFiles = defineMethod({
  path: 'frappe.core.api.file.zip_files',
  summary: 'Sends files, given by the names of their File documents, as one zip archive.',
  verbs: ['GET', 'POST'],
  input: Type.Object({ files: Type.Unknown() }),
  rule: checkedPerDocument('each file must be the caller’s to read'),
  handler: async (ctx, { files }) => {
    const documents: AnyDocument[] = []
    for (const name of namesOf(files)) documents.push(await readableFile(ctx, name))
    return new FileAnswer('files.zip', 'application/zip', await packFiles(ctx, documents))
  },
})

const maxFileSize = defineMethod({
  path: 'frappe.core.api.file.get_max_file_size',
  summary: 'Answers how many bytes a file may have.',
  verbs: ['GET', 'POST'],
  input: Type.Object({}),
  rule: signedIn,
  handler: async (ctx) => fileSizeLimit(ctx.site),
})

/** As with its bytes, one that is not there and one that is not for the caller are the same. */
async function readableFile(ctx: Context, name: string): Promise<AnyDocument> {
  const file = await find(ctx, await ctx.site.meta.get('File'), name)
  if (!file || !(await mayReadFile(ctx, file as unknown as FileFacts))) throw new FileDenied({ url: name })
  return file
}

/** Names, or objects with a name, perhaps as the text of a list. */
function namesOf(given: unknown): string[] {
  const wrong = () => new BadInput({ method: 'frappe.core.api.file.zip_files', field: 'files', reason: 'is no list of names of files' })
  let list = given
  if (typeof given === 'string') {
    try {
      list = JSON.parse(given)
    } catch {
      throw wrong()
    }
  }
  if (!Array.isArray(list) || list.length === 0 || list.length > 1000) throw wrong()
  const names = list.map((one) => (typeof one === 'object' && one !== null && 'name' in one ? one.name : one))
  if (names.some((name) => typeof name !== 'string' || name === '' || name.length > 140)) throw wrong()
  return [...new Set(names as string[])]
}

/** Archives of files. */
export const archiveMethods: readonly Method[] = [
  unzipFile,
  { ...unzipFile, path: 'frappe.core.doctype.file.file.unzip_file' },
  zipFiles,
  maxFileSize,
]
