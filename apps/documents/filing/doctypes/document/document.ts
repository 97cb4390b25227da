import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { hashName } from '#kernel/documents/naming.ts'
import { insert } from '#kernel/documents/save.ts'
import { enqueue } from '#kernel/jobs/enqueue.ts'
import { can } from '#kernel/permissions/grants.ts'
import { type Deed, recordDeeds } from '../../../audit.ts'
import { FolderElsewhere, InTheTrash, NotInTheTrash, RecordIsFixed } from '../../../errors.ts'
import { inside, isInside } from '../../../inside.ts'
import { holdOn, refuseHeld } from '../../../keeping/holds.ts'
import { refuseRetained } from '../../../keeping/retained.ts'
import { todayIn } from '../../../organization.ts'
import { indexAgain } from '../../read-text.ts'
import { type SealedFile, sealUpload } from '../../seal-file.ts'

export interface DocumentFields {
  title: string | null
  organization: string
  folder: string | null
  document_type: string | null
  status: 'Draft' | 'In Review' | 'Approved' | 'Obsolete'
  file: string | null
  version_note: string | null
  document_date: string | null
  retention_policy: string | null
  current_version: string | null
  version_number: number | null
  file_name: string | null
  file_size: number | null
  content_type: string | null
  content_hash: string | null
  obsolete_since: string | null
  trashed: 0 | 1
  trashed_at: string | null
  trashed_by: string | null
}

/** What the app itself keeps; others' values count for nothing. */
const kept = [
  'current_version',
  'version_number',
  'file_name',
  'file_size',
  'content_type',
  'content_hash',
  'obsolete_since',
  'trashed',
  'trashed_at',
  'trashed_by',
] as const

/** Columns that are never without a number. */
const counted: ReadonlySet<string> = new Set(['version_number', 'file_size', 'trashed'])

/** Files that became versions in this save, until it has written the document. */
const sealedNow = new WeakMap<object, SealedFile & { restoredFrom?: number }>()

/** Says which bytes the next save of a document makes its next version, instead of an upload. */
export function nextVersion(document: object, sealed: SealedFile & { restoredFrom?: number }): void {
  sealedNow.set(document, sealed)
}

/** A file of an organization with its versions. Held ones stay as they are, whoever acts; deleted are only those in the trash. */
export default class FiledDocument extends Document<DocumentFields> {
  async validate(ctx: Context, { before }: { before?: FiledDocument } = {}): Promise<void> {
    if (before) {
      await refuseHeld(ctx, before)
      if (before.trashed && !isInside(ctx, 'filing')) throw new InTheTrash({ field: 'name', document: this.name })
    }
    if (this.folder && this.folder !== before?.folder) await this.demandFolder(ctx, this.folder)
    if (!isInside(ctx, 'filing'))
      Object.assign(this, Object.fromEntries(kept.map((field) => [field, before ? before[field] : counted.has(field) ? 0 : null])))
    if (this.status !== before?.status) this.obsolete_since = this.status === 'Obsolete' ? await todayIn(ctx, this.organization) : null
    await this.takeFile(ctx, before)
    this.title ||= this.file_name
    // The note belongs to the version, which takes it along.
    if (!sealedNow.has(this)) this.version_note = before?.version_note ?? null
  }

  /** One's own document, too, goes only where one may put something. */
  async demandFolder(ctx: Context, folder: string): Promise<void> {
    const target = await find(ctx, await ctx.site.meta.get('Document Folder'), folder)
    if (!target || !(await can(ctx, 'write', 'Document Folder', target))) throw new FolderElsewhere({ field: 'folder', folder })
  }

  /** A new address in `file` becomes the next version; an emptied one changes nothing, because versions stay. */
  async takeFile(ctx: Context, before: FiledDocument | undefined): Promise<void> {
    const prepared = sealedNow.get(this)
    const isNew = Boolean(this.file) && this.file !== before?.file
    if (!prepared && !isNew) {
      this.file = before?.file ?? null
      return
    }
    const sealed = prepared ?? (await sealUpload(ctx, this.file, { doctype: this.doctype, name: this.name }, 'file'))
    sealedNow.set(this, sealed)
    Object.assign(this, {
      file: sealed.url,
      file_name: sealed.fileName,
      file_size: sealed.size,
      content_type: sealed.contentType,
      content_hash: sealed.hash,
      current_version: hashName(),
      version_number: (before?.version_number ?? 0) + 1,
    })
  }

