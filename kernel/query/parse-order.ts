import { QueryMalformed, TooCostly } from './errors.ts'
import { type Expression, ExpressionReader, type FieldRef } from './expressions.ts'

export type Direction = 'asc' | 'desc'

export interface OrderTerm {
  readonly expression: Exclude<Expression, { kind: 'all' }>
  readonly direction: Direction
  readonly path: string
}

const maxTerms = 10
const maxLength = 1500

/** Reads `order_by`, such as `` `tabToDo`.`status` asc, count(name) desc``. Empty text gives no terms. @throws QueryMalformed, TooCostly */
export function parseOrder(input: unknown, path = 'order_by'): OrderTerm[] {
  return readList(input, path, (reader, at) => {
    const expression = reader.expression()
    if (expression.kind === 'all') throw new QueryMalformed({ field: at, reason: '“*” cannot be sorted by' })
    const direction = (reader.takeWord('asc', 'desc') ?? 'asc') as Direction
    return { expression, direction, path: at }
  })
}

export interface GroupTerm {
  readonly ref: FieldRef
  readonly path: string
}

/** Reads `group_by`: fields separated by commas. @throws QueryMalformed, TooCostly */
export function parseGroup(input: unknown, path = 'group_by'): GroupTerm[] {
  return readList(input, path, (reader, at) => ({ ref: reader.reference(), path: at }))
}

function readList<T>(input: unknown, path: string, readOne: (reader: ExpressionReader, at: string) => T): T[] {
  if (input === undefined || input === null) return []
  if (typeof input !== 'string') throw new QueryMalformed({ field: path, reason: 'it must be a text' })
  if (input.trim() === '') return []
  const reader = new ExpressionReader(input, path, maxLength)
  const terms: T[] = []
  do {
    terms.push(readOne(reader, path))
    if (terms.length > maxTerms) throw new TooCostly({ field: path, limit: maxTerms, what: 'terms', instead: 'Use fewer.' })
  } while (reader.takeSymbol(','))
  reader.expectEnd()
  return terms
}
