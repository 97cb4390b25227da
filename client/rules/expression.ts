import { Decimal } from './decimal.ts'
import { ExpressionStepBudget } from './expression-errors.ts'
import { callFunction, callMethod, type Surroundings, toText } from './expression-functions.ts'
import { type BinaryOperator, type Expression, expressionLimits, forbiddenKeys, type Node } from './expression-nodes.ts'
import { readExpression } from './expression-parser.ts'

export type { Expression } from './expression-nodes.ts'

/** The names an expression sees: usually `doc`, `parent`, `row` and `frappe: { session: { user }, user_roles }`. Plain data only. */
export type Scope = Readonly<Record<string, unknown>>

export interface EvaluateOptions {
  /** What `today()` answers, `YYYY-MM-DD`; without it the function is undefined. */
  today?: string
  /** What `now_datetime()` answers, `YYYY-MM-DD HH:MM:SS`. */
  now?: string
  /** How many nodes may be evaluated; 10,000 unless said otherwise. Long texts and lists count more. */
  stepBudget?: number
}

const cache = new Map<string, Expression>()
const cacheSize = 1000

/**
 * Reads an expression in the safe subset of JavaScript (with Python's `and or not in is None True False`) that server and screens share.
 * Literals, lists, members, comparisons, logic, arithmetic, `in`, and calls of an allow-list; nothing in it can change data or reach
 * the runtime. The last thousand sources are remembered.
 * @throws ExpressionTooLong, ExpressionSyntax, ExpressionTooDeep, ExpressionNotAllowed
 */
export function parseExpression(source: string): Expression {
  const known = cache.get(source)
  const expression = known ?? readExpression(source)
  // A Map keeps its keys in order of entry, so the first key is the one unused for longest.
  if (known) cache.delete(source)
  else if (cache.size >= cacheSize) cache.delete(cache.keys().next().value as string)
  cache.set(source, expression)
  return expression
}

/**
 * The value of an expression, with JavaScript's rules for truth, `==` and arithmetic on doubles (Decimals are turned into doubles).
 * Only own properties of the scope's data are seen; whatever is missing is undefined, as is every member of it.
 * @throws ExpressionStepBudget
 */
export function evaluate(expression: Expression, scope: Scope, options: EvaluateOptions = {}): unknown {
  return new Run(scope, options).value(expression.root, undefined)
}

/**
 * Whether a `depends_on`-like condition holds: `eval:` and an expression, or the bare name of a field of `scope.doc`, which holds when
 * its value is truthy, for a table when it has rows. `fn:` names a script of the form, which no server can run: it never holds. Neither
 * does an empty condition, so ask only where there is one.
 * @throws what parseExpression and evaluate throw
 */
export function evaluateCondition(source: string, scope: Scope, options: EvaluateOptions = {}): boolean {
  const condition = source.trim()
  if (condition.startsWith('eval:')) return Boolean(evaluate(parseExpression(condition.slice('eval:'.length)), scope, options))
  if (condition.startsWith('fn:')) return false
  const value = member(scope.doc, condition)
  return Array.isArray(value) ? value.length > 0 : Boolean(value)
}

/** The parameters of the arrow functions around a node, innermost first. */
interface Locals {
  name: string
  value: unknown
  outer: Locals | undefined
}

// Texts and lists cost a step for each so many characters or items that an operation may have to look at.
const charactersPerStep = 1000
const itemsPerStep = 10

class Run {
  private readonly scope: Scope
  private readonly options: EvaluateOptions
  private readonly budget: number
  private steps = 0

  constructor(scope: Scope, options: EvaluateOptions) {
    this.scope = scope
    this.options = options
    this.budget = options.stepBudget ?? expressionLimits.steps
  }

  value(node: Node, locals: Locals | undefined): unknown {
    this.spend(1)
    switch (node.type) {
      case 'literal':
        return node.value
      case 'name':
        return this.lookUp(node.name, locals)
      case 'list':
        return node.items.map((item) => this.value(item, locals))
      case 'member':
        return member(this.value(node.of, locals), this.value(node.key, locals))
      case 'unary':
        return this.unary(node.operator, this.value(node.operand, locals))
      case 'binary':
        return this.binary(node.operator, this.value(node.left, locals), this.value(node.right, locals))
      case 'logical':
        return this.logical(node.operator, node.parts, locals)
      case 'choice':
        return this.value(this.value(node.condition, locals) ? node.then : node.otherwise, locals)
      case 'function': {
        const args = this.arguments(node.args, locals)
        return callFunction(node.name, args, this.surroundings())
      }
      case 'method': {
        const of = this.weighed(this.value(node.of, locals))
        return callMethod(node.name, of, this.arguments(node.args, locals))
      }
      case 'rows':
        return this.rows(node, locals)
    }
  }

  private spend(steps: number): void {
    this.steps += steps
    if (this.steps > this.budget) throw new ExpressionStepBudget({ steps: this.budget })
  }

