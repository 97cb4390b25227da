import { ExpressionNotAllowed, ExpressionSyntax } from './expression-errors.ts'

/** `position` is the offset of the token's first character. */
export interface Token {
  type: 'number' | 'string' | 'name' | 'symbol' | 'end'
  text: string
  position: number
}

// Longest first, so that `===` is not read as `==` and `=`.
const symbols = [
  '===',
  '!==',
  '==',
  '!=',
  '<=',
  '>=',
  '=>',
  '&&',
  '||',
  '??',
  '?.',
  '<',
  '>',
  '!',
  '?',
  ':',
  '+',
  '-',
  '*',
  '/',
  '%',
  '(',
  ')',
  '[',
  ']',
  ',',
  '.',
  ';',
]
const numberShape = /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y
const nameShape = /[A-Za-z_$][\w$]*/y
const spaceShape = /\s*/y
const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', 0: '\0' }

/** Splits a source into tokens, closed by one of type `end`. @throws ExpressionSyntax, ExpressionNotAllowed */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  for (;;) {
    at += match(spaceShape, source, at)?.length ?? 0
    const token = readToken(source, at)
    tokens.push(token.token)
    if (token.token.type === 'end') return tokens
    at = token.next
  }
}

function readToken(source: string, position: number): { token: Token; next: number } {
  const char = source[position]
  if (char === undefined) return { token: { type: 'end', text: 'the end', position }, next: position }
  if (char === '"' || char === "'") return readString(source, position, char)
  const number = match(numberShape, source, position)
  if (number) {
    const next = position + number.length
    if (match(nameShape, source, next)) throw new ExpressionSyntax({ position: next, reason: 'a number runs into a name' })
    return { token: { type: 'number', text: number, position }, next }
  }
  const name = match(nameShape, source, position)
  if (name) return { token: { type: 'name', text: name, position }, next: position + name.length }
  const symbol = symbols.find((known) => source.startsWith(known, position))
  // `a?.5:b` is a ternary with the number .5, not an optional member.
  if (symbol === '?.' && /\d/.test(source[position + 2] ?? ''))
    return { token: { type: 'symbol', text: '?', position }, next: position + 1 }
  if (symbol) return { token: { type: 'symbol', text: symbol, position }, next: position + symbol.length }
  throw new ExpressionNotAllowed({ position, what: String.fromCodePoint(source.codePointAt(position) as number) })
}

function match(shape: RegExp, source: string, at: number): string | undefined {
  shape.lastIndex = at
  return shape.exec(source)?.[0]
}

function readString(source: string, position: number, quote: string): { token: Token; next: number } {
  let text = ''
  for (let at = position + 1; at < source.length; at++) {
    const char = source[at] as string
    if (char === quote) return { token: { type: 'string', text, position }, next: at + 1 }
    if (char === '\n') break
    if (char !== '\\') {
      text += char
      continue
    }
    const escaped = source[++at]
    if (escaped === undefined) break
    const width = escaped === 'u' ? 4 : escaped === 'x' ? 2 : 0
    if (width === 0) {
      text += Object.hasOwn(escapes, escaped) ? escapes[escaped] : escaped
      continue
    }
    const digits = source.slice(at + 1, at + 1 + width)
    if (digits.length < width || !/^[\da-fA-F]+$/.test(digits))
      throw new ExpressionSyntax({ position: at, reason: 'the escape is incomplete' })
    text += String.fromCharCode(Number.parseInt(digits, 16))
    at += width
  }
  throw new ExpressionSyntax({ position, reason: 'the text has no closing quote' })
}
