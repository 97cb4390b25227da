import { QueryMalformed } from './errors.ts'

/**
 * The little language of `fields`, `order_by` and `group_by`: a column, a star, or one known function of a column. It is read with
 * a tokenizer of its own and an allow-list, and what it names is looked up in the definitions: no text of a caller reaches SQL.
 */

/** A column as the caller named it; `table` is a link field, a table field or `tab<DocType>`. */
export interface FieldRef {
  readonly table?: string
  readonly field: string
}

export const functionNames = ['count', 'sum', 'avg', 'min', 'max', 'abs', 'ifnull', 'coalesce', 'year', 'quarter', 'month', 'date'] as const
export type FunctionName = (typeof functionNames)[number]
export const aggregateNames: ReadonlySet<FunctionName> = new Set(['count', 'sum', 'avg', 'min', 'max'])

export interface FunctionCall {
  readonly fn: FunctionName
  readonly of: FieldRef | '*'
  readonly distinct: boolean
  /** Second argument of ifnull and coalesce. */
  readonly fallback?: string | number | null
  /** As the caller wrote it; the key of the answer when there is no alias. */
  readonly text: string
}

export type Expression =
  | { readonly kind: 'field'; readonly ref: FieldRef }
  | { readonly kind: 'all'; readonly table?: string }
  | { readonly kind: 'call'; readonly call: FunctionCall }

const maxLength = 300
const maxNameLength = 140

interface Token {
  kind: 'word' | 'quoted' | 'number' | 'text' | 'symbol' | 'end'
  text: string
  at: number
}

/** Cuts a text into tokens. @throws QueryMalformed for any character outside the language */
function tokenize(source: string, path: string, limit: number): Token[] {
  if (source.length > limit) throw new QueryMalformed({ field: path, reason: `it is longer than ${limit} characters` })
  const tokens: Token[] = []
  const wordOrNumber = /[\p{L}_][\p{L}\p{N}\p{M}_-]*|-?\d+(?:\.\d+)?/uy
  let at = 0
  while (at < source.length) {
    const c = source[at] as string
    if (c === ' ' || c === '\t' || c === '\n' || c === '\r') {
      at++
      continue
    }
    wordOrNumber.lastIndex = at
    const found = wordOrNumber.exec(source)?.[0]
    if (found) {
      tokens.push({ kind: /^[-\d]/.test(found) ? 'number' : 'word', text: found, at })
      at += found.length
    } else if (c === '`' || c === '"' || c === "'") {
      const end = source.indexOf(c, at + 1)
      if (end < 0) throw new QueryMalformed({ field: path, reason: `the quote at position ${at + 1} is not closed` })
      tokens.push({ kind: c === "'" ? 'text' : 'quoted', text: source.slice(at + 1, end), at })
      at = end + 1
    } else if ('(),.*'.includes(c)) {
      tokens.push({ kind: 'symbol', text: c, at })
      at++
    } else {
      throw new QueryMalformed({ field: path, reason: `unexpected ${JSON.stringify(c)} at position ${at + 1}` })
    }
  }
  tokens.push({ kind: 'end', text: '', at: source.length })
  return tokens
}

/** Reads expressions from one text; create it, then call `expression`, `word` and `end` in the order the grammar wants. */
export class ExpressionReader {
  readonly #source: string
  readonly #path: string
  readonly #tokens: readonly Token[]
  #next = 0

  /** @param limit longest text taken, in characters */
  constructor(source: string, path: string, limit = maxLength) {
    this.#source = source
    this.#path = path
    this.#tokens = tokenize(source, path, limit)
  }

