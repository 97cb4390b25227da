import type { Meta } from '#kernel/meta/meta.ts'
import { documentForm } from './cast.ts'

/**
 * Plain values as a row of the DocType's own columns, each in document form; what is not given is empty. For rows that the platform
 * writes itself, past the life cycle of documents.
 */
export function assignFromCode(meta: Meta, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  for (const field of meta.columns)
    row[field.fieldname] = field.type.cast(values[field.fieldname] ?? null, field, documentForm, field.fieldname)
  return row
}
