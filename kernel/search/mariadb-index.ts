import { type Sql, join, sql } from '#kernel/database/sql.ts'
import type { SearchEntry } from './document-text.ts'
import { entriesWhere, entryColumns, entryTable, entryValues, run } from './entry-rows.ts'
import type { ParsedQuery, Wanted } from './parse-query.ts'
import type { SearchIndex } from './search-index.ts'
import { fieldBreak } from './terms.ts'

// MariaDB indexes no words shorter than three letters and none of its English stop words: with two letters in front, no term is either.
const inText = 'zz'
const inTitle = 'yy'

// Written out, because composing it would cost every save as much as sending it.
const putEntry = `insert into \`__Search_Entry\` (${entryColumns}, words) values (?, ?, ?, ?, ?, ?, ?)
  on duplicate key update title = values(title), body = values(body), day = values(day), words = values(words)`

/**
 * InnoDB's FULLTEXT. It asks for words only; whether they stand in a row is looked up in the text of those found. What a transaction
 * writes is found once it is committed.
 */
export const mariadbIndex: SearchIndex = {
  entryId: sql`m.id`,
  async put(ctx, document, entry) {
    await ctx.db.execute({ sql: putEntry, parameters: [...entryValues(document, entry), wordsText(entry)] })
  },
  remove: (ctx, doctype, name, keep) => run(ctx, sql`delete from ${entryTable} where ${entriesWhere(doctype, name, keep)}`),
  removeAll: (ctx, doctype) => run(ctx, sql`delete from ${entryTable} where ${entriesWhere(doctype)}`),
  matches(query, allowed, most) {
    const asked = sql`match (m.words) against (${expression(query)} in boolean mode)`
    const rows = [
      ...query.wanted.filter(isRow).map((one) => sql`locate(${rowText(one)}, m.words) > 0`),
      ...query.excluded.filter(isRow).map((one) => sql`locate(${rowText(one)}, m.words) = 0`),
    ]
    const beside: Sql = rows.length > 0 ? sql` and ${join(rows, ' and ')}` : sql``
    const found = sql`from ${entryTable} as m where ${asked}${beside} and ${allowed}`
    if (most === undefined) return sql`select m.id, m.doctype, m.name, m.day ${found}`
    return sql`select m.id, m.doctype, m.name, m.day, ${asked} as relevance ${found} order by m.id desc limit ${sql.raw(String(most))}`
  },
}

function wordsText({ titleTerms, bodyTerms }: SearchEntry): string {
  const spelt = (terms: readonly string[], mark: string) => terms.map((term) => (term === fieldBreak ? term : `${mark}${term}`))
  return ` ${[...spelt(titleTerms, inText), fieldBreak, ...spelt(bodyTerms, inText), fieldBreak, ...spelt(titleTerms, inTitle)].join(' ')} `
}

/** Every term is asked for; those in the title count once more. */
function expression({ wanted, excluded }: ParsedQuery): string {
  const must = wanted.flatMap(({ terms, isPrefix }) => terms.map((term, index) => spell(term, isPrefix && index === terms.length - 1)))
  const mustNot = excluded.filter((one) => !isRow(one)).map(({ terms, isPrefix }) => spell(terms[0] as string, isPrefix))
  return [
    ...must.map((term) => `+${inText}${term}`),
    ...must.map((term) => `${inTitle}${term}`),
    ...mustNot.map((term) => `-${inText}${term}`),
  ].join(' ')
}

function spell(term: string, isPrefix: boolean): string {
  return isPrefix ? `${term}*` : term
}

function isRow({ terms }: Wanted): boolean {
  return terms.length > 1
}

/** The terms as they stand in `words`, up to the end of the last one unless it may go on. */
function rowText({ terms, isPrefix }: Wanted): string {
  return ` ${terms.map((term) => `${inText}${term}`).join(' ')}${isPrefix ? '' : ' '}`
}
