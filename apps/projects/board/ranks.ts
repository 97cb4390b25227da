import { rankBetween, ranksFor } from '#client/rules/projects-rank.ts'
import { and, type Predicate, where } from '#client/rules/predicate.ts'
import type { Context } from '#kernel/context/context.ts'
import { ident, sql } from '#kernel/database/sql.ts'
import { rowsOf } from '../rows.ts'

/** A column of a board: the tasks of a project in one status. */
export interface Column {
  readonly project: string | null
  readonly organization: string
  readonly status: string
}

/** Places longer than this are given anew to the whole column. */
const longestRank = 60

export function inColumn({ project, organization, status }: Column): Predicate {
  const among = project ? where('project', '=', project) : and(where('project', 'not set'), where('organization', '=', organization))
  return and(among, where('status', '=', status), where('rank', 'set'))
}

/** The place after all others. */
export async function endOfColumn(ctx: Context, column: Column): Promise<string> {
  const [last] = await rowsOf(ctx, 'Task', inColumn(column), { fields: ['rank'], orderBy: [['rank', 'desc']], limit: 1 })
  const rank = rankBetween((last?.rank as string | undefined) || undefined, undefined)
  if (rank.length <= longestRank) return rank
  await spread(ctx, column)
  return endOfColumn(ctx, column)
}

/** Gives all cards of a column short places again, in the order in which they stand; that nobody sees, so it is no news. */
export async function spread(ctx: Context, column: Column): Promise<void> {
  const cards = await rowsOf(ctx, 'Task', inColumn(column), { fields: ['name', 'rank'], orderBy: [['rank', 'asc']] })
  const ranks = ranksFor(cards.length)
  for (const [index, { name }] of cards.entries())
    await ctx.db.execute(
      ctx.db.dialect.compile(sql`update ${ident('tabTask')} set ${ident('rank')} = ${ranks[index] as string} where name = ${name}`),
    )
}

/** The place between two cards of a column. @throws BadRank */
export async function placeBetween(ctx: Context, column: Column, before: string | undefined, after: string | undefined): Promise<string> {
  const rank = await between(ctx, column, before, after)
  if (rank.length <= longestRank) return rank
  await spread(ctx, column)
  return between(ctx, column, before, after)
}

async function between(ctx: Context, column: Column, before: string | undefined, after: string | undefined): Promise<string> {
  const names = [before, after].filter((name) => name !== undefined)
  const cards = await rowsOf(ctx, 'Task', and(inColumn(column), where('name', 'in', names)), { fields: ['name', 'rank'] })
  const rankOf = (name: string | undefined) => cards.find((card) => card.name === name)?.rank as string | undefined
  let [low, high] = [rankOf(before), rankOf(after)]
  // With one neighbour given, the other is whoever stands next to it.
  if (low !== undefined && high === undefined) {
    const [next] = await rowsOf(ctx, 'Task', and(inColumn(column), where('rank', '>', low)), {
      fields: ['rank'],
      orderBy: [['rank', 'asc']],
      limit: 1,
    })
    high = next?.rank as string | undefined
  } else if (high !== undefined && low === undefined) {
    const [next] = await rowsOf(ctx, 'Task', and(inColumn(column), where('rank', '<', high)), {
      fields: ['rank'],
      orderBy: [['rank', 'desc']],
      limit: 1,
    })
    low = next?.rank as string | undefined
  } else if (low === undefined) {
    const [last] = await rowsOf(ctx, 'Task', inColumn(column), { fields: ['rank'], orderBy: [['rank', 'desc']], limit: 1 })
    low = last?.rank as string | undefined
  }
  return rankBetween(low, high)
}
