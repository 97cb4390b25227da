import { ReportQueryInvalid } from '../errors.ts'
import { isFunction } from './functions.ts'
import type { BinaryOperator, CastType, Item, Node, Query, Select, Source } from './nodes.ts'
import { TokenReader } from './token-reader.ts'
import { tokenize } from './tokens.ts'

const mostItems = 200
const mostTokens = 4000
/** Operators in a row nest to the left; engines stop at a depth of about a thousand. */
const mostOperators = 500

const castTypes: Readonly<Record<string, CastType>> = {
  int: 'integer',
  integer: 'integer',
  bigint: 'integer',
  signed: 'integer',
  decimal: 'decimal',
  numeric: 'decimal',
  char: 'text',
  text: 'text',
  varchar: 'text',
  date: 'date',
}

/**
 * Reads the text of a query report: one SELECT in the common part of the three dialects, or several joined with UNION. What it does not
 * know it refuses.
 * @throws ReportQueryInvalid with the line
 */
export function parseQuery(source: string): Query {
  const tokens = tokenize(source)
  if (tokens.length > mostTokens) throw new ReportQueryInvalid({ field: 'query', line: 1, reason: `it has more than ${mostTokens} words` })
  const parser = new Parser(new TokenReader(tokens))
  const query = parser.query()
  parser.end()
  return query
}

class Parser {
  readonly #reader: TokenReader
  #operators = 0

  constructor(reader: TokenReader) {
    this.#reader = reader
  }

