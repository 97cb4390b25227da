import { recordAudit } from '#kernel/audit/audit.ts'
import type { Context } from '#kernel/context/context.ts'
import { laterThan, nowText } from '#kernel/context/time.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import { renameSecrets } from '#kernel/identity/secrets.ts'
import { bumpEpoch } from '#kernel/sites/epoch.ts'
import { demandStored } from '#kernel/permissions/demand-stored.ts'
import { demand } from '#kernel/permissions/grants.ts'
import type { AnyDocument } from './document.ts'
import { DocumentNotFound, NameTaken, NotRenamable } from './errors.ts'
import { runHook } from './hooks.ts'
import { find, load } from './load.ts'
import { checkName } from './naming.ts'
import { followsName, goesAlong, pointsTo, referencesTo } from './references.ts'
import { removeRows } from './remove.ts'
import { deleteRow, isAutoincrement } from './rows.ts'
import { moveBranches, removeFromTree } from './tree.ts'

export interface RenameOptions {
  /** Let the document be absorbed by an existing one of the new name: what pointed to it points there. */
  merge?: boolean
}

/**
 * Gives a document another name, and every link to it as well; or merges it into an existing document.
 * @returns the new name (a hook may have changed it)
 * @throws PermissionDenied, NotRenamable, NameInvalid, NameTaken
 */
export async function rename(
  ctx: Context,
  doctype: string,
  oldName: string,
  newName: string,
  { merge = false }: RenameOptions = {},
): Promise<string> {
  const meta = await ctx.site.meta.get(doctype)
  await demand(ctx, 'write', meta.name)
  await ctx.db.begin()
  const document = await load(ctx, meta, oldName, true)
  await demandStored(ctx, 'write', meta, document)
  refuseKinds(ctx, meta, document)
  const extra: Record<string, unknown> = { old: oldName, new: checkName(meta, newName), merge }
  await runHook(ctx, meta, document, 'before_rename', extra)
  const renamed = checkName(meta, extra.new)
  if (renamed === oldName) return oldName
  const existing = await find(ctx, meta, renamed, true)
  if (existing && !merge) throw new NameTaken({ doctype: meta.name, name: renamed, field: 'new_name' })
  if (merge) await absorb(ctx, meta, document, existing, renamed)
  else await moveRow(ctx, meta, document, renamed)
  await moveReferences(ctx, meta, oldName, renamed)
  await moveAttendants(ctx, meta, oldName, renamed)
  await renameSecrets(ctx, meta.name, oldName, renamed)
  const after = await load(ctx, meta, renamed)
  await runHook(ctx, meta, after, 'after_rename', { old: oldName, new: renamed, merge })
  await recordAudit(ctx, {
    action: merge ? 'merge' : 'rename',
    doctype: meta.name,
    name: renamed,
    changes: { changed: [['name', oldName, renamed]], added: [], removed: [], row_changed: [] },
  })
  // Rights may name the document.
  await bumpEpoch(ctx, 'access')
  await runHook(ctx, meta, after, 'on_change')
  return renamed
}

function refuseKinds(ctx: Context, meta: Meta, document: AnyDocument): void {
  const refuse = (reason: string): never => {
    throw new NotRenamable({ doctype: meta.name, name: String(document.name), reason })
  }
  if (meta.isTable || meta.isSingle || meta.isVirtual) refuse('documents of this kind have no name of their own.')
  if (isAutoincrement(meta)) refuse('it is numbered by the database.')
  if (meta.definition.allow_rename === 0 && !ctx.user.unrestricted) refuse('documents of this type keep their name.')
  if (meta.name.startsWith('Audit ') || meta.name === 'Version') refuse('these records cannot be changed.')
}

async function moveRow(ctx: Context, meta: Meta, document: AnyDocument, renamed: string): Promise<void> {
  const { dialect } = ctx.db
  const modified = laterThan(nowText(ctx), document.modified)
  const namingField = /^field:(.+)$/.exec(meta.definition.autoname ?? '')?.[1]?.trim()
  const alsoField = namingField && meta.column.has(namingField) ? sql`, ${ident(namingField)} = ${renamed}` : sql``
  await ctx.db.execute(
    dialect.compile(
      sql`update ${ident(meta.table)} set name = ${renamed}, modified = ${modified}, modified_by = ${ctx.user.name}${alsoField} where name = ${document.name}`,
    ),
  )
  for (const table of meta.tables) {
    if (table.is_virtual) continue
    const child = await ctx.site.meta.meta(table.options ?? '')
    await ctx.db.execute(
      dialect.compile(
        sql`update ${ident(child.table)} set parent = ${renamed} where parent = ${document.name} and parenttype = ${meta.name} and parentfield = ${table.fieldname}`,
      ),
    )
  }
}

/** The absorbed document's own row and child rows go; what points to it is moved by the caller. */
async function absorb(ctx: Context, meta: Meta, document: AnyDocument, target: AnyDocument | undefined, renamed: string): Promise<void> {
  const absent = new NotRenamable({ doctype: meta.name, name: String(document.name), reason: `there is no ${renamed} to merge it into.` })
  if (!target) throw absent
  try {
    await demandStored(ctx, 'write', meta, target)
  } catch (error) {
    throw DocumentNotFound.is(error) ? absent : error
  }
  await demand(ctx, 'delete', meta.name, document)
  if (document.docstatus === 1)
    throw new NotRenamable({
      doctype: meta.name,
      name: String(document.name),
      reason: 'a submitted document cannot be merged into another.',
    })
  if (meta.isTree) {
    await moveBranches(ctx, meta, document, target)
    await removeFromTree(ctx, meta, document)
  }
  await removeRows(ctx, meta, document)
  await deleteRow(ctx.db, meta, document.name)
}

/** Records about the document whose column for its name is a plain text, and so no reference. */
async function moveAttendants(ctx: Context, meta: Meta, oldName: string, renamed: string): Promise<void> {
  for (const [doctype, typeColumn, nameColumn] of [...goesAlong, ...followsName]) {
    if (!(await ctx.site.meta.exists(doctype))) continue
    const attendant = await ctx.site.meta.meta(doctype)
    if (attendant.column.get(nameColumn)?.fieldtype !== 'Data' || !attendant.column.has(typeColumn)) continue
    await ctx.db.execute(
      ctx.db.dialect.compile(
        sql`update ${ident(attendant.table)} set ${ident(nameColumn)} = ${renamed} where ${ident(typeColumn)} = ${meta.name} and ${ident(nameColumn)} = ${oldName}`,
      ),
    )
  }
}

async function moveReferences(ctx: Context, meta: Meta, oldName: string, renamed: string): Promise<void> {
  const { dialect } = ctx.db
  for (const reference of await referencesTo(ctx, meta.name)) {
    // What was recorded stays as it was recorded.
    if (reference.meta.name.startsWith('Audit ') || reference.meta.isVirtual) continue
    const column = reference.field.fieldname
    if (reference.meta.isSingle) {
      await ctx.db.execute(
        dialect.compile(
          sql`update ${ident('tabSingles')} set value = ${renamed} where doctype = ${reference.meta.name} and field = ${column} and value = ${oldName}`,
        ),
      )
      continue
    }
    await ctx.db.execute(
      dialect.compile(
        sql`update ${ident(reference.meta.table)} set ${ident(column)} = ${renamed} where ${pointsTo(reference, meta.name, oldName)}`,
      ),
    )
  }
}
