import { Decimal } from './decimal.ts'
import { defineError } from './errors.ts'
import { relativeLengths, timespanNames } from './timespans.ts'

export const FilterMalformed = defineError<{ field: string; reason: string }>({
  code: 'filter/malformed',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The filter at ${d.field} cannot be read: ${d.reason}.`,
})

export const UnknownOperator = defineError<{ field: string; operator: string }>({
  code: 'filter/unknown-operator',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `“${d.operator}” at ${d.field} is not a filter operator.`,
})

export const BadFilterValue = defineError<{ field: string; operator: string; expected: string }>({
  code: 'filter/bad-value',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `The filter at ${d.field} needs ${d.expected} for “${d.operator}”.`,
})

export const TooManyFilters = defineError<{ field: string; limit: number; what: string }>({
  code: 'filter/too-many',
  status: 417,
  excType: 'ValidationError',
  message: (d) => `Filters may have at most ${d.limit} ${d.what}.`,
})

/** Operators after normalising: lower case, single spaces, one spelling each. */
export const filterOperators = [
  '=',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'like',
  'not like',
  'in',
  'not in',
  'is',
  'between',
  'timespan',
  'previous',
  'next',
  'descendants of',
  'descendants of (inclusive)',
  'not descendants of',
  'ancestors of',
  'not ancestors of',
] as const

export type FilterOperator = (typeof filterOperators)[number]

/** One condition, not yet checked against a DocType. */
export interface FilterLeaf {
  /** Named only where the caller named it: a child DocType, usually. */
  doctype?: string
  /** As the caller wrote it: a fieldname, `link.field`, or a quoted column of a table. At most 140 characters. */
  field: string
  operator: FilterOperator
  /**
   * A list of scalars for `in` and `not in`; a pair for `between`; `'set'` or `'not set'` for `is`; a known name in lower case for
   * `timespan`, `previous` and `next`; else a scalar (null, boolean, number, bigint, text, Decimal).
   */
  value: unknown
  /** Where the condition stands in the input, such as `filters[1][2]` or `filters.status`. */
  path: string
}

/** A caller's filters in one neutral shape. An empty `all` is true. */
export type FilterTree = { all: readonly FilterTree[] } | { any: readonly FilterTree[] } | FilterLeaf

export interface FilterOptions {
  /** How the conditions of the outermost list or object combine: `any` for `or_filters`. Default `all`. */
  joinBy?: 'all' | 'any'
  /** The parameter's name, with which paths start. Default `filters`. */
  path?: string
  /** Take a bare text or number that is no JSON list or object for a document's name. Default false: it is refused. */
  acceptName?: boolean
  /** Reads JSON text; pass a reader that refuses duplicate keys where callers are strangers. Default `JSON.parse`. */
  parseJson?: (text: string) => unknown
}

export const filterLimits = { leaves: 200, depth: 10, nameLength: 140 } as const

/**
 * Reads filters in any shape Frappe accepts, as JSON text or as a value: `{f: v}`, `{f: [op, v]}`, `[[f, v]]`, `[[f, op, v]]`,
 * `[[doctype, f, op, v, ignored]]`, one flat condition, a list of document names, and conditions joined with `and`/`or`
 * (`[[…], 'or', […]]`, read from left to right). Nothing given, or nothing in it, is an empty `all`, also for `or_filters`.
 * @throws FilterMalformed, UnknownOperator, BadFilterValue, TooManyFilters, each with the place of the fault in `field`
 */
export function parseFilters(input: unknown, options: FilterOptions = {}): FilterTree {
  const path = options.path ?? 'filters'
  const value = readText(input, path, options)
  if (value === undefined || value === null || value === '') return { all: [] }
  const state = { leaves: 0 }
  if (isName(value)) {
    if (options.acceptName) return leaf(state, path, undefined, 'name', '=', value, path)
    throw new FilterMalformed({ field: path, reason: 'it is neither a list nor an object' })
  }
  const tree = readGroup(value, path, options.joinBy ?? 'all', 1, state)
  return 'any' in tree && tree.any.length === 0 ? { all: [] } : tree
}

/** Every condition of the tree, from left to right. */
export function* filterLeaves(tree: FilterTree): Generator<FilterLeaf> {
  if ('field' in tree) yield tree
  else for (const part of 'all' in tree ? tree.all : tree.any) yield* filterLeaves(part)
}

interface State {
  leaves: number
}

function readText(input: unknown, path: string, options: FilterOptions): unknown {
  if (typeof input !== 'string') return input
  const text = input.trim()
  if (text === '' || (options.acceptName && !/^[[{"]/.test(text))) return text
  try {
    return (options.parseJson ?? JSON.parse)(text)
  } catch (cause) {
    throw new FilterMalformed({ field: path, reason: 'it is not valid JSON' }, { cause })
  }
}

function readGroup(value: unknown, path: string, joinBy: 'all' | 'any', depth: number, state: State): FilterTree {
  if (depth > filterLimits.depth) throw new TooManyFilters({ field: path, limit: filterLimits.depth, what: 'levels' })
  if (!Array.isArray(value)) return joined(joinBy, readObject(value, path, state))
  if (isCondition(value)) return readCondition(value, path, state)
  if (value.length > 1 && isJoiner(value[1])) return readChain(value, path, depth, state)
  if (depth === 1 && value.length > 0 && value.every(isName)) return leaf(state, path, undefined, 'name', 'in', value, path)
  return joined(
    joinBy,
    value.map((part, index) => readPart(part, `${path}[${index}]`, depth, state)),
  )
}

function joined(joinBy: 'all' | 'any', parts: readonly FilterTree[]): FilterTree {
  if (parts.length === 1) return parts[0] as FilterTree
  return joinBy === 'any' ? { any: parts } : { all: parts }
}

function readPart(part: unknown, path: string, depth: number, state: State): FilterTree {
  if (Array.isArray(part) && part.length === 0) throw new FilterMalformed({ field: path, reason: 'the condition is empty' })
  if (Array.isArray(part) && typeof part[0] === 'string') return readCondition(part, path, state)
  if (Array.isArray(part) && part[0] === null && part.length >= 4) return readCondition(part, path, state)
  return readGroup(part, path, 'all', depth + 1, state)
}

/** `[part, 'and' | 'or', part, …]`, each joiner binding what stands left of it. */
function readChain(chain: readonly unknown[], path: string, depth: number, state: State): FilterTree {
  if (chain.length % 2 === 0) throw new FilterMalformed({ field: path, reason: 'conditions and joiners must alternate' })
  let tree = readPart(chain[0], `${path}[0]`, depth, state)
  let joiner = ''
  for (let at = 1; at < chain.length; at += 2) {
    const word = chain[at]
    if (!isJoiner(word)) throw new FilterMalformed({ field: `${path}[${at}]`, reason: '“and” or “or” is expected' })
    const next = readPart(chain[at + 1], `${path}[${at + 1}]`, depth, state)
    const wanted = word.trim().toLowerCase()
    const key = wanted === 'or' ? 'any' : 'all'
    // A run of one joiner stays flat, so that a long chain does not become a deep tree.
    const sofar = joiner === wanted ? ((tree as Record<string, readonly FilterTree[]>)[key] ?? [tree]) : [tree]
    tree = key === 'any' ? { any: [...sofar, next] } : { all: [...sofar, next] }
    joiner = wanted
  }
  return tree
}

function readObject(value: unknown, path: string, state: State): FilterTree[] {
  // A Map or a Decimal has no entries of its own and would pass for no condition at all.
  const proto: unknown = typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : undefined
  if (proto === undefined || (proto !== null && proto !== Object.prototype)) {
    throw new FilterMalformed({ field: path, reason: 'a condition must be a list or an object' })
  }
  return Object.entries(value as object).map(([field, wanted]) => {
    const at = /^[A-Za-z_]\w*$/.test(field) ? `${path}.${field}` : `${path}[${JSON.stringify(field.slice(0, filterLimits.nameLength))}]`
    return shortCondition(state, at, field, wanted)
  })
}

/** A list that starts with a text: `[f, v]`, `[f, op, v]`, `[doctype, f, op, v]` and a fifth element nobody reads. */
function readCondition(parts: readonly unknown[], path: string, state: State): FilterTree {
  if (parts.length === 2) return shortCondition(state, path, parts[0], parts[1])
  if (parts.length === 3) return leaf(state, path, undefined, parts[0], parts[1], parts[2], `${path}[2]`)
  if (parts.length === 4 || parts.length === 5) return leaf(state, path, parts[0], parts[1], parts[2], parts[3], `${path}[3]`)
  throw new FilterMalformed({ field: path, reason: 'a condition has two to five parts' })
}

/** A field with a value alone, or with `[operator, value]` in the value's place. */
function shortCondition(state: State, path: string, field: unknown, value: unknown): FilterLeaf {
  if (!Array.isArray(value)) return leaf(state, path, undefined, field, '=', value, path)
  if (value.length !== 2) throw new FilterMalformed({ field: path, reason: 'a list here must be an operator and a value' })
  return leaf(state, path, undefined, field, value[0], value[1], path)
}

function leaf(
  state: State,
  path: string,
  doctype: unknown,
  field: unknown,
  operator: unknown,
  value: unknown,
  valuePath: string,
): FilterLeaf {
  if (++state.leaves > filterLimits.leaves) throw new TooManyFilters({ field: path, limit: filterLimits.leaves, what: 'conditions' })
  checkName(field, path, 'field')
  const known = normaliseOperator(operator)
  if (!known) throw new UnknownOperator({ field: path, operator: String(operator).slice(0, filterLimits.nameLength) })
  const checked: FilterLeaf = { field, operator: known, value: readValue(known, value, valuePath), path }
  if (doctype === undefined || doctype === null || doctype === '') return checked
  checkName(doctype, path, 'DocType')
  return { doctype, ...checked }
}

const prototypeKeys = new Set(['__proto__', 'constructor', 'prototype'])

function checkName(name: unknown, path: string, what: string): asserts name is string {
  if (typeof name !== 'string' || name.trim() === '') throw new FilterMalformed({ field: path, reason: `the ${what} must be a text` })
  if (name.length > filterLimits.nameLength) throw new FilterMalformed({ field: path, reason: `the ${what} is too long` })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (prototypeKeys.has(name.trim()) || /[\u0000-\u001f\u007f;]/.test(name)) {
    throw new FilterMalformed({ field: path, reason: `the ${what} holds characters that no name has` })
  }
}

const spellings = new Map<string, FilterOperator>([
  ...filterOperators.map((operator) => [operator, operator] as const),
  ['==', '='],
  ['equals', '='],
  ['<>', '!='],
  ['not equals', '!='],
])

/** The one spelling of an operator, or undefined when it is none. */
export function normaliseOperator(operator: unknown): FilterOperator | undefined {
  if (typeof operator !== 'string' || operator.length > filterLimits.nameLength) return undefined
  return spellings.get(operator.trim().toLowerCase().replaceAll(/\s+/g, ' '))
}

function readValue(operator: FilterOperator, value: unknown, field: string): unknown {
  const bad = (expected: string) => new BadFilterValue({ field, operator, expected })
  switch (operator) {
    case 'in':
    case 'not in': {
      const items = typeof value === 'string' ? splitCsv(value) : Array.isArray(value) ? value : [value]
      if (!items.every(isScalar)) throw bad('a list of values')
      return items
    }
    case 'between': {
      const pair = typeof value === 'string' ? splitCsv(value) : value
      if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((item) => isScalar(item) && item !== null)) throw bad('a pair of values')
      return pair
    }
    case 'is':
      return oneOf(['set', 'not set'], value) ?? fail(bad('“set” or “not set”'))
    case 'timespan':
      return oneOf(timespanNames, value) ?? fail(bad('the name of a timespan'))
    case 'previous':
    case 'next':
      return oneOf(relativeLengths, value) ?? fail(bad(`one of ${relativeLengths.join(', ')}`))
    case 'like':
    case 'not like':
      if (!isScalar(value) || value === null) throw bad('a text')
      return String(value)
    case 'descendants of':
    case 'descendants of (inclusive)':
    case 'not descendants of':
    case 'ancestors of':
    case 'not ancestors of':
      if (!isName(value)) throw bad('the name of a document')
      return value
    default:
      if (!isScalar(value)) throw bad('a single value')
      return value
  }
}

function fail(error: Error): never {
  throw error
}

function splitCsv(text: string): string[] {
  return text.split(',').map((item) => item.trim())
}

function oneOf(known: readonly string[], value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > filterLimits.nameLength) return undefined
  const word = value.trim().toLowerCase().replaceAll(/\s+/g, ' ')
  return known.includes(word) ? word : undefined
}

function isScalar(value: unknown): boolean {
  if (value === null || value instanceof Decimal) return true
  return typeof value === 'number' ? Number.isFinite(value) : ['string', 'boolean', 'bigint'].includes(typeof value)
}

function isName(value: unknown): value is string | number {
  return typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))
}

function isJoiner(value: unknown): value is string {
  return typeof value === 'string' && /^\s*(?:and|or)\s*$/i.test(value)
}

/**
 * Whether a list by itself is one condition rather than a list of conditions or names. A middle part without any letter or digit was
 * meant as an operator, so that it is refused by name instead of being searched for.
 */
function isCondition(list: readonly unknown[]): boolean {
  const operatorAt = list.length === 3 ? 1 : list.length === 4 || list.length === 5 ? 2 : undefined
  if (operatorAt === undefined || !list.slice(0, operatorAt).every((part) => typeof part === 'string')) return false
  const operator = list[operatorAt]
  return (
    normaliseOperator(operator) !== undefined || (list.length === 3 && typeof operator === 'string' && /^[^\p{L}\p{N}]+$/u.test(operator))
  )
}
