import type { Context } from '#kernel/context/context.ts'
import type { Database } from '#kernel/database/database.ts'
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

/** Reads the counters as last committed. */
export async function readEpoch(database: Database): Promise<Epoch> {
  const rows = await database.query<{ name: string; value: number }>(
    database.dialect.compile(sql`select name, value from ${sql.id('__Epoch')}`),
  )
  const epoch: Epoch = { meta: 0, access: 0, config: 0 }
  for (const row of rows) if (row.name in epoch) epoch[row.name as EpochKind] = Number(row.value)
  return epoch
}
