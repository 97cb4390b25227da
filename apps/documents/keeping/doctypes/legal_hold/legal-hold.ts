import { Type } from 'typebox'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { Document } from '#kernel/documents/document.ts'
import { save } from '#kernel/documents/save.ts'
import { defineDocumentMethod } from '#kernel/methods/method.ts'
import { recordDeeds } from '../../../audit.ts'
import { HoldFixed, RecordIsFixed } from '../../../errors.ts'
import { inside, isInside } from '../../../inside.ts'

interface HoldFields {
  hold_name: string
  organization: string
  reason: string
  status: 'Active' | 'Released'
  released_at: string | null
  released_by: string | null
  release_reason: string | null
  scope: 'Chosen Documents' | 'Folder' | 'Document Type' | 'Custodian' | 'Organization'
  folder: string | null
  document_type: string | null
  custodian: string | null
  documents: { name: string; document: string }[]
}

const target = { Folder: 'folder', 'Document Type': 'document_type', Custodian: 'custodian' } as const

/** What must stay as it is. It begins at once, grows, and ends only by being released; it is never deleted. */
export default class LegalHold extends Document<HoldFields> {
  validate(ctx: Context, { before }: { before?: LegalHold } = {}): void {
    const refuse = (field: string, reason: string): never => {
      throw new HoldFixed({ field, hold: this.hold_name, reason })
    }
    if (!isInside(ctx, 'release'))
      Object.assign(this, {
        status: before?.status ?? 'Active',
        released_at: before?.released_at ?? null,
        released_by: before?.released_by ?? null,
        release_reason: before?.release_reason ?? null,
      })
    if (before?.status === 'Released') refuse('status', 'it was released, and is a record of the past.')
    for (const [scope, field] of Object.entries(target) as [HoldFields['scope'], 'folder' | 'document_type' | 'custodian'][])
      if (this.scope !== scope) this[field] = null
      else if (!this[field]) refuse(field, 'say what is held.')
    if (this.scope === 'Chosen Documents' && (this.documents ?? []).length === 0) refuse('documents', 'say what is held.')
    const now = new Set((this.documents ?? []).map((row) => row.document))
    if (before?.documents.some((row) => !now.has(row.document))) refuse('documents', 'what is held stays held until the hold is released.')
  }

  async on_update(ctx: Context, { before }: { before?: LegalHold } = {}): Promise<void> {
    const action = !before ? 'Hold' : before.status !== this.status ? 'Release' : 'Change'
    const details = action === 'Release' ? this.release_reason : `${this.scope}: ${scopeText(this)}`.slice(0, 2000)
    await recordDeeds(ctx, [
      { organization: this.organization, action, objectType: this.doctype, objectName: this.name, title: this.hold_name, details },
    ])
  }

  before_change(): void {
    throw new RecordIsFixed({ doctype: 'Legal Hold', field: 'name' })
  }

  before_rename(): void {
    throw new RecordIsFixed({ doctype: 'Legal Hold', field: 'new_name' })
  }

  on_trash(): void {
    throw new HoldFixed({ field: 'name', hold: this.hold_name, reason: 'a hold is released, not deleted.' })
  }
}

function scopeText(hold: LegalHold): string {
  if (hold.scope === 'Organization') return hold.organization
  return hold.folder ?? hold.document_type ?? hold.custodian ?? (hold.documents ?? []).map((row) => row.document).join(', ')
}

export const documentMethods = [
  defineDocumentMethod({
    verb: 'release',
    doctype: 'Legal Hold',
    summary: 'Ends a hold, with the reason.',
    input: Type.Object({ reason: Type.String({ minLength: 3, maxLength: 1000 }) }),
    needs: 'write',
    handler: (ctx, hold, { reason }) =>
      inside(ctx, 'release', async () => {
        await save(ctx, hold, { status: 'Released', released_at: nowText(ctx), released_by: ctx.user.name, release_reason: reason })
        return { status: 'Released' }
      }),
  }),
]
