import { hash } from 'node:crypto'
import type { LabelledText, SearchEntry } from '../document-text.ts'

/**
 * How a document lies in OpenSearch: once, with the terms (`b`) and the texts to show (`x`) of each of its variants in fields of their
 * own, by the bits of their closed groups. So one version stands for all of it, and how common a word is counts by what readers of that
 * variant may read.
 */
export interface StoredDocument {
  readonly key: string
  readonly doctype: string
  readonly layout: number
  readonly day: number
  readonly title: string
  readonly t: string
  readonly [field: string]: unknown
}

/** Bits of a variant at most: `b0` to `b7`. */
const variants = 8

/** The index of a site: our own terms, apart at spaces; nothing that is not named here. */
export const indexDefinition = {
  settings: {
    number_of_shards: 1,
    auto_expand_replicas: '0-1',
    // A deleted document remembers its version for so long, against writes that come late.
    'index.gc_deletes': '1h',
  },
  mappings: {
    dynamic: false,
    properties: {
      key: { type: 'keyword' },
      doctype: { type: 'keyword' },
      layout: { type: 'long' },
      day: { type: 'integer' },
      t: { type: 'text', analyzer: 'whitespace', index_prefixes: { min_chars: 2, max_chars: 6 } },
      ...Object.fromEntries(
        Array.from({ length: variants }, (_, bits) => [
          `b${bits}`,
          { type: 'text', analyzer: 'whitespace', index_prefixes: { min_chars: 2, max_chars: 6 } },
        ]),
      ),
    },
  },
} as const

/** The number of a document in the index. */
export function documentId(doctype: string, name: string): string {
  return hash('sha256', keyOf(doctype, name), 'base64url')
}

/** DocType and name in one, by which hits are told apart and ordered. */
export function keyOf(doctype: string, name: string): string {
  return `${doctype}\n${name}`
}

/** What `keyOf` made. */
export function readKey(key: string): { doctype: string; name: string } {
  const end = key.indexOf('\n')
  return { doctype: key.slice(0, end), name: key.slice(end + 1) }
}

/** A document as it is sent. @param layout  that of its DocType's plan: entries have variants from there on */
export function storedDocument(
  document: { doctype: string; name: string; day: number },
  layout: number,
  entries: readonly SearchEntry[],
): StoredDocument {
  const [first] = entries
  const fields: Record<string, unknown> = {}
  for (const { variant, bodyTerms, texts } of entries) {
    fields[`b${variant - layout}`] = bodyTerms.join(' ')
    fields[`x${variant - layout}`] = texts.map(({ label, text }) => [label, text.toWellFormed()])
  }
  return {
    key: keyOf(document.doctype, document.name),
    doctype: document.doctype,
    layout,
    day: document.day,
    title: (first?.title ?? document.name).slice(0, 500).toWellFormed(),
    t: first?.titleTerms.join(' ') ?? '',
    ...fields,
  }
}

/** The texts of one variant of a stored document. */
export function storedVariant(document: StoredDocument, bits: number): LabelledText[] {
  const texts = document[`x${bits}`]
  return Array.isArray(texts) ? (texts as [string, string][]).map(([label, text]) => ({ label, text })) : []
}
