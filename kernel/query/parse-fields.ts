import { parseJson } from '#kernel/methods/strict-json.ts'
import { QueryMalformed, TooCostly } from './errors.ts'
import {
  checkAlias,
  checkCall,
  type Expression,
  ExpressionReader,
  type FieldRef,
  type FunctionCall,
  type FunctionName,
  functionNames,
} from './expressions.ts'

/** One thing to select. `path` is its place in the input. */
export type SelectItem =
  | { readonly kind: 'field'; readonly ref: FieldRef; readonly alias?: string; readonly path: string }
  | { readonly kind: 'all'; readonly table?: string; readonly path: string }
  | { readonly kind: 'call'; readonly call: FunctionCall; readonly alias?: string; readonly path: string }
  /** The rows of a child table as a list inside the document. */
  | { readonly kind: 'rows'; readonly table: string; readonly items: readonly SelectItem[]; readonly alias?: string; readonly path: string }

export interface Selection {
  readonly items: readonly SelectItem[]
  readonly distinct: boolean
}

export const maxFields = 100

/**
 * Reads `fields` in every shape that clients send: a list, its JSON text, comma-separated text, or `*`. Entries are texts
 * (`name`, `customer.territory as t`, `count(name) as c`) or objects (`{"SUM": "amount", "as": "s"}`, `{"items": ["qty"]}`).
 * Nothing given selects the name.
 * @throws QueryMalformed, TooCostly
 */
export function parseFields(input: unknown, path = 'fields'): Selection {
  const entries = readEntries(input, path)
  if (entries.length > maxFields) {
    throw new TooCostly({ field: path, limit: maxFields, what: 'fields', instead: 'Ask for “*” or fetch the single document.' })
  }
  let distinct = false
  const items = entries.map((entry, index) => {
    const at = `${path}[${index}]`
    if (typeof entry !== 'string') return readObject(entry, at, true)
    const reader = new ExpressionReader(entry, at)
    if (index === 0 && reader.followedByOperand() && reader.takeWord('distinct')) distinct = true
    return readText(reader, at)
  })
  return { items, distinct }
}

function readEntries(input: unknown, path: string): unknown[] {
  if (input === undefined || input === null || input === '') return ['name']
  let value: unknown = input
  if (typeof input === 'string') {
    const text = input.trim()
    if (!/^[[{"]/.test(text)) return splitTopLevel(text, path)
    try {
      value = parseJson(text)
    } catch (cause) {
      // A field in double quotes is no JSON but still a field.
      if (text.startsWith('"')) return splitTopLevel(text, path)
      throw new QueryMalformed({ field: path, reason: 'it is not valid JSON' }, { cause })
    }
  }
  if (typeof value === 'string') return splitTopLevel(value, path)
  if (!Array.isArray(value)) throw new QueryMalformed({ field: path, reason: 'it must be a list of fields' })
  return value.length === 0 ? ['name'] : value
}

/** Splits at commas outside parentheses. */
function splitTopLevel(text: string, path: string): string[] {
  if (text.length > 20_000) throw new QueryMalformed({ field: path, reason: 'it is longer than 20000 characters' })
  const parts: string[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at < text.length; at++) {
    const c = text[at]
    if (c === '(') depth++
    else if (c === ')') depth--
    else if (c === ',' && depth === 0) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

function readText(reader: ExpressionReader, path: string): SelectItem {
  const expression = reader.expression()
  const alias = reader.takeWord('as') ? { alias: reader.alias() } : {}
  reader.expectEnd()
  return withPlace(expression, alias, path)
}

function withPlace(expression: Expression, alias: { alias?: string }, path: string): SelectItem {
  if (expression.kind === 'field') return { kind: 'field', ref: expression.ref, ...alias, path }
  if (expression.kind === 'call') return { kind: 'call', call: expression.call, ...alias, path }
  if (alias.alias) throw new QueryMalformed({ field: path, reason: '“*” takes no name' })
  return { ...expression, path }
}

function readObject(entry: unknown, path: string, allowRows: boolean): SelectItem {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    throw new QueryMalformed({ field: path, reason: 'a field must be a text or an object' })
  }
  const { as, ...rest } = entry as Record<string, unknown>
  const keys = Object.keys(rest)
  const [key] = keys
  if (keys.length !== 1 || key === undefined) throw new QueryMalformed({ field: path, reason: 'an object names one function or one table' })
  const alias = as === undefined || as === null || as === '' ? {} : { alias: checkAlias(as, path) }
  const value = rest[key]
  const fn =
    functionNames.find((name) => name.toUpperCase() === key) ??
    (Array.isArray(value) ? undefined : functionNames.find((name) => name === key.toLowerCase()))
  if (fn) return { kind: 'call', call: readCall(fn, value, path), ...alias, path }
  if (!allowRows || !Array.isArray(value)) {
    throw new QueryMalformed({ field: path, reason: `“${key.slice(0, 40)}” is neither a known function nor a table with a list of fields` })
  }
  const items = value.map((item, index) => {
    const at = `${path}.${/^\w+$/.test(key) ? key : 'rows'}[${index}]`
    if (typeof item !== 'string') throw new QueryMalformed({ field: at, reason: 'a field must be a text' })
    const read = readText(new ExpressionReader(item, at), at)
    if (read.kind === 'call' || (read.kind === 'field' && read.ref.table))
      throw new QueryMalformed({ field: at, reason: 'only the table’s own fields may stand here' })
    return read
  })
  return { kind: 'rows', table: new ExpressionReader(key, path).reference().field, items, ...alias, path }
}

/** The argument of `{"COUNT": …}`: a field, `*`, `distinct field`, or a list whose second part is the fallback. */
function readCall(fn: FunctionName, value: unknown, path: string): FunctionCall {
  const [operand, fallback, ...more] = Array.isArray(value) ? value : [value]
  const bad = (reason: string) => new QueryMalformed({ field: path, reason })
  if (typeof operand !== 'string' || more.length) throw bad(`${fn.toUpperCase()} needs the name of a field`)
  const isLiteral = fallback === null || typeof fallback === 'string' || (typeof fallback === 'number' && Number.isFinite(fallback))
  if (fallback !== undefined && !isLiteral) throw bad('the second argument must be a number or a text')
  const reader = new ExpressionReader(operand, path)
  const distinct = reader.followedByOperand() && reader.takeWord('distinct') !== undefined
  const of = reader.takeSymbol('*') ? ('*' as const) : reader.reference()
  reader.expectEnd()
  const call: FunctionCall = {
    fn,
    of,
    distinct,
    ...(fallback === undefined ? {} : { fallback }),
    text: `${fn.toUpperCase()}(${operand.trim()})`,
  }
  return checkCall(call, path)
}
