import type { AnyDocument } from '#kernel/documents/document.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import { datetimeType } from '#kernel/fields/dates/date-types.ts'
import { BadInput } from './errors.ts'
import { parseJson } from './strict-json.ts'

/**
 * The `modified` that a caller holds, in document form, for the check against changes in between; undefined when it holds none. What the
 * stored one looks like on the wire counts as equal, so that the hour that a clock repeats in autumn does no harm.
 */
export function expectedVersion(document: AnyDocument, given: unknown, wire: Wire): string | undefined {
  if (typeof given !== 'string' || given.trim() === '' || !document.modified) return undefined
  const text = given.trim()
  if (text === document.modified || text === datetimeType.toWire(document.modified, wire)) return document.modified
  try {
    return datetimeType.cast(text, { fieldname: 'modified', fieldtype: 'Datetime' }, wire, 'modified') as string
  } catch {
    return text
  }
}

/** A document in a caller's parameters: an object, or its JSON text. @throws BadInput, JsonMalformed */
export function readDocumentInput(method: string, value: unknown, field: string): Record<string, unknown> & { doctype: string } {
  const given = typeof value === 'string' ? parseJson(value, field) : value
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new BadInput({ method, field, reason: 'must be a document' })
  const { doctype } = given as { doctype?: unknown }
  if (typeof doctype !== 'string' || doctype === '') throw new BadInput({ method, field: `${field}.doctype`, reason: 'is needed' })
  return given as Record<string, unknown> & { doctype: string }
}

/** A list in a caller's parameters, or its JSON text. @throws BadInput, JsonMalformed */
export function readListInput(method: string, value: unknown, field: string, most: number): unknown[] {
  const given = typeof value === 'string' ? parseJson(value, field) : value
  if (!Array.isArray(given)) throw new BadInput({ method, field, reason: 'must be a list' })
  if (given.length > most) throw new BadInput({ method, field, reason: `takes at most ${most} items` })
  return given
}

/** The name of a document as a caller wrote it. @throws BadInput */
export function readName(method: string, value: unknown, field: string): string {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
  if (typeof value === 'string' && value !== '') return value
  throw new BadInput({ method, field, reason: 'must be a name' })
}
