import type { AnyDocument } from '#kernel/documents/document.ts'
import type { SearchedField, SearchPlan } from './search-plan.ts'
import { fieldBreak, mostTerms, termsOf } from './terms.ts'

/** One text of a document: the field's label and what it says, as plain text. */
export interface LabelledText {
  readonly label: string
  readonly text: string
}

/** One variant of a document as it is indexed. */
export interface SearchEntry {
  readonly variant: number
  /** The title, or the name where there is none. */
  readonly title: string
  readonly texts: readonly LabelledText[]
  /** Terms of title and name. */
  readonly titleTerms: readonly string[]
  readonly bodyTerms: readonly string[]
}

/** Characters of one field that are searched; of a whole document, see `mostTerms`. */
const longestText = 50_000
/** Characters kept of each text for showing where the words were found. */
const longestShown = 4000

/** The variants of a document, each with the texts that it holds. Without closed text there is one. */
export function entriesOf(plan: SearchPlan, document: AnyDocument, attached: readonly LabelledText[] = []): SearchEntry[] {
  const found = plan.fields.map((searched) => ({ searched, text: textOf(searched, document) })).filter(({ text }) => text !== '')
  const title = (plan.title && plainText(plan.title.fieldtype, document[plan.title.fieldname])) || String(document.name)
  const titleTerms = withBreaks(
    [title, ...(title === String(document.name) ? [] : [String(document.name)])].map((text) => termsOf(text, 500)),
  )
  const count = 1 << plan.groups.length
  const entries: SearchEntry[] = []
  for (let variant = 0; variant < count; variant++) {
    const readable = found.filter(({ searched }) => searched.isOpen || (variant & (1 << searched.group)) !== 0)
    const texts = [...readable.map(({ searched, text }) => ({ label: labelOf(searched), text })), ...attached]
    const bodyTerms = withBreaks(texts.map(({ text }) => termsOf(text))).slice(0, mostTerms)
    entries.push({
      variant: plan.layout + variant,
      title,
      texts: texts.map(({ label, text }) => ({ label, text: text.slice(0, longestShown) })),
      titleTerms,
      bodyTerms,
    })
  }
  return entries
}

/** Whether a save changed anything that is searched. */
export function sameTexts(plan: SearchPlan, document: AnyDocument, before: AnyDocument): boolean {
  if (document.docstatus !== before.docstatus) return false
  if (plan.title && document[plan.title.fieldname] !== before[plan.title.fieldname]) return false
  return plan.fields.every((searched) =>
    searched.table
      ? textOf(searched, document) === textOf(searched, before)
      : same(document[searched.field.fieldname], before[searched.field.fieldname]),
  )
}

function same(a: unknown, b: unknown): boolean {
  return a === b || String(a ?? '') === String(b ?? '')
}

function labelOf({ field, table }: SearchedField): string {
  return [table, field]
    .map((one) => one?.label ?? one?.fieldname ?? '')
    .filter((label) => label !== '')
    .join(', ')
}

function textOf({ field, table }: SearchedField, document: AnyDocument): string {
  if (!table) return plainText(field.fieldtype, document[field.fieldname])
  const rows = document[table.fieldname]
  if (!Array.isArray(rows)) return ''
  return (rows as AnyDocument[])
    .map((row) => plainText(field.fieldtype, row[field.fieldname]))
    .filter((text) => text !== '')
    .join(' · ')
    .slice(0, longestText)
}

const marked = new Set(['Text Editor', 'HTML Editor', 'Markdown Editor', 'HTML', 'Text', 'Small Text', 'Long Text'])
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

function plainText(fieldtype: string, value: unknown): string {
  if (value === null || value === undefined) return ''
  const text = String(value).slice(0, longestText).replaceAll('\0', ' ')
  return marked.has(fieldtype) && text.includes('<') ? withoutTags(text) : text.trim()
}

/** Text without tags, comments, scripts and styles; linear in its length whatever it holds. */
function withoutTags(html: string): string {
  let text = ''
  const lower = html.toLowerCase()
  for (let at = 0; at < html.length; ) {
    const open = html.indexOf('<', at)
    if (open < 0) return decoded(text + html.slice(at))
    text += html.slice(at, open)
    // A lone "less than" stays what it is.
    if (!/^<[a-zA-Z/!?]/.test(html.slice(open, open + 2))) {
      text += '<'
      at = open + 1
      continue
    }
    const hidden = /^<(script|style)\b/i.exec(html.slice(open, open + 8))?.[1]?.toLowerCase()
    const end = hidden ? lower.indexOf(`</${hidden}`, open) : open
    const close = end < 0 ? -1 : html.indexOf('>', end)
    text += ' '
    if (close < 0) break
    at = close + 1
  }
  return decoded(text)
}

function decoded(text: string): string {
  const plain = text.includes('&')
    ? text.replaceAll(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,6}));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
        const code = decimal ? Number(decimal) : hex ? Number.parseInt(hex, 16) : undefined
        if (code !== undefined) return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : ' '
        return entities[(name ?? '').toLowerCase()] ?? whole
      })
    : text
  return plain.replaceAll(/\s+/g, ' ').trim()
}

function withBreaks(lists: readonly (readonly string[])[]): string[] {
  const joined: string[] = []
  for (const terms of lists) {
    if (terms.length === 0) continue
    if (joined.length > 0) joined.push(fieldBreak)
    joined.push(...terms)
  }
  return joined
}
