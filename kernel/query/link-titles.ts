import { where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Row } from '#kernel/database/database.ts'
import { predicateToSql } from '#kernel/database/predicate-sql.ts'
import type { Meta } from '#kernel/meta/meta.ts'
import type { Grant } from '#kernel/permissions/grant.ts'
import { noteReads } from '#kernel/permissions/reads.ts'
import { readingAccess, useOf } from './access.ts'
import { columnsOf, columnText, conditionSql } from './columns.ts'
import { type Piece, piece, StatementBuilder } from './piece.ts'
import type { Output } from './output.ts'

/** Where the titles for one linked DocType come from. Looked up apart from the page: a join would visit every row that is sorted. */
export interface TitleSource {
  readonly meta: Meta
  /** The right it was made with; undefined: there was none, and there are no titles. */
  readonly grant: Grant | undefined
  /** Keys of the answer that hold names of such documents. */
  readonly keys: string[]
  /** `select … from … where ` */
  readonly head: string
  /** The rows that the user may read. */
  readonly rows: Piece
}

/** The linked DocTypes of a list that show titles in links, as far as the user may read those. */
export async function titleSources(ctx: Context, outputs: Iterable<Output>): Promise<TitleSource[]> {
  const sources = new Map<string, TitleSource>()
  for (const { key, column } of outputs) {
    if (column?.field.fieldtype !== 'Link' || column.masked || !column.field.options) continue
    const meta = await ctx.site.meta.get(column.field.options)
    if (!meta.definition.show_title_field_in_link || !meta.column.has(meta.titleField) || meta.isVirtual || meta.isSingle) continue
    const known = sources.get(meta.name)
    // A source without keys is one that the user may not read.
    if (known?.keys.length) known.keys.push(key)
    else if (!known) sources.set(meta.name, await titleSource(ctx, meta, key))
  }
  return [...sources.values()]
}

async function titleSource(ctx: Context, meta: Meta, key: string): Promise<TitleSource> {
  const access = await readingAccess(ctx, meta)
  const { dialect } = ctx.db
  const title = meta.column.get(meta.titleField)
  const head = `select ${columnText('t', 'name', dialect)} as n, ${columnText('t', meta.titleField, dialect)} as title from ${dialect.quote(meta.table)} as t where `
  // A title that the user may not read leaves the source without rows.
  const isShown = access !== undefined && title !== undefined && useOf(access, title) === 'shown'
  const rows = await conditionSql(ctx, meta, 't', isShown ? access.grant.rows : { any: [] })
  return { meta, grant: access?.grant, keys: isShown ? [key] : [], head, rows: piece(rows, dialect) }
}

/**
 * Titles of the documents that a page links to, with one query per linked DocType.
 * @returns titles by `DocType::name`
 */
export async function linkTitles(
  ctx: Context,
  sources: readonly TitleSource[],
  rows: readonly Record<string, unknown>[],
): Promise<Record<string, string>> {
  const { dialect } = ctx.db
  const titles: Record<string, string> = {}
  for (const { meta, keys, head, rows: readable } of sources) {
    const names = new Set<unknown>()
    for (const key of keys) for (const row of rows) if (row[key] !== null && row[key] !== '') names.add(row[key])
    if (names.size === 0) continue
    const named = piece(predicateToSql(where('name', 'in', [...names]), columnsOf(ctx, meta, 't'), dialect), dialect)
    const found = await ctx.db.query<Row>(new StatementBuilder(dialect).text(head).piece(named).text(' and ').piece(readable).build())
    noteReads(
      ctx,
      meta.name,
      found.map(({ n }) => n),
      'list',
    )
    for (const { n, title } of found) if (title !== null && title !== '') titles[`${meta.name}::${n}`] = String(title)
  }
  return titles
}
