/** Operators with two operands that are always both evaluated. */
export type BinaryOperator = '==' | '!=' | '===' | '!==' | '<' | '<=' | '>' | '>=' | 'in' | 'not in' | '+' | '-' | '*' | '/' | '%'

/** One step of an expression; what it may be is the whole grammar. */
export type Node =
  | { type: 'literal'; value: string | number | boolean | null | undefined }
  | { type: 'name'; name: string }
  | { type: 'list'; items: readonly Node[] }
  | { type: 'member'; of: Node; key: Node }
  | { type: 'unary'; operator: '!' | '-' | '+'; operand: Node }
  | { type: 'binary'; operator: BinaryOperator; left: Node; right: Node }
  | { type: 'logical'; operator: '&&' | '||' | '??'; parts: readonly Node[] }
  | { type: 'choice'; condition: Node; then: Node; otherwise: Node }
  | { type: 'function'; name: string; args: readonly Node[] }
  | { type: 'method'; of: Node; name: string; args: readonly Node[] }
  | { type: 'rows'; of: Node; name: string; parameters: readonly string[]; body: Node }

/** A parsed expression; evaluate it as often as you like. */
export interface Expression {
  readonly source: string
  readonly root: Node
}

/** Characters of source, levels of nesting, and nodes evaluated in one run. */
export const expressionLimits = { length: 10_000, depth: 100, steps: 10_000 } as const

/** Names that would reach past the data; refused wherever they are spelled out. */
export const forbiddenKeys: ReadonlySet<string> = new Set(['__proto__', 'prototype', 'constructor'])

/** The nodes directly below one. */
export function childrenOf(node: Node): readonly Node[] {
  switch (node.type) {
    case 'list':
      return node.items
    case 'member':
      return [node.of, node.key]
    case 'unary':
      return [node.operand]
    case 'binary':
      return [node.left, node.right]
    case 'logical':
      return node.parts
    case 'choice':
      return [node.condition, node.then, node.otherwise]
    case 'function':
      return node.args
    case 'method':
      return [node.of, ...node.args]
    case 'rows':
      return [node.of, node.body]
    default:
      return []
  }
}
