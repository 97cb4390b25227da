import { formatDatetimeWire } from '#client/rules/dates.ts'
import { utcToZone } from '#client/rules/time-zone.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Dialect, Query as Statement, SqlValue } from '#kernel/database/database.ts'
import { textOfInstant } from '#kernel/context/time.ts'
import type { MetaField } from '#kernel/meta/meta.ts'
import { ReportQueryInvalid } from '../errors.ts'
import { castType, dateFormat, functionOf, isNumber, type Printed, typeOfField, type ValueType } from './functions.ts'
import type { Item, Node, Query, Select, Source } from './nodes.ts'
import { type Asked, Parameters } from './parameters.ts'
import { tableHead, tablesOf } from './table-head.ts'
import { type ReadableTable, readableTable } from './tables.ts'

/** A column of the answer; its values stand under `c<position>`. */
export interface QueryColumn {
  /** The alias, or the column's own name; '' for an expression without one. */
  readonly name: string
  readonly isAlias: boolean
  readonly type: ValueType
  readonly field?: MetaField
}

export interface PrintedQuery {
  readonly statement: Statement
  readonly columns: readonly QueryColumn[]
  /** Some rows of its tables are hidden: the engine must gather the readable ones before it tries the query's own conditions. */
  readonly isFenced: boolean
}

/**
 * Makes the statement of a parsed query for one user. Every table becomes the part of it that the user may read; names of tables,
 * aliases and columns are our own or come from definitions, so that no word of the query's text reaches the database but literals.
 * @throws ReportQueryInvalid, BadReportFilter, PermissionDenied
 */
export async function printQuery(ctx: Context, query: Query, given: Asked): Promise<PrintedQuery> {
  const tables = new Map<string, ReadableTable>()
  for (const [name, line] of tablesOf(query, new Set())) tables.set(name, await readableTable(ctx, name, line, given.demands))
  // Printed twice: what comes first in the text, the tables, depends on the columns that are used.
  const used = new Map<string, Set<string>>()
  new Printer(ctx, tables, used, given, 0).top(query)
  const head = tableHead(ctx.db.dialect, tables, used)
  const printer = new Printer(ctx, tables, used, given, head.parameters.length)
  const main = printer.top(query)
  return {
    statement: { sql: `${head.sql}${main.text}`, parameters: [...head.parameters, ...printer.parameters] },
    columns: main.columns,
    isFenced: [...tables.values()].some((table) => !table.isWhole),
  }
}

interface Known {
  /** As the query calls it, in lower case. */
  readonly alias: string
  readonly text: string
  readonly columns: readonly { readonly name: string; readonly text: string; readonly type: ValueType; readonly field?: MetaField }[]
  /** The DocType's table behind it. */
  readonly table?: string
  /** A query in FROM, printed before its place in the text has come, and its values that wait for that. */
  readonly printed?: { readonly text: string; readonly parameters: readonly SqlValue[] }
}

interface Scope {
  readonly sources: Known[]
  readonly items: readonly Item[]
  readonly outer: Scope | undefined
  readonly named: ReadonlyMap<string, NamedQuery>
  /** Whether a name may mean a column of the answer: in GROUP BY and HAVING, and not within what such a name stands for. */
  readonly knowsAliases?: boolean
}

interface NamedQuery {
  readonly text: string
  readonly columns: readonly QueryColumn[]
}

class Printer {
  readonly #ctx: Context
  readonly #dialect: Dialect
  readonly #tables: ReadonlyMap<string, ReadableTable>
  readonly #tableNames: readonly string[]
  readonly #used: Map<string, Set<string>>
  readonly #given: Asked
  readonly #parameters: Parameters
  #aliases = 0

  constructor(ctx: Context, tables: ReadonlyMap<string, ReadableTable>, used: Map<string, Set<string>>, given: Asked, offset: number) {
    this.#ctx = ctx
    this.#dialect = ctx.db.dialect
    this.#tables = tables
    this.#tableNames = [...tables.keys()]
    this.#used = used
    this.#given = given
    this.#parameters = new Parameters(this.#dialect, given, offset)
  }

  get parameters(): readonly SqlValue[] {
    return this.#parameters.values
  }