  async on_update(ctx: Context, { before }: { before?: FiledDocument } = {}): Promise<void> {
    const sealed = sealedNow.get(this)
    if (sealed) await this.writeVersion(ctx, sealed)
    sealedNow.delete(this)
    if (before && before.trashed !== this.trashed) await indexAgain(ctx, this as unknown as AnyDocument)
    const deeds: Deed[] = []
    const tell = (action: string, oldValue: unknown, newValue: unknown) =>
      deeds.push({
        organization: this.organization,
        action,
        objectType: this.doctype,
        objectName: this.name,
        title: this.title,
        oldValue: asText(oldValue),
        newValue: asText(newValue),
      })
    if (!before) tell('Create', null, this.file_name)
    else {
      if (sealed) tell('New Version', before.version_number, this.version_number)
      if (before.title !== this.title) tell('Rename', before.title, this.title)
      if (before.folder !== this.folder) tell('Move', before.folder, this.folder)
      if (before.status !== this.status) tell('Status', before.status, this.status)
      if (before.trashed !== this.trashed) tell(this.trashed ? 'Trash' : 'Take Out', null, null)
      if (deeds.length === 0) tell('Change', null, null)
    }
    await recordDeeds(ctx, deeds)
  }

  async writeVersion(ctx: Context, sealed: SealedFile & { restoredFrom?: number }): Promise<void> {
    const values = {
      document: this.name,
      organization: this.organization,
      version_number: this.version_number,
      note: this.version_note,
      restored_from: sealed.restoredFrom ?? null,
      file: sealed.file,
      file_name: sealed.fileName,
      file_size: sealed.size,
      content_type: sealed.contentType,
      content_hash: sealed.hash,
      by: ctx.user.name,
    }
    const naming = { given: String(this.current_version), honourGiven: true }
    await inside(ctx, 'filing', () => insert(ctx.asSystem('keeps a version of a document'), 'Document Version', values, { naming }))
    await enqueue(ctx, 'documents.read-text', { version: this.current_version }, { key: String(this.current_version) })
  }

  async before_change(ctx: Context): Promise<void> {
    await refuseHeld(ctx, this)
  }

  before_rename(): void {
    throw new RecordIsFixed({ doctype: 'Document', field: 'new_name' })
  }

  /** Deleting for good: only from the trash, only what nothing keeps. Its versions go before it, and their files after it. */
  async on_trash(ctx: Context): Promise<void> {
    await refuseHeld(ctx, this)
    if (!isInside(ctx, 'retention')) {
      if (!this.trashed) throw new NotInTheTrash({ field: 'name', document: this.name })
      await refuseRetained(ctx, this)
    }
    const { dialect } = ctx.db
    for (const doctype of ['Document Share', 'Document Acknowledgement', 'Document Version'])
      await ctx.db.execute(dialect.compile(sql`delete from ${ident(`tab${doctype}`)} where document = ${this.name}`))
    // A hold that was lifted leaves its list behind; the log keeps what it held.
    await ctx.db.execute(dialect.compile(sql`delete from ${ident('tabLegal Hold Document')} where document = ${this.name}`))
    await ctx.db.execute(dialect.compile(sql`update ${ident('tabDocument')} set current_version = null where name = ${this.name}`))
    await recordDeeds(ctx, [
      {
        organization: this.organization,
        action: 'Purge',
        objectType: this.doctype,
        objectName: this.name,
        title: this.title,
        details: `sha256:${this.content_hash ?? ''}`,
      },
    ])
  }

  /** What is deleted for good leaves no copy from which it could come back. */
  async after_delete(ctx: Context): Promise<void> {
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`delete from ${ident('tabDeleted Document')} where deleted_doctype = ${this.doctype} and deleted_name = ${this.name}`,
      ),
    )
  }

  /** Whether a hold keeps it, for screens. */
  async on_hold(ctx: Context): Promise<0 | 1> {
    return (await holdOn(ctx, this)) === undefined ? 0 : 1
  }
}

function asText(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}
