/**
 * The one meaning of a LIKE pattern on every engine: `%` is any run, `_` any one character, `\` takes the next character
 * literally, and a `\` at the very end stands for itself. Engines disagree about needless and dangling escapes, so they
 * only ever see patterns in this form.
 */
export function normalizeLike(pattern: string): string {
  if (!pattern.includes('\\')) return pattern
  let out = ''
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] as string
    if (c !== '\\') {
      out += c
      continue
    }
    const next = pattern[i + 1]
    if (next === undefined) return `${out}\\\\`
    out += next === '%' || next === '_' || next === '\\' ? `\\${next}` : next
    i++
  }
  return out
}

/** Whether a pattern matches the empty text, which is what a missing value counts as. */
export function likeMatchesEmpty(pattern: string): boolean {
  return /^%*$/.test(pattern)
}

/** Whether a text is made of ASCII characters alone. */
export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false
  return true
}
