import type { Storage } from '#kernel/database/database.ts'
import type { FieldDefinition } from '#kernel/meta/definition.ts'
import type { FieldType } from '../field-type.ts'
import { blankNumber } from '../nullable.ts'
import { badValue, isBlank } from '../refusals.ts'
import { checkSign, readNumber } from './numbers.ts'

const smallest = -(2 ** 31)
const greatest = 2 ** 31 - 1
/** An Int longer than this many digits needs the wider column, as in Frappe. */
const digitsOfInt = 11

function whole(name: string, storage: (field: FieldDefinition) => Storage): FieldType {
  return {
    name,
    kind: 'number',
    storage,
    cast(value, field, _wire, path) {
      if (isBlank(value)) return blankNumber(field)
      const number = readNumber(value, field, path)
      if (!Number.isInteger(number)) throw badValue(field, path, 'a whole number')
      const fits = storage(field).kind === 'integer' ? number >= smallest && number <= greatest : Number.isSafeInteger(number)
      if (!fits) {
        throw badValue(field, path, storage(field).kind === 'integer' ? 'a whole number of at most 32 bits' : 'a whole number below 2^53')
      }
      return number === 0 ? 0 : number // not -0
    },
    check(value, field, path) {
      checkSign(value !== null && (value as number) < 0, field, path)
    },
    toColumn: (value) => value as number | null,
    fromColumn: (stored) => (stored === null || stored === undefined ? null : Number(stored)),
    toWire: (value) => value,
  }
}

/** Whole numbers of 32 bits, or safe integers when `length` exceeds 11. */
export const intType = whole('Int', (field) => ({ kind: Number(field.length ?? 0) > digitsOfInt ? 'bigint' : 'integer' }))

/** Whole numbers that a double holds exactly. */
export const longIntType = whole('Long Int', () => ({ kind: 'bigint' }))

/** A number that the database counts up: the name of documents whose DocType has `autoname: autoincrement`. */
export const counterType = whole('Autoincrement', () => ({ kind: 'bigint' }))

/** Yes or no, kept and sent as 1 or 0. */
export const checkType: FieldType = {
  name: 'Check',
  kind: 'number',
  storage: () => ({ kind: 'boolean' }),
  cast(value, field, _wire, path) {
    if (isBlank(value)) return 0
    if (value === true || value === 1 || value === 1n || value === '1' || value === 'true' || value === 'True') return 1
    if (value === false || value === 0 || value === 0n || value === '0' || value === 'false' || value === 'False') return 0
    throw badValue(field, path, '0 or 1')
  },
  check() {},
  toColumn: (value) => (value ? 1 : 0),
  fromColumn: (stored) => (stored ? 1 : 0),
  toWire: (value) => value,
}
