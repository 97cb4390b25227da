import { ExpressionNotAllowed, ExpressionSyntax, ExpressionTooDeep, ExpressionTooLong } from './expression-errors.ts'
import { type BinaryOperator, childrenOf, type Expression, expressionLimits, forbiddenKeys, type Node } from './expression-nodes.ts'
import { isFunction, isMethod, isRowMethod } from './expression-functions.ts'
import { type Token, tokenize } from './expression-tokens.ts'

/**
 * Reads an expression.
 * @throws ExpressionTooLong, ExpressionSyntax, ExpressionTooDeep, ExpressionNotAllowed
 */
export function readExpression(source: string): Expression {
  if (source.length > expressionLimits.length) throw new ExpressionTooLong({ length: source.length, limit: expressionLimits.length })
  return { source, root: new Parser(tokenize(source)).whole() }
}

const constants: Record<string, boolean | null | undefined> = {
  true: true,
  True: true,
  false: false,
  False: false,
  null: null,
  None: null,
  undefined,
}
const reserved = new Set([
  'this',
  'new',
  'function',
  'class',
  'delete',
  'typeof',
  'void',
  'instanceof',
  'await',
  'async',
  'yield',
  'let',
  'const',
  'var',
  'import',
  'return',
  'throw',
  'while',
  'for',
  'if',
  'else',
  'lambda',
  ...forbiddenKeys,
])
const binding: Record<string, number> = {
  '?': 1,
  '??': 2,
  '||': 3,
  or: 3,
  '&&': 4,
  and: 4,
  '==': 6,
  '!=': 6,
  '===': 6,
  '!==': 6,
  is: 6,
  '<': 7,
  '<=': 7,
  '>': 7,
  '>=': 7,
  in: 7,
  not: 7,
  '+': 8,
  '-': 8,
  '*': 9,
  '/': 9,
  '%': 9,
  '(': 11,
  '[': 11,
  '.': 11,
  '?.': 11,
}
// Python's `not` takes a whole comparison, JavaScript's `!` only what stands next to it.
const wordNot = 5
const unary = 10

