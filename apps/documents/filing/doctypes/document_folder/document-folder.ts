import type { Context } from '#kernel/context/context.ts'
import { Document } from '#kernel/documents/document.ts'
import { recordDeeds } from '../../../audit.ts'
import { RecordIsFixed } from '../../../errors.ts'
import { refuseHeldFolder } from '../../../keeping/holds.ts'

interface FolderFields {
  folder_name: string
  organization: string
  parent_document_folder: string | null
}

/** A folder. Where one lies decides who sees what is in it, and what a hold reaches: held ones are not moved. */
export default class DocumentFolder extends Document<FolderFields> {
  async validate(ctx: Context, { before }: { before?: FolderFields } = {}): Promise<void> {
    if (before && before.parent_document_folder !== this.parent_document_folder)
      await refuseHeldFolder(ctx, this.name, this.organization, 'parent_document_folder')
  }

  async on_update(ctx: Context, { before }: { before?: FolderFields } = {}): Promise<void> {
    const about = { organization: this.organization, objectType: this.doctype, objectName: this.name, title: this.folder_name }
    if (!before) return recordDeeds(ctx, [{ ...about, action: 'Create' }])
    if (before.folder_name !== this.folder_name)
      await recordDeeds(ctx, [{ ...about, action: 'Rename', oldValue: before.folder_name, newValue: this.folder_name }])
    if (before.parent_document_folder !== this.parent_document_folder)
      await recordDeeds(ctx, [{ ...about, action: 'Move', oldValue: before.parent_document_folder, newValue: this.parent_document_folder }])
  }

  /** A merge would move what is held. Its title changes in `folder_name`. */
  before_rename(): void {
    throw new RecordIsFixed({ doctype: 'Document Folder', field: 'new_name' })
  }

  async on_trash(ctx: Context): Promise<void> {
    await refuseHeldFolder(ctx, this.name, this.organization, 'name')
  }
}