  top(query: Query): { text: string; columns: readonly QueryColumn[] } {
    const limit = Math.min(query.limit ?? this.#given.most, this.#given.most)
    return this.#query({ ...query, limit }, undefined, new Map(), this.#tables.size > 0 ? ', ' : 'with ')
  }

  /** @param opening what stands before the query's own named queries: the tables' `with` goes before the outermost */
  #query(query: Query, outer: Scope | undefined, inherited: ReadonlyMap<string, NamedQuery>, opening = 'with ') {
    const named = new Map(inherited)
    const heads: string[] = []
    for (const one of query.with) {
      if (one.name.toLowerCase().startsWith('tab')) fail(one.line, 'a query of one’s own cannot be named as tables are')
      const { text, columns } = this.#query(one.query, outer, named)
      const alias = `u${this.#aliases++}`
      heads.push(`${alias} as (${text})`)
      named.set(one.name.toLowerCase(), { text: alias, columns })
    }
    let text = heads.length > 0 ? `${opening}${heads.join(', ')} ` : opening === ', ' ? ' ' : ''
    let columns: readonly QueryColumn[] = []
    let scope: Scope | undefined
    for (const [index, select] of query.selects.entries()) {
      const made = this.#select(select, outer, named)
      if (index > 0 && made.columns.length !== columns.length)
        fail(select.items[0]?.line ?? 1, 'the parts of a union must have the same number of columns')
      if (index > 0) text += ` ${query.unions[index - 1]} `
      text += made.text
      if (index === 0) ({ columns, scope } = made)
    }
    const order = query.orderBy.map(({ of, direction }) =>
      this.#orderTerm(of, direction, columns, query.selects.length > 1 ? undefined : scope),
    )
    if (order.length > 0) text += ` order by ${order.join(', ')}`
    if (query.limit !== undefined) text += ` limit ${query.limit}`
    if (query.offset !== undefined) text += ` offset ${query.offset}`
    return { text, columns }
  }

