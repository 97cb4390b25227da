import type { Dialect } from '#kernel/database/database.ts'

/**
 * The statements that make the tables of the search index, each without effect where it was done before. They are made apart from the
 * kernel's other tables, because each engine has its own kind of index here. Terms are ASCII (see terms.ts).
 */
export function searchTables(dialect: Dialect): string[] {
  const short = dialect.columnType({ kind: 'text', length: 140 })
  const long = dialect.columnType({ kind: 'text' })
  const number = dialect.columnType({ kind: 'bigint' })
  const q = (name: string) => dialect.quote(name)
  // Long texts last: ranking reads what stands before them, for each row that is found.
  const entry = (id: string, more = '', end = '') =>
    `create table if not exists ${q('__Search_Entry')} (id ${id}, doctype ${short} not null, name ${short} not null, variant ${number} not null,
      day ${number} not null, title ${long} not null, body ${long} not null${more})${end}`
  const byDocument = (guard: string) => `create unique index ${guard}ux_search_entry on ${q('__Search_Entry')} (doctype, name, variant)`
  const state = `create table if not exists ${q('__Search_State')} (doctype ${short} not null primary key, signature ${long} not null,
    progress ${short} not null, is_done ${number} not null, documents ${number} not null, changed ${number} not null)`
  const words = `create table if not exists ${q('__Search_Word')} (word ${short} not null primary key, bucket ${short} not null)`
  const byBucket = (guard: string) => `create index ${guard}ix_search_word on ${q('__Search_Word')} (bucket)`
  const chunks = `create table if not exists ${q('__Search_Chunk')} (doctype ${short} not null, name ${short} not null,
    variant ${number} not null, place ${number} not null, model ${short} not null, content ${long} not null, vector ${long} not null,
    primary key (doctype, name, variant, place))`
  const feed = `create table if not exists ${q('__Search_Feed')} (doctype ${short} not null, name ${short} not null, version ${number} not null,
    primary key (doctype, name))`
  const rest = (guard: string) => [state, words, byBucket(guard), chunks, feed]
  if (dialect.name === 'sqlite')
    return [
      entry('integer primary key', '', ' strict'),
      byDocument('if not exists '),
      // The index of two letters answers while somebody begins to type. Contentless: the terms can be made again from the document, and are three quarters of what the index would hold.
      `create virtual table if not exists "__search_fts" using fts5(title, body, content='', contentless_delete=1, prefix=2, tokenize="ascii tokenchars '_'")`,
      ...rest('if not exists '),
    ]
  if (dialect.name === 'postgres')
    return [
      entry('bigint generated always as identity primary key', ', words tsvector not null'),
      byDocument('if not exists '),
      `create index if not exists ix_search_words on "__Search_Entry" using gin (words)`,
      ...rest('if not exists '),
    ]
  return [
    entry(
      'bigint not null auto_increment primary key',
      ', words longtext character set ascii collate ascii_general_ci not null, unique index ux_search_entry (doctype, name, variant), fulltext index ix_search_words (words)',
    ),
    ...rest('if not exists '),
  ]
}
