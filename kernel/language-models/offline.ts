import { OfflineCannot } from './errors.ts'
import type { JsonSchema, ModelReply, ModelRequest } from './model.ts'

/** Sentences of a summary. */
const summarySentences = 3
const longestText = 200_000

/**
 * Answers without any model, by rules that anybody can follow, always alike: a choice falls to the option whose words the text holds most
 * often, a text is the sentences of the question that say most of what it says. What that cannot answer is refused, not made up.
 * @throws OfflineCannot
 */
export function answerOffline(request: ModelRequest): ModelReply {
  const text = (request.messages.at(-1)?.content ?? '').slice(0, longestText)
  const answer = request.schema ? JSON.stringify(fill(request.schema, text, '')) : summary(text)
  return { text: answer, inputTokens: 0, outputTokens: 0, finish: 'done' }
}

function fill(schema: JsonSchema, text: string, path: string): unknown {
  if (Array.isArray(schema.enum)) return choice(schema.enum, text, path)
  if (schema.type === 'string') return summary(text).slice(0, typeof schema.maxLength === 'number' ? schema.maxLength : undefined)
  if (schema.type !== 'object') throw new OfflineCannot({ reason: `${path || 'the answer'} is neither a choice nor a text.` })
  const required = new Set(Array.isArray(schema.required) ? schema.required : [])
  const filled: Record<string, unknown> = {}
  for (const [name, part] of Object.entries((schema.properties ?? {}) as Record<string, JsonSchema>)) {
    if (!required.has(name)) continue
    filled[name] = fill(part, text, path ? `${path}.${name}` : name)
  }
  return filled
}

/** The option most of whose words occur; the earlier of two alike. @throws OfflineCannot when none occurs at all */
function choice(options: readonly unknown[], text: string, path: string): unknown {
  const counts = countWords(text)
  let best: { option: unknown; score: number } | undefined
  for (const option of options) {
    const words = wordsOf(String(option))
    const score = words.reduce((sum, word) => sum + occurrences(counts, word), 0) / Math.max(1, words.length)
    if (score > (best?.score ?? 0)) best = { option, score }
  }
  if (!best) throw new OfflineCannot({ reason: `the text has none of the words of ${path || 'the choices'}.` })
  return best.option
}

/** Counts a word with its endings: `bill` in "billing" and "bills". */
function occurrences(counts: ReadonlyMap<string, number>, word: string): number {
  const stem = word.length > 5 ? word.replace(/(ings?|ed|es|s)$/, '') : word
  let sum = 0
  for (const [known, count] of counts) if (known === word || (stem.length > 3 && known.startsWith(stem))) sum += count
  return sum
}

/** The sentences whose words are the commonest of the text, in the order in which they stand. */
function summary(text: string): string {
  const sentences =
    text
      .match(/[^.!?\n]+[.!?]*/g)
      ?.map((sentence) => sentence.trim())
      .filter((sentence) => sentence !== '') ?? []
  if (sentences.length <= summarySentences) return sentences.join(' ')
  const counts = countWords(text)
  const scored = sentences.map((sentence, index) => {
    const words = wordsOf(sentence).filter((word) => word.length > 3)
    const score = words.reduce((sum, word) => sum + (counts.get(word) ?? 0), 0) / Math.max(6, words.length)
    return { sentence, index, score }
  })
  const kept = scored.sort((a, b) => b.score - a.score || a.index - b.index).slice(0, summarySentences)
  return kept
    .sort((a, b) => a.index - b.index)
    .map(({ sentence }) => sentence)
    .join(' ')
}

function countWords(text: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const word of wordsOf(text)) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
}
