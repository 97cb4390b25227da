import { randomBytes } from 'node:crypto'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { holdLock } from '#kernel/documents/counters.ts'
import { Document } from '#kernel/documents/document.ts'
import { FileMissing, FileUrlRefused, FolderNotEmpty } from '#kernel/files/errors.ts'
import { filesAt, mayReadFile } from '#kernel/files/file-access.ts'
import { placeOf, safeFileName, splitName, urlOf } from '#kernel/files/file-names.ts'
import { fileStoreOf, type StorePlace } from '#kernel/files/file-store.ts'
import { forgetText, hasText } from '#kernel/files/file-text.ts'
import { hasPreviews, previewUrl, removePreviews } from '#kernel/files/previews.ts'
import { demandAttach, lockOf } from '#kernel/files/store-file.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'

interface FileFields {
  file_name: string | null
  file_url: string | null
  is_private: 0 | 1
  is_folder: 0 | 1
  folder: string | null
  attached_to_doctype: string | null
  attached_to_name: string | null
  attached_to_field: string | null
  content_hash: string | null
  content_type: string | null
  file_size: number | null
  file_type: string | null
  thumbnail_url: string | null
  uploaded_by: string | null
}

/** What is known of the bytes; they say it, not the caller. */
const measured = ['is_folder', 'content_hash', 'content_type', 'file_size', 'file_type', 'thumbnail_url', 'uploaded_by'] as const

/** A file of the site, a page elsewhere, or a folder. Several may share the same bytes. */
export default class File extends Document<FileFields> {
  async before_insert(ctx: Context): Promise<void> {
    if (this.is_folder) {
      this.file_url = null
      this.file_name = this.file_name ? safeFileName(this.file_name) : null
      return
    }
    const place = this.file_url ? placeOf(this.file_url) : undefined
    if (place) this.is_private = place.isPrivate ? 1 : 0
    if (!isElevated(ctx)) {
      Object.assign(this, { content_hash: null, content_type: null, file_size: null, file_type: null, thumbnail_url: null })
      await this.refuseForeignAddress(ctx)
      this.uploaded_by = ctx.user.name
      if (this.attached_to_doctype)
        await demandAttach(ctx, { doctype: this.attached_to_doctype, ...(this.attached_to_name && { name: this.attached_to_name }) })
    }
    this.file_name ||= place?.name ?? this.file_url?.split('/').at(-1) ?? null
  }

  /** Small pictures, and the text by which it is found, are made when the upload is over. */
  async after_insert(ctx: Context): Promise<void> {
    const type = this.content_type ?? ''
    if (this.is_folder || !this.content_hash || !(hasPreviews(type) || hasText(type))) return
    await enqueue(ctx, 'core.look-into-file', { file: this.name }, { key: this.name })
  }

  async validate(ctx: Context, { before }: { before?: FileFields } = {}): Promise<void> {
    if (before && !isElevated(ctx)) {
      Object.assign(this, Object.fromEntries(measured.map((fieldname) => [fieldname, before[fieldname]])))
      const isMoved = before.attached_to_doctype !== this.attached_to_doctype || before.attached_to_name !== this.attached_to_name
      if (isMoved && this.attached_to_doctype)
        await demandAttach(ctx, { doctype: this.attached_to_doctype, ...(this.attached_to_name && { name: this.attached_to_name }) })
    }
    if (this.is_folder) return
    const stored = this.name ? await storedAddress(ctx, this.name) : undefined
    if (stored !== undefined && stored !== this.file_url && !isElevated(ctx)) await this.refuseForeignAddress(ctx)
    const place = this.file_url ? placeOf(this.file_url) : undefined
    if (place && place.isPrivate !== Boolean(this.is_private)) await this.moveBytes(ctx, place)
  }

