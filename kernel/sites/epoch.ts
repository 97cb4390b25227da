import type { Context } from '#kernel/context/context.ts'
import type { Database } from '#kernel/database/database.ts'
import { UniqueViolated } from '#kernel/database/errors.ts'
import { sql } from '#kernel/database/sql.ts'
import type { Epoch, EpochKind } from './site.ts'

/**
 * Says that something changed on which caches depend, in the same transaction as the change itself: every process that looks
 * afterwards sees the number grow and drops what it derived.
 * @param kind `meta` for definitions, `access` for users, roles, rights and sessions, `config` for settings
 */
export async function bumpEpoch(ctx: Context, kind: EpochKind): Promise<void> {
  const statement = ctx.db.dialect.compile(sql`update ${sql.id('__Epoch')} set value = value + 1 where name = ${kind}`)
  const { changes } = await ctx.db.execute(statement)
  if (changes === 0) throw new Error(`The site's epoch counter "${kind}" is missing; run orc migrate.`)
}

/** As `bumpEpoch`, for a counter of an area's own; it begins with the first change. @param area up to 100 characters */
export async function bumpArea(ctx: Context, area: string): Promise<void> {
  const { compile } = ctx.db.dialect
  const name = areaPrefix + area
  const raise = compile(sql`update ${sql.id('__Epoch')} set value = value + 1 where name = ${name}`)
  if ((await ctx.db.execute(raise)).changes > 0) return
  try {
    const add = compile(sql`insert into ${sql.id('__Epoch')} (name, value) values (${name}, 1)`)
    await ctx.db.savepoint(() => ctx.db.execute(add))
  } catch (error) {
    if (!UniqueViolated.is(error)) throw error
    await ctx.db.execute(raise)
  }
}

/** Counters beside the three, such as those of caches, begin with this. */
export const areaPrefix = 'area:'

/** Reads the counters as last committed. */
export async function readEpoch(database: Database): Promise<Epoch & { readonly areas: ReadonlyMap<string, number> }> {
  const rows = await database.query<{ name: string; value: number }>(
    database.dialect.compile(sql`select name, value from ${sql.id('__Epoch')}`),
  )
  const epoch: Epoch = { meta: 0, access: 0, config: 0 }
  const areas = new Map<string, number>()
  for (const row of rows) {
    if (row.name.startsWith(areaPrefix)) areas.set(row.name.slice(areaPrefix.length), Number(row.value))
    else if (row.name in epoch) epoch[row.name as EpochKind] = Number(row.value)
  }
  return { ...epoch, areas }
}