  #orderTerm(of: Node, direction: 'asc' | 'desc', columns: readonly QueryColumn[], scope: Scope | undefined): string {
    const nulls = this.#dialect.name === 'postgres' ? (direction === 'asc' ? ' nulls first' : ' nulls last') : ''
    const at = positionOf(of, columns)
    if (at !== undefined) return `c${at} ${direction}${nulls}`
    if (!scope) return fail(lineOf(of), 'a union is ordered by its columns')
    return `${this.#node(of, scope).text} ${direction}${nulls}`
  }

  #select(select: Select, outer: Scope | undefined, named: ReadonlyMap<string, NamedQuery>) {
    const scope: Scope = { sources: [], items: select.items, outer, named }
    // Columns come first in the text but need the sources, whose own placeholders must follow theirs.
    for (const source of select.sources) scope.sources.push(this.#known(source, scope))
    const columns: QueryColumn[] = []
    const texts: string[] = []
    const add = (printed: Printed, name: string, isAlias: boolean): void => {
      texts.push(`${printed.text} as c${columns.length}`)
      columns.push({ name, isAlias, type: printed.type, ...(printed.field && { field: printed.field }) })
    }
    for (const item of select.items) {
      if (item.of) add(this.#node(item.of, scope), item.alias ?? (item.of.kind === 'column' ? item.of.name : ''), item.alias !== undefined)
      else for (const { printed, name } of this.#star(item, scope)) add(printed, name, false)
    }
    let text = `select ${select.distinct ? 'distinct ' : ''}${texts.join(', ')}`
    for (const [index, source] of select.sources.entries()) text += this.#from(source, scope, index)
    if (select.where) text += ` where ${this.#node(select.where, scope).text}`
    const after: Scope = { ...scope, knowsAliases: true }
    if (select.groupBy.length > 0) text += ` group by ${select.groupBy.map((node) => this.#groupTerm(node, after)).join(', ')}`
    if (select.having) text += ` having ${this.#node(select.having, after).text}`
    return { text, columns, scope }
  }

  /** A position means the expression there, as an alias does. */
  #groupTerm(node: Node, scope: Scope): string {
    const item = node.kind === 'number' ? scope.items[Number(node.text) - 1] : undefined
    return item?.of ? this.#node(item.of, { ...scope, knowsAliases: false }).text : this.#node(node, scope).text
  }

  #star(item: Item, scope: Scope): { printed: Printed; name: string }[] {
    const sources = scope.sources.filter((source) => item.starOf === undefined || source.alias === item.starOf.toLowerCase())
    if (sources.length === 0)
      fail(item.line, item.starOf === undefined ? 'there is no table to take all columns of' : `there is no table ${item.starOf}`)
    return sources.flatMap((source) => source.columns.map((column) => ({ printed: this.#use(source, column), name: column.name })))
  }

  /** What a source offers. A query in FROM is printed here, once, for its columns; its text comes with the others. */
  #known(source: Source, scope: Scope): Known {
    const alias = source.alias.toLowerCase()
    if (scope.sources.some((one) => one.alias === alias)) fail(source.line, `two tables are called ${source.alias}`)
    const text = `s${this.#aliases++}`
    if ('query' in source.from) {
      const kept = this.#parameters.values.length
      const made = this.#query(source.from.query, scope.outer, scope.named)
      const parameters = this.#parameters.takeFrom(kept)
      const columns = made.columns.map((column, index) => ({ ...column, text: `${text}.c${index}` }))
      return { alias, text, columns, printed: { text: made.text, parameters } }
    }
    const { table } = source.from
    const own = scope.named.get(table.toLowerCase())
    if (own) return { alias, text, columns: own.columns.map((column, index) => ({ ...column, text: `${text}.c${index}` })) }
    const { meta } = this.#tables.get(table) as ReadableTable
    const columns = meta.columns.map((field) => ({
      name: field.fieldname,
      text: `${text}.${this.#dialect.quote(field.fieldname)}`,
      type: typeOfField(field),
      field,
    }))
    return { alias, text, columns, table }
  }

  #from(source: Source, scope: Scope, index: number): string {
    const known = scope.sources[index] as Known
    const joins = { first: ' from ', inner: ' join ', left: ' left join ', cross: ' cross join ' } as const
    this.#parameters.values.push(...(known.printed?.parameters ?? []))
    const what =
      'query' in source.from
        ? `(${known.printed?.text})`
        : (scope.named.get(source.from.table.toLowerCase())?.text ?? `t${this.#tableNames.indexOf(source.from.table)}`)
    // A condition may name what was joined before it, not what follows.
    const on = source.on ? ` on ${this.#node(source.on, { ...scope, sources: scope.sources.slice(0, index + 1) }).text}` : ''
    return `${joins[source.join]}${what} as ${known.text}${on}`
  }

  #node(node: Node, scope: Scope): Printed {
    switch (node.kind) {
      case 'text':
        return { text: this.#dialect.literal(node.text), type: 'unknown' }
      case 'number':
        return { text: node.text, type: node.text.includes('.') ? 'number' : 'integer' }
      case 'null':
        return { text: 'null', type: 'unknown' }
      case 'filter':
        return this.#parameters.filter(node.name)
      case 'column':
        return this.#column(node, scope)
      case 'count-rows':
        return { text: 'count(*)', type: 'integer' }
      case 'call':
        return this.#call(node, scope)
      case 'cast':
        return {
          text: `cast(${this.#node(node.of, scope).text} as ${castType(node.as, this.#dialect.name)})`,
          type: node.as === 'decimal' ? 'number' : node.as,
        }
      case 'case':
        return this.#case(node, scope)
      case 'binary':
        return this.#binary(node, scope)
      case 'not':
        return { text: `(not ${this.#node(node.of, scope).text})`, type: 'boolean' }
      case 'minus': {
        const of = this.#node(node.of, scope)
        return { ...of, text: `(- ${of.text})` }
      }
      case 'is-null':
        return { text: `(${this.#node(node.of, scope).text} is ${node.negated ? 'not ' : ''}null)`, type: 'boolean' }
      case 'between': {
        const parts = [node.of, node.low, node.high].map((part) => this.#node(part, scope).text)
        return { text: `(${parts[0]} ${node.negated ? 'not ' : ''}between ${parts[1]} and ${parts[2]})`, type: 'boolean' }
      }
      case 'in': {
        const of = this.#node(node.of, scope).text
        const list =
          'selects' in node.list
            ? this.#query(node.list, scope, scope.named).text
            : node.list
                .map((one) => (one.kind === 'filter' ? this.#parameters.filterList(one.name) : this.#node(one, scope).text))
                .join(', ')
        return { text: `(${of} ${node.negated ? 'not ' : ''}in (${list}))`, type: 'boolean' }
      }
      case 'exists':
        return { text: `exists (${this.#query(node.query, scope, scope.named).text})`, type: 'boolean' }
      case 'query': {
        const { text, columns } = this.#query(node.query, scope, scope.named)
        if (columns.length !== 1) fail(lineOf(node), 'a query used as a value must have one column')
        return { text: `(${text})`, type: columns[0]?.type ?? 'unknown' }
      }
    }
  }

  #binary(node: Node & { kind: 'binary' }, scope: Scope): Printed {
    const { op } = node
    const left = this.#node(node.left, scope)
    const right = this.#node(node.right, scope)
    const { name } = this.#dialect
    if (op === 'like' || op === 'not like') {
      const word = name === 'postgres' ? op.replace('like', 'ilike') : op
      const [a, b] = name === 'mariadb' ? [`lower(${left.text})`, `lower(${right.text})`] : [left.text, right.text]
      return { text: `(${a} ${word} ${b} escape '\\')`, type: 'boolean' }
    }
    if (op === '/') {
      // Never the whole-number division of two engines, and no error but nothing for a division by zero.
      const type = name === 'sqlite' ? 'real' : name === 'postgres' ? 'numeric' : 'decimal(38,9)'
      return { text: `(cast(${left.text} as ${type}) / nullif(${right.text}, 0))`, type: 'number' }
    }
    const text = `(${left.text} ${op} ${right.text})`
    if (op === '+' || op === '-' || op === '*' || op === '%') {
      const isWhole = left.type === 'integer' && right.type === 'integer'
      const field = [left, right].find((one) => one.field && isNumber(one.type))?.field
      return { text, type: isWhole ? 'integer' : 'number', ...(field && !isWhole && { field }) }
    }
    return { text, type: 'boolean' }
  }

  #case(node: Node & { kind: 'case' }, scope: Scope): Printed {
    let text = `(case${node.of ? ` ${this.#node(node.of, scope).text}` : ''}`
    let result: Printed | undefined
    for (const [condition, value] of node.when) {
      text += ` when ${this.#node(condition, scope).text}`
      const made = this.#node(value, scope)
      if (result === undefined || result.type === 'unknown') result = made
      text += ` then ${made.text}`
    }
    if (node.otherwise) {
      const made = this.#node(node.otherwise, scope)
      if (result?.type === 'unknown' || (result?.type === 'integer' && made.type === 'number')) result = made
      text += ` else ${made.text}`
    }
    return { text: `${text} end)`, type: result?.type ?? 'unknown', ...(result?.field && { field: result.field }) }
  }

  #call(node: Node & { kind: 'call' }, scope: Scope): Printed {
    const { fn, args, line } = node
    const known = functionOf(fn)
    if (args.length < known.least || args.length > known.most) fail(line, `${fn} does not take ${args.length} values`)
    if (node.distinct && !known.isAggregate) fail(line, `${fn} knows no “distinct”`)
    if (fn === 'curdate' || fn === 'now') return this.#moment(fn)
    const [, second] = args
    if (fn === 'date_format') {
      const format = second?.kind === 'text' ? dateFormat(second.text, this.#dialect.name) : undefined
      if (format === undefined) fail(line, 'a date format is a text of %Y, %m, %d, %H, %i, %s and marks between them')
      const value = this.#node(args[0] as Node, scope)
      return known.print([value, { text: this.#dialect.literal(format as string), type: 'text' }], this.#dialect.name, '')
    }
    return known.print(
      args.map((arg) => this.#node(arg, scope)),
      this.#dialect.name,
      node.distinct ? 'distinct ' : '',
    )
  }

  /** The day in the site's zone, and the moment in UTC as columns keep it. */
  #moment(fn: 'curdate' | 'now'): Printed {
    const now = textOfInstant(this.#ctx.clock.now())
    const text = fn === 'now' ? now : formatDatetimeWire(utcToZone(now, this.#ctx.site.timeZone)).slice(0, 10)
    const literal = this.#dialect.literal(text)
    const type = fn === 'now' ? 'datetime' : 'date'
    if (this.#dialect.name === 'sqlite') return { text: literal, type }
    const cast = type === 'date' ? 'date' : this.#dialect.name === 'postgres' ? 'timestamp' : 'datetime(6)'
    return { text: `cast(${literal} as ${cast})`, type }
  }

  #column(node: Node & { kind: 'column' }, scope: Scope): Printed {
    const name = node.name.toLowerCase()
    const table = node.table?.toLowerCase()
    for (let at: Scope | undefined = scope; at; at = at.outer) {
      const sources = at.sources.filter((source) => table === undefined || source.alias === table)
      const found = sources.flatMap((source) =>
        source.columns.filter((column) => column.name.toLowerCase() === name).map((column) => ({ source, column })),
      )
      const [first] = found
      if (found.length > 1) fail(node.line, `${node.name} is a column of more than one table: say of which`)
      if (first) return this.#use(first.source, first.column)
      // In GROUP BY and HAVING, a name of the answer's own means its expression.
      const item = table === undefined && at.knowsAliases ? at.items.find((one) => one.alias?.toLowerCase() === name) : undefined
      if (item?.of) return this.#node(item.of, { ...at, knowsAliases: false })
      if (table !== undefined && sources.length > 0) break
    }
    return fail(node.line, `there is no column ${node.table ? `${node.table}.` : ''}${node.name}`)
  }

  #use(source: Known, column: Known['columns'][number]): Printed {
    if (source.table) {
      const used = this.#used.get(source.table) ?? new Set()
      this.#used.set(source.table, used.add(column.name))
    }
    return { text: column.text, type: column.type, ...(column.field && { field: column.field }) }
  }
}

/** The column that an order names by its alias or position. */
function positionOf(node: Node, columns: readonly QueryColumn[]): number | undefined {
  if (node.kind === 'number') {
    const at = Number(node.text) - 1
    return columns[at] ? at : undefined
  }
  if (node.kind !== 'column' || node.table !== undefined) return undefined
  const at = columns.findIndex((column) => column.name.toLowerCase() === node.name.toLowerCase())
  return at < 0 ? undefined : at
}

function lineOf(node: Node): number {
  return 'line' in node ? node.line : 1
}

function fail(line: number, reason: string): never {
  throw new ReportQueryInvalid({ field: 'query', line, reason })
}
