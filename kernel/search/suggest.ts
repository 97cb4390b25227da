import type { Context } from '#kernel/context/context.ts'
import { join, sql } from '#kernel/database/sql.ts'
import type { ParsedQuery } from './parse-query.ts'
import { wordOf } from './terms.ts'

const words = sql.id('__Search_Word')
/** Words of similar length and with the same first letter that are compared at most. */
const mostCompared = 5000
const mostSuggestions = 3

/**
 * Spellings that may be meant, nearest first: for each word that the site does not know, the known word with the fewest slips (a letter
 * too many, too few, wrong, or two in the wrong order). A slip in the first letter is not made good. The caller must check that the
 * user may find something by them: the words are those of all documents.
 */
export async function suggestQuery(ctx: Context, { wanted }: ParsedQuery): Promise<string[]> {
  const terms = wanted.flatMap((one) => one.terms)
  const near: string[][] = []
  for (const term of terms) near.push(await nearWords(ctx, term))
  const made = new Set<string>()
  for (let rank = 0; rank < mostSuggestions; rank++)
    made.add(terms.map((term, index) => wordOf(near[index]?.[Math.min(rank, (near[index]?.length ?? 1) - 1)] ?? term)).join(' '))
  made.delete(terms.map(wordOf).join(' '))
  return [...made]
}

/** Words of a term's bucket have its first character and its length. */
export function bucketOf(term: string): string {
  const characters = [...wordOf(term)]
  return `${characters[0] ?? ''}${characters.length}`
}

async function nearWords(ctx: Context, term: string): Promise<string[]> {
  const word = wordOf(term)
  const length = [...word].length
  if (length < 3) return []
  const slips = length < 6 ? 1 : 2
  const first = [...word][0] as string
  const buckets = Array.from({ length: 2 * slips + 1 }, (_, index) => sql`${`${first}${length - slips + index}`}`)
  const rows = await ctx.db.query<{ word: string }>(
    ctx.db.dialect.compile(sql`select word from ${words} where bucket in (${join(buckets)}) limit ${sql.raw(String(mostCompared))}`),
  )
  return rows
    .map((row) => ({ word: row.word, slips: slipsBetween(word, wordOf(row.word), slips) }))
    .filter((one) => one.slips <= slips)
    .sort((a, b) => a.slips - b.slips || (a.word < b.word ? -1 : 1))
    .slice(0, mostSuggestions)
    .map((one) => one.word)
}

/** Damerau and Levenshtein's distance with neighbours swapped, given up beyond `most`. */
function slipsBetween(a: string, b: string, most: number): number {
  const [left, right] = [[...a], [...b]]
  let before: number[] = []
  let above = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (const [row, letter] of left.entries()) {
    const line = [row + 1]
    for (const [column, other] of right.entries()) {
      const cost = letter === other ? 0 : 1
      let slips = Math.min((above[column + 1] ?? 0) + 1, (line[column] ?? 0) + 1, (above[column] ?? 0) + cost)
      if (row > 0 && column > 0 && letter === right[column - 1] && left[row - 1] === other)
        slips = Math.min(slips, (before[column - 1] ?? 0) + 1)
      line.push(slips)
    }
    if (Math.min(...line) > most) return most + 1
    before = above
    above = line
  }
  return above.at(-1) ?? most + 1
}