  #peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#next + ahead, this.#tokens.length - 1)] as Token
  }

  #isSymbol(symbol: string, ahead = 0): boolean {
    const token = this.#peek(ahead)
    return token.kind === 'symbol' && token.text === symbol
  }

  #fail(expected: string): never {
    const token = this.#peek()
    const found = token.kind === 'end' ? 'the end' : JSON.stringify(token.text.slice(0, 40))
    throw new QueryMalformed({ field: this.#path, reason: `${expected} is expected at position ${token.at + 1}, not ${found}` })
  }

  get atEnd(): boolean {
    return this.#peek().kind === 'end'
  }

  /** Takes a symbol when it comes next. */
  takeSymbol(symbol: string): boolean {
    if (!this.#isSymbol(symbol)) return false
    this.#next++
    return true
  }

  /** Takes one of the words when it comes next, whatever its case; gives it in lower case. */
  takeWord(...words: string[]): string | undefined {
    const token = this.#peek()
    if (token.kind !== 'word' || !words.includes(token.text.toLowerCase())) return undefined
    this.#next++
    return token.text.toLowerCase()
  }

  /** Whether a word is followed by something that makes it a keyword rather than a field's name. */
  followedByOperand(): boolean {
    const after = this.#peek(1)
    return after.kind === 'word' || after.kind === 'quoted' || (after.kind === 'symbol' && after.text === '*')
  }

  expectEnd(): void {
    if (!this.atEnd) this.#fail('the end')
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) this.#fail(`“${symbol}”`)
  }

  expression(): Expression {
    if (this.takeSymbol('*')) return { kind: 'all' }
    if (this.#peek().kind === 'word' && this.#isSymbol('(', 1)) return { kind: 'call', call: this.#call() }
    const first = this.#name()
    if (!this.takeSymbol('.')) return { kind: 'field', ref: { field: first } }
    if (this.takeSymbol('*')) return { kind: 'all', table: first }
    return { kind: 'field', ref: { table: first, field: this.#name() } }
  }

  /** A column alone. */
  reference(): FieldRef {
    const found = this.expression()
    if (found.kind !== 'field') throw new QueryMalformed({ field: this.#path, reason: 'only a field may stand here' })
    return found.ref
  }

  /** What follows `as`: a name, plain or quoted. */
  alias(): string {
    const token = this.#peek()
    if (token.kind !== 'word' && token.kind !== 'quoted' && token.kind !== 'text') this.#fail('a name')
    this.#next++
    return checkAlias(token.text, this.#path)
  }

  #name(): string {
    const token = this.#peek()
    if (token.kind !== 'word' && token.kind !== 'quoted') this.#fail('a field')
    if (token.text === '' || token.text.length > maxNameLength) this.#fail('a field of at most 140 characters')
    this.#next++
    return token.text
  }

  #call(): FunctionCall {
    const start = this.#peek()
    const fn = functionNames.find((name) => name === start.text.toLowerCase())
    if (!fn)
      throw new QueryMalformed({
        field: this.#path,
        reason: `the function ${start.text.slice(0, 40)} is not known; known are ${functionNames.join(', ')}`,
      })
    this.#next += 2
    let distinct = false
    if (this.followedByOperand() && this.takeWord('distinct')) distinct = true
    const of = this.takeSymbol('*') ? '*' : this.reference()
    const fallback = this.takeSymbol(',') ? { fallback: this.#literal() } : {}
    this.expectSymbol(')')
    const text = this.#source.slice(start.at, this.#peek(-1).at + 1).trim()
    return checkCall({ fn, of, distinct, ...fallback, text }, this.#path)
  }

  #literal(): string | number | null {
    const token = this.#peek()
    this.#next++
    if (token.kind === 'number') return Number(token.text)
    if (token.kind === 'text' || token.kind === 'quoted') return token.text
    if (token.kind === 'word' && token.text.toLowerCase() === 'null') return null
    this.#next--
    return this.#fail('a number or a text')
  }
}

/** Refuses calls that make no sense: a star outside count, distinct outside count, a missing second argument. */
export function checkCall(call: FunctionCall, path: string): FunctionCall {
  const fail = (reason: string): never => {
    throw new QueryMalformed({ field: path, reason })
  }
  if (call.of === '*' && call.fn !== 'count') fail(`${call.fn} needs a field`)
  if (call.distinct && (call.fn !== 'count' || call.of === '*')) fail('distinct belongs to count(distinct field)')
  const takesFallback = call.fn === 'ifnull' || call.fn === 'coalesce'
  if (takesFallback !== (call.fallback !== undefined))
    fail(takesFallback ? `${call.fn} needs a second argument` : `${call.fn} takes one argument`)
  return call
}

const aliasForm = /^[\p{L}_][\p{L}\p{N}_ .:()-]{0,139}$/u
const reservedKeys = new Set(['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty'])

/** The key under which a value is answered; it never reaches SQL. @throws QueryMalformed */
export function checkAlias(alias: unknown, path: string): string {
  if (typeof alias !== 'string' || !aliasForm.test(alias) || reservedKeys.has(alias)) {
    throw new QueryMalformed({ field: path, reason: 'the name after “as” must be a plain name' })
  }
  return alias
}