  private weighed<T>(value: T): T {
    if (typeof value === 'string') this.spend(Math.floor(value.length / charactersPerStep))
    else if (Array.isArray(value)) this.spend(Math.floor(value.length / itemsPerStep))
    return value
  }

  private arguments(nodes: readonly Node[], locals: Locals | undefined): unknown[] {
    return nodes.map((node) => this.weighed(this.value(node, locals)))
  }

  private lookUp(name: string, locals: Locals | undefined): unknown {
    for (let local = locals; local; local = local.outer) if (local.name === name) return plain(local.value)
    return member(this.scope, name)
  }

  private unary(operator: '!' | '-' | '+', operand: unknown): unknown {
    if (operator === '!') return !operand
    return operator === '-' ? -this.number(operand) : this.number(operand)
  }

  private logical(operator: '&&' | '||' | '??', parts: readonly Node[], locals: Locals | undefined): unknown {
    let value: unknown
    for (const part of parts) {
      value = this.value(part, locals)
      const isDecided = operator === '&&' ? !value : operator === '||' ? Boolean(value) : value !== null && value !== undefined
      if (isDecided) return value
    }
    return value
  }

  private binary(operator: BinaryOperator, left: unknown, right: unknown): unknown {
    switch (operator) {
      case '===':
        return left === right
      case '!==':
        return left !== right
      case '==':
        return this.looselyEqual(left, right)
      case '!=':
        return !this.looselyEqual(left, right)
      case 'in':
        return this.contains(right, left)
      case 'not in':
        return !this.contains(right, left)
      case '+': {
        const [a, b] = [this.primitive(left), this.primitive(right)]
        return typeof a === 'string' || typeof b === 'string' ? this.weighed(String(a) + String(b)) : Number(a) + Number(b)
      }
      case '-':
        return this.number(left) - this.number(right)
      case '*':
        return this.number(left) * this.number(right)
      case '/':
        return this.number(left) / this.number(right)
      case '%':
        return this.number(left) % this.number(right)
      default: {
        const [a, b] = [this.primitive(left) as number, this.primitive(right) as number]
        if (operator === '<') return a < b
        if (operator === '<=') return a <= b
        return operator === '>' ? a > b : a >= b
      }
    }
  }

  private looselyEqual(left: unknown, right: unknown): boolean {
    if (isObject(left) && isObject(right)) return left === right
    if (left === null || left === undefined || right === null || right === undefined) return (left ?? null) === (right ?? null)
    // biome-ignore lint/suspicious/noDoubleEquals: this is the language's own `==`, on primitives
    return this.primitive(left) == this.primitive(right)
  }

  /** JavaScript asks an object for a key; people mean a list to hold a value, and Python's users a text to hold a part. */
  private contains(whole: unknown, part: unknown): boolean {
    this.weighed(whole)
    if (Array.isArray(whole)) return whole.some((item) => plain(item) === part)
    if (typeof whole === 'string') return typeof part === 'string' && whole.includes(part)
    return isObject(whole) && !forbiddenKeys.has(toText(part)) && Object.hasOwn(whole, toText(part))
  }

  private rows(node: Extract<Node, { type: 'rows' }>, locals: Locals | undefined): unknown {
    const rows = this.value(node.of, locals)
    if (!Array.isArray(rows)) return undefined
    const [first = '', second] = node.parameters
    const ask = (row: unknown, index: number) => {
      const inner = { name: first, value: row, outer: locals }
      return this.value(node.body, second === undefined ? inner : { name: second, value: index, outer: inner })
    }
    switch (node.name) {
      case 'some':
        return rows.some(ask)
      case 'every':
        return rows.every(ask)
      case 'filter':
        return rows.filter(ask)
      case 'find':
        return plain(rows.find(ask))
      default:
        return rows.map(ask)
    }
  }

  private primitive(value: unknown): unknown {
    return isObject(value) ? toText(this.weighed(value)) : value
  }

  private number(value: unknown): number {
    return Number(this.primitive(value))
  }

  private surroundings(): Surroundings {
    return {
      today: this.options.today,
      now: this.options.now,
      hasRole: (role) => {
        const roles = member(member(this.scope, 'frappe'), 'user_roles')
        return Array.isArray(roles) && roles.includes(role)
      },
    }
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Own data only: no prototype, no method, no getter of a class. */
function member(of: unknown, key: unknown): unknown {
  if (of === null || of === undefined) return undefined
  if (typeof key !== 'string' && typeof key !== 'number') return undefined
  const name = String(key)
  if (forbiddenKeys.has(name)) return undefined
  if (typeof of === 'string') return name === 'length' ? of.length : /^\d{1,9}$/.test(name) ? of[Number(name)] : undefined
  return isObject(of) && Object.hasOwn(of, name) ? plain((of as Record<string, unknown>)[name]) : undefined
}

/** Exact numbers become doubles, so that they compare and add; what is no data becomes undefined. */
function plain(value: unknown): unknown {
  if (value instanceof Decimal) return value.toNumber()
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'function' || typeof value === 'symbol' ? undefined : value
}
