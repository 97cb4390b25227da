import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { load } from '#kernel/documents/load.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { Action } from '#kernel/permissions/grant.ts'
import { demandStored } from '#kernel/permissions/demand-stored.ts'
import { demand } from '#kernel/permissions/grants.ts'

/** The document that a comment, assignment, tag or share is about, if the user may do `action` with it. @throws DocumentNotFound, PermissionDenied */
export async function documentAbout(ctx: Context, doctype: string, name: string, action: Action): Promise<AnyDocument> {
  const meta = await ctx.site.meta.get(doctype)
  await demand(ctx, action, meta.name)
  const document = await load(ctx, meta, name)
  await demandStored(ctx, action, meta, document)
  return document
}

/** Columns in which a document's row remembers what is attached to it, so that lists can show it without a join. */
export type NoteColumn = '_comments' | '_assign' | '_user_tags' | '_liked_by'

/**
 * Rewrites one of these columns; the row is locked, `modified` stays as it is. A document that is gone, or has no such column, is left.
 * @param change  gets the text that stands there (or null), returns the new one
 */
export async function rewriteNote(
  ctx: Context,
  doctype: string,
  name: string,
  column: NoteColumn,
  change: (current: string | null) => string | null,
): Promise<void> {
  if (!(await ctx.site.meta.exists(doctype))) return
  const meta: Meta = await ctx.site.meta.get(doctype)
  if (!meta.column.has(column) || meta.isSingle || meta.isVirtual) return
  const tx = await ctx.db.begin()
  const [row] = await tx.query<{ note: string | null }>(
    tx.dialect.compile(sql`select ${ident(column)} as note from ${ident(meta.table)} where name = ${name}${sql.raw(tx.dialect.forUpdate)}`),
  )
  if (!row) return
  const next = change(row.note)
  if (next !== row.note)
    await tx.execute(tx.dialect.compile(sql`update ${ident(meta.table)} set ${ident(column)} = ${next} where name = ${name}`))
}

/** A JSON list kept in such a column; anything unreadable counts as empty. */
export function listIn(text: string | null): unknown[] {
  try {
    const list = JSON.parse(text ?? '[]') as unknown
    return Array.isArray(list) ? list : []
  } catch {
    return []
  }
}
