import type { Context } from '#kernel/context/context.ts'
import { demand } from '#kernel/permissions/grants.ts'
import { workflowFor } from '#kernel/workflow/workflow.ts'
import { DocumentNotFound, NameTaken } from './errors.ts'
import type { AnyDocument } from './document.ts'
import { find, load } from './load.ts'
import { updateRow } from './rows.ts'
import { insert } from './save.ts'

/** Brings a deleted document back under its old name, as a draft. @throws NameTaken when that name is in use again */
export async function restore(ctx: Context, deletedName: string): Promise<AnyDocument> {
  const records = await ctx.site.meta.get('Deleted Document')
  await ctx.db.begin()
  const record = (await load(ctx, records, deletedName, true)) as AnyDocument & {
    deleted_doctype: string
    deleted_name: string
    restored: 0 | 1
    new_name: string | null
    data: string
  }
  await demand(ctx, 'create', record.deleted_doctype)
  await demand(ctx, 'read', 'Deleted Document', record)
  if (record.restored) throw new DocumentNotFound({ doctype: 'Deleted Document', name: deletedName })
  const meta = await ctx.site.meta.get(record.deleted_doctype)
  if (await find(ctx, meta, record.deleted_name))
    throw new NameTaken({ doctype: meta.name, name: record.deleted_name, field: 'deleted_name' })
  const values = JSON.parse(record.data) as Record<string, unknown>
  // It comes back as a draft, and starts its way anew.
  const workflow = await workflowFor(ctx, meta.name)
  if (workflow) delete values[workflow.workflow_state_field]
  const restored = await insert(ctx, meta.name, { ...values, docstatus: 0 }, { naming: { given: record.deleted_name, honourGiven: true } })
  record.restored = 1
  record.new_name = String(restored.name)
  await updateRow(ctx.db, records, record, ['restored', 'new_name'])
  return restored
}
