import { hash, randomBytes } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { holdLock } from '#kernel/documents/counters.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { DocumentNotFound, NameTaken } from '#kernel/documents/errors.ts'
import { exists, find } from '#kernel/documents/load.ts'
import { insert } from '#kernel/documents/save.ts'
import { demandStored } from '#kernel/permissions/demand-stored.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { isSet, setting } from '#kernel/sites/settings.ts'
import { AttachmentLimitReached, ExtensionRefused, FolderUnknown, QuotaReached, UploadsClosed } from './errors.ts'
import { type FileFacts, filesAt, mayReadFile } from './file-access.ts'
import { extensionOf, placeOf, safeFileName, splitName, urlOf } from './file-names.ts'
import { fileStoreOf, type StorePlace } from './file-store.ts'
import { mediaTypeOf } from './file-types.ts'
import { hasPreviews, previewUrl } from './previews.ts'
import type { ReceivedFile } from './received-file.ts'

/** What a caller says of a file besides its bytes. */
export interface FileDetails {
  fileName?: string
  isPrivate: boolean
  /** A File that is a folder; default: Home. */
  folder?: string
  attachedTo?: { doctype: string; name?: string; field?: string }
}

/**
 * Gives a received file its place and makes its File document. Bytes that are there already are not stored twice.
 * @throws UploadsClosed, PermissionDenied (on the document it is to be attached to), ExtensionRefused, FolderUnknown,
 *   AttachmentLimitReached, QuotaReached, StoreUnavailable
 */
export async function storeFile(ctx: Context, file: ReceivedFile, details: FileDetails): Promise<AnyDocument> {
  const { fileName, known } = await sendAhead(ctx, file, details)
  const contentType = await mediaTypeOf(file.path, fileName)
  const folder = await folderOf(ctx, details.folder, details.attachedTo !== undefined)
  await ctx.db.begin()
  // Whoever deletes the last file with these bytes waits, or is waited for.
  await holdLock(ctx, lockOf(file.hash))
  const { doctype, name, field } = details.attachedTo ?? {}
  if (doctype && name) await demandFewAttachments(ctx, doctype, name)
  const place = (await reusable(ctx, file, details.isPrivate, known)) ?? (await placeFile(ctx, file, fileName, details.isPrivate))
  file.keptAt(place)
  const url = urlOf(place.name, place.isPrivate)
  return insert(ctx.asSystem('stores an uploaded file after its own checks'), 'File', {
    file_name: fileName,
    file_url: url,
    thumbnail_url: hasPreviews(contentType) ? previewUrl(url) : null,
    is_private: place.isPrivate ? 1 : 0,
    is_folder: 0,
    file_size: file.size,
    file_type: extensionOf(fileName).toUpperCase().slice(0, 20) || null,
    content_type: contentType,
    content_hash: file.hash,
    folder,
    uploaded_by: ctx.user.name === 'Guest' ? null : ctx.user.name,
    attached_to_doctype: doctype ?? null,
    attached_to_name: name ?? null,
    attached_to_field: field ?? null,
  })
}

/**
 * The part of `storeFile` that comes before its transaction: refusals, and, where the store is elsewhere, the way there, so that nobody
 * waits for the network while holding what others need. Who stores several files in one transaction calls it for each of them first.
 */
export async function sendAhead(
  ctx: Context,
  file: ReceivedFile,
  details: FileDetails,
): Promise<{ fileName: string; known: StorePlace | undefined }> {
  await demandUpload(ctx, details)
  const fileName = safeFileName(details.fileName || file.givenName)
  demandExtension(ctx, fileName)
  await demandQuota(ctx, file.size)
  if (!fileStoreOf(ctx.site).isRemote || file.earlierPlace) return { fileName, known: undefined }
  const known = await reusable(ctx, file, details.isPrivate)
  if (!known) await placeFile(ctx, file, fileName, details.isPrivate)
  return { fileName, known }
}