/** A Pratt parser: each infix symbol knows how tightly it binds. */
class Parser {
  private readonly tokens: readonly Token[]
  private at = 0
  private nesting = 0
  private readonly depths = new Map<Node, number>()

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens
  }

  whole(): Node {
    const root = this.expression(0)
    while (this.skip(';'));
    if (this.peek.type !== 'end') throw this.unexpected()
    return root
  }

  private expression(minimum: number): Node {
    if (++this.nesting > expressionLimits.depth) throw this.tooDeep()
    let left = this.prefix()
    for (;;) {
      const token = this.peek
      const power = token.type === 'symbol' || token.type === 'name' ? this.bindingOf(token) : 0
      if (power <= minimum) break
      left = this.infix(left, power)
    }
    this.nesting--
    return left
  }

  private bindingOf(token: Token): number {
    if (token.text === 'not' && this.tokens[this.at + 1]?.text !== 'in') return 0
    return Object.hasOwn(binding, token.text) ? (binding[token.text] as number) : 0
  }

  private prefix(): Node {
    const token = this.next()
    if (token.type === 'number') return this.node({ type: 'literal', value: Number(token.text) })
    if (token.type === 'string') return this.node({ type: 'literal', value: token.text })
    if (token.type === 'name') return this.name(token)
    if (token.text === '!' || token.text === '-' || token.text === '+') {
      return this.node({ type: 'unary', operator: token.text, operand: this.expression(unary - 1) })
    }
    if (token.text === '(') {
      const inner = this.expression(0)
      this.expect(')')
      return inner
    }
    if (token.text === '[') return this.node({ type: 'list', items: this.arguments(']') })
    throw this.unexpected(token)
  }

  private name(token: Token): Node {
    if (Object.hasOwn(constants, token.text)) return this.node({ type: 'literal', value: constants[token.text] })
    if (token.text === 'not') return this.node({ type: 'unary', operator: '!', operand: this.expression(wordNot - 1) })
    if (reserved.has(token.text)) throw new ExpressionNotAllowed({ position: token.position, what: token.text })
    if (Object.hasOwn(binding, token.text)) throw this.unexpected(token)
    return this.node({ type: 'name', name: token.text })
  }

  private infix(left: Node, power: number): Node {
    const token = this.next()
    switch (token.text) {
      case '?': {
        const then = this.expression(0)
        this.expect(':')
        return this.node({ type: 'choice', condition: left, then, otherwise: this.expression(power - 1) })
      }
      case '&&':
      case 'and':
        return this.logical('&&', left, power)
      case '||':
      case 'or':
        return this.logical('||', left, power)
      case '??':
        return this.logical('??', left, power)
      case '.':
      case '?.':
        return this.member(left)
      case '[':
        return this.bracket(left, token)
      case '(':
        return this.call(left, token)
      case 'not':
        this.next()
        return this.binary('not in', left, power)
      case 'is': {
        const negated = this.peek.text === 'not' && this.peek.type === 'name'
        if (negated) this.next()
        return this.binary(negated ? '!=' : '==', left, power)
      }
      default:
        return this.binary(token.text as BinaryOperator, left, power)
    }
  }

  private binary(operator: BinaryOperator, left: Node, power: number): Node {
    return this.node({ type: 'binary', operator, left, right: this.expression(power) })
  }

  /** A run of one operator becomes one node, so that a long list of alternatives is not deep. */
  private logical(operator: '&&' | '||' | '??', left: Node, power: number): Node {
    const right = this.expression(power)
    const parts = left.type === 'logical' && left.operator === operator ? [...left.parts, right] : [left, right]
    return this.node({ type: 'logical', operator, parts })
  }

  private member(of: Node): Node {
    const key = this.next()
    if (key.type === 'symbol' && key.text === '[') return this.bracket(of, key)
    if (key.type !== 'name') throw this.unexpected(key)
    if (forbiddenKeys.has(key.text)) throw new ExpressionNotAllowed({ position: key.position, what: key.text })
    return this.node({ type: 'member', of, key: this.node({ type: 'literal', value: key.text }) })
  }

  private bracket(of: Node, open: Token): Node {
    const key = this.expression(0)
    this.expect(']')
    if (key.type === 'literal' && forbiddenKeys.has(String(key.value))) {
      throw new ExpressionNotAllowed({ position: open.position, what: String(key.value) })
    }
    return this.node({ type: 'member', of, key })
  }

  /** Only functions and methods of the allow-list can be called, so nothing a document holds is ever run. */
  private call(callee: Node, open: Token): Node {
    const path = dottedPath(callee)
    if (path && isFunction(path)) return this.node({ type: 'function', name: path, args: this.arguments(')') })
    const method = callee.type === 'member' && callee.key.type === 'literal' ? String(callee.key.value) : ''
    if (callee.type === 'member' && isRowMethod(method)) return this.rows(callee.of, method)
    if (callee.type === 'member' && isMethod(method))
      return this.node({ type: 'method', of: callee.of, name: method, args: this.arguments(')') })
    throw new ExpressionNotAllowed({ position: open.position, what: `${path ?? (method || 'a call')}()` })
  }

  /** `rows.some(row => …)` with one or two parameters, in parentheses or not. */
  private rows(of: Node, name: string): Node {
    const parameters: string[] = []
    if (this.skip('(')) {
      do parameters.push(this.parameter())
      while (this.skip(','))
      this.expect(')')
    } else parameters.push(this.parameter())
    if (parameters.length > 2) throw this.unexpected()
    this.expect('=>')
    const body = this.expression(0)
    this.skip(',')
    this.expect(')')
    return this.node({ type: 'rows', of, name, parameters, body })
  }

  private parameter(): string {
    const token = this.next()
    const isTaken = reserved.has(token.text) || Object.hasOwn(constants, token.text) || Object.hasOwn(binding, token.text)
    if (token.type !== 'name' || isTaken) throw this.unexpected(token)
    return token.text
  }

  private arguments(close: string): Node[] {
    const items: Node[] = []
    while (!this.skip(close)) {
      items.push(this.expression(0))
      if (this.peek.text !== close || this.peek.type !== 'symbol') this.expect(',')
    }
    return items
  }

  private node<N extends Node>(node: N): N {
    const depth = 1 + Math.max(0, ...childrenOf(node).map((child) => this.depths.get(child) ?? 0))
    if (depth > expressionLimits.depth) throw this.tooDeep()
    this.depths.set(node, depth)
    return node
  }

  private get peek(): Token {
    return this.tokens[Math.min(this.at, this.tokens.length - 1)] as Token
  }

  private next(): Token {
    const token = this.peek
    this.at++
    return token
  }

  private skip(symbol: string): boolean {
    if (this.peek.type !== 'symbol' || this.peek.text !== symbol) return false
    this.at++
    return true
  }

  private expect(symbol: string): void {
    if (!this.skip(symbol))
      throw new ExpressionSyntax({ position: this.peek.position, reason: `“${symbol}” is expected before ${named(this.peek)}` })
  }

  private unexpected(token: Token = this.peek) {
    return new ExpressionSyntax({ position: token.position, reason: `${named(token)} is not expected here` })
  }

  private tooDeep() {
    return new ExpressionTooDeep({ position: this.peek.position, limit: expressionLimits.depth })
  }
}

function named(token: Token): string {
  return token.type === 'end' ? 'the end' : `“${token.text.slice(0, 50)}”`
}

function dottedPath(node: Node): string | undefined {
  if (node.type === 'name') return node.name
  if (node.type !== 'member' || node.key.type !== 'literal' || typeof node.key.value !== 'string') return undefined
  const of = dottedPath(node.of)
  return of && `${of}.${node.key.value}`
}
