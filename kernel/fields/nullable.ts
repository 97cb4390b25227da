import type { FieldDefinition } from '#kernel/meta/definition.ts'

const zeroWhenBlank = new Set(['Int', 'Check', 'Float', 'Currency', 'Percent'])
const nullableNumbers = new Set(['Long Int', 'Rating', 'Duration'])
const nullableAlways = new Set(['Date', 'Datetime', 'Time', 'JSON', 'Geolocation'])

/**
 * Whether the field's column may hold NULL. Frappe's plain numbers never do; `not_nullable` adds the other numbers and texts, for
 * which 0 and '' stand for nothing. Dates and JSON have no such value and stay nullable.
 */
export function isNullable(field: FieldDefinition): boolean {
  if (zeroWhenBlank.has(field.fieldtype)) return false
  return !field.not_nullable || nullableAlways.has(field.fieldtype)
}

/** The value that stands for nothing in a number field: 0 where its column knows no NULL. */
export function blankNumber(field: FieldDefinition): 0 | null {
  return zeroWhenBlank.has(field.fieldtype) || (field.not_nullable && nullableNumbers.has(field.fieldtype)) ? 0 : null
}

/** The value that stands for nothing in a text field: '' where its column knows no NULL. */
export function blankText(field: FieldDefinition): '' | null {
  return field.not_nullable ? '' : null
}
