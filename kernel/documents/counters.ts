import type { Context } from '#kernel/context/context.ts'
import type { Dialect, DialectName } from '#kernel/database/database.ts'
import { ident, sql } from '#kernel/database/sql.ts'

/**
 * The next number of a series. The series' row stays locked until the transaction ends, so that numbers have no gaps; other
 * series are not held up.
 */
export async function nextInSeries(ctx: Context, prefix: string): Promise<number> {
  const tx = await ctx.db.begin()
  const table = ident('tabSeries')
  if (tx.dialect.name === 'mariadb') {
    await tx.execute(
      tx.dialect.compile(sql`insert into ${table} (name, current) values (${prefix}, 1) on duplicate key update current = current + 1`),
    )
    const [row] = await tx.query<{ current: number }>(tx.dialect.compile(sql`select current from ${table} where name = ${prefix}`))
    return Number(row?.current)
  }
  const [row] = await tx.query<{ current: number }>({ sql: countText(tx.dialect), parameters: [prefix] })
  return Number(row?.current)
}

/** The statement's text depends on the engine alone; building it each time would cost more than running it. */
const countTexts: Partial<Record<DialectName, string>> = {}

function countText(dialect: Dialect): string {
  countTexts[dialect.name] ??= dialect.compile(
    sql`insert into ${ident('tabSeries')} as s (name, current) values (${''}, 1) on conflict (name) do update set current = s.current + 1 returning current`,
  ).sql
  return countTexts[dialect.name] as string
}

/** Steps a series back when its last number was just given up, so that deleting the newest document leaves no gap. */
export async function giveBack(ctx: Context, prefix: string, number: number): Promise<void> {
  await ctx.db.execute(
    ctx.db.dialect.compile(sql`update ${ident('tabSeries')} set current = current - 1 where name = ${prefix} and current = ${number}`),
  )
}

/** Holds a named lock until the transaction ends: whoever asks for the same name waits. Other names are not held up. */
export async function holdLock(ctx: Context, name: string): Promise<void> {
  await nextInSeries(ctx, `lock:${name}`)
}
