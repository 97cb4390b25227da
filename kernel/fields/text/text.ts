import { Decimal } from '#client/rules/decimal.ts'
import { isColor } from '#client/rules/formats.ts'
import type { FieldDefinition } from '#kernel/meta/definition.ts'
import { TooLong } from '../errors.ts'
import type { FieldType, Value } from '../field-type.ts'
import { blankText } from '../nullable.ts'
import { badValue, isBlank, labelOf } from '../refusals.ts'
import { checkFormat } from './format.ts'
import { sanitiseHtml } from './sanitise-html.ts'

/** Characters of a short text when the field does not name its own number. */
export const defaultLength = 140
/** Longest short text; beyond it a field is kept without a fixed length. */
export const longestShortText = 1000
/** UTF-16 units of a long text: three bytes each still fit one statement of every engine (16 MB). */
export const longestText = 4_000_000

/**
 * Reads a text. Numbers and true/false become text as JSON writes them, because clients send names that look like numbers as numbers.
 * @throws BadValue for lists and objects, NUL, and halves of surrogate pairs, which no engine stores alike
 */
export function castText(value: unknown, field: FieldDefinition, path: string): string | null {
  if (isBlank(value)) return blankText(field)
  if (typeof value === 'string') {
    if (!value.isWellFormed() || value.includes('\0')) throw badValue(field, path, 'text without NUL or broken characters')
    return value
  }
  if (typeof value === 'bigint' || typeof value === 'boolean' || value instanceof Decimal) return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return String(value)
  throw badValue(field, path, 'text')
}

/** Characters (code points) a field may hold. */
export function lengthLimit(field: FieldDefinition): number {
  const length = Number(field.length ?? 0)
  return length > 0 ? length : defaultLength
}

/** @throws TooLong */
export function checkLength(text: string, limit: number, field: FieldDefinition, path: string): void {
  if (text.length <= limit) return
  // Only text with characters beyond the basic plane has fewer code points than units.
  let length = 0
  for (const _ of text) length++
  if (length > limit) throw new TooLong({ field: path, label: labelOf(field), limit, length })
}

const plain = {
  kind: 'text',
  cast: (value, field, _wire, path) => castText(value, field, path),
  toColumn: (value) => value as string | null,
  fromColumn: (stored) => (stored === null || stored === undefined ? null : String(stored)),
  toWire: (value) => value,
} as const satisfies Partial<FieldType>

/** A text in a column of fixed greatest length: 140 characters, or the field's own `length`. */
export function shortText(name: string, check?: (text: string, field: FieldDefinition, path: string) => void): FieldType {
  return {
    ...plain,
    name,
    storage(field) {
      const limit = lengthLimit(field)
      // MariaDB keeps columns under 64 characters inside the row, where room is scarce (8,126 bytes).
      return limit > longestShortText ? { kind: 'text' } : { kind: 'text', length: Math.max(64, limit) }
    },
    check(value: Value, field, path) {
      if (value === null || value === '') return
      checkLength(value as string, lengthLimit(field), field, path)
      check?.(value as string, field, path)
    },
  }
}

/** A text of up to four million UTF-16 units. */
export function longText(name: string, check?: (text: string, field: FieldDefinition, path: string) => void): FieldType {
  return {
    ...plain,
    name,
    storage: () => ({ kind: 'text' }),
    check(value: Value, field, path) {
      if (value === null || value === '') return
      const text = value as string
      if (text.length > longestText) throw new TooLong({ field: path, label: labelOf(field), limit: longestText, length: text.length })
      check?.(text, field, path)
    },
  }
}

/** Formatted text: what could run in a reader's browser is taken out when it is written, unless the field says `ignore_xss_filter`. */
function htmlText(name: string): FieldType {
  return {
    ...longText(name),
    cast(value, field, _wire, path) {
      const text = castText(value, field, path)
      return text && !field.ignore_xss_filter ? sanitiseHtml(text) : text
    },
  }
}

/** Texts. All but formatted text are kept as typed: screens and prints show them as text, never as markup. */
export const textTypes: readonly FieldType[] = [
  shortText('Data', checkFormat),
  shortText('Read Only'),
  shortText('Icon'),
  shortText('Autocomplete'),
  shortText('Phone', (text, field, path) => checkFormat(text, { ...field, options: 'Phone' }, path)),
  shortText('Color', (text, field, path) => {
    if (!isColor(text)) throw badValue(field, path, 'a colour such as #2490ef')
  }),
  longText('Small Text'),
  longText('Text'),
  longText('Long Text'),
  longText('Code'),
  htmlText('Text Editor'),
  longText('Markdown Editor'),
  htmlText('HTML Editor'),
  longText('Signature'),
  longText('Barcode'),
  longText('Attach'),
  longText('Attach Image'),
]