  end(): void {
    this.#reader.symbol(';')
    if (this.#reader.token.kind !== 'end') this.#reader.fail(`it goes on after its end with ${this.#reader.shown()}`)
  }

  query(): Query {
    return this.#reader.within(() => {
      const named: { name: string; query: Query; line: number }[] = []
      if (this.#reader.word('with')) {
        do {
          const { line } = this.#reader.token
          const name = this.#reader.identifier('a name')
          this.#reader.need('as')
          this.#reader.needSymbol('(')
          named.push({ name, query: this.query(), line })
          this.#reader.needSymbol(')')
        } while (this.#reader.symbol(','))
      }
      const selects = [this.#select()]
      const unions: ('union' | 'union all')[] = []
      while (this.#reader.word('union')) {
        unions.push(this.#reader.word('all') ? 'union all' : 'union')
        selects.push(this.#select())
      }
      const orderBy: { of: Node; direction: 'asc' | 'desc' }[] = []
      if (this.#reader.word('order')) {
        this.#reader.need('by')
        do {
          const of = this.#expression()
          const direction = this.#reader.word('desc') ? 'desc' : 'asc'
          if (direction === 'asc') this.#reader.word('asc')
          orderBy.push({ of, direction })
        } while (this.#reader.symbol(','))
      }
      return { with: named, selects, unions, orderBy, ...this.#limits() }
    })
  }

  #limits(): { limit?: number; offset?: number } {
    if (!this.#reader.word('limit')) return {}
    const first = this.#reader.wholeNumber()
    if (this.#reader.symbol(',')) return { offset: first, limit: this.#reader.wholeNumber() }
    return this.#reader.word('offset') ? { limit: first, offset: this.#reader.wholeNumber() } : { limit: first }
  }

  #select(): Select {
    this.#reader.need('select')
    const distinct = this.#reader.word('distinct')
    const items: Item[] = []
    do items.push(this.#item())
    while (this.#reader.symbol(','))
    if (items.length > mostItems) this.#reader.fail(`it selects more than ${mostItems} columns`)
    const sources: Source[] = []
    if (this.#reader.word('from')) {
      sources.push(this.#source('first'))
      for (let join = this.#join(); join; join = this.#join()) sources.push(this.#source(join))
    }
    const where = this.#reader.word('where') ? this.#expression() : undefined
    const groupBy: Node[] = []
    if (this.#reader.word('group')) {
      this.#reader.need('by')
      do groupBy.push(this.#expression())
      while (this.#reader.symbol(','))
    }
    const having = this.#reader.word('having') ? this.#expression() : undefined
    return { distinct, items, sources, groupBy, ...(where && { where }), ...(having && { having }) }
  }

  #item(): Item {
    const { line } = this.#reader.token
    if (this.#reader.symbol('*')) return { line }
    const next = this.#reader.peek(2)
    if (this.#reader.peekSymbol('.', 1) && next?.kind === 'symbol' && next.text === '*') {
      const starOf = this.#reader.identifier('a table')
      this.#reader.skip(2)
      return { starOf, line }
    }
    const of = this.#expression()
    const alias = this.#alias()
    return { of, line, ...(alias !== undefined && { alias }) }
  }

  /** `as "Anything that people read"`, or a bare name. */
  #alias(): string | undefined {
    if (this.#reader.word('as')) {
      const token = this.#reader.next()
      if (token.kind === 'end' || token.kind === 'symbol' || token.kind === 'filter' || token.kind === 'number' || token.text === '')
        this.#reader.fail('a name must follow “as”')
      if (token.text.length > 140) this.#reader.fail('a name is longer than 140 characters')
      return token.text
    }
    return this.#reader.isIdentifier(this.#reader.token) && this.#reader.token.kind !== 'text' ? this.#reader.next().text : undefined
  }

  #join(): Source['join'] | undefined {
    if (this.#reader.symbol(',')) return 'cross'
    if (this.#reader.word('cross')) {
      this.#reader.need('join')
      return 'cross'
    }
    if (this.#reader.word('left')) {
      this.#reader.word('outer')
      this.#reader.need('join')
      return 'left'
    }
    if (this.#reader.word('inner')) {
      this.#reader.need('join')
      return 'inner'
    }
    return this.#reader.word('join') ? 'inner' : undefined
  }

  #source(join: Source['join']): Source {
    const { line } = this.#reader.token
    if (this.#reader.symbol('(')) {
      const query = this.query()
      this.#reader.needSymbol(')')
      const alias = this.#sourceAlias()
      if (alias === undefined) this.#reader.fail('a query in FROM needs a name')
      return { from: { query }, alias: alias as string, join, line, ...this.#on(join) }
    }
    const table = this.#reader.identifier('a table')
    if (this.#reader.peekSymbol('.')) this.#reader.fail('tables are named without a schema')
    return { from: { table }, alias: this.#sourceAlias() ?? table, join, line, ...this.#on(join) }
  }

  #sourceAlias(): string | undefined {
    if (this.#reader.word('as')) return this.#reader.identifier('a name')
    return this.#reader.isIdentifier(this.#reader.token) && this.#reader.token.kind !== 'text' ? this.#reader.next().text : undefined
  }

  #on(join: Source['join']): { on?: Node } {
    if (join === 'first' || join === 'cross') return {}
    this.#reader.need('on')
    return { on: this.#expression() }
  }

  #expression(): Node {
    return this.#reader.within(() => this.#or())
  }

  #or(): Node {
    let left = this.#and()
    while (this.#reader.word('or')) left = this.#binary('or', left, this.#and())
    return left
  }

  #and(): Node {
    let left = this.#not()
    while (this.#reader.word('and')) left = this.#binary('and', left, this.#not())
    return left
  }

  #binary(op: BinaryOperator, left: Node, right: Node): Node {
    if (++this.#operators > mostOperators) this.#reader.fail(`it has more than ${mostOperators} operators`)
    return { kind: 'binary', op, left, right }
  }

  #not(): Node {
    return this.#reader.word('not') ? this.#reader.within(() => ({ kind: 'not', of: this.#not() })) : this.#comparison()
  }

  #comparison(): Node {
    const left = this.#sum()
    const op = this.#reader.token.kind === 'symbol' ? comparisons[this.#reader.token.text] : undefined
    if (op) {
      this.#reader.skip(1)
      return { kind: 'binary', op, left, right: this.#sum() }
    }
    if (this.#reader.word('is')) {
      const negated = this.#reader.word('not')
      this.#reader.need('null')
      return { kind: 'is-null', of: left, negated }
    }
    const negated = this.#reader.word('not')
    if (this.#reader.word('like')) return { kind: 'binary', op: negated ? 'not like' : 'like', left, right: this.#sum() }
    if (this.#reader.word('between')) {
      const low = this.#sum()
      this.#reader.need('and')
      return { kind: 'between', of: left, low, high: this.#sum(), negated }
    }
    if (this.#reader.word('in')) return { kind: 'in', of: left, list: this.#list(), negated }
    if (negated) this.#reader.fail('“not” must be followed by like, between or in here')
    return left
  }

  #list(): readonly Node[] | Query {
    // `in %(names)s`: the filter brings its own list.
    if (this.#reader.token.kind === 'filter') return [this.#primary()]
    this.#reader.needSymbol('(')
    if (this.#reader.isWord('select') || this.#reader.isWord('with')) {
      const query = this.query()
      this.#reader.needSymbol(')')
      return query
    }
    const list: Node[] = []
    do list.push(this.#expression())
    while (this.#reader.symbol(','))
    this.#reader.needSymbol(')')
    return list
  }

  #sum(): Node {
    let left = this.#product()
    while (this.#reader.peekSymbol('+') || this.#reader.peekSymbol('-')) {
      const op = this.#reader.next().text as BinaryOperator
      left = this.#binary(op, left, this.#product())
    }
    return left
  }

  #product(): Node {
    let left = this.#sign()
    while (this.#reader.peekSymbol('*') || this.#reader.peekSymbol('/') || this.#reader.peekSymbol('%')) {
      const op = this.#reader.next().text as BinaryOperator
      left = this.#binary(op, left, this.#sign())
    }
    return left
  }

  #sign(): Node {
    if (this.#reader.symbol('+')) return this.#sign()
    return this.#reader.symbol('-') ? this.#reader.within(() => ({ kind: 'minus', of: this.#sign() })) : this.#primary()
  }

  #primary(): Node {
    const token = this.#reader.token
    const { line } = token
    if (this.#reader.symbol('(')) {
      if (this.#reader.isWord('select') || this.#reader.isWord('with')) {
        const query = this.query()
        this.#reader.needSymbol(')')
        return { kind: 'query', query }
      }
      const inner = this.#expression()
      this.#reader.needSymbol(')')
      return inner
    }
    if (token.kind === 'filter') return { kind: 'filter', name: this.#reader.next().text, line }
    if (token.kind === 'number') return { kind: 'number', text: this.#reader.next().text }
    if (token.kind === 'text' && !(token.isDouble && this.#reader.peekSymbol('.', 1)))
      return { kind: 'text', text: this.#reader.next().text }
    if (this.#reader.word('null')) return { kind: 'null' }
    if (this.#reader.word('case')) return this.#case()
    if (this.#reader.word('exists')) {
      this.#reader.needSymbol('(')
      const query = this.query()
      this.#reader.needSymbol(')')
      return { kind: 'exists', query }
    }
    if (token.kind === 'name' && this.#reader.peekSymbol('(', 1)) return this.#call()
    const name = this.#reader.identifier('a column or value')
    if (!this.#reader.symbol('.')) return { kind: 'column', name, line }
    return { kind: 'column', table: name, name: this.#reader.identifier('a column', true), line }
  }

  #case(): Node {
    const of = this.#reader.isWord('when') ? undefined : this.#expression()
    const when: (readonly [Node, Node])[] = []
    while (this.#reader.word('when')) {
      const condition = this.#expression()
      this.#reader.need('then')
      when.push([condition, this.#expression()])
    }
    if (when.length === 0) this.#reader.fail('“case” needs a “when”')
    const otherwise = this.#reader.word('else') ? this.#expression() : undefined
    this.#reader.need('end')
    return { kind: 'case', when, ...(of && { of }), ...(otherwise && { otherwise }) }
  }

  #call(): Node {
    const { line } = this.#reader.token
    const fn = this.#reader.next().text.toLowerCase()
    this.#reader.needSymbol('(')
    if (fn === 'cast') return this.#cast()
    if (!isFunction(fn)) this.#reader.fail(`the function ${fn} is not available`)
    if (fn === 'count' && this.#reader.symbol('*')) {
      this.#reader.needSymbol(')')
      return { kind: 'count-rows' }
    }
    const distinct = this.#reader.word('distinct')
    const args: Node[] = []
    if (!this.#reader.peekSymbol(')')) {
      do args.push(this.#expression())
      while (this.#reader.symbol(','))
    }
    this.#reader.needSymbol(')')
    return { kind: 'call', fn, args, distinct, line }
  }

  #cast(): Node {
    const of = this.#expression()
    this.#reader.need('as')
    const word = this.#reader.next().text.toLowerCase()
    const as = Object.hasOwn(castTypes, word) ? castTypes[word] : undefined
    if (!as) this.#reader.fail(`a value cannot be cast to ${word}`)
    // The size a dialect would want says nothing that matters here.
    if (this.#reader.symbol('(')) {
      this.#reader.wholeNumber()
      if (this.#reader.symbol(',')) this.#reader.wholeNumber()
      this.#reader.needSymbol(')')
    }
    this.#reader.needSymbol(')')
    return { kind: 'cast', of, as: as as CastType }
  }
}

const comparisons: Readonly<Record<string, BinaryOperator>> = {
  '=': '=',
  '<>': '<>',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
}
