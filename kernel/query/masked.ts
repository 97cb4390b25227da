import { maskValue } from '#client/rules/masking.ts'
import type { Row } from '#kernel/database/database.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import type { MetaField } from '#kernel/meta/meta.ts'

type Reading = (row: Row, wire: Wire) => unknown

/** Reads a value and disguises it, as the user may only see it masked. */
export function maskedReading(field: MetaField, plain: Reading): Reading {
  return (row, wire) => maskValue(plain(row, wire), field)
}