/** Bytes that a user, and all of a site, may keep, where the site's configuration says so. */
async function demandQuota(ctx: Context, size: number): Promise<void> {
  const limits = [
    ['max_user_files_size', sql`where uploaded_by = ${ctx.user.name}`],
    ['max_site_files_size', sql``],
  ] as const
  for (const [key, whose] of limits) {
    const limit = Number(ctx.site.config[key])
    if (!(limit > 0)) continue
    const [row] = await ctx.db.query<Row>(
      ctx.db.dialect.compile(sql`select coalesce(sum(file_size), 0) as used from ${ident('tabFile')} ${whose}`),
    )
    if (Number(row?.used) + size > limit) throw new QuotaReached({ field: 'file', limit })
  }
}

/** `max_attachments` of a DocType. */
async function demandFewAttachments(ctx: Context, doctype: string, name: string): Promise<void> {
  const limit = (await ctx.site.meta.get(doctype)).definition.max_attachments ?? 0
  if (limit <= 0) return
  await holdLock(ctx, `attachments-${Number.parseInt(hash('sha256', `${doctype}\n${name}`).slice(0, 2), 16) % 64}`)
  const [row] = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select count(*) as n from ${ident('tabFile')} where attached_to_doctype = ${doctype} and attached_to_name = ${name}`,
    ),
  )
  if (Number(row?.n) >= limit) throw new AttachmentLimitReached({ field: 'file', doctype, limit })
}

/** One of 64: uploads of different bytes seldom wait for each other, and the table of counters stays small. */
export function lockOf(hash: string): string {
  return `files-${Number.parseInt(hash.slice(0, 2), 16) % 64}`
}

/** Whether the context's user may upload such a file at all. @throws UploadsClosed, PermissionDenied, DocumentNotFound */
export async function demandUpload(ctx: Context, details: FileDetails): Promise<void> {
  if (ctx.user.name === 'Guest') {
    const doctype = details.attachedTo?.doctype
    const allowed = setting(ctx.site, 'allowed_doctypes_for_guest_uploads')
      .split(/[\n,]/)
      .map((one) => one.trim())
    if (!isSet(ctx.site, 'allow_guests_to_upload_files') || (doctype && !allowed.includes(doctype))) throw new UploadsClosed({})
    return
  }
  if (details.attachedTo) await demandAttach(ctx, details.attachedTo)
  else await demand(ctx, 'create', 'File')
  if (
    !details.isPrivate &&
    isSet(ctx.site, 'only_allow_system_managers_to_upload_public_files') &&
    !ctx.user.unrestricted &&
    !ctx.user.roles.has('System Manager')
  )
    throw new UploadsClosed({})
}

/** The name that a form gives a document until it is stored. */
const provisionalName = /^new[- ]/i

/**
 * Whoever attaches something to a document must be able to change it, or to create it when it is not stored yet. A name that is neither
 * stored nor provisional is refused like one of another tenant: attaching must not tell which names are taken.
 * @throws PermissionDenied, DocumentNotFound
 */
export async function demandAttach(ctx: Context, { doctype, name }: { doctype: string; name?: string }): Promise<void> {
  const meta = await ctx.site.meta.get(doctype)
  if (name === undefined) {
    await demand(ctx, 'write', meta.name)
    return
  }
  const target = await find(ctx, meta, name)
  if (!target && provisionalName.test(name)) {
    await demand(ctx, 'create', meta.name)
    return
  }
  await demand(ctx, 'write', meta.name)
  if (!target) throw new DocumentNotFound({ doctype: meta.name, name: name.slice(0, 140) })
  await demandStored(ctx, 'write', meta, target)
}

/** Extensions that a server or a desktop would run. */
const neverTaken = new Set([
  'exe',
  'bat',
  'cmd',
  'com',
  'scr',
  'msi',
  'ps1',
  'vbs',
  'jse',
  'wsf',
  'lnk',
  'hta',
  'jar',
  'php',
  'phtml',
  'cgi',
  'dll',
])

function demandExtension(ctx: Context, fileName: string): void {
  const extension = extensionOf(fileName)
  const allowed = setting(ctx.site, 'allowed_file_extensions')
    .split(/[\s,]+/)
    .map((one) => one.replace(/^\./, '').toLowerCase())
    .filter(Boolean)
  const isRefused = allowed.length > 0 ? !allowed.includes(extension) : neverTaken.has(extension)
  if (isRefused) throw new ExtensionRefused({ field: 'file', extension: extension.slice(0, 20) })
}

/**
 * A place that holds the same bytes, under an address that this user may know.
 * @param known  of a store elsewhere: the one that was looked up before the transaction; nobody asks the network during it
 */
async function reusable(ctx: Context, file: ReceivedFile, isPrivate: boolean, known?: StorePlace): Promise<StorePlace | undefined> {
  const rows = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select distinct ${ident('file_url')} from ${ident('tabFile')} where ${ident('content_hash')} = ${file.hash} and ${ident('is_private')} = ${isPrivate ? 1 : 0} limit 20`,
    ),
  )
  const store = fileStoreOf(ctx.site)
  for (const row of rows) {
    const place = placeOf(String(row.file_url ?? ''))
    if (!place) continue
    const isThere = store.isRemote && ctx.db.isWriting ? place.name === known?.name : (await store.stat(place))?.size === file.size
    if (!isThere) continue
    // Public bytes are open to whoever knows their address; the address, and the name in it, are for those who may see a record of it.
    const records: FileFacts[] = await filesAt(ctx, String(row.file_url))
    for (const record of records) if (await mayReadFile(ctx, { ...record, is_private: 1 })) return place
  }
  return undefined
}

