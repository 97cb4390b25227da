import { Decimal, fitsStorage, isDecimalText } from '#client/rules/decimal.ts'
import type { FieldType } from '../field-type.ts'
import { checkSign, precisionOf } from '../number/numbers.ts'
import { badValue, isBlank } from '../refusals.ts'

function readDecimal(value: unknown): Decimal | undefined {
  if (value instanceof Decimal) return value
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value))) return Decimal.from(value)
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  return isDecimalText(text) ? Decimal.from(text) : undefined
}

/**
 * An exact amount: 12 digits before and up to 9 after the point, rounded half to even to the field's `precision`. The wire form is the
 * Decimal itself, which JSON writes as a number with all its digits.
 */
export const currencyType: FieldType = {
  name: 'Currency',
  kind: 'decimal',
  storage: () => ({ kind: 'decimal' }),
  cast(value, field, _wire, path) {
    if (isBlank(value)) return Decimal.zero
    const amount = readDecimal(value)?.round(precisionOf(field))
    if (!amount) throw badValue(field, path, 'an amount')
    if (!fitsStorage(amount)) throw badValue(field, path, 'an amount below 10^12')
    return amount
  },
  check(value, field, path) {
    checkSign(value !== null && (value as Decimal).isNegative(), field, path)
  },
  toColumn: (value, dialect) => dialect.encodeDecimal(value === null ? '0' : String(value)),
  fromColumn: (stored, dialect) => (stored === null || stored === undefined ? Decimal.zero : Decimal.from(dialect.decodeDecimal(stored))),
  toWire: (value) => value,
}
