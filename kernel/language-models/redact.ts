/** Texts from which what identifies people is taken out, and the way back. */
export interface Redaction {
  /** What is said instead. */
  redact(text: string): string
  /** Puts back what was taken out. */
  restore(text: string): string
  /** As `restore`, for every text within a value of JSON. */
  restoreAll(value: unknown): unknown
}

type Kind = 'EMAIL' | 'CARD' | 'SSN' | 'IBAN' | 'PHONE' | 'NAME'

/** In this order: what is longer and surer first. */
const patterns: readonly (readonly [Kind, RegExp, ((text: string) => boolean)?])[] = [
  ['EMAIL', /[\p{L}\p{N}._%+'-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,5}/gu],
  ['IBAN', /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b/g],
  ['CARD', /(?<![\d-])\d(?:[ -]?\d){12,18}(?![\d-])/g, isCard],
  ['SSN', /(?<![\d-])\d{3}[- ]\d{2}[- ]\d{4}(?![\d-])/g],
  ['PHONE', /(?<![\p{L}\p{N}])(?:\+|00)?\(?\d{1,4}\)?(?:[ ./-]?\(?\d{2,4}\)?){2,5}(?![\p{L}\p{N}])/gu, isPhone],
]

/**
 * Takes e-mail addresses, numbers of cards, accounts and phones, social security numbers and the given names out of texts. The same value
 * is the same placeholder in all texts of one redaction, so that an answer can speak of it.
 * @param names people and whatever else must not leave the house; whole words, in any case
 * @param texts all that will be redacted: placeholders are chosen so that none of them occurs there
 */
export function redaction(names: readonly string[], texts: readonly string[]): Redaction {
  const placeholders = new Map<string, string>()
  const values = new Map<string, string>()
  const mark = markFor(texts)
  const counts = new Map<Kind, number>()
  const placeholderOf = (kind: Kind, value: string): string => {
    const key = kind === 'NAME' ? value.toLowerCase() : value
    const known = placeholders.get(key)
    if (known) return known
    const count = (counts.get(kind) ?? 0) + 1
    counts.set(kind, count)
    const placeholder = `<${kind}${mark}_${count}>`
    placeholders.set(key, placeholder)
    values.set(placeholder, value)
    return placeholder
  }
  const nameForms = namePattern(names)
  const restore = (text: string): string =>
    text.replace(/<(?:EMAIL|CARD|SSN|IBAN|PHONE|NAME)[A-Z]*_\d+>/g, (placeholder) => values.get(placeholder) ?? placeholder)
  const restoreAll = (value: unknown): unknown => {
    if (typeof value === 'string') return restore(value)
    if (Array.isArray(value)) return value.map(restoreAll)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [restore(key), restoreAll(one)]))
  }
  return {
    redact: (text) => {
      let redacted = text
      for (const [kind, pattern, isOne] of patterns)
        redacted = redacted.replace(pattern, (value) => (!isOne || isOne(value) ? placeholderOf(kind, value) : value))
      return nameForms ? redacted.replace(nameForms, (value) => placeholderOf('NAME', value)) : redacted
    },
    restore,
    restoreAll,
  }
}

/** Letters that make the placeholders differ from whatever the texts hold already. */
function markFor(texts: readonly string[]): string {
  let mark = ''
  while (texts.some((text) => new RegExp(`<[A-Z]+${mark}_\\d+>`).test(text))) mark += 'X'
  return mark
}

function namePattern(names: readonly string[]): RegExp | undefined {
  const usable = names.map((name) => name.trim()).filter((name) => name.length > 1)
  if (usable.length === 0) return undefined
  const forms = usable.sort((a, b) => b.length - a.length).map((name) => RegExp.escape(name))
  return new RegExp(`(?<![\\p{L}\\p{N}<])(?:${forms.join('|')})(?![\\p{L}\\p{N}])`, 'giu')
}

/** By its check digit. */
function isCard(text: string): boolean {
  const digits = [...text.replaceAll(/\D/g, '')].map(Number).reverse()
  const sum = digits.reduce((total, digit, index) => {
    const doubled = index % 2 === 1 ? digit * 2 : digit
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return sum % 10 === 0
}

/** Seven to fifteen digits that are no date. */
function isPhone(text: string): boolean {
  const digits = text.replaceAll(/\D/g, '').length
  return digits >= 7 && digits <= 15 && !/^\d{4}-\d{2}-\d{2}$/.test(text) && !/^\d{1,2}[./]\d{1,2}[./]\d{4}$/.test(text)
}
