import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Context } from '#kernel/context/context.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { remove } from '#kernel/documents/remove.ts'
import { insert } from '#kernel/documents/save.ts'
import { filesAt, mayReadFile } from '#kernel/files/file-access.ts'
import { extensionOf, placeOf, safeFileName, splitName, urlOf } from '#kernel/files/file-names.ts'
import { fileStoreOf, type StorePlace } from '#kernel/files/file-store.ts'
import { mediaTypeOf } from '#kernel/files/file-types.ts'
import { receiveStream } from '#kernel/files/received-file.ts'
import { ContentRefused, FileUnknown } from '../errors.ts'

/** Bytes that belong to a document or vault from now on, under an address of their own that nobody was ever given. */
export interface SealedFile {
  /** Name of the File. */
  readonly file: string
  readonly url: string
  readonly fileName: string
  readonly size: number
  readonly contentType: string
  readonly hash: string
}

/** Whose they are. */
export interface SealedFor {
  readonly doctype: string
  readonly name: string
}

/** What was sealed in a unit of work, so that a save finds what its verb has sealed before it. */
const sealedIn = new WeakMap<object, Map<string, SealedFile>>()

const keyOf = (url: string, owner: SealedFor): string => `${owner.doctype}\n${owner.name}\n${url}`

/**
 * Takes over a private file that the user has uploaded. Its bytes get a new address, so that whoever knew the old one reads no further than
 * the rights on the document go; the upload itself goes, where nothing else holds it.
 * @param field  where the address was given, for the refusal
 * @throws FileUnknown for what is not on this site, is public, or is somebody else's
 */
export async function sealUpload(ctx: Context, url: unknown, owner: SealedFor, field: string): Promise<SealedFile> {
  const place = typeof url === 'string' ? placeOf(url) : undefined
  if (!place?.isPrivate) throw new FileUnknown({ field })
  const earlier = sealedIn.get(ctx.db)?.get(keyOf(String(url), owner))
  if (earlier) return earlier
  for (const record of await filesAt(ctx, String(url))) {
    if (!(await mayReadFile(ctx, record))) continue
    const known = await load(ctx, await ctx.site.meta.get('File'), record.name)
    const sealed = await seal(ctx, place, known, owner)
    const isLoose = !known.attached_to_doctype || (known.attached_to_doctype === owner.doctype && known.attached_to_name === owner.name)
    if (isLoose && known.owner === ctx.user.name) await remove(ctx.asSystem('an upload has become part of a document'), 'File', known.name)
    return sealed
  }
  throw new FileUnknown({ field })
}

/** Stores bytes that the platform has made or taken in itself. @throws ContentRefused for kinds of files that would run */
export async function sealBytes(ctx: Context, bytes: Uint8Array, givenName: string, owner: SealedFor, field: string): Promise<SealedFile> {
  const fileName = safeFileName(givenName)
  if (/^(exe|bat|cmd|com|scr|msi|ps1|vbs|jse|wsf|lnk|hta|jar|php|phtml|cgi|dll)$/i.test(extensionOf(fileName)))
    throw new ContentRefused({ field, reason: `files of the kind ${extensionOf(fileName)} are not taken` })
  const received = await receiveStream(ctx.site, Readable.from([Buffer.from(bytes)]), fileName)
  try {
    const type = await mediaTypeOf(received.path, fileName)
    const place = freshPlace(fileName)
    if (!(await fileStoreOf(ctx.site).place(place, received.path))) throw new ContentRefused({ field, reason: 'there is no place for it' })
    return await describe(ctx, place, { fileName, size: received.size, contentType: type, hash: received.hash }, owner)
  } finally {
    await received.finish(ctx.site, true)
  }
}

/** The bytes of a sealed file. @throws FileUnknown where they are gone */
export async function bytesOf(ctx: Context, url: string): Promise<Readable> {
  const place = placeOf(url)
  const store = fileStoreOf(ctx.site)
  if (!place || !(await store.stat(place))) throw new FileUnknown({ field: 'file' })
  return store.read(place)
}

async function seal(ctx: Context, from: StorePlace, known: AnyDocument, owner: SealedFor): Promise<SealedFile> {
  const fileName = String(known.file_name ?? from.name)
  const place = freshPlace(fileName)
  if (!(await fileStoreOf(ctx.site).copy(from, place))) throw new FileUnknown({ field: 'file' })
  const about = {
    fileName,
    size: Number(known.file_size ?? 0),
    contentType: String(known.content_type ?? 'application/octet-stream'),
    hash: String(known.content_hash ?? ''),
  }
  return describe(ctx, place, about, owner)
}

function freshPlace(fileName: string): StorePlace {
  const { stem, extension } = splitName(fileName)
  return { name: `${stem.slice(0, 60)}-${randomBytes(16).toString('hex')}${extension}`, isPrivate: true }
}

async function describe(ctx: Context, place: StorePlace, about: Omit<SealedFile, 'file' | 'url'>, owner: SealedFor): Promise<SealedFile> {
  const url = urlOf(place.name, true)
  const file = await insert(ctx.asSystem('keeps the bytes of a document'), 'File', {
    file_name: about.fileName,
    file_url: url,
    is_private: 1,
    is_folder: 0,
    file_size: about.size,
    file_type: extensionOf(about.fileName).toUpperCase().slice(0, 20) || null,
    content_type: about.contentType,
    content_hash: about.hash,
    uploaded_by: ctx.user.name === 'Guest' ? null : ctx.user.name,
    attached_to_doctype: owner.doctype,
    attached_to_name: owner.name,
  })
  const sealed = { ...about, file: file.name, url }
  const known = sealedIn.get(ctx.db) ?? new Map<string, SealedFile>()
  sealedIn.set(ctx.db, known.set(keyOf(url, owner), sealed))
  return sealed
}