  async on_trash(ctx: Context): Promise<void> {
    if (!this.is_folder) return
    const [row] = await ctx.db.query(
      ctx.db.dialect.compile(sql`select 1 as one from ${ident('tabFile')} where folder = ${this.name} limit 1`),
    )
    if (row) throw new FolderNotEmpty({ folder: this.name })
  }

  async after_delete(ctx: Context): Promise<void> {
    await forgetText(ctx, this.name)
    if (this.file_url) await dropBytesLater(ctx, this.file_url, this)
  }

  /** An address may be a page elsewhere, or a file on this site that the user may have anyway: naming it must not open it. */
  async refuseForeignAddress(ctx: Context): Promise<void> {
    if (!this.file_url) throw new FileMissing({ field: 'file_url' })
    if (/^https?:\/\/[^\s]{3,}$/i.test(this.file_url)) return
    if (placeOf(this.file_url)) {
      for (const file of await filesAt(ctx, this.file_url)) {
        if (file.name !== this.name && (await mayReadFile(ctx, file))) {
          this.content_hash = file.content_hash
          this.content_type = file.content_type
          this.thumbnail_url = hasPreviews(file.content_type ?? '') ? previewUrl(this.file_url) : null
          return
        }
      }
    }
    throw new FileUrlRefused({ field: 'file_url', url: this.file_url.slice(0, 140) })
  }

  /** Opens the file to everybody, or closes it: the bytes get a new address; others that share the old one keep it. */
  async moveBytes(ctx: Context, from: StorePlace): Promise<void> {
    const store = fileStoreOf(ctx.site)
    const old = this.file_url as string
    if (!(await store.stat(from))) throw new FileMissing({ field: 'file_url' })
    const { stem, extension } = splitName(from.name)
    const renamed = () => `${stem}-${randomBytes(6).toString('hex')}${extension}`
    let to: StorePlace = { name: store.isRemote ? renamed() : from.name, isPrivate: !from.isPrivate }
    while (!(await store.copy(from, to))) to = { ...to, name: renamed() }
    this.file_url = urlOf(to.name, to.isPrivate)
    if (this.thumbnail_url) this.thumbnail_url = previewUrl(this.file_url)
    await this.updateAttachedField(ctx, old)
    await dropBytesLater(ctx, old, this, this.name)
  }

  /** A field that holds the address of the file attached in it follows along. */
  async updateAttachedField(ctx: Context, old: string): Promise<void> {
    const { attached_to_doctype: doctype, attached_to_name: name, attached_to_field: fieldname } = this
    if (!doctype || !name || !fieldname || !(await ctx.site.meta.exists(doctype))) return
    const meta = await ctx.site.meta.get(doctype)
    if (!meta.column.has(fieldname) || meta.isSingle || meta.isVirtual) return
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`update ${ident(meta.table)} set ${ident(fieldname)} = ${this.file_url} where name = ${name} and ${ident(fieldname)} = ${old}`,
      ),
    )
  }
}

function isElevated(ctx: Context): boolean {
  return ctx.elevation !== undefined
}

async function storedAddress(ctx: Context, name: string): Promise<string | null | undefined> {
  const [row] = await ctx.db.query<{ file_url: string | null }>(
    ctx.db.dialect.compile(sql`select file_url from ${ident('tabFile')} where name = ${name}`),
  )
  return row?.file_url
}

/** Removes the bytes once the deletion is durable, unless another File shares them. What cannot be removed then is found by `removeOrphans`. */
async function dropBytesLater(ctx: Context, url: string, { content_hash: hash, content_type }: FileFields, except = ''): Promise<void> {
  const place = placeOf(url)
  if (!place) return
  if (hash) await holdLock(ctx, lockOf(hash))
  const others = (await filesAt(ctx, url)).filter((file) => file.name !== except)
  if (others.length > 0) return
  ctx.afterCommit(async () => {
    await fileStoreOf(ctx.site).remove(place)
    if (hash && hasPreviews(content_type ?? '')) await removePreviews(ctx.site, place, hash)
  })
}
