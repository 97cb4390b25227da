import type { Predicate } from '#client/rules/predicate.ts'
import type { Wire } from '#kernel/fields/field-type.ts'

/** What a list may be asked for. Everything a caller wrote is unknown until it is parsed. */
export interface ListOptions {
  /** A list, its JSON text, comma-separated text or `*`; default: the name. See parse-fields.ts. */
  fields?: unknown
  filters?: unknown
  orFilters?: unknown
  /** Words that the document holds, as people type them; see kernel/search. */
  search?: string
  /** `modified desc, name asc`; '' counts as absent: the DocType's own order. The name always decides last. */
  orderBy?: unknown
  groupBy?: unknown
  /** Rows to skip, at most a million. */
  start?: number
  /** Rows to give; default 20; 0: all, up to the site's `query_row_cap` (100,000). */
  limit?: number
  /** Cursor of the page before, instead of `start`. */
  after?: string
  /** For child tables: the DocType of the documents whose rows are listed. */
  parent?: string
  /** Link fields answered as objects of the linked document's readable fields, and table fields answered as lists of rows. */
  expand?: readonly string[]
  distinct?: boolean
  /** Adds the titles of linked documents whose DocType shows them in links. */
  withLinkTitles?: boolean
  /** Rows that the user may read and that meet this too: the condition of another right, such as exporting. Not for child tables. */
  within?: Predicate
  wire: Wire
}

export interface ListAnswer {
  /** In wire form, keyed by fieldname or alias. */
  rows: Record<string, unknown>[]
  hasNextPage: boolean
  /** Where the next page starts; absent on the last page and for grouped or distinct lists. */
  cursor?: string
  /** Title by `DocType::name`. */
  linkTitles?: Record<string, string>
}

export const limits = {
  defaultRows: 20,
  rowCap: 100_000,
  start: 1_000_000,
  /** Child rows that one answer may hold. */
  childRows: 100_000,
} as const
