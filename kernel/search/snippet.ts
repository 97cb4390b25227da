import type { LabelledText } from './document-text.ts'
import type { Wanted } from './parse-query.ts'
import { placedTerms } from './terms.ts'

/** Part of a text in which the words stand. */
export interface MarkedText {
  /** The field's label; empty for the title. */
  readonly label: string
  /** HTML: the text escaped, the words between `<mark>` and `</mark>`. */
  readonly html: string
}

const longestSnippet = 160
/** Characters of a text that are looked through for words to mark. */
const lookedThrough = 4000

/**
 * The text that holds most of what was wanted, cut to about 160 characters around the first place. Everything is escaped: what people
 * have put into documents never becomes markup.
 */
export function markText(title: string, texts: readonly LabelledText[], wanted: readonly Wanted[]): MarkedText {
  let best: { label: string; text: string; places: Place[]; kinds: number } | undefined
  for (const { label, text } of [...texts, { label: '', text: title }]) {
    const places = placesIn(text.slice(0, lookedThrough), wanted)
    const kinds = new Set(places.map(({ of }) => of)).size
    if (!best || kinds > best.kinds) best = { label, text, places, kinds }
  }
  if (!best || best.kinds === 0) {
    const first = texts[0]
    return { label: first?.label ?? '', html: escapeHtml(cut(first?.text ?? title, 0).text) }
  }
  const { text, from } = cut(best.text, best.places[0]?.start ?? 0)
  return { label: best.label, html: mark(text, from, best.places) }
}

interface Place {
  readonly start: number
  readonly end: number
  /** Which of the wanted. */
  readonly of: number
}

function placesIn(text: string, wanted: readonly Wanted[]): Place[] {
  const places: Place[] = []
  for (const { start, end, terms } of placedTerms(text)) {
    const of = wanted.findIndex((one) =>
      one.terms.some((term, index) =>
        terms.some((own) => own === term || (one.isPrefix && index === one.terms.length - 1 && own.startsWith(term))),
      ),
    )
    if (of >= 0) places.push({ start, end, of })
  }
  return places
}

/** A stretch of the text around a place, from one space to another, without halves of characters. */
function cut(text: string, around: number): { text: string; from: number } {
  if (text.length <= longestSnippet) return { text, from: 0 }
  let from = Math.max(0, around - 40)
  if (from > 0) from = Math.min(nextSpace(text, from), around)
  let to = Math.min(text.length, from + longestSnippet)
  if (to < text.length && isLowSurrogate(text, to)) to--
  return { text: text.slice(from, to), from }
}

function nextSpace(text: string, from: number): number {
  const space = text.indexOf(' ', from)
  return space < 0 ? from : space + 1
}

function isLowSurrogate(text: string, at: number): boolean {
  const unit = text.charCodeAt(at)
  return unit >= 0xdc00 && unit <= 0xdfff
}

function mark(text: string, from: number, places: readonly Place[]): string {
  let html = from > 0 ? '…' : ''
  let at = 0
  for (const { start, end } of places) {
    const [first, last] = [start - from, end - from]
    if (first < at || last > text.length) continue
    html += `${escapeHtml(text.slice(at, first))}<mark>${escapeHtml(text.slice(first, last))}</mark>`
    at = last
  }
  return html + escapeHtml(text.slice(at))
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => escapes[character] as string)
}