async function placeFile(ctx: Context, file: ReceivedFile, fileName: string, isPrivate: boolean): Promise<StorePlace> {
  // The same request, tried again after a deadlock.
  const earlier = file.earlierPlace
  if (earlier) return earlier
  const { stem, extension } = splitName(fileName)
  const store = fileStoreOf(ctx.site)
  for (let attempt = 0; ; attempt++) {
    const suffix = store.isRemote
      ? `-${randomBytes(6).toString('hex')}`
      : attempt === 0
        ? ''
        : `${file.hash.slice(-6)}${attempt === 1 ? '' : `-${attempt}`}`
    const place = { name: `${stem}${suffix}${extension}`, isPrivate }
    if (await store.place(place, file.path)) {
      file.placedAt(place)
      return place
    }
  }
}

/** The folder to put a file in. The two that every site has are made when first needed. @throws FolderUnknown */
async function folderOf(ctx: Context, wanted: string | undefined, isAttachment: boolean): Promise<string> {
  await ensureFolder(ctx, 'Home', null, { is_home_folder: 1 })
  await ensureFolder(ctx, 'Home/Attachments', 'Home', { is_attachments_folder: 1 })
  if (!wanted || wanted === 'Home') return isAttachment && !wanted ? 'Home/Attachments' : 'Home'
  const found = await find(ctx, await ctx.site.meta.get('File'), wanted)
  if (!found?.is_folder) throw new FolderUnknown({ field: 'folder', folder: wanted.slice(0, 140) })
  return wanted
}

async function ensureFolder(ctx: Context, name: string, parent: string | null, marks: Record<string, number>): Promise<void> {
  if (await exists(ctx, 'File', name)) return
  const values = { file_name: name.split('/').at(-1), is_folder: 1, folder: parent, ...marks }
  try {
    await ctx.db.savepoint(() =>
      insert(ctx.asSystem('makes the folders that every site has'), 'File', values, { naming: { given: name, honourGiven: true } }),
    )
  } catch (error) {
    // Somebody else made it at the same moment.
    if (!NameTaken.is(error)) throw error
  }
}
