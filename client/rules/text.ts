/**
 * Orders two texts by code point, as the databases do; plain `<` orders UTF-16 units, which puts an emoji before U+FF5E.
 * @returns negative, zero or positive
 */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left !== right) return rank(left) - rank(right)
  }
  return a.length - b.length
}

// Surrogates stand for code points above U+FFFF, so they must sort after U+E000–U+FFFF.
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/**
 * Folds case for `like`: each code point becomes its lower case where that is a single code point. Unlike `toLowerCase` it does not
 * look at neighbours (final sigma), so that a fold of parts is a part of the fold.
 */
export function foldCase(text: string): string {
  const lower = text.toLowerCase()
  // Only a sigma depends on its neighbours, and only İ grows.
  if (!text.includes('\u03a3') && !text.includes('\u0130')) return lower
  let folded = ''
  for (const char of text) folded += char === '\u0130' ? char : char.toLowerCase()
  return folded
}

/**
 * Prepares a `like` pattern: `%` is any run of characters, `_` one character (a code point), `\` makes the next character plain; a
 * lone `\` at the end is a plain backslash. Case is ignored as `foldCase` does. The test takes at most text × pattern steps,
 * whatever the pattern.
 */
export function likeMatcher(pattern: string): (text: string) => boolean {
  const tokens = likeTokens(foldCase(pattern))
  const literals = tokens.filter((token) => typeof token === 'string')
  const anyRuns = tokens.filter((token) => token === anyRun).length
  if (literals.length + anyRuns === tokens.length && tokens.length <= 3) {
    const [first, second, third] = tokens
    // The common shapes: equal, starts with, ends with, contains.
    if (tokens.length === 0) return (text) => text === ''
    if (tokens.length === 1) return typeof first === 'string' ? (text) => foldCase(text) === first : () => true
    if (tokens.length === 2 && typeof first === 'string') return (text) => foldCase(text).startsWith(first)
    if (tokens.length === 2 && typeof second === 'string') return (text) => foldCase(text).endsWith(second)
    if (typeof second === 'string' && first === anyRun && third === anyRun) return (text) => foldCase(text).includes(second)
  }
  const parts = tokens.flatMap((token) => (typeof token === 'string' ? codePoints(token) : [token]))
  return (text) => wildcardMatch(codePoints(foldCase(text)), parts)
}

const anyRun = -1
const anyOne = -2

/** Runs of plain text, `anyRun` and `anyOne`; no two runs of the same sort beside each other. */
function likeTokens(pattern: string): (string | number)[] {
  const tokens: (string | number)[] = []
  let literal = ''
  const flush = () => {
    if (literal) tokens.push(literal)
    literal = ''
  }
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] as string
    if (char === '\\' && at + 1 < pattern.length) literal += pattern[++at]
    else if (char === '%') {
      flush()
      if (tokens.at(-1) !== anyRun) tokens.push(anyRun)
    } else if (char === '_') {
      flush()
      tokens.push(anyOne)
    } else literal += char
  }
  flush()
  return tokens
}

function codePoints(text: string): number[] {
  const points: number[] = []
  for (const char of text) points.push(char.codePointAt(0) as number)
  return points
}

/** Only the last `%` ever needs a second try, because an earlier one has already found its leftmost place. */
function wildcardMatch(text: readonly number[], parts: readonly number[]): boolean {
  let at = 0
  let part = 0
  let retryPart = -1
  let retryAt = 0
  while (at < text.length) {
    const wanted = parts[part]
    if (wanted === anyRun) {
      retryPart = ++part
      retryAt = at
    } else if (wanted !== undefined && (wanted === anyOne || wanted === text[at])) {
      at++
      part++
    } else if (retryPart >= 0) {
      at = ++retryAt
      part = retryPart
    } else return false
  }
  while (parts[part] === anyRun) part++
  return part === parts.length
}
