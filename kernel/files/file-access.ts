import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { fieldAccess } from '#kernel/permissions/field-access.ts'
import { can } from '#kernel/permissions/grants.ts'
import { keyAllows } from '#kernel/permissions/key-scopes.ts'
import { isWatched, noteReads } from '#kernel/permissions/reads.ts'

/** What decides who may have a file. */
export interface FileFacts {
  readonly name: string
  readonly owner: string
  readonly is_private: number | null
  readonly is_folder: number | null
  readonly attached_to_doctype: string | null
  readonly attached_to_name: string | null
  readonly attached_to_field: string | null
}

/**
 * Whether the context's user may have a file: a public one, one's own, or one that is attached to a document (in a field) that the user
 * may read. Rights on the File DocType itself do not open other people's private files.
 */
export async function mayReadFile(ctx: Context, file: FileFacts): Promise<boolean> {
  const watched = file.attached_to_doctype && isWatched(ctx, file.attached_to_doctype) ? file.attached_to_doctype : undefined
  if (ctx.user.unrestricted && ctx.user.scopes === undefined) {
    if (watched) noteReads(ctx, watched, [file.attached_to_name], 'file')
    return true
  }
  // What is attached to a document whose reads are watched goes to its readers alone: not to whoever put it there, not to the public.
  if (watched) return mayReadTarget(ctx, file)
  if (!file.is_private && !file.is_folder) return true
  if (ctx.user.name === 'Guest') return false
  if (file.is_folder) return true
  // A key with scopes reaches one's own files only where it reaches the File DocType.
  if (file.owner === ctx.user.name && (!ctx.user.scopes || keyAllows(ctx.user.scopes, 'File', 'read'))) return true
  return file.attached_to_doctype ? mayReadTarget(ctx, file) : false
}

async function mayReadTarget(ctx: Context, { attached_to_doctype, attached_to_name, attached_to_field }: FileFacts): Promise<boolean> {
  const doctype = String(attached_to_doctype)
  if (!(await ctx.site.meta.exists(doctype))) return false
  const meta = await ctx.site.meta.get(doctype)
  if (meta.isTable || !(await can(ctx, 'read', meta.name))) return false
  const field = attached_to_field ? meta.field.get(attached_to_field) : undefined
  if (field && !(await fieldAccess(ctx, meta)).canRead(field)) return false
  const target = await find(ctx, meta, attached_to_name ?? meta.name)
  if (!target || !(await can(ctx, 'read', meta.name, target))) return false
  noteReads(ctx, meta.name, [target.name], 'file')
  return true
}

/** The records of a file at an address, whoever may see them; several documents may share the same bytes. */
export async function filesAt(
  ctx: Context,
  url: string,
): Promise<(FileFacts & { file_name: string | null; content_type: string | null; content_hash: string | null })[]> {
  const columns = [
    'name',
    'owner',
    'is_private',
    'is_folder',
    'attached_to_doctype',
    'attached_to_name',
    'attached_to_field',
    'file_name',
    'content_type',
    'content_hash',
  ]
  const statement = sql`select ${sql.join(columns.map((column) => ident(column)))} from ${ident('tabFile')} where ${ident('file_url')} = ${url} order by creation, name limit 500`
  return (await ctx.db.query<Row>(ctx.db.dialect.compile(statement))) as never
}

/** As a permission check of the File DocType: role rows open it, this closes it again for what is not the user's to see. */
export async function checkFileAccess(ctx: Context, file: AnyDocument): Promise<boolean> {
  return mayReadFile(ctx, file as unknown as FileFacts)
}
