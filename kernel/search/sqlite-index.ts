import type { Context } from '#kernel/context/context.ts'
import { type Sql, sql } from '#kernel/database/sql.ts'
import { entriesWhere, entryColumns, entryTable, entryValues, run } from './entry-rows.ts'
import type { ParsedQuery, Wanted } from './parse-query.ts'
import type { SearchIndex } from './search-index.ts'

const texts = sql.id('__search_fts')

// Written out, because composing them would cost every save as much as running them.
const putEntry = `insert into "__Search_Entry" (${entryColumns}) values (?, ?, ?, ?, ?, ?)
  on conflict (doctype, name, variant) do update set title = excluded.title, body = excluded.body, day = excluded.day returning id`
const putTerms = 'insert or replace into "__search_fts" (rowid, title, body) values (?, ?, ?)'

/** FTS5 with bm25; a title word counts eight times a word of the body. */
export const sqliteIndex: SearchIndex = {
  entryId: sql`${texts}.rowid`,
  async put(ctx, document, entry) {
    await ctx.db.begin()
    const [row] = await ctx.db.query<{ id: number }>({ sql: putEntry, parameters: entryValues(document, entry) })
    await ctx.db.execute({ sql: putTerms, parameters: [row?.id ?? 0, entry.titleTerms.join(' '), entry.bodyTerms.join(' ')] })
  },
  remove: (ctx, doctype, name, keep) => removeWhere(ctx, entriesWhere(doctype, name, keep)),
  removeAll: (ctx, doctype) => removeWhere(ctx, entriesWhere(doctype)),
  matches(query, allowed, most) {
    const found = sql`from ${texts} join ${entryTable} as m on m.id = ${texts}.rowid where ${texts} match ${expression(query)} and ${allowed}`
    if (most === undefined) return sql`select m.id, m.doctype, m.name, m.day ${found}`
    // FTS5 walks backwards through the rows, so that no more of them are looked at than the limit takes.
    return sql`select m.id, m.doctype, m.name, m.day, -bm25(${texts}, 8.0, 1.0) as relevance ${found}
      order by ${texts}.rowid desc limit ${sql.raw(String(most))}`
  },
}

async function removeWhere(ctx: Context, condition: Sql): Promise<void> {
  // Emptied, not deleted: after a delete FTS5 leaves a "last inserted row" that is no safe number, at which the binding of the next
  // statement fails, whatever that is about. A row without an entry is found by nobody, and its number is used again.
  await run(ctx, sql`insert or replace into ${texts} (rowid, title, body) select id, '', '' from ${entryTable} where ${condition}`)
  await run(ctx, sql`delete from ${entryTable} where ${condition}`)
}

/** Terms hold letters, digits and underscores alone, so that nothing needs escaping within the quotation marks. */
function expression({ wanted, excluded }: ParsedQuery): string {
  const all = wanted.map(phrase).join(' AND ')
  return excluded.length === 0 ? all : `(${all}) NOT (${excluded.map(phrase).join(' OR ')})`
}

function phrase({ terms, isPrefix }: Wanted): string {
  return `"${terms.join(' ')}"${isPrefix ? '*' : ''}`
}
