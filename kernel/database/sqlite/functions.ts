import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { Decimal } from '#client/rules/decimal.ts'
import { foldCase } from '#client/rules/text.ts'
import { divideScaled, fromScaled, fromSortable, toScaled } from '../decimal-text.ts'

interface Tally {
  scaled: bigint
  count: bigint
}

const add = (tally: Tally, stored: SQLOutputValue): Tally => {
  if (typeof stored !== 'string') return tally
  tally.scaled += toScaled(stored)
  tally.count += 1n
  return tally
}

/**
 * What SQLite lacks, given to one connection: `fold(text)` for case-insensitive matches beyond ASCII, `number_text(number)`
 * without an exponent, `decimal_text(stored)`, and the exact aggregates `decimal_sum` and `decimal_avg` over sortable decimals.
 * Missing values pass through or are skipped.
 */
export function registerFunctions(connection: DatabaseSync): void {
  const pure = { deterministic: true }
  connection.function('fold', pure, (text) => (typeof text === 'string' ? foldCase(text) : text))
  connection.function('decimal_text', pure, (stored) => (typeof stored === 'string' ? fromSortable(stored) : null))
  connection.function('number_text', pure, (number) => (typeof number === 'number' ? Decimal.from(number).toString() : null))
  // The accumulator is an object, which the binding carries through unchanged although its types only know SQL values.
  const tally = { start: (() => ({ scaled: 0n, count: 0n })) as never, step: add as never }
  connection.aggregate('decimal_sum', {
    ...tally,
    ...pure,
    result: ((t: Tally) => (t.count === 0n ? null : fromScaled(t.scaled))) as never,
  })
  connection.aggregate('decimal_avg', {
    ...tally,
    ...pure,
    result: ((t: Tally) => (t.count === 0n ? null : fromScaled(divideScaled(t.scaled, t.count)))) as never,
  })
}
