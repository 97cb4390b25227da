import type { Context } from '#kernel/context/context.ts'
import { and, where } from '#client/rules/predicate.ts'
import { Document } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import { save } from '#kernel/documents/save.ts'
import { findRows } from '#kernel/query/find-rows.ts'

interface DealPipelineFields {
  organization: string
  is_default: 0 | 1
  disabled: 0 | 1
}

/** A kind of deals, and the stages they go through. One of an organization's is that of new deals. */
export default class DealPipeline extends Document<DealPipelineFields> {
  validate(): void {
    if (this.disabled) this.is_default = 0
  }

  async on_update(ctx: Context): Promise<void> {
    if (!this.is_default) return
    const meta = await ctx.site.meta.get('Deal Pipeline')
    const others = and(where('organization', '=', this.organization), where('is_default', '=', 1), where('name', '!=', this.name))
    const elevated = ctx.asSystem('only one pipeline is that of new deals')
    for (const { name } of await findRows(ctx, meta, others, { fields: ['name'] }))
      await save(elevated, await load(elevated, meta, name, true), { is_default: 0 })
  }
}
