import type { Context } from '#kernel/context/context.ts'
import type { Row, SqlValue } from '#kernel/database/database.ts'
import { isWatched, noteFigures, noteReads } from '#kernel/permissions/reads.ts'
import { columnText } from './columns.ts'
import type { Scope } from './scope.ts'

/** One table of a statement whose reads somebody listens to. */
export interface Watched {
  /** The DocType, or the column that holds it. */
  readonly doctype: string | { readonly slot: string }
  /** The column with the document's name; undefined where rows are sums over documents. */
  readonly nameSlot: string | undefined
}

/**
 * The tables of a list that somebody watches: the DocType itself, or the documents around the rows of a child table, and linked documents
 * whose fields were asked for.
 * @param hasSingles whether one row stands for one document
 * @param slot       adds a column to the statement
 */
export function watchedTables(scope: Scope, parent: unknown, hasSingles: boolean, slot: (text: string) => string): Watched[] {
  const { ctx, meta } = scope
  if (!ctx.site.apps.watchesReads) return []
  const watched: Watched[] = []
  const single = (text: string): string | undefined => (hasSingles ? slot(text) : undefined)
  if (isWatched(ctx, meta.name)) watched.push({ doctype: meta.name, nameSlot: single(scope.ownText('name')) })
  if (meta.isTable && typeof parent === 'string' && parent !== '') {
    const doctype = ctx.site.meta.cached(parent)?.name ?? parent
    if (isWatched(ctx, doctype)) watched.push({ doctype, nameSlot: single(scope.ownText('parent')) })
  } else if (meta.isTable && hasSingles && ctx.elevation === undefined)
    watched.push({ doctype: { slot: slot(scope.ownText('parenttype')) }, nameSlot: slot(scope.ownText('parent')) })
  for (const join of scope.tables.joins.values())
    if (join.kind === 'link' && isWatched(ctx, join.meta.name))
      watched.push({ doctype: join.meta.name, nameSlot: single(columnText(join.alias, 'name', ctx.db.dialect)) })
  return watched
}

/** Tells what a page showed. */
export function notePage(ctx: Context, watched: readonly Watched[], rows: readonly Row[]): void {
  for (const { doctype, nameSlot } of watched) {
    if (rows.length === 0) continue
    if (typeof doctype !== 'string')
      for (const row of rows) noteReads(ctx, String(row[doctype.slot]), [row[nameSlot as string] as SqlValue], 'list')
    else if (nameSlot === undefined) noteFigures(ctx, doctype, 'list')
    else
      noteReads(
        ctx,
        doctype,
        rows.map((row) => row[nameSlot]),
        'list',
      )
  }
}
