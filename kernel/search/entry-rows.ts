import type { Context } from '#kernel/context/context.ts'
import type { SqlValue } from '#kernel/database/database.ts'
import { join, type Sql, sql } from '#kernel/database/sql.ts'
import type { LabelledText, SearchEntry } from './document-text.ts'

export const entryTable = sql.id('__Search_Entry')

/** The columns of an entry that all engines share, in the order of `entryValues`. */
export const entryColumns = 'doctype, name, variant, day, title, body'

/** Values for `entryColumns`. */
export function entryValues(document: { doctype: string; name: string; day: number }, entry: SearchEntry): SqlValue[] {
  return [document.doctype, document.name, entry.variant, document.day, entry.title.slice(0, 500).toWellFormed(), shownText(entry.texts)]
}

function shownText(texts: readonly LabelledText[]): string {
  return JSON.stringify(texts.map(({ label, text }) => [label, text.toWellFormed()]))
}

/** The texts of an entry as stored. */
export function storedTexts(body: string): LabelledText[] {
  return (JSON.parse(body) as [string, string][]).map(([label, text]) => ({ label, text }))
}

/** The rows of a document but for variants to keep, or of a whole DocType. */
export function entriesWhere(doctype: string, name?: string, keep: readonly number[] = []): Sql {
  if (name === undefined) return sql`doctype = ${doctype}`
  const others = keep.length === 0 ? sql`` : sql` and variant not in (${join(keep.map((variant) => sql`${variant}`))})`
  return sql`doctype = ${doctype} and name = ${name}${others}`
}

export async function run(ctx: Context, fragment: Sql): Promise<void> {
  await ctx.db.execute(ctx.db.dialect.compile(fragment))
}
