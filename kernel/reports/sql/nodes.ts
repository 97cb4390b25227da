/** What a query report may say, as a tree. Only what has a node here can reach a database. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly text: string }
  | { readonly kind: 'null' }
  | { readonly kind: 'filter'; readonly name: string; readonly line: number }
  | { readonly kind: 'column'; readonly table?: string; readonly name: string; readonly line: number }
  | { readonly kind: 'call'; readonly fn: string; readonly args: readonly Node[]; readonly distinct: boolean; readonly line: number }
  | { readonly kind: 'count-rows' }
  | { readonly kind: 'cast'; readonly of: Node; readonly as: CastType }
  | { readonly kind: 'case'; readonly of?: Node; readonly when: readonly (readonly [Node, Node])[]; readonly otherwise?: Node }
  | { readonly kind: 'binary'; readonly op: BinaryOperator; readonly left: Node; readonly right: Node }
  | { readonly kind: 'not' | 'minus'; readonly of: Node }
  | { readonly kind: 'is-null'; readonly of: Node; readonly negated: boolean }
  | { readonly kind: 'between'; readonly of: Node; readonly low: Node; readonly high: Node; readonly negated: boolean }
  | { readonly kind: 'in'; readonly of: Node; readonly list: readonly Node[] | Query; readonly negated: boolean }
  | { readonly kind: 'exists'; readonly query: Query }
  | { readonly kind: 'query'; readonly query: Query }

export type BinaryOperator = 'and' | 'or' | '=' | '<>' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%' | 'like' | 'not like'
export type CastType = 'integer' | 'decimal' | 'text' | 'date'

/** Something between FROM and WHERE. `on` and `join` belong to what follows the first. */
export interface Source {
  readonly from: { readonly table: string } | { readonly query: Query }
  readonly alias: string
  readonly join: 'first' | 'inner' | 'left' | 'cross'
  readonly on?: Node
  readonly line: number
}

/** One column of the answer; a star has no node. */
export interface Item {
  readonly of?: Node
  /** The table of `t.*`. */
  readonly starOf?: string
  readonly alias?: string
  readonly line: number
}

export interface Select {
  readonly distinct: boolean
  readonly items: readonly Item[]
  readonly sources: readonly Source[]
  readonly where?: Node
  readonly groupBy: readonly Node[]
  readonly having?: Node
}

/** One SELECT or several joined with UNION, with its order and limits. */
export interface Query {
  readonly with: readonly { readonly name: string; readonly query: Query; readonly line: number }[]
  readonly selects: readonly Select[]
  /** How each SELECT after the first is joined. */
  readonly unions: readonly ('union' | 'union all')[]
  readonly orderBy: readonly { readonly of: Node; readonly direction: 'asc' | 'desc' }[]
  readonly limit?: number
  readonly offset?: number
}
