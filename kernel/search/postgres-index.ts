import { sql } from '#kernel/database/sql.ts'
import type { SearchEntry } from './document-text.ts'
import { entriesWhere, entryColumns, entryTable, entryValues, run } from './entry-rows.ts'
import type { ParsedQuery, Wanted } from './parse-query.ts'
import type { SearchIndex } from './search-index.ts'
import { fieldBreak } from './terms.ts'

// Written out, because composing it would cost every save as much as sending it.
const putEntry = `insert into "__Search_Entry" (${entryColumns}, words) values ($1, $2, $3, $4, $5, $6, cast($7 as tsvector))
  on conflict (doctype, name, variant) do update set title = excluded.title, body = excluded.body, day = excluded.day, words = excluded.words`

/** A tsvector made of our own terms, with a GIN index; title words have weight A, others D. */
export const postgresIndex: SearchIndex = {
  entryId: sql`m.id`,
  async put(ctx, document, entry) {
    await ctx.db.execute({ sql: putEntry, parameters: [...entryValues(document, entry), vectorText(entry)] })
  },
  remove: (ctx, doctype, name, keep) => run(ctx, sql`delete from ${entryTable} where ${entriesWhere(doctype, name, keep)}`),
  removeAll: (ctx, doctype) => run(ctx, sql`delete from ${entryTable} where ${entriesWhere(doctype)}`),
  matches(query, allowed, most) {
    const asked = sql`cast(${expression(query)} as tsquery)`
    const found = sql`from ${entryTable} as m where m.words @@ ${asked} and ${allowed}`
    if (most === undefined) return sql`select m.id, m.doctype, m.name, m.day ${found}`
    // Ranked are only those that are left: reading a document's words costs more than anything else here.
    return sql`select id, doctype, name, day, ts_rank(words, ${asked}) as relevance
      from (select m.id, m.doctype, m.name, m.day, m.words ${found} order by m.id desc limit ${sql.raw(String(most))}) as newest`
  },
}

/** PostgreSQL keeps as many positions of one term; more would be cut with a notice. */
const mostPositions = 255

function vectorText({ titleTerms, bodyTerms }: SearchEntry): string {
  const places = new Map<string, string[]>()
  let at = 0
  for (const [terms, weight] of [[titleTerms, 'A'] as const, [bodyTerms, ''] as const]) {
    at++
    for (const term of terms) {
      at++
      if (term === fieldBreak) continue
      const known = places.get(term)
      if (!known) places.set(term, [`${at}${weight}`])
      else if (known.length < mostPositions) known.push(`${at}${weight}`)
    }
  }
  return [...places].map(([term, positions]) => `'${term}':${positions.join(',')}`).join(' ')
}

function expression({ wanted, excluded }: ParsedQuery): string {
  return [...wanted.map(phrase), ...excluded.map((one) => `!${phrase(one)}`)].join(' & ')
}

function phrase({ terms, isPrefix }: Wanted): string {
  return `(${terms.map((term, index) => `'${term}'${isPrefix && index === terms.length - 1 ? ':*' : ''}`).join(' <-> ')})`
}
