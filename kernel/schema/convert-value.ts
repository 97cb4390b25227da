import { canonicalDecimal, Decimal, fitsStorage, isDecimalText } from '#client/rules/decimal.ts'
import { parseDate, parseDatetime, parseTime } from '#client/rules/dates.ts'
import type { Dialect, SqlValue, Storage } from '#kernel/database/database.ts'

/** Stands for a value that the new column cannot hold. */
export const lost = Symbol('lost')

/** A stored value as a column of another kind holds it: NULL and '' become NULL; `lost` when something would be lost. */
export function convertValue(value: SqlValue, from: Storage, to: Storage, dialect: Dialect): SqlValue | typeof lost {
  if (value === null) return null
  const text = asText(value, from, dialect)
  if (to.kind === 'text' || to.kind === 'json' || to.kind === 'uuid') return asSizedText(text, to.kind === 'text' ? to.length : undefined)
  if (text.trim() === '') return null
  if (to.kind === 'date' || to.kind === 'datetime' || to.kind === 'time') return asMoment(text, from, to.kind)
  return isDecimalText(text) ? asNumber(text, to.kind, dialect) : lost
}

/** Whether every value of one kind fits the other, so that nobody need look. */
export function isAlwaysSafe(from: Storage, to: Storage): boolean {
  if (to.kind === 'text' && !to.length) return true
  const wider: Partial<Record<Storage['kind'], readonly Storage['kind'][]>> = {
    boolean: ['integer', 'bigint', 'decimal', 'float'],
    integer: ['bigint', 'decimal', 'float'],
    float: ['decimal'],
    decimal: ['float'],
    date: ['datetime'],
  }
  return from.kind === to.kind ? from.kind !== 'text' : (wider[from.kind]?.includes(to.kind) ?? false)
}

/** The value of a column that may not be NULL where nothing is known. */
export function zeroOf(storage: Storage, dialect: Dialect): SqlValue {
  if (storage.kind === 'text' || storage.kind === 'json' || storage.kind === 'uuid') return ''
  return storage.kind === 'decimal' ? dialect.encodeDecimal('0') : 0
}

function asText(value: SqlValue, from: Storage, dialect: Dialect): string {
  if (from.kind === 'decimal') return dialect.decodeDecimal(value)
  if (typeof value === 'number' || typeof value === 'bigint') return canonicalDecimal(value)
  if (from.kind === 'float') return canonicalDecimal(String(value))
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : String(value)
}

function asSizedText(text: string, length: number | undefined): string | typeof lost {
  return length === undefined || text.length <= length || [...text].length <= length ? text : lost
}

function asMoment(text: string, from: Storage, kind: 'date' | 'datetime' | 'time'): string | null | typeof lost {
  // A number column without a value holds 0.
  if (text === '0' && from.kind !== 'text') return null
  if (kind === 'time') return parseTime(text) ?? lost
  const parsed = parseDatetime(text)
  if (!parsed || parsed.offsetMinutes !== undefined) return lost
  if (kind === 'datetime') return parsed.naive
  return parsed.naive.endsWith(' 00:00:00.000000') ? (parseDate(parsed.naive.slice(0, 10)) ?? lost) : lost
}

function asNumber(text: string, kind: 'integer' | 'bigint' | 'boolean' | 'decimal' | 'float', dialect: Dialect): SqlValue | typeof lost {
  const exact = Decimal.from(text.trim())
  if (kind === 'decimal') return fitsStorage(exact) ? dialect.encodeDecimal(exact.toString()) : lost
  if (kind === 'float') return fitsStorage(exact) ? exact.toNumber() : lost
  const number = exact.toNumber()
  if (exact.scale > 0 || !Number.isSafeInteger(number)) return lost
  if (kind === 'boolean') return number === 0 || number === 1 ? number : lost
  return kind === 'bigint' || (number >= -(2 ** 31) && number < 2 ** 31) ? number : lost
}
