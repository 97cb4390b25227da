/**
 * How text becomes terms. All engines index the terms made here and nothing else, so that the same text is found by the same words
 * everywhere: no engine's own idea of words, stop words or short words takes part.
 */

/** Stands between two fields in a list of terms, so that no phrase reaches from one into the next. */
export const fieldBreak = '_'

/** Terms of one document at most; what comes after is not found. Below the last position that PostgreSQL keeps. */
export const mostTerms = 10_000

/** Characters of a stored term at most: MariaDB keeps no longer ones. */
const longestTerm = 78

// Marks that people leave out while typing: accents, Hebrew points, Arabic vowel signs. Those of Indic scripts and Thai are letters.
const accents = /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0640]/g
const folded: Readonly<Record<string, string>> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd', þ: 'th', ı: 'i', ħ: 'h' }
const foldable = /[ßæœøłđðþıħ]/g
const isPlain = /^[\x20-\x7e\n\r\t]*$/

/** A run of letters and digits, of a script that puts no spaces between words, or one pictograph. */
const pieces =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー々]+|\p{Extended_Pictographic}|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}])[\p{L}\p{N}\p{M}])+/gu
const spaceless =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー々]/u

/** Lower case, without accents, wide and narrow forms alike. */
export function foldText(text: string): string {
  if (isPlain.test(text)) return text.toLowerCase()
  const bare = text.toWellFormed().normalize('NFKD').toLowerCase().replaceAll(accents, '').normalize('NFC')
  return bare.replaceAll(foldable, (letter) => folded[letter] ?? letter)
}

/**
 * The terms of a text in their order: `[a-z0-9]` stands for itself, any other character for `_` and four digits to the base 36, so
 * that the beginning of a word is the beginning of its term. Scripts without spaces give each pair of neighbours and the last character.
 * @param most  how many at most
 */
export function termsOf(text: string, most = mostTerms): string[] {
  const terms: string[] = []
  for (const [piece] of foldText(text).matchAll(pieces)) {
    if (terms.length >= most) break
    if (spaceless.test(piece)) terms.push(...pairs(piece, true).map(encode))
    else terms.push(encode(piece))
  }
  return terms.length > most ? terms.slice(0, most) : terms
}

/** The terms to look for a text that somebody typed. Its last term may be the beginning of a word. */
export function termsToFind(text: string, most: number): string[] {
  const terms: string[] = []
  for (const [piece] of foldText(text).matchAll(pieces)) {
    if (terms.length >= most) break
    if (spaceless.test(piece)) terms.push(...pairs(piece, [...piece].length === 1).map(encode))
    else terms.push(encode(piece))
  }
  return terms.slice(0, most)
}

function pairs(piece: string, withLast: boolean): string[] {
  const characters = [...piece]
  const made = characters.slice(1).map((character, index) => `${characters[index]}${character}`)
  if (withLast) made.push(characters.at(-1) as string)
  return made
}

const plainTerm = /^[a-z0-9]+$/

function encode(word: string): string {
  if (plainTerm.test(word)) return word.slice(0, longestTerm)
  let term = ''
  for (const character of word) {
    const next = /[a-z0-9]/.test(character) ? character : `_${(character.codePointAt(0) as number).toString(36).padStart(4, '0')}`
    if (term.length + next.length > longestTerm) break
    term += next
  }
  return term
}

/** A word as people write it, from its term. */
export function wordOf(term: string): string {
  return term.replaceAll(/_([0-9a-z]{4})/g, (_, code: string) => String.fromCodePoint(Number.parseInt(code, 36)))
}

/** Where each piece of a text stands and the terms it gives, for marking what was found. */
export function* placedTerms(text: string): Generator<{ start: number; end: number; terms: readonly string[] }> {
  // Looked for in the text as it is: folding may change lengths.
  for (const match of text.matchAll(pieces)) {
    const start = match.index
    const characters = [...match[0]]
    if (!spaceless.test(match[0])) {
      yield { start, end: start + match[0].length, terms: termsOf(match[0], 4) }
      continue
    }
    let at = start
    for (const [index, character] of characters.entries()) {
      const next = characters[index + 1]
      yield { start: at, end: at + character.length, terms: termsOf(next === undefined ? character : character + next, 1) }
      at += character.length
    }
  }
}
