import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import type { AnyDocument } from '#kernel/documents/document.ts'
import { find } from '#kernel/documents/load.ts'
import { placeOf } from '#kernel/files/file-names.ts'
import { fileStoreOf } from '#kernel/files/file-store.ts'
import { hasText, textOfFile } from '#kernel/files/file-text.ts'
import { indexDocument } from '#kernel/search/keep-index.ts'
import { searchPlan } from '#kernel/search/search-plan.ts'

/** Bytes of a plain text that keep their lines, for comparison. */
const mostPlain = 1_000_000

/** Reads what a version says (PDF, Office, mail, text), keeps it for comparison, and makes the document found by it. @returns characters */
export async function readText(ctx: Context, version: string): Promise<number> {
  const [row] = await ctx.db.query<Row>(
    ctx.db.dialect.compile(sql`select v.document, v.content_type, f.file_url from ${ident('tabDocument Version')} v
      join ${ident('tabFile')} f on f.name = v.file where v.name = ${version}`),
  )
  const place = row && placeOf(String(row.file_url ?? ''))
  const type = String(row?.content_type ?? '')
  if (!row || !place || !hasText(type) || !(await fileStoreOf(ctx.site).stat(place))) return 0
  const text =
    type.startsWith('text/') && type !== 'text/html'
      ? await plainText(ctx, place)
      : await textOfFile(await fileStoreOf(ctx.site).localPath(place), type)
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${ident('tabDocument Version')} set ${ident('text')} = ${text} where name = ${version}`),
  )
  const document = await find(ctx, await ctx.site.meta.get('Document'), String(row.document))
  if (document?.current_version === version) await indexAgain(ctx, document)
  return text.length
}

/** Makes a document found by what it says now, though none of its fields may have changed. */
export async function indexAgain(ctx: Context, document: AnyDocument): Promise<void> {
  const plan = await searchPlan(ctx, await ctx.site.meta.get('Document'))
  if (plan) await indexDocument(ctx, plan, document)
}

async function plainText(ctx: Context, place: { name: string; isPrivate: boolean }): Promise<string> {
  const parts = await Array.fromAsync(fileStoreOf(ctx.site).read(place, { start: 0, end: mostPlain - 1 }) as AsyncIterable<Buffer>)
  return new TextDecoder().decode(Buffer.concat(parts)).replaceAll('\0', ' ').replaceAll('\r\n', '\n').toWellFormed()
}

/** What the current version of a document says; what lies in the trash is found by its title alone. */
export async function textOfDocument(ctx: Context, document: AnyDocument): Promise<string | undefined> {
  if (!document.current_version || document.trashed) return undefined
  const [row] = await ctx.db.query<Row>(
    ctx.db.dialect.compile(
      sql`select ${ident('text')} as said from ${ident('tabDocument Version')} where name = ${String(document.current_version)}`,
    ),
  )
  return typeof row?.said === 'string' ? row.said : undefined
}
