import { Decimal, isDecimalText } from '#client/rules/decimal.ts'
import type { FieldDefinition } from '#kernel/meta/definition.ts'
import { badValue } from '../refusals.ts'
import { NegativeValue } from '../errors.ts'
import { labelOf } from '../refusals.ts'

/** Decimal places that a column keeps, and that a field has unless it names fewer. */
export const storedPlaces = 9

/** Places after the point to which the field's values are rounded: 0 to 9. */
export function precisionOf(field: FieldDefinition): number {
  const { precision } = field
  if (precision === undefined || precision === null || precision === '') return storedPlaces
  const places = Number(precision)
  return Number.isInteger(places) && places >= 0 && places < storedPlaces ? places : storedPlaces
}

/**
 * The number that a caller meant: a JSON number, text such as `"12.5"`, true and false for 1 and 0.
 * @throws BadValue
 */
export function readNumber(value: unknown, field: FieldDefinition, path: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'string') {
    const text = value.trim()
    if (isDecimalText(text)) return Number(text)
  }
  if (typeof value === 'bigint' || value instanceof Decimal) return Number(value.toString())
  throw badValue(field, path, 'a number')
}

/** @throws NegativeValue for a field marked `non_negative` */
export function checkSign(isNegative: boolean, field: FieldDefinition, path: string): void {
  if (isNegative && field.non_negative) throw new NegativeValue({ field: path, label: labelOf(field) })
}
