import { defineError } from './errors.ts'

/** Two places in the wrong order, or a text that is no place. */
export const BadRank = defineError<{ field: string; reason: string }>({
  code: 'projects/bad-rank',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `${d.field}: ${d.reason}`,
})

const digits = '0123456789abcdefghijklmnopqrstuvwxyz'
const shape = /^[0-9a-z]*[1-9a-z]$/

/**
 * A place between two others, as text that sorts the same way by any collation: digits and small letters, never ending in a zero. Moving a
 * card so writes one row, however long the column.
 * @param before the place it comes after; undefined: it is the first
 * @param after the place it comes before; undefined: it is the last
 * @throws BadRank
 */
export function rankBetween(before: string | undefined, after: string | undefined): string {
  for (const rank of [before, after])
    if (rank !== undefined && !shape.test(rank)) throw new BadRank({ field: 'rank', reason: `“${rank.slice(0, 40)}” is no place.` })
  if (before !== undefined && after !== undefined && before >= after)
    throw new BadRank({ field: 'after', reason: 'the cards do not stand in this order any more.' })
  let rank = ''
  for (let at = 0; ; at++) {
    const low = before !== undefined && at < before.length ? digits.indexOf(before[at] as string) : 0
    // Once below the upper end, everything is open.
    const isBounded = after !== undefined && rank === after.slice(0, at)
    const high = isBounded ? (at < after.length ? digits.indexOf(after[at] as string) : 0) : digits.length
    if (high - low > 1) {
      // Cards are mostly added at the end: small steps there keep places short.
      const step = after === undefined ? Math.min(4, Math.max(1, (high - low) >> 1)) : (high - low) >> 1
      return rank + digits[low + step]
    }
    rank += digits[low]
    if (before !== undefined && rank > before.slice(0, at + 1)) before = undefined
  }
}

/** Places for so many cards in a row, from the first. */
export function ranksFor(count: number): string[] {
  const width = Math.max(2, Math.ceil(Math.log(count + 2) / Math.log(digits.length)))
  const step = Math.floor(digits.length ** width / (count + 1))
  return Array.from({ length: count }, (_, index) => `${((index + 1) * step).toString(36).padStart(width, '0')}i`)
}
