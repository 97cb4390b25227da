import { hash } from 'node:crypto'
import { partsOf } from '#kernel/apps/apps.ts'
import type { Site } from '#kernel/sites/site.ts'
import { foldText } from './terms.ts'

/** Turns texts into vectors of one length; what means the same lies near. */
export interface Embedder {
  /** Stored with each vector: vectors of different models are never compared. */
  readonly model: string
  readonly dimensions: number
  /** One vector of length 1 per text. May call a service: never called while a transaction is open. */
  embed(texts: readonly string[]): Promise<Float32Array[]>
}

/** The site's embedder, by `search_embeddings` in its configuration: `offline`, or one that an app brings; undefined: no vectors are kept. */
export function embedderOf(site: Site): Embedder | undefined {
  const name = site.config.search_embeddings
  if (typeof name !== 'string' || name === '') return undefined
  if (name === offlineEmbedder.model) return offlineEmbedder
  for (const part of site.apps.all.flatMap(partsOf)) {
    const made = part.embedders && Object.hasOwn(part.embedders, name) ? part.embedders[name] : undefined
    if (made) return made(site)
  }
  return undefined
}

/**
 * Needs no service and knows no meaning: texts lie near each other when they share words and parts of words. Finds misspelt and inflected
 * words; synonyms and other languages it does not.
 */
export const offlineEmbedder: Embedder = {
  model: 'offline',
  dimensions: 256,
  embed: async (texts) => texts.map(hashedGrams),
}

function hashedGrams(text: string): Float32Array {
  const vector = new Float32Array(256)
  for (const [word] of foldText(text).matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
    add(vector, word, 1)
    const framed = `^${word}$`
    for (let at = 0; at + 3 <= framed.length; at++) add(vector, framed.slice(at, at + 3), 0.5)
  }
  return normalised(vector)
}

function add(vector: Float32Array, gram: string, weight: number): void {
  const digest = hash('sha1', gram, 'buffer')
  const at = digest[0] as number
  vector[at] = (vector[at] ?? 0) + (((digest[1] as number) & 1) === 0 ? weight : -weight)
}

/** The vector at length 1; one without length stays as it is. */
export function normalised(vector: Float32Array): Float32Array {
  let sum = 0
  for (const value of vector) sum += value * value
  if (sum === 0) return vector
  const length = Math.sqrt(sum)
  return vector.map((value) => value / length)
}
