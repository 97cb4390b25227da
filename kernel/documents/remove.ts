import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { removeSecrets } from '#kernel/identity/secrets.ts'
import { demandStored } from '#kernel/permissions/demand-stored.ts'
import { demand } from '#kernel/permissions/grants.ts'
import type { AnyDocument } from './document.ts'
import { NotForDocuments, StillLinked, SubmittedCannotBeDeleted } from './errors.ts'
import { changesetOf } from './history.ts'
import { runHook } from './hooks.ts'
import { load } from './load.ts'
import { hashName, revertSeries } from './naming.ts'
import { removeRowSecrets } from './passwords.ts'
import { dependentsOf, goesAlong, nameable } from './references.ts'
import { deleteChildren, deleteRow, insertRows } from './rows.ts'
import { removeFromTree } from './tree.ts'
import { virtualController } from './virtual.ts'
import { plainDocument } from './wire.ts'

/**
 * Deletes a document for good; a copy goes to Deleted Document, from which `restore` brings it back.
 * @throws PermissionDenied, SubmittedCannotBeDeleted, StillLinked, TreeNotLeaf
 */
export async function remove(ctx: Context, doctype: string, name: string | number): Promise<void> {
  const meta = await ctx.site.meta.get(doctype)
  refuseKinds(meta)
  await demand(ctx, 'delete', meta.name)
  await ctx.db.begin()
  const document = await load(ctx, meta, name, true)
  await demandStored(ctx, 'delete', meta, document)
  if (document.docstatus === 1) throw new SubmittedCannotBeDeleted({ doctype: meta.name, name: String(name) })
  await runHook(ctx, meta, document, 'on_trash')
  await runHook(ctx, meta, document, 'on_change', { before: document })
  if (meta.isVirtual) {
    await virtualController(ctx, meta).remove(ctx, String(name))
    await runHook(ctx, meta, document, 'after_delete')
    await recordAudit(ctx, {
      action: 'delete',
      doctype: meta.name,
      name: String(document.name),
      changes: changesetOf(meta, document, undefined, (name) => ctx.site.meta.cached(name)),
    })
    return
  }
  const by = await dependentsOf(ctx, meta, document.name)
  if (by.length > 0) throw new StillLinked({ doctype: meta.name, name: String(document.name), ...(await nameable(ctx, by)) })
  await removeFromTree(ctx, meta, document)
  await keepCopy(ctx, meta, document)
  await revertSeries(ctx, meta, document)
  await removeRows(ctx, meta, document)
  await deleteRow(ctx.db, meta, document.name)
  await removeSecrets(ctx, meta.name, String(document.name))
  await removeAttendants(ctx, meta, document)
  await runHook(ctx, meta, document, 'after_delete')
  await recordAudit(ctx, {
    action: 'delete',
    doctype: meta.name,
    name: String(document.name),
    changes: changesetOf(meta, document, undefined, (name) => ctx.site.meta.cached(name)),
  })
}

/** Deletes the rows of a document's tables, with their secrets. */
export async function removeRows(ctx: Context, meta: Meta, document: AnyDocument): Promise<void> {
  for (const table of meta.tables) {
    if (table.is_virtual) continue
    const child = await ctx.site.meta.meta(table.options ?? '')
    await deleteChildren(ctx.db, meta, child, document.name, table.fieldname)
    const rows = ((document as Record<string, unknown>)[table.fieldname] as AnyDocument[] | undefined) ?? []
    await removeRowSecrets(
      ctx,
      child,
      rows.map((row) => row.name),
    )
  }
}

function refuseKinds(meta: Meta): void {
  if (meta.isTable) throw new NotForDocuments({ doctype: meta.name, reason: 'its rows are removed by saving the document they belong to.' })
  if (meta.isSingle) throw new NotForDocuments({ doctype: meta.name, reason: 'it has one document, which cannot be deleted.' })
  if (meta.name === 'Audit Entry' || meta.name === 'Audit Seal' || meta.name === 'Version')
    throw new NotForDocuments({ doctype: meta.name, reason: 'these records cannot be deleted.' })
}

async function keepCopy(ctx: Context, meta: Meta, document: AnyDocument): Promise<void> {
  if (meta.name === 'Deleted Document') return
  const now = nowText(ctx)
  const name = hashName()
  await insertRows(ctx.db, await ctx.site.meta.meta('Deleted Document'), [
    {
      doctype: 'Deleted Document',
      name,
      owner: ctx.user.name,
      creation: now,
      modified: now,
      modified_by: ctx.user.name,
      docstatus: 0,
      idx: 0,
      deleted_name: String(document.name),
      deleted_doctype: meta.name,
      restored: 0,
      new_name: null,
      data: JSON.stringify(plainDocument(meta, document)),
    } as unknown as AnyDocument,
  ])
}

async function removeAttendants(ctx: Context, meta: Meta, document: AnyDocument): Promise<void> {
  for (const [doctype, typeColumn, nameColumn] of goesAlong) {
    if (!(await ctx.site.meta.exists(doctype))) continue
    const attendant = await ctx.site.meta.meta(doctype)
    if (!attendant.column.has(typeColumn) || !attendant.column.has(nameColumn)) continue
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`delete from ${ident(attendant.table)} where ${ident(typeColumn)} = ${meta.name} and ${ident(nameColumn)} = ${String(document.name)}`,
      ),
    )
  }
}
