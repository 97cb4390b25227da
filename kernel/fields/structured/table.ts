import type { FieldType } from '../field-type.ts'
import { badValue, isBlank } from '../refusals.ts'

function isRow(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function table(name: string): FieldType {
  return {
    name,
    kind: 'table',
    storage: () => undefined,
    cast(value, field, _wire, path) {
      if (isBlank(value)) return null
      if (!Array.isArray(value)) throw badValue(field, path, 'a list of rows')
      for (const [index, row] of value.entries()) if (!isRow(row)) throw badValue(field, `${path}[${index}]`, 'a row')
      return null
    },
    check() {},
    toColumn: () => null,
    fromColumn: () => null,
    toWire: (value) => value,
  }
}

/** Child rows. `cast` checks only that the value is a list of objects; the rows' own fields are read one by one. */
export const tableTypes: readonly FieldType[] = [table('Table'), table('Table MultiSelect')]
