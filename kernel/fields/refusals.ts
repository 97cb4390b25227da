import type { AppError } from '#client/rules/errors.ts'
import type { FieldDefinition } from '#kernel/meta/definition.ts'
import { BadValue } from './errors.ts'

/** What people call the field. */
export function labelOf(field: FieldDefinition): string {
  return field.label || field.fieldname
}

/** The refusal of a value that is not what the field holds. @param expected completes "must be …" */
export function badValue(field: FieldDefinition, path: string, expected: string): AppError {
  return new BadValue({ field: path, label: labelOf(field), expected })
}

/** Whether a caller left the value out. */
export function isBlank(value: unknown): value is null | undefined | '' {
  return value === null || value === undefined || value === ''
}
