import { ReportQueryInvalid } from '../errors.ts'
import type { Token } from './tokens.ts'

const deepest = 40

/** Words that end what stands before them, so that none is taken for an alias. */
const reserved: ReadonlySet<string> = new Set(
  (
    'select from where group having order limit offset union all distinct join inner left right full cross outer natural on using as and or ' +
    'not in is null like between exists case when then else end asc desc with by into for lock window over lateral intersect except ' +
    'values set escape collate'
  ).split(' '),
)

/** Walks over the tokens of a query; whoever reads with it says what must come next. */
export class TokenReader {
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  peek(ahead: number): Token | undefined {
    return this.#tokens[this.#at + ahead]
  }

  skip(count: number): void {
    this.#at += count
  }

  get token(): Token {
    return this.#tokens[this.#at] as Token
  }

  next(): Token {
    const token = this.token
    if (token.kind !== 'end') this.#at++
    return token
  }

  isWord(word: string): boolean {
    return this.token.kind === 'name' && this.token.text.toLowerCase() === word
  }

  word(word: string): boolean {
    if (!this.isWord(word)) return false
    this.#at++
    return true
  }

  need(word: string): void {
    if (!this.word(word)) this.fail(`“${word}” is expected before ${this.shown()}`)
  }

  peekSymbol(symbol: string, ahead = 0): boolean {
    const token = this.#tokens[this.#at + ahead]
    return token?.kind === 'symbol' && token.text === symbol
  }

  symbol(symbol: string): boolean {
    if (!this.peekSymbol(symbol)) return false
    this.#at++
    return true
  }

  needSymbol(symbol: string): void {
    if (!this.symbol(symbol)) this.fail(`“${symbol}” is expected before ${this.shown()}`)
  }

  isIdentifier(token: Token): boolean {
    if (token.kind === 'quoted' || (token.kind === 'text' && token.isDouble)) return token.text !== '' && token.text.length <= 140
    return token.kind === 'name' && !reserved.has(token.text.toLowerCase())
  }

  /** @param anyWord after a point, where no word of the language can stand */
  identifier(what: string, anyWord = false): string {
    const token = this.token
    if (!this.isIdentifier(token) && !(anyWord && token.kind === 'name')) this.fail(`${what} is expected instead of ${this.shown()}`)
    return this.next().text
  }

  wholeNumber(): number {
    const token = this.next()
    if (token.kind !== 'number' || !/^\d{1,9}$/.test(token.text)) this.fail('a whole number is expected')
    return Number(token.text)
  }

  shown(): string {
    return this.token.kind === 'end' ? 'the end' : `“${this.token.text.slice(0, 40)}”`
  }

  within<T>(read: () => T): T {
    if (++this.#depth > deepest) this.fail('it is nested too deeply')
    const made = read()
    this.#depth--
    return made
  }

  fail(reason: string): never {
    throw new ReportQueryInvalid({ field: 'query', line: this.token.line, reason })
  }
}
