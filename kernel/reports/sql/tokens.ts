import { ReportQueryInvalid } from '../errors.ts'

/** `name` is a quoted or bare identifier; `filter` is `%(name)s`; `text` is a string literal without its quotes. */
export interface Token {
  readonly kind: 'name' | 'quoted' | 'text' | 'number' | 'filter' | 'symbol' | 'end'
  readonly text: string
  /** Whether a text stood in double quotes, which name things after `as`, before a point and where a table is expected. */
  readonly isDouble: boolean
  readonly line: number
}

const longestQuery = 50_000
const blank = /\s+/y
const comment = /--(?=\s|$)[^\n]*|#[^\n]*|\/\*(?!!|M!)[\s\S]*?\*\//y
/** Tried in this order; where a pattern has a group, that is the token's text. */
const patterns: readonly (readonly [Token['kind'], RegExp])[] = [
  ['filter', /%\(([A-Za-z_]\w{0,60})\)s/y],
  ['number', /\d+(?:\.\d+)?(?![\w.])/y],
  ['name', /[A-Za-z_]\w{0,62}(?!\w)/y],
  ['symbol', /<=|>=|<>|!=|[-+*/%=<>(),.;]/y],
]

/**
 * Cuts the text of a query into tokens. Comments are dropped, never passed on; comments that MariaDB would run are refused.
 * @throws ReportQueryInvalid for whatever is not in the language
 */
export function tokenize(source: string): Token[] {
  if (source.length > longestQuery) fail(1, `it is longer than ${longestQuery} characters`)
  const tokens: Token[] = []
  let at = 0
  let line = 1
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(source)
    if (!found) return null
    at += found[0].length
    return found
  }
  const push = (kind: Token['kind'], text: string, isDouble = false): void => void tokens.push({ kind, text, isDouble, line })
  const keep = (kind: Token['kind'], found: RegExpExecArray | null): boolean => {
    if (found) push(kind, found[1] ?? found[0])
    return found !== null
  }
  while (at < source.length) {
    const start = at
    const c = source[at] as string
    if (take(blank) || take(comment)) {
      // Nothing to keep.
    } else if (c === "'" || c === '"' || c === '`') {
      const text = quoted(source, at, line)
      at += text.length
      push(c === '`' ? 'quoted' : 'text', text.slice(1, -1).replaceAll(c + c, c), c === '"')
    } else if (!patterns.some(([kind, pattern]) => keep(kind, take(pattern))))
      fail(line, `${JSON.stringify(c)} is not part of the language`)
    line += source.slice(start, at).split('\n').length - 1
  }
  push('end', '')
  return tokens
}

/** The literal from its opening quote to its closing one; a quote inside is doubled. */
function quoted(source: string, at: number, line: number): string {
  const c = source[at] as string
  for (let end = at + 1; end < source.length; end++) {
    if (source[end] === '\0') fail(line, 'a text holds a zero character')
    if (source[end] !== c) continue
    if (source[end + 1] === c) end++
    else return source.slice(at, end + 1)
  }
  return fail(line, 'a quote is not closed')
}

function fail(line: number, reason: string): never {
  throw new ReportQueryInvalid({ field: 'query', line, reason })
}
