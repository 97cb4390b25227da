import { Decimal } from '#client/rules/decimal.ts'
import type { FieldType } from '../field-type.ts'
import { blankNumber } from '../nullable.ts'
import { badValue, isBlank } from '../refusals.ts'
import { checkSign, precisionOf, readNumber } from './numbers.ts'

const bound = 1e12

function rounded(number: number, places: number): number {
  // Digits beyond what a double holds make an infinity; the caller refuses it.
  if (Number.isInteger(number) || !Number.isFinite(number)) return number === 0 ? 0 : number
  const text = String(number)
  const point = text.indexOf('.')
  // Most numbers have few places already; only the others pay for exact arithmetic.
  if (point >= 0 && text.length - point - 1 <= places && !text.includes('e')) return number
  const result = Decimal.from(number).round(places).toNumber()
  return result === 0 ? 0 : result
}

function float(name: string, check?: FieldType['check']): FieldType {
  return {
    name,
    kind: 'number',
    storage: () => ({ kind: 'float' }),
    cast(value, field, _wire, path) {
      if (isBlank(value)) return blankNumber(field)
      const number = rounded(readNumber(value, field, path), precisionOf(field))
      if (!(Math.abs(number) < bound)) throw badValue(field, path, 'a number below 10^12')
      return number
    },
    check(value, field, path) {
      checkSign(value !== null && (value as number) < 0, field, path)
      check?.(value, field, path)
    },
    toColumn: (value) => value as number | null,
    fromColumn: (stored) => (stored === null || stored === undefined ? null : Number(stored)),
    toWire: (value) => value,
  }
}

/** Numbers within ±10^12, rounded half to even to `precision` places (9 unless the field says fewer). */
export const floatTypes: readonly FieldType[] = [
  float('Float'),
  float('Percent'),
  // Seconds.
  float('Duration'),
  // The share of stars given, 0 to 1.
  float('Rating', (value, field, path) => {
    if (value !== null && ((value as number) < 0 || (value as number) > 1)) throw badValue(field, path, 'a fraction from 0 to 1')
  }),
]
