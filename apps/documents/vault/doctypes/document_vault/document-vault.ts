import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { Document } from '#kernel/documents/document.ts'
import { remove } from '#kernel/documents/remove.ts'
import { type Deed, recordDeeds } from '../../../audit.ts'
import { Held, RecordIsFixed, VaultFull } from '../../../errors.ts'
import { sealUpload } from '../../../filing/seal-file.ts'
import { inside } from '../../../inside.ts'

interface VaultRow {
  name: string
  document_name: string
  file: string
  uploaded_at: string | null
  uploaded_by: string | null
  file_size: number | null
  acknowledgment_required: 0 | 1
  acknowledged_at: string | null
}

interface VaultFields {
  organization: string
  customer: string
  vault_name: string
  drive_folder: string | null
  storage_used_bytes: number
  storage_limit_bytes: number
  file_count: number
  require_acknowledgment: 0 | 1
  documents: VaultRow[]
  access_log: unknown[]
}

/** The files of a customer. What of them was read or changed stands in the log behind it: no row of `access_log` is ever kept, so that none can be made up. */
export default class DocumentVault extends Document<VaultFields> {
  async validate(ctx: Context, { before }: { before?: DocumentVault } = {}): Promise<void> {
    if (before) await this.refuseHeld(ctx)
    this.access_log = []
    const earlier = new Map((before?.documents ?? []).map((row) => [row.name, row]))
    for (const [index, row] of (this.documents ?? []).entries()) {
      const known = earlier.get(row.name)
      if (known && known.file === row.file) {
        Object.assign(row, {
          uploaded_at: known.uploaded_at,
          uploaded_by: known.uploaded_by,
          file_size: known.file_size,
          acknowledged_at: known.acknowledged_at,
        })
        continue
      }
      const sealed = await sealUpload(ctx, row.file, { doctype: this.doctype, name: this.name }, `documents[${index}].file`)
      Object.assign(row, {
        file: sealed.url,
        file_size: sealed.size,
        uploaded_at: nowText(ctx),
        uploaded_by: ctx.user.name,
        acknowledged_at: null,
      })
      if (this.require_acknowledgment) row.acknowledgment_required = 1
    }
    this.drive_folder = before?.drive_folder ?? null
    this.file_count = (this.documents ?? []).length
    this.storage_used_bytes = (this.documents ?? []).reduce((sum, row) => sum + Number(row.file_size ?? 0), 0)
    if (
      this.storage_limit_bytes > 0 &&
      this.storage_used_bytes > this.storage_limit_bytes &&
      this.storage_used_bytes > (before?.storage_used_bytes ?? 0)
    )
      throw new VaultFull({ field: 'documents', limit: this.storage_limit_bytes })
  }

  async on_update(ctx: Context, { before }: { before?: DocumentVault } = {}): Promise<void> {
    const earlier = new Map((before?.documents ?? []).map((row) => [row.file, row]))
    const now = new Set((this.documents ?? []).map((row) => row.file))
    const deeds: Deed[] = (this.documents ?? [])
      .filter((row) => !earlier.has(row.file))
      .map((row) => this.deed('Upload', row.document_name))
    for (const [url, row] of earlier) {
      if (now.has(url)) continue
      deeds.push(this.deed('Remove', row.document_name))
      await this.dropFile(ctx, url)
    }
    if (deeds.length === 0) deeds.push(this.deed(before ? 'Change' : 'Create'))
    await recordDeeds(ctx, deeds)
  }

  deed(action: string, documentName?: string): Deed {
    const about = { organization: this.organization, action, objectType: this.doctype, objectName: this.name, title: this.vault_name }
    return { ...about, details: documentName ?? null }
  }

  async dropFile(ctx: Context, url: string): Promise<void> {
    const rows = await ctx.db.query<{ name: string }>(
      ctx.db.dialect.compile(
        sql`select name from ${ident('tabFile')} where file_url = ${url} and attached_to_doctype = ${this.doctype} and attached_to_name = ${this.name}`,
      ),
    )
    for (const row of rows) await remove(ctx.asSystem('a document was taken out of a vault'), 'File', String(row.name))
  }

  /** A hold on all that an organization has holds its vaults, too. */
  async refuseHeld(ctx: Context): Promise<void> {
    const rows = await ctx.db.query<{ hold_name: string }>(
      ctx.db.dialect.compile(
        sql`select hold_name from ${ident('tabLegal Hold')} where status = ${'Active'} and scope = ${'Organization'} and organization = ${this.organization} limit 1`,
      ),
    )
    if (rows[0]) throw new Held({ doctype: this.doctype, name: this.name, field: 'name', hold: String(rows[0].hold_name) })
  }

  async before_change(ctx: Context): Promise<void> {
    await this.refuseHeld(ctx)
  }

  before_rename(): void {
    throw new RecordIsFixed({ doctype: 'Document Vault', field: 'new_name' })
  }

  /** Its files go with it; the log stays. */
  async on_trash(ctx: Context): Promise<void> {
    await this.refuseHeld(ctx)
    await inside(ctx, 'filing', async () => {
      for (const row of this.documents ?? []) await this.dropFile(ctx, row.file)
    })
    await recordDeeds(ctx, [this.deed('Delete')])
  }
}
