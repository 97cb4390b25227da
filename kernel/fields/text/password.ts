import type { FieldType } from '../field-type.ts'
import { longText } from './text.ts'

/** What stands in documents, columns and answers for a secret that is set. */
export const secretMark = '*****'

const text = longText('Password')

/** A secret: the document's own table and every answer hold only stars; the secret itself is encrypted in `__Auth`. */
export const passwordType: FieldType = {
  ...text,
  toColumn: (value) => (value ? secretMark : value === '' ? '' : null),
  fromColumn: (stored) => (stored ? secretMark : stored === '' ? '' : null),
  toWire: (value) => (value ? secretMark : null),
}
