import { isAlways } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import type { Query } from '#kernel/database/database.ts'
import { predicateToSql } from '#kernel/database/predicate-sql.ts'
import type { Wire } from '#kernel/fields/field-type.ts'
import { rowsHolding } from '#kernel/search/list-search.ts'
import { callerCondition } from './conditions.ts'
import { QueryMalformed } from './errors.ts'
import { listable } from './list.ts'
import { piece, StatementBuilder } from './piece.ts'
import { planFor } from './plan-cache.ts'
import { Scope } from './scope.ts'
import { countVirtual } from './virtual.ts'

export interface CountOptions {
  filters?: unknown
  orFilters?: unknown
  /** As for lists. */
  search?: string
  /** For child tables, as for lists. */
  parent?: string
  /** Stop counting here: the answer is at most this number. Keeps counts of big tables cheap. */
  upTo?: number
  wire: Wire
}

/** How many documents that the user may read meet the filters; each counts once. @throws as `list` */
export async function count(ctx: Context, doctype: string, options: CountOptions): Promise<number> {
  const meta = await listable(ctx, doctype)
  const { upTo } = options
  if (upTo !== undefined && (!Number.isSafeInteger(upTo) || upTo < 1))
    throw new QueryMalformed({ field: 'limit', reason: 'it must be a whole number from 1' })
  if (meta.isVirtual && options.search) throw new QueryMalformed({ field: 'search', reason: `${meta.name} cannot be searched by its text` })
  if (meta.isVirtual) return countVirtual(ctx, meta, options)
  const { dialect } = ctx.db
  // The plan of the shortest list knows the rights and their SQL.
  const plan = await planFor(ctx, meta, { wire: options.wire, ...(options.parent === undefined ? {} : { parent: options.parent }) })
  const scope = new Scope(ctx, meta, plan.access)
  const condition = await callerCondition(scope, options.filters, options.orFilters, options.wire)
  const statement = new StatementBuilder(dialect)
  statement.text(`select ${upTo === undefined ? 'count(*) as n' : '1 as one'} from ${dialect.quote(meta.table)} as t`)
  for (const join of scope.joinPieces()) statement.text(' ').piece(join)
  statement.text(' where ').piece(plan.fixed)
  if (!isAlways(condition)) statement.text(' and ').piece(piece(predicateToSql(condition, scope.predicateColumns(), dialect), dialect))
  if (options.search) statement.text(' and ').piece(piece(await rowsHolding(ctx, meta, plan.access, options.search), dialect))
  if (upTo === undefined) return countOf(ctx, statement.build())
  const { sql: text, parameters } = statement.text(` limit ${upTo}`).build()
  return countOf(ctx, { sql: `select count(*) as n from (${text}) as counted`, parameters })
}

async function countOf(ctx: Context, query: Query): Promise<number> {
  const [row] = await ctx.db.query<{ n: number }>(query)
  return Number(row?.n ?? 0)
}
