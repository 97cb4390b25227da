import { and, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find, getDocument } from '#kernel/documents/load.ts'
import { insert, openForWrite, save } from '#kernel/documents/save.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import { findRows } from '#kernel/query/find-rows.ts'
import type { Values } from './adapter.ts'
import type { Taking } from './apply.ts'
import { AdapterStateWrong } from './errors.ts'
import { findExternalId } from './external-id.ts'
import { snapshot } from './merge.ts'

const doctype = 'Sync Conflict'

/** Writes down what a person must decide; a later word of the other side replaces an earlier one that nobody has decided. */
export async function keepConflict(
  ctx: Context,
  taking: Taking,
  record: { externalId: string; name: string },
  ours: Values,
  theirs: Values,
): Promise<void> {
  const { connection, adapter, run } = taking
  const meta = await ctx.site.meta.get(doctype)
  const same = and(where('connection', '=', connection.name), where('external_id', '=', record.externalId), where('status', '=', 'Open'))
  const [open] = await findRows(ctx, meta, same, { fields: ['name'], limit: 1 })
  const values = { run, ours: JSON.stringify(ours), theirs: JSON.stringify(theirs) }
  if (open) await save(ctx, (await find(ctx, meta, open.name, true)) as AnyDocument, values)
  else
    await insert(ctx, doctype, {
      connection: connection.name,
      organization: connection.organization,
      external_id: record.externalId,
      ref_doctype: adapter.doctype,
      ref_name: record.name,
      status: 'Open',
      ...values,
    })
}

/**
 * Both sides of a conflict, as far as the user may read those fields of the document.
 * @throws DocumentNotFound, PermissionDenied
 */
export async function readConflict(ctx: Context, name: string): Promise<{ ours: Values; theirs: Values }> {
  await getDocument(ctx, doctype, name)
  const conflict = (await find(ctx, await ctx.site.meta.get(doctype), name)) as AnyDocument
  await getDocument(ctx, String(conflict.ref_doctype), String(conflict.ref_name))
  const meta = await ctx.site.meta.get(String(conflict.ref_doctype))
  const access = await fieldAccess(ctx, meta)
  const open = (json: unknown): Values =>
    Object.fromEntries(
      Object.entries(JSON.parse(String(json)) as Values).filter(([key]) => {
        const field = meta.field.get(key)
        return field !== undefined && access.canRead(field)
      }),
    )
  return { ours: open(conflict.ours), theirs: open(conflict.theirs) }
}

/**
 * Decides a conflict as the context's user, who needs the right to write the document: `theirs` writes what the other side says, `ours` leaves
 * the document as it is and is not asked again until the other side changes.
 * @throws AdapterStateWrong, DocumentNotFound, PermissionDenied, and what `save` refuses
 */
export async function decideConflict(ctx: Context, name: string, decision: 'ours' | 'theirs'): Promise<void> {
  await getDocument(ctx, doctype, name)
  const system = ctx.asSystem('notes how a conflict was decided')
  const conflict = (await find(system, await ctx.site.meta.get(doctype), name, true)) as AnyDocument
  if (conflict.status !== 'Open') throw new AdapterStateWrong({ name, state: 'decided', verb: 'decided again' })
  const theirs = JSON.parse(String(conflict.theirs)) as Record<string, unknown>
  const fields = Object.keys(theirs)
  const document = await openForWrite(ctx, String(conflict.ref_doctype), String(conflict.ref_name))
  if (decision === 'theirs') await save(ctx, document, theirs)
  const known = await findExternalId(system, String(conflict.connection), String(conflict.external_id))
  if (known) {
    const agreed = { ...(JSON.parse(known.theirs) as object), ...theirs }
    const ours = { ...(JSON.parse(known.ours) as object), ...(decision === 'theirs' && snapshot(document, fields)) }
    await save(system, known, { theirs: JSON.stringify(agreed), ours: JSON.stringify(ours) })
  }
  await save(system, conflict, { status: 'Resolved', decision, decided_by: ctx.user.name, decided_at: nowText(ctx) })
}
