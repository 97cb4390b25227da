import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { type AnyDocument, Document } from '#kernel/documents/document.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import { Fixed, ValueRefused } from '../../../errors.ts'

interface NoteFields {
  patient: string
  note: string
  signed: number
  signed_by: string | null
  signed_at: string | null
  addendum_to: string | null
}

/** A note; what is wrong in a signed one is put right by another that adds to it. */
export default class ClinicalNote extends Document<NoteFields> {
  async validate(ctx: Context, extra?: { before?: AnyDocument }): Promise<void> {
    const { before } = extra ?? {}
    if (before?.signed) throw this.fixed()
    if (this.signed && !before?.signed) {
      this.signed_by = ctx.user.name
      this.signed_at = nowText(ctx)
    }
    if (!this.addendum_to) return
    const meta = await ctx.site.meta.get('Clinical Note')
    const [first] = await findRows(ctx, meta, where('name', '=', this.addendum_to), { fields: ['patient', 'signed'] })
    if (first && first.patient !== this.patient) throw new ValueRefused({ field: 'addendum_to', reason: 'is about somebody else.' })
    if (first && !first.signed) throw new ValueRefused({ field: 'addendum_to', reason: 'is not signed yet: change it instead.' })
  }

  on_trash(): void {
    if (this.signed) throw this.fixed()
  }

  fixed(): Error {
    return new Fixed({ doctype: 'Clinical Note', name: this.name, field: 'note', reason: 'it is signed. Write one that adds to it.' })
  }
}
