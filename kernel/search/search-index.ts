import type { Context } from '#kernel/context/context.ts'
import type { DialectName } from '#kernel/database/database.ts'
import type { Sql } from '#kernel/database/sql.ts'
import type { SearchEntry } from './document-text.ts'
import { mariadbIndex } from './mariadb-index.ts'
import type { ParsedQuery } from './parse-query.ts'
import { postgresIndex } from './postgres-index.ts'
import { sqliteIndex } from './sqlite-index.ts'

/** Which document's entries are meant, and the day of its last change: whole days since 1970. */
export interface IndexedDocument {
  readonly doctype: string
  readonly name: string
  readonly day: number
}

/**
 * The full-text index of a site, in its own database: it changes in the transaction that changes the document, and is asked in the
 * statement that asks for the rights. Every driver passes testing/contracts/search.ts.
 */
export interface SearchIndex {
  /** The number of an entry in `matches`, as it is known soonest. */
  readonly entryId: Sql
  /** Puts one variant of a document into the index in place of what was there. */
  put(ctx: Context, document: IndexedDocument, entry: SearchEntry): Promise<void>
  /** Takes the variants of a document out of the index: all but those to keep. */
  remove(ctx: Context, doctype: string, name: string, keep?: readonly number[]): Promise<void>
  /** Takes all documents of a DocType out of the index. */
  removeAll(ctx: Context, doctype: string): Promise<void>
  /**
   * A select of the entries that hold everything wanted and nothing excluded: id, doctype, name, day, and relevance, a number that is
   * larger for a better match, title words above others. At least one thing must be wanted.
   * @param allowed  what a row `m` with doctype, name and variant must meet beside
   * @param most  gives only so many, those that were indexed last; without it all, and no relevance
   */
  matches(query: ParsedQuery, allowed: Sql, most?: number): Sql
}

const indexes: Readonly<Record<DialectName, SearchIndex>> = { sqlite: sqliteIndex, postgres: postgresIndex, mariadb: mariadbIndex }

/** The index of the context's site. */
export function searchIndex(ctx: Context): SearchIndex {
  return indexes[ctx.db.dialect.name]
}
