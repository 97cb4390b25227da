import { termsToFind } from './terms.ts'

/** Something that a document must hold, or must not: one term, or several in a row. */
export interface Wanted {
  readonly terms: readonly string[]
  /** The last term is the beginning of a word. */
  readonly isPrefix: boolean
}

/** What somebody typed, taken apart. */
export interface ParsedQuery {
  /** All of these; empty: nothing can be found. */
  readonly wanted: readonly Wanted[]
  readonly excluded: readonly Wanted[]
  /** Names of DocTypes given as `doctype:`, as typed; alternatives. */
  readonly doctypes: readonly string[]
  /** Conditions given as `field:value`, as typed. */
  readonly conditions: readonly { readonly field: string; readonly value: string }[]
}

/** Characters that count; what is longer is cut, as nobody types so much. */
const longestQuery = 500
const mostParts = 12
const mostTermsOfPart = 8

/** An optional minus, an optional `field:`, and a text in quotation marks or one without spaces. */
const parts = /(-?)(?:([\p{L}_][\p{L}\p{N}_]{0,60}):)?(?:["“”„«»]([^"“”„«»]*)["“”„«»]?|([^\s"“”„«»]+))/gu

/**
 * Reads what people type: words (each the beginning of a word), "phrases" (whole words in a row), -excluded ones, `doctype:Task` or
 * `doctype:"Service Request"`, and `field:value`. Whatever it is given, it never fails: what cannot be looked for is left out.
 * @param isField  whether `field:value` may be a condition on that field; other colons are punctuation
 */
export function parseQuery(text: string, isField: (name: string) => boolean = () => false): ParsedQuery {
  const wanted: Wanted[] = []
  const excluded: Wanted[] = []
  const doctypes: string[] = []
  const conditions: { field: string; value: string }[] = []
  for (const match of text.toWellFormed().slice(0, longestQuery).matchAll(parts)) {
    if (wanted.length + excluded.length + conditions.length + doctypes.length >= mostParts) break
    const [, minus, field, quoted, plain] = match
    const value = quoted ?? plain ?? ''
    if (field !== undefined && minus === '' && value.trim() !== '') {
      if (field.toLowerCase() === 'doctype') {
        doctypes.push(value)
        continue
      }
      if (isField(field)) {
        conditions.push({ field, value })
        continue
      }
    }
    const spelt = field === undefined ? value : `${field} ${value}`
    const terms = termsToFind(spelt, mostTermsOfPart)
    if (terms.length === 0) continue
    const list = minus === '-' ? excluded : wanted
    // Alone, one Latin letter begins too many words to tell anything.
    const isPrefix = quoted === undefined && !(terms.length === 1 && /^[a-z0-9]$/.test(terms[0] as string))
    list.push({ terms, isPrefix })
  }
  return { wanted, excluded, doctypes, conditions }
}
